//! A reply made ready to be sent: every byte is laid out when the script is built.

use std::ops::Range;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::ScriptError;
use super::expand::{Ids, expand};
use super::parts::{Http, Parts};
use crate::fault::{Break, Fault};
use crate::pace::{Hold, Pace};

/// A reply made ready to be sent.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    pub(crate) pace: Option<Pace>,
    pub(crate) hold: Option<Hold>,
    /// Where the stream breaks.
    pub(crate) cut: Option<Break>,
    /// The fault that has already shaped the reply, by name.
    pub(crate) shaped_by: Option<&'static str>,
}

/// The body of a reply.
#[derive(Debug)]
pub(crate) enum Payload {
    /// A body that is sent whole, with its length announced.
    Whole(Bytes),
    /// Server-sent events, one after the other in one buffer.
    Events(Frames),
}

/// Server-sent events, one after the other in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    bytes: Bytes,
    /// For each event, where its data begins and where the event ends.
    spans: Vec<(usize, usize)>,
}

impl Frames {
    fn new(events: &[Value]) -> Result<Self, ScriptError> {
        let mut bytes = Vec::new();
        let mut spans = Vec::with_capacity(events.len());
        for (index, event) in events.iter().enumerate() {
            let kind = event.get("type").and_then(Value::as_str);
            let kind = kind.ok_or(ScriptError::EventWithoutType(index + 1))?;
            if kind.contains(['\n', '\r']) {
                return Err(ScriptError::EventTypeWithLineBreak(index + 1));
            }
            bytes.extend_from_slice(b"event: ");
            bytes.extend_from_slice(kind.as_bytes());
            bytes.extend_from_slice(b"\ndata: ");
            let data = bytes.len();
            bytes.extend_from_slice(event.to_string().as_bytes());
            bytes.extend_from_slice(b"\n\n");
            spans.push((data, bytes.len()));
        }
        Ok(Self {
            bytes: bytes.into(),
            spans,
        })
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The bytes of a range of events (counted from 0).
    pub(crate) fn slice(&self, events: Range<usize>) -> Bytes {
        let at = |index: usize| match index.checked_sub(1) {
            Some(previous) => self.spans[previous].1,
            None => 0,
        };
        self.bytes.slice(at(events.start)..at(events.end))
    }

    /// The data of an event (counted from 0), without the framing.
    pub(crate) fn data(&self, event: usize) -> Bytes {
        let (start, end) = self.spans[event];
        self.bytes.slice(start..end - 2)
    }
}

impl Prepared {
    /// Lays out a reply, or says what is wrong with it.
    pub(crate) fn new(parts: &Parts, ids: &mut Ids) -> Result<Self, ScriptError> {
        parts.check()?;
        let mut prepared = match &parts.http {
            Some(http) => Self::http(http)?,
            None => Self::events(&expand(parts, ids))?,
        };
        match &parts.fault {
            None => {}
            Some(Fault::Http(http)) => prepared = Self::http(http)?,
            Some(Fault::NoTerminalEvent) => prepared.drop_terminal()?,
            Some(fault) => prepared.cut = fault.as_break(),
        }
        prepared.shaped_by = parts.fault.as_ref().and_then(Fault::shapes);
        prepared.pace.clone_from(&parts.pace);
        prepared.hold.clone_from(&parts.hold);
        prepared.check_positions()?;
        Ok(prepared)
    }

    fn events(events: &[Value]) -> Result<Self, ScriptError> {
        let mut headers = HeaderMap::with_capacity(2);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let payload = Payload::Events(Frames::new(events)?);
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
            hold: None,
            cut: None,
            shaped_by: None,
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
            if ["content-length", "transfer-encoding"]
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

    /// How many events the reply has; none if it is plain HTTP.
    pub(crate) fn len(&self) -> usize {
        match &self.payload {
            Payload::Whole(_) => 0,
            Payload::Events(frames) => frames.len(),
        }
    }

    fn drop_terminal(&mut self) -> Result<(), ScriptError> {
        const TERMINAL: [&str; 3] = [
            "response.completed",
            "response.failed",
            "response.incomplete",
        ];
        let Payload::Events(frames) = &mut self.payload else {
            return Err(ScriptError::NoTerminal);
        };
        let kind = frames.len().checked_sub(1).and_then(|last| {
            let event: Value = serde_json::from_slice(&frames.data(last)).ok()?;
            event.get("type")?.as_str().map(str::to_owned)
        });
        if !kind.is_some_and(|kind| TERMINAL.contains(&kind.as_str())) {
            return Err(ScriptError::NoTerminal);
        }
        frames.spans.pop();
        Ok(())
    }

    /// Refuses positions past the last event.
    fn check_positions(&self) -> Result<(), ScriptError> {
        let events = self.len();
        let positions = [
            ("hold", self.hold.as_ref().and_then(Hold::after_event)),
            ("fault", self.cut.as_ref().map(|cut| cut.after_event)),
        ];
        for (what, position) in positions {
            if let Some(after_event) = position.filter(|position| *position > events) {
                return Err(ScriptError::Position {
                    what,
                    after_event,
                    events,
                });
            }
        }
        Ok(())
    }
}
