//! An answer as it goes on the wire: every byte, and where its writes begin and end.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

use super::encode::{Encoded, Encoding};
use super::prepared::{Payload, Prepared};
use crate::fault::{Dice, DropWhen, Ending, Fault, Place, SliceAt};
use crate::gate::HoldAt;
use crate::server::Writes;

/// What ends a chunked body.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// What a request's version and method ask of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Chunks, or a length.
    Http11,
    /// No chunks: the end of the connection is the end of the body.
    Http10,
    /// No body: the method is `HEAD`.
    HeadOnly,
}

/// An answer as it goes on the wire.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) bytes: Bytes,
    pub(crate) writes: Vec<Write>,
    pub(crate) end: End,
}

/// A part of the answer that is written in one go, after what it waits for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) waits: Waits,
    pub(crate) range: Range<usize>,
    /// How many events are out after it.
    pub(crate) events: usize,
}

/// What a write waits for, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waits {
    /// Gates: positions in the reply's holds.
    pub(crate) gates: Vec<usize>,
    /// When it is due, after the beginning.
    pub(crate) due: Option<Duration>,
    /// How long after the piece before it is due.
    pub(crate) pause: Duration,
}

/// What becomes of the connection after the last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Keep,
    Close,
    Reset,
    Stall,
    /// Kept, and reset when the next request comes.
    ResetAtNext,
}

impl Wire {
    /// Lays an answer out.
    pub(super) fn new(prepared: &Prepared, encoding: Encoding, framing: Framing) -> Self {
        let (body, ends) = prepared.body();
        let body = encoding.encode(body, ends);
        let mut layout = Layout {
            prepared,
            encoding,
            framing,
            bytes: Vec::with_capacity(body.bytes.len() + 512),
            offsets: Vec::new(),
            body,
        };
        layout.head();
        let slices = layout.slices();
        layout.body(&slices);
        let end = layout.end();
        let breaks = layout.breaks(&slices);
        let writes = layout.writes(breaks);
        Self {
            bytes: layout.bytes.into(),
            writes,
            end,
        }
    }
}

struct Layout<'p> {
    prepared: &'p Prepared,
    encoding: Encoding,
    framing: Framing,
    body: Encoded,
    bytes: Vec<u8>,
    /// Where pieces of the body end: in the body, and on the wire. The first is the empty piece
    /// that ends where the body begins.
    offsets: Vec<(usize, usize)>,
}

impl Layout<'_> {
    fn fault(&self) -> Option<&Fault> {
        self.prepared.fault.as_ref()
    }

    /// The length that the head announces; `None` if the body is chunked or ends with the
    /// connection.
    fn length(&self) -> Option<i64> {
        // No body is that long.
        let length = i64::try_from(self.body.bytes.len()).unwrap_or(i64::MAX);
        match (&self.prepared.payload, self.fault()) {
            (_, Some(Fault::WrongLength { by })) => Some(length.saturating_add(*by).max(0)),
            (Payload::Whole(_), _) => Some(length),
            (Payload::Events(_), _) => None,
        }
    }

    fn is_chunked(&self) -> bool {
        self.length().is_none() && self.framing != Framing::Http10
    }

    fn head(&mut self) {
        let status = self.prepared.status;
        let reason = status.canonical_reason().unwrap_or_default();
        let line = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16());
        self.bytes.extend_from_slice(line.as_bytes());
        for (name, value) in &self.prepared.headers {
            self.header(name.as_str().as_bytes(), value.as_bytes());
        }
        if let Some(name) = self.encoding.name() {
            self.header(b"content-encoding", name.as_bytes());
        }
        if let Some(length) = self.length() {
            self.header(b"content-length", length.to_string().as_bytes());
        } else if self.is_chunked() {
            self.header(b"transfer-encoding", b"chunked");
        }
        if self.framing == Framing::Http10 {
            self.header(b"connection", b"close");
        }
        self.bytes.extend_from_slice(b"\r\n");
        self.offsets.push((0, self.bytes.len()));
    }

    fn header(&mut self, name: &[u8], value: &[u8]) {
        for part in [name, b": ", value, b"\r\n"] {
            self.bytes.extend_from_slice(part);
        }
    }

    /// Where the fault cuts the body into pieces.
    fn slices(&self) -> Vec<usize> {
        match self.fault() {
            Some(Fault::Slice(slice)) => {
                let mut dice = Dice::new(self.prepared.setting.seed, 0);
                slice.at.places(&self.body.bytes, &mut dice)
            }
            _ => Vec::new(),
        }
    }

    /// The body in pieces, each of which is a chunk, and what ends it.
    fn body(&mut self, slices: &[usize]) {
        if self.framing == Framing::HeadOnly {
            return;
        }
        let length = self.body.bytes.len();
        let holds = self
            .prepared
            .holds
            .iter()
            .map(|hold| match hold.position() {
                HoldAt::AfterByte(byte) => Some(byte),
                HoldAt::Head | HoldAt::AfterEvent(_) => None,
            });
        let cut = match self.fault().and_then(Fault::cut) {
            Some(Place::AfterByte(byte)) => Some(byte),
            _ => None,
        };
        let mut places: Vec<usize> = holds.flatten().chain(cut).collect();
        places.extend(slices);
        places.extend(&self.body.ends);
        places.push(length);
        places.retain(|place| (1..=length).contains(place));
        places.sort_unstable();
        places.dedup();
        let chunked = self.is_chunked();
        let mut start = 0;
        for end in places {
            if chunked {
                let size = self.size_line(start, end);
                self.bytes.extend_from_slice(size.as_bytes());
            }
            let piece = self.body.bytes.slice(start..end);
            self.bytes.extend_from_slice(&piece);
            if chunked {
                self.bytes.extend_from_slice(b"\r\n");
            }
            self.offsets.push((end, self.bytes.len()));
            start = end;
        }
        if chunked {
            self.bytes.extend_from_slice(LAST_CHUNK);
        }
    }

    /// The line before a chunk.
    fn size_line(&self, start: usize, end: usize) -> String {
        match self.fault() {
            Some(Fault::BadChunk { event, size }) if self.event_start(event - 1) == start => {
                format!("{size}\r\n")
            }
            _ => format!("{:X}\r\n", end - start),
        }
    }

    /// Where an event (counted from 0) begins in the body.
    fn event_start(&self, event: usize) -> usize {
        event
            .checked_sub(1)
            .and_then(|before| self.body.ends.get(before))
            .copied()
            .unwrap_or(0)
    }

    /// Where a place in the body is on the wire; past the end it is the end.
    fn on_wire(&self, place: usize) -> usize {
        let index = self.offsets.partition_point(|(body, _)| *body < place);
        let index = index.min(self.offsets.len() - 1);
        self.offsets[index].1
    }

    /// Cuts the answer off where the fault says so, and tells what happens to the connection.
    fn end(&mut self) -> End {
        let Some(fault) = self.fault() else {
            return match self.framing {
                Framing::Http10 => End::Close,
                Framing::Http11 | Framing::HeadOnly => End::Keep,
            };
        };
        let (end, clean) = match fault {
            Fault::Close {
                end: Ending::Clean, ..
            } if self.is_chunked() => (End::Keep, true),
            Fault::Close { .. } | Fault::WrongLength { .. } | Fault::BadChunk { .. } => {
                (End::Close, false)
            }
            Fault::Stall { .. } => (End::Stall, false),
            Fault::ResetPeer { .. } => (End::Reset, false),
            Fault::DropConnection(DropWhen::Idle) => (End::Close, false),
            Fault::DropConnection(DropWhen::NextRequest) => (End::ResetAtNext, false),
            _ if self.framing == Framing::Http10 => (End::Close, false),
            _ => (End::Keep, false),
        };
        let length = match fault.cut() {
            None => return end,
            Some(Place::BeforeHead) => 0,
            Some(Place::AfterEvent(events)) => self.on_wire(self.event_start(events)),
            Some(Place::AfterByte(byte)) => self.on_wire(byte),
            Some(Place::AfterWireByte(byte)) => byte,
        };
        self.bytes.truncate(length);
        if clean {
            self.bytes.extend_from_slice(LAST_CHUNK);
        }
        end
    }

    /// Where writes begin, and what they wait for.
    fn breaks(&self, slices: &[usize]) -> BTreeMap<usize, Waits> {
        let mut breaks: BTreeMap<usize, Waits> = BTreeMap::new();
        breaks.entry(0).or_default();
        self.add_pace(&mut breaks);
        let events = self.body.ends.len();
        if self.prepared.setting.writes == Writes::PerEvent {
            for event in 1..events {
                let start = self.on_wire(self.event_start(event));
                breaks.entry(start).or_default();
            }
        }
        for (index, hold) in self.prepared.holds.iter().enumerate() {
            let place = match hold.position() {
                HoldAt::Head => 0,
                HoldAt::AfterEvent(events) => self.on_wire(self.event_start(events)),
                HoldAt::AfterByte(byte) => self.on_wire(byte),
            };
            breaks.entry(place).or_default().gates.push(index);
        }
        let (step, pause) = match self.fault() {
            Some(Fault::Slice(slice)) => {
                for place in slices {
                    let place = self.on_wire(*place);
                    breaks.entry(place).or_default().pause = slice.pause.into();
                }
                match slice.at {
                    SliceAt::Wire(size) => (Some(size), slice.pause),
                    _ => (None, slice.pause),
                }
            }
            Some(Fault::Trickle { bytes, every }) => (Some(*bytes), *every),
            _ => return breaks,
        };
        for place in step
            .into_iter()
            .flat_map(|step| (step..self.bytes.len()).step_by(step))
        {
            breaks.entry(place).or_default().pause = pause.into();
        }
        breaks
    }

    fn add_pace(&self, breaks: &mut BTreeMap<usize, Waits>) {
        let Some(pace) = &self.prepared.pace else {
            return;
        };
        let head = pace.head_due();
        if !head.is_zero() {
            breaks.entry(0).or_default().due = Some(head);
        }
        // A whole body is one event as far as time goes.
        let events = self.body.ends.len().max(1);
        for (event, due) in pace.schedule(events).into_iter().enumerate() {
            if due.is_some() {
                let start = self.on_wire(self.event_start(event));
                breaks.entry(start).or_default().due = due;
            }
        }
    }

    /// The writes between the breaks.
    fn writes(&self, breaks: BTreeMap<usize, Waits>) -> Vec<Write> {
        let length = self.bytes.len();
        let ends: Vec<usize> = self
            .body
            .ends
            .iter()
            .map(|end| self.on_wire(*end))
            .collect();
        let mut starts = breaks
            .into_iter()
            .filter(|(start, waits)| {
                *start < length || *start == length && *waits != Waits::default()
            })
            .peekable();
        let mut writes = Vec::new();
        while let Some((start, waits)) = starts.next() {
            let end = starts.peek().map_or(length, |(next, _)| *next);
            writes.push(Write {
                waits,
                range: start..end,
                events: ends.partition_point(|event| *event <= end),
            });
        }
        writes
    }
}

#[cfg(test)]
mod tests {
    use super::super::expand::Ids;
    use super::super::parts::Parts;
    use super::super::prepared::Setting;
    use super::*;

    fn writes(parts: &str, setting: Setting) -> usize {
        let parts: Parts = serde_saphyr::from_str(parts).unwrap();
        let prepared = Prepared::new(&parts, None, &mut Ids::default(), setting).unwrap();
        let wire = Wire::new(&prepared, Encoding::Identity, Framing::Http11);
        wire.writes.len()
    }

    #[test]
    fn a_reply_may_ask_for_a_write_for_each_event() {
        let each = Setting {
            writes: Writes::PerEvent,
            ..Setting::default()
        };
        assert_eq!(writes("message: a", Setting::default()), 1);
        assert_eq!(writes("message: a", each), 3);
        assert_eq!(
            writes("{ message: a, writes: per_event }", Setting::default()),
            3
        );
        assert_eq!(writes("{ message: a, writes: coalesced }", each), 1);
    }
}
