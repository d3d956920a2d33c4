//! Logs of sessions, line by line: what is in a line, and judging all of it.
//!
//! | a line is | for example |
//! | --- | --- |
//! | an entry of a [transcript](crate::transcript) | `{"t_us": 5, "event": {"server": {…}}}` |
//! | a frame with its direction | `{"dir": "server>client", "frame": {…}}` |
//! | a frame | `{"id": 1, "method": "initialize", …}` |
//! | text with a frame at its end | `12:00:01 DEBUG recv {"id": 1, "result": {…}}` |
//! | what codex says of a frame under `RUST_LOG=codex_app_server=trace` | `app-server event: turn/started` |
//!
//! Anything else is passed over.

use std::borrow::Cow;
use std::io::{self, BufRead};

use serde::Deserialize;
use serde::de::MapAccess;

use super::finding::Finding;
use super::lenient::{Opt, Pick, Present, Text, object};
use super::sight::{self, Frame, ModelRequest, Moment, Sight};
use super::{Tracer, text};
use crate::frame::Id;

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Lines.
    pub lines: usize,
    /// Frames between client and app-server among them.
    pub frames: usize,
    /// Bytes.
    pub bytes: u64,
}

/// Shows a tracer every line of a log, from the first to the last, and passes on each finding
/// with the line that shows it. What is found at the end has the last line.
///
/// # Errors
/// The log can't be read.
pub fn judge(
    mut log: impl BufRead,
    tracer: &mut Tracer,
    mut found: impl FnMut(Finding, &[u8]),
) -> io::Result<Read> {
    let mut read = Read::default();
    let mut line = Vec::new();
    let mut next = Vec::new();
    loop {
        next.clear();
        let bytes = log.read_until(b'\n', &mut next)?;
        if bytes == 0 {
            break;
        }
        std::mem::swap(&mut line, &mut next);
        read.lines += 1;
        read.bytes += bytes as u64;
        read.frames += usize::from(look(line.trim_ascii(), read.lines, tracer));
        for finding in tracer.take() {
            found(finding, line.trim_ascii());
        }
    }
    tracer.end();
    for finding in tracer.take() {
        found(finding, line.trim_ascii());
    }
    Ok(read)
}

/// Shows a tracer one line; is it a frame?
fn look(line: &[u8], number: usize, tracer: &mut Tracer) -> bool {
    if line.first() != Some(&b'{') {
        let Some((frame, abridged)) = text::frame(line) else {
            return false;
        };
        if abridged {
            tracer.abridge();
        }
        let at = Moment { number, client: "" };
        tracer.see(at, &frame);
        return true;
    }
    let Ok(line) = serde_json::from_slice::<Line<'_>>(line) else {
        return false;
    };
    let (client, sight) = line.sight();
    let at = Moment {
        number,
        client: client.as_deref().unwrap_or_default(),
    };
    tracer.see(at, &sight);
    matches!(
        sight,
        Sight::Client(_) | Sight::Server(_) | Sight::Either(_)
    )
}

/// A line that is a JSON object, of any of the kinds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Line<'a> {
    // An entry of a transcript.
    #[serde(default)]
    event: Opt<Box<EventLine<'a>>>,
    // A frame with its direction.
    #[serde(default, alias = "direction")]
    dir: Opt<Text<'a>>,
    #[serde(default, alias = "message")]
    frame: Opt<FrameOrNote<'a>>,
    // A frame.
    #[serde(default)]
    id: Opt<Id>,
    #[serde(default)]
    method: Opt<Text<'a>>,
    #[serde(default)]
    params: Opt<Box<sight::Params<'a>>>,
    #[serde(default)]
    result: Opt<Box<sight::Answer<'a>>>,
    #[serde(default)]
    error: Opt<Present>,
    #[serde(default)]
    emitted_at_ms: Opt<i64>,
}

/// The event of an entry, one member of it.
#[derive(Debug, Default, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct EventLine<'a> {
    #[serde(default)]
    client: Opt<FrameOrName<'a>>,
    #[serde(default)]
    client_raw: Opt<Text<'a>>,
    #[serde(default)]
    server: Opt<Frame<'a>>,
    #[serde(default)]
    model_request: Opt<ModelRequest<'a>>,
    #[serde(default)]
    process: Opt<Present>,
    #[serde(default)]
    of: Opt<Box<EventLine<'a>>>,
    #[serde(default)]
    event: Opt<Box<EventLine<'a>>>,
}

/// `client` is a frame in an event, and a name in an event of another client.
#[derive(Debug)]
enum FrameOrName<'a> {
    Frame(Box<Frame<'a>>),
    Name(Text<'a>),
}

/// `frame` is a note where the direction says so.
#[derive(Debug)]
enum FrameOrNote<'a> {
    Frame(Box<Logged<'a>>),
    Note(Text<'a>),
}

/// A frame, or a request to the model.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Logged<'a> {
    #[serde(default)]
    id: Opt<Id>,
    #[serde(default)]
    method: Opt<Text<'a>>,
    #[serde(default)]
    params: Opt<Box<sight::Params<'a>>>,
    #[serde(default)]
    result: Opt<Box<sight::Answer<'a>>>,
    #[serde(default)]
    error: Opt<Present>,
    #[serde(default)]
    emitted_at_ms: Opt<i64>,
    #[serde(default, rename = "_raw")]
    raw: Opt<Text<'a>>,
    #[serde(default)]
    headers: Opt<sight::Headers<'a>>,
    #[serde(default)]
    body: Opt<sight::Body<'a>>,
}

impl<'a, 'de: 'a> Pick<'de> for EventLine<'a> {
    fn map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        object(map)
    }
}

impl<'a, 'de: 'a> Pick<'de> for FrameOrName<'a> {
    fn text(text: Cow<'de, str>) -> Option<Self> {
        Some(Self::Name(Text(text)))
    }

    fn map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        Ok(object(map)?.map(|frame| Self::Frame(Box::new(frame))))
    }
}

impl<'a, 'de: 'a> Pick<'de> for FrameOrNote<'a> {
    fn text(text: Cow<'de, str>) -> Option<Self> {
        Some(Self::Note(Text(text)))
    }

    fn map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        Ok(object(map)?.map(|frame| Self::Frame(Box::new(frame))))
    }
}

/// Who sent a frame, as logs say it, from the client's side.
const FROM_CLIENT: [&str; 6] = ["client>server", "client", "out", "sent", "send", ">"];
/// The other way.
const FROM_SERVER: [&str; 6] = ["server>client", "server", "in", "received", "recv", "<"];
/// To the model.
const TO_MODEL: [&str; 1] = ["server>model"];

impl<'a> Line<'a> {
    /// The client, and what was seen of it.
    fn sight(self) -> (Option<Text<'a>>, Sight<'a>) {
        if let Some(event) = self.event.0 {
            return event.sight();
        }
        let logged = match self.frame.0 {
            Some(FrameOrNote::Frame(frame)) => *frame,
            Some(FrameOrNote::Note(note)) => return (None, of_note(note, self.dir.as_deref())),
            None => Logged {
                id: self.id,
                method: self.method,
                params: self.params,
                result: self.result,
                error: self.error,
                emitted_at_ms: self.emitted_at_ms,
                ..Logged::default()
            },
        };
        let dir = self.dir.as_deref();
        let is = |names: &[&str]| dir.is_some_and(|dir| names.contains(&dir));
        if is(&TO_MODEL) {
            let request = ModelRequest {
                method: logged.method,
                headers: logged.headers,
                body: logged.body,
                ..ModelRequest::default()
            };
            return (None, Sight::Model(request));
        }
        if let Some(raw) = logged.raw.0.filter(|_| is(&FROM_CLIENT)) {
            return (None, Sight::ClientRaw(raw));
        }
        let frame = Frame {
            id: logged.id,
            method: logged.method,
            params: logged.params,
            result: logged.result,
            error: logged.error,
            emitted_at_ms: logged.emitted_at_ms,
            ..Frame::default()
        };
        let sight = if frame.id.is_none() && frame.method.is_none() {
            Sight::Other
        } else if is(&FROM_CLIENT) {
            Sight::Client(frame)
        } else if is(&FROM_SERVER) {
            Sight::Server(frame)
        } else if dir.is_none() {
            Sight::Either(frame)
        } else {
            Sight::Other
        };
        (None, sight)
    }
}

impl<'a> EventLine<'a> {
    fn sight(self) -> (Option<Text<'a>>, Sight<'a>) {
        if let Some(of) = self.of.0 {
            let name = match of.client.0 {
                Some(FrameOrName::Name(name)) => Some(name),
                _ => None,
            };
            let sight = of.event.0.map_or(Sight::Other, |event| event.sight().1);
            return (name, sight);
        }
        let sight = if let Some(FrameOrName::Frame(frame)) = self.client.0 {
            Sight::Client(*frame)
        } else if let Some(frame) = self.server.0 {
            Sight::Server(frame)
        } else if let Some(request) = self.model_request.0 {
            Sight::Model(request)
        } else if self.process.is_some() {
            Sight::Restarted
        } else if let Some(raw) = self.client_raw.0 {
            Sight::ClientRaw(raw)
        } else {
            Sight::Other
        };
        (None, sight)
    }
}

/// A string in the place of a frame: a note, or what the client sent as it is.
fn of_note<'a>(note: Text<'a>, dir: Option<&str>) -> Sight<'a> {
    if dir.is_some_and(|dir| FROM_CLIENT.contains(&dir)) {
        Sight::ClientRaw(note)
    } else if is_abridged(&note) {
        Sight::Abridged
    } else {
        Sight::Other
    }
}

/// Does a recording say that it leaves frames out?
fn is_abridged(note: &str) -> bool {
    note.starts_with("postprocessed:") && note.contains("notifications")
}
