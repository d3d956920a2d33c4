//! A reply made ready to be sent: what it consists of, and, once it was asked for, every byte.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::ScriptError;
use super::encode::Encoding;
use super::expand::{Ids, expand};
use super::frames::{Frame, Frames, spoil};
use super::parts::{Http, Parts};
use super::wire::{Framing, Wire};
use crate::fault::{Fault, Place, SliceAt, Within};
use crate::gate::{Hold, HoldAt};
use crate::pace::Pace;
use crate::server::Writes;

/// What the replies of a script have in common.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Setting {
    /// How events are put on the wire.
    pub(crate) writes: Writes,
    /// Where chance comes from.
    pub(crate) seed: u64,
    /// Whether bodies are compressed for clients that ask for it.
    pub(crate) compress: bool,
}

/// A reply made ready to be sent.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    pub(crate) pace: Option<Pace>,
    pub(crate) holds: Vec<Hold>,
    pub(crate) fault: Option<Fault>,
    pub(crate) setting: Setting,
    compress: bool,
    /// The answer's bytes, for each encoding that was asked for.
    wires: [OnceLock<Arc<Wire>>; Encoding::COUNT],
}

/// The body of a reply.
#[derive(Debug)]
pub(crate) enum Payload {
    /// A body that is sent whole, with its length announced.
    Whole(Bytes),
    /// Server-sent events.
    Events(Frames),
}

impl Prepared {
    /// Lays out a reply with one of the faults it may have, or says what is wrong with it.
    pub(crate) fn new(
        parts: &Parts,
        fault: Option<&Fault>,
        ids: &mut Ids,
        setting: Setting,
    ) -> Result<Self, ScriptError> {
        parts.check()?;
        let mut prepared = match (&parts.http, fault) {
            (_, Some(Fault::Http(http))) => {
                // Its ids are counted nevertheless: those of other replies don't depend on it.
                expand(parts, ids);
                Self::http(http)?
            }
            (Some(http), _) => Self::http(http)?,
            (None, _) => Self::events(parts, fault, ids)?,
        };
        prepared.pace.clone_from(&parts.pace);
        prepared.holds.clone_from(&parts.hold.0);
        prepared.fault = fault.cloned();
        prepared.setting = setting;
        prepared.setting.writes = parts.writes.unwrap_or(setting.writes);
        prepared.compress = parts.compress.unwrap_or(setting.compress);
        prepared.check_positions()?;
        Ok(prepared)
    }

    fn events(parts: &Parts, fault: Option<&Fault>, ids: &mut Ids) -> Result<Self, ScriptError> {
        let mut headers = HeaderMap::with_capacity(2);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let mut frames = Frame::all(&expand(parts, ids))?;
        let mut line_end = "\n";
        if let Some(fault) = fault {
            spoil(&mut frames, fault)?;
            let crlf = SliceAt::Inside(Within::Crlf);
            if matches!(fault, Fault::Slice(slice) if slice.at == crlf) {
                line_end = "\r\n";
            }
        }
        let payload = Payload::Events(Frames::new(&frames, line_end));
        Ok(Self::plain(StatusCode::OK, headers, payload))
    }

    /// A reply that is sent whole.
    pub(crate) fn whole(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        let mut headers = HeaderMap::with_capacity(1);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self::plain(status, headers, Payload::Whole(body))
    }

    fn plain(status: StatusCode, headers: HeaderMap, payload: Payload) -> Self {
        Self {
            status,
            headers,
            payload,
            pace: None,
            holds: Vec::new(),
            fault: None,
            setting: Setting::default(),
            compress: false,
            wires: Default::default(),
        }
    }

    fn http(http: &Http) -> Result<Self, ScriptError> {
        let status = StatusCode::from_u16(http.status)
            .ok()
            .filter(|s| s.as_u16() >= 200);
        let status = status.ok_or(ScriptError::Status(http.status))?;
        let (body, content_type) = http.render();
        let mut prepared = Self::whole(status, content_type, body.into());
        for (name, value) in &http.headers {
            let bad = || ScriptError::Header(name.clone());
            if ["content-length", "transfer-encoding", "content-encoding"]
                .iter()
                .any(|reserved| name.eq_ignore_ascii_case(reserved))
            {
                return Err(bad());
            }
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            let value = HeaderValue::from_str(value).map_err(|_| bad())?;
            prepared.headers.insert(key, value);
        }
        Ok(prepared)
    }

    /// The bytes of the answer to a client that accepts these encodings.
    pub(crate) fn wire(&self, accept_encoding: Option<&str>, framing: Framing) -> Arc<Wire> {
        let encoding = match accept_encoding {
            Some(accepted) if self.compress => Encoding::choose(accepted),
            _ => Encoding::Identity,
        };
        let lay_out = || Arc::new(Wire::new(self, encoding, framing));
        match framing {
            Framing::Http11 => Arc::clone(self.wires[encoding.index()].get_or_init(lay_out)),
            Framing::Http10 | Framing::HeadOnly => lay_out(),
        }
    }

    /// Whether the sizes of its pieces are a matter of chance.
    pub(crate) fn has_random_slices(&self) -> bool {
        let random = |slice: &crate::fault::Slice| matches!(slice.at, SliceAt::Random(_));
        matches!(&self.fault, Some(Fault::Slice(slice)) if random(slice))
    }

    /// How many events the reply has; none if it is plain HTTP.
    pub(crate) fn len(&self) -> usize {
        match &self.payload {
            Payload::Whole(_) => 0,
            Payload::Events(frames) => frames.len(),
        }
    }

    /// The body, and where its events end.
    pub(crate) fn body(&self) -> (&Bytes, Vec<usize>) {
        match &self.payload {
            Payload::Whole(body) => (body, Vec::new()),
            Payload::Events(frames) => (frames.bytes(), frames.ends()),
        }
    }

    /// The data of an event (counted from 0).
    pub(crate) fn data(&self, event: usize) -> Bytes {
        match &self.payload {
            Payload::Whole(_) => Bytes::new(),
            Payload::Events(frames) => frames.data(event),
        }
    }

    /// Refuses positions past the last event, and faults on events that a plain answer hasn't.
    fn check_positions(&self) -> Result<(), ScriptError> {
        let events = self.len();
        let fault = self.fault.as_ref();
        let of_hold = |hold: &Hold| match hold.position() {
            HoldAt::AfterEvent(event) => Some(event),
            HoldAt::Head | HoldAt::AfterByte(_) => None,
        };
        let of_fault = match fault.and_then(Fault::cut) {
            Some(Place::AfterEvent(event)) => Some(("fault", event)),
            _ => None,
        };
        let of_holds = self.holds.iter().filter_map(of_hold);
        let positions = of_holds.map(|event| ("hold", event)).chain(of_fault);
        for (what, after_event) in positions {
            if after_event > events {
                return Err(ScriptError::Position {
                    what,
                    after_event,
                    events,
                });
            }
        }
        match (&self.payload, fault) {
            (
                Payload::Whole(_),
                Some(
                    fault @ (Fault::NoTerminalEvent
                    | Fault::MissingBlankLine { .. }
                    | Fault::DuplicateEvent { .. }
                    | Fault::SwapEvents { .. }
                    | Fault::BrokenJson { .. }
                    | Fault::OversizedEvent { .. }
                    | Fault::BadChunk { .. }),
                ),
            ) => Err(ScriptError::NoEvents(fault.name())),
            _ => Ok(()),
        }
    }
}
