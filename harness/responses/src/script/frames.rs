//! Server-sent events as bytes, and what can be wrong with them.

use std::ops::Range;

use bytes::Bytes;
use serde_json::Value;

use super::ScriptError;
use crate::fault::Fault;

/// The types of the event that ends a response.
const TERMINAL: [&str; 3] = [
    "response.completed",
    "response.failed",
    "response.incomplete",
];

/// One server-sent event before it is laid out.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    kind: String,
    data: String,
    blank_line: bool,
}

/// Server-sent events, one after the other in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    bytes: Bytes,
    spans: Vec<Span>,
}

#[derive(Debug)]
struct Span {
    /// Where the event's data is.
    data: Range<usize>,
    /// Where the event ends.
    end: usize,
}

impl Frame {
    /// The frames of these events.
    pub(crate) fn all(events: &[Value]) -> Result<Vec<Self>, ScriptError> {
        let frames = events.iter().enumerate().map(|(index, event)| {
            let kind = event.get("type").and_then(Value::as_str);
            let kind = kind.ok_or(ScriptError::EventWithoutType(index + 1))?;
            if kind.contains(['\n', '\r']) {
                return Err(ScriptError::EventTypeWithLineBreak(index + 1));
            }
            Ok(Self {
                kind: kind.to_owned(),
                data: event.to_string(),
                blank_line: true,
            })
        });
        frames.collect()
    }

    /// Cuts the data in half.
    fn halve(&mut self) {
        let mut middle = self.data.len() / 2;
        while !self.data.is_char_boundary(middle) {
            middle -= 1;
        }
        self.data.truncate(middle);
    }

    /// Pads the data, a JSON object with members, until it has this length.
    fn pad(&mut self, length: usize) {
        const AROUND: usize = r#","padding":"""#.len();
        let padding = length.saturating_sub(self.data.len() + AROUND);
        self.data.pop();
        self.data.push_str(r#","padding":""#);
        self.data.extend(std::iter::repeat_n('x', padding));
        self.data.push_str(r#""}"#);
    }
}

/// Does to the frames what a fault says that is about their text.
pub(crate) fn spoil(frames: &mut Vec<Frame>, fault: &Fault) -> Result<(), ScriptError> {
    let events = frames.len();
    let index = |number: usize, last: usize| {
        let found = (1..=last).contains(&number).then(|| number - 1);
        found.ok_or(ScriptError::NoSuchEvent {
            what: fault.name(),
            event: number,
            events,
        })
    };
    match *fault {
        Fault::NoTerminalEvent => {
            let last = frames.last().map(|frame| frame.kind.as_str());
            if !last.is_some_and(|kind| TERMINAL.contains(&kind)) {
                return Err(ScriptError::NoTerminal);
            }
            frames.pop();
        }
        Fault::MissingBlankLine { after_event } => {
            frames[index(after_event, events)?].blank_line = false;
        }
        Fault::DuplicateEvent { event } => {
            let index = index(event, events)?;
            frames.insert(index, frames[index].clone());
        }
        Fault::SwapEvents { event } => {
            let index = index(event, events.saturating_sub(1))?;
            frames.swap(index, index + 1);
        }
        Fault::BrokenJson { event } => frames[index(event, events)?].halve(),
        Fault::OversizedEvent { event, bytes } => frames[index(event, events)?].pad(bytes),
        Fault::BadChunk { event, .. } => {
            index(event, events)?;
        }
        _ => {}
    }
    Ok(())
}

impl Frames {
    /// Lays events out, with this at the end of each line.
    pub(crate) fn new(frames: &[Frame], line_end: &str) -> Self {
        let mut bytes = Vec::new();
        let mut spans = Vec::with_capacity(frames.len());
        for frame in frames {
            bytes.extend_from_slice(b"event: ");
            bytes.extend_from_slice(frame.kind.as_bytes());
            bytes.extend_from_slice(line_end.as_bytes());
            bytes.extend_from_slice(b"data: ");
            let data = bytes.len();
            bytes.extend_from_slice(frame.data.as_bytes());
            let data = data..bytes.len();
            bytes.extend_from_slice(line_end.as_bytes());
            if frame.blank_line {
                bytes.extend_from_slice(line_end.as_bytes());
            }
            spans.push(Span {
                data,
                end: bytes.len(),
            });
        }
        Self {
            bytes: bytes.into(),
            spans,
        }
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// All of the events.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Where each event ends.
    pub(crate) fn ends(&self) -> Vec<usize> {
        self.spans.iter().map(|span| span.end).collect()
    }

    /// The data of an event (counted from 0), without the framing.
    pub(crate) fn data(&self, event: usize) -> Bytes {
        self.bytes.slice(self.spans[event].data.clone())
    }
}
