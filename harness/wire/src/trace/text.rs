//! Frames in lines of text: logs of clients, and what codex says under `RUST_LOG`.

use super::lenient::{Opt, Text};
use super::sight::{Frame, Sight};
use crate::frame::Id;

/// What codex 0.169.0 says at level `trace` when a request comes in, and when it sends a
/// notification; parameters and answers it does not say.
const REQUEST: &str = "app-server request: ";
const EVENT: &str = "app-server event: ";

/// Words before a frame that say that the client received it, or sent it.
const RECEIVED: [&str; 7] = ["recv", "received", "<-", "<--", "<", "in", "server"];
const SENT: [&str; 7] = ["send", "sent", "->", "-->", ">", "out", "client"];

/// The frame in a line of text, and whether it is one that lacks its members.
pub(super) fn frame(line: &[u8]) -> Option<(Sight<'_>, bool)> {
    let line = std::str::from_utf8(line).ok()?;
    if let Some(start) = line.find("{\"") {
        let (before, json) = line.split_at(start);
        let frame: Frame<'_> = serde_json::from_str(json).ok()?;
        if frame.id.is_none() && frame.method.is_none() {
            return None;
        }
        let word = before
            .rsplit(|c: char| c.is_whitespace() || c == ':')
            .map(str::to_lowercase)
            .find(|word| RECEIVED.contains(&word.as_str()) || SENT.contains(&word.as_str()));
        let sight = match word.as_deref() {
            Some(word) if RECEIVED.contains(&word) => Sight::Server(frame),
            Some(_) => Sight::Client(frame),
            None => Sight::Either(frame),
        };
        return Some((sight, false));
    }
    said(line).map(|sight| (sight, true))
}

/// What codex says of a frame.
fn said(line: &str) -> Option<Sight<'_>> {
    let word = |text: &str| text.split([' ', '\u{1b}']).next().map(str::to_owned);
    if let Some((_, rest)) = line.split_once(REQUEST) {
        let (_, id) = rest.split_once("request_id")?;
        let (kind, id) = id.split_once('(')?;
        let id = id.split_once(')')?.0;
        let id = if kind.ends_with("String") {
            Id::String(id.trim_matches('"').to_owned())
        } else {
            Id::Integer(id.parse().ok()?)
        };
        return Some(Sight::Client(Frame {
            id: Opt(Some(id)),
            method: Opt(word(rest).map(|method| Text(method.into()))),
            ..Frame::default()
        }));
    }
    let (_, rest) = line.split_once(EVENT)?;
    Some(Sight::Server(Frame {
        method: Opt(word(rest).map(|method| Text(method.into()))),
        ..Frame::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(line: &str) -> String {
        match frame(line.as_bytes()) {
            Some((Sight::Client(frame), _)) => format!("client {:?}", frame.method.as_deref()),
            Some((Sight::Server(frame), _)) => format!("server {:?}", frame.method.as_deref()),
            Some((Sight::Either(frame), _)) => format!("either {:?}", frame.method.as_deref()),
            _ => "nothing".into(),
        }
    }

    #[test]
    fn frames_are_found_behind_words() {
        for (line, expected) in [
            (r#"12:00 DEBUG recv: {"id":1,"result":{}}"#, "server None"),
            (
                r#"12:00 -> {"method":"initialized"}"#,
                r#"client Some("initialized")"#,
            ),
            (
                r#"[app] {"method":"turn/started","params":{}}"#,
                r#"either Some("turn/started")"#,
            ),
            (r#"12:00 config {"model":"x"}"#, "nothing"),
            ("no frame", "nothing"),
        ] {
            assert_eq!(seen(line), expected, "{line}");
        }
    }

    #[test]
    fn what_codex_says_of_frames_is_read_with_its_colours() {
        let request = "\u{1b}[35mTRACE\u{1b}[0m x: app-server request: thread/start \
                       \u{1b}[3mconnection_id\u{1b}[0m=ConnectionId(0) \
                       \u{1b}[3mrequest_id\u{1b}[0m\u{1b}[2m=\u{1b}[0mInteger(2)";
        assert_eq!(seen(request), r#"client Some("thread/start")"#);
        let event = "x: app-server event: turn/started \u{1b}[3mtargeted_connections\u{1b}[0m=1";
        assert_eq!(seen(event), r#"server Some("turn/started")"#);
    }
}
