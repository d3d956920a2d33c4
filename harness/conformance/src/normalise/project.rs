//! Writing one wire of a normalised transcript, a frame a block.

use std::collections::HashMap;
use std::fmt::Write as _;

use codex_wire::transcript::{Entry, Event};
use serde_json::{Map, Value, json};

use super::{model, order, render};
use crate::scenario::model::Projection;

/// A frame of a projection.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// What it is, without its request id: `← thread/started`, `← reply turn/start`, `# step: run`.
    pub kind: String,
    /// All of it: a header line, its content below it.
    pub text: String,
    /// Its content: `params`, `result` or `error` of a frame, what is new in a request to the model,
    /// each member by its name.
    pub content: Value,
}

/// One wire of a transcript that [`normalise`](super::normalise) made, as text: a header line for
/// each frame, its content below it, members in the order of the wire.
pub fn project(transcript: &[Entry], projection: Projection) -> String {
    let frames = frames(transcript, projection).into_iter();
    frames.map(|frame| frame.text).collect()
}

/// The same, frame by frame.
pub fn frames(transcript: &[Entry], projection: Projection) -> Vec<Frame> {
    match projection {
        Projection::Client => client(transcript),
        Projection::Server => server(transcript),
        Projection::Model => model::frames(transcript),
    }
}

fn client(transcript: &[Entry]) -> Vec<Frame> {
    let asked = asked_by_server(transcript);
    let frames = transcript.iter().filter_map(|entry| match &entry.event {
        Event::Step(step) => Some(Frame {
            kind: format!("# step: {}", step.verb),
            text: format!("# step {}: {}\n", step.index, step.verb),
            content: Value::Null,
        }),
        Event::ClientRaw(text) => Some(raw('→', text)),
        Event::Client(frame) => Some(match frame["method"].as_str() {
            Some(method) => called('→', method, frame),
            None => answered('→', frame, &asked),
        }),
        _ => None,
    });
    frames.collect()
}

fn server(transcript: &[Entry]) -> Vec<Frame> {
    let replies: HashMap<usize, usize> = order::replies(transcript).into_iter().collect();
    let entries = transcript.iter().enumerate();
    let frames = entries.filter_map(|(at, entry)| match &entry.event {
        Event::ServerRaw(text) => Some(raw('←', text)),
        Event::Server(frame) => {
            if let Some(method) = frame["method"].as_str() {
                return Some(called('←', method, frame));
            }
            let request = replies.get(&at).map(|request| &transcript[*request].event);
            let method = request.and_then(|request| match request {
                Event::Client(request) => request["method"].as_str(),
                _ => None,
            });
            Some(answer('←', frame, method))
        }
        _ => None,
    });
    frames.collect()
}

fn raw(arrow: char, text: &str) -> Frame {
    Frame {
        kind: format!("{arrow} not a frame"),
        text: format!("{arrow} not a frame: {text:?}\n"),
        content: Value::String(text.to_owned()),
    }
}

/// A request or a notification.
fn called(arrow: char, method: &str, frame: &Value) -> Frame {
    let mut text = format!("{arrow} {method}");
    if let Some(id) = frame.get("id") {
        let _ = write!(text, " #{}", render::flow(id));
    } else if arrow == '←' && frame.get("emittedAtMs").is_none() {
        text.push_str(" (without emittedAtMs)");
    }
    text.push('\n');
    match frame.get("params") {
        Some(Value::Object(params)) if params.is_empty() => text.push_str("  {}\n"),
        Some(params) => render::block(&mut text, params, 2),
        None => {}
    }
    Frame {
        kind: format!("{arrow} {method}"),
        text,
        content: json!({ "params": frame.get("params") }),
    }
}

fn answered(arrow: char, frame: &Value, asked: &HashMap<String, String>) -> Frame {
    let method = frame.get("id").and_then(|id| asked.get(&id.to_string()));
    answer(arrow, frame, method.map(String::as_str))
}

/// A reply: the method of its request, and what came of it.
fn answer(arrow: char, frame: &Value, method: Option<&str>) -> Frame {
    let id = frame
        .get("id")
        .map_or_else(String::new, |id| format!(" #{}", render::flow(id)));
    let method = method.unwrap_or("to no request");
    let mut text = format!("{arrow} reply{id} {method}\n");
    let mut content = Map::new();
    for member in ["result", "error"] {
        if let Some(value) = frame.get(member) {
            render::member(&mut text, member, value, 2);
            content.insert(member.to_owned(), value.clone());
        }
    }
    Frame {
        kind: format!("{arrow} reply {method}"),
        text,
        content: Value::Object(content),
    }
}

/// The methods that the app-server asked the client for, by request id.
fn asked_by_server(transcript: &[Entry]) -> HashMap<String, String> {
    transcript
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Server(frame) => Some((
                frame.get("id")?.to_string(),
                frame["method"].as_str()?.to_owned(),
            )),
            _ => None,
        })
        .collect()
}
