//! Writing one wire of a normalised transcript, a frame a block.

use std::collections::HashMap;
use std::fmt::Write as _;

use codex_wire::transcript::{Entry, Event};
use serde_json::Value;

use super::{model, order, render};
use crate::scenario::model::Projection;

/// One wire of a transcript that [`normalise`](super::normalise) made, as text: a header line for
/// each frame, its content below it, members in the order of the wire.
pub fn project(transcript: &[Entry], projection: Projection) -> String {
    let mut out = String::new();
    match projection {
        Projection::Client => client(&mut out, transcript),
        Projection::Server => server(&mut out, transcript),
        Projection::Model => model::project(&mut out, transcript),
    }
    out
}

fn client(out: &mut String, transcript: &[Entry]) {
    let asked = asked_by_server(transcript);
    for entry in transcript {
        match &entry.event {
            Event::Step(step) => {
                let _ = writeln!(out, "# step {}: {}", step.index, step.verb);
            }
            Event::ClientRaw(text) => {
                let _ = writeln!(out, "→ not a frame: {text:?}");
            }
            Event::Client(frame) => match frame["method"].as_str() {
                Some(method) => called(out, '→', method, frame),
                None => answered(out, '→', frame, &asked),
            },
            _ => {}
        }
    }
}

fn server(out: &mut String, transcript: &[Entry]) {
    let replies: HashMap<usize, usize> = order::replies(transcript).into_iter().collect();
    for (at, entry) in transcript.iter().enumerate() {
        match &entry.event {
            Event::ServerRaw(text) => {
                let _ = writeln!(out, "← not a frame: {text:?}");
            }
            Event::Server(frame) => {
                if let Some(method) = frame["method"].as_str() {
                    called(out, '←', method, frame);
                } else {
                    let request = replies.get(&at).map(|request| &transcript[*request].event);
                    let method = request.and_then(|request| match request {
                        Event::Client(request) => request["method"].as_str(),
                        _ => None,
                    });
                    answer(out, '←', frame, method);
                }
            }
            _ => {}
        }
    }
}

/// A request or a notification.
fn called(out: &mut String, arrow: char, method: &str, frame: &Value) {
    let _ = write!(out, "{arrow} {method}");
    if let Some(id) = frame.get("id") {
        let _ = write!(out, " #{}", render::flow(id));
    } else if arrow == '←' && frame.get("emittedAtMs").is_none() {
        out.push_str(" (without emittedAtMs)");
    }
    out.push('\n');
    match frame.get("params") {
        Some(Value::Object(params)) if params.is_empty() => out.push_str("  {}\n"),
        Some(params) => render::block(out, params, 2),
        None => {}
    }
}

fn answered(out: &mut String, arrow: char, frame: &Value, asked: &HashMap<String, String>) {
    let method = frame.get("id").and_then(|id| asked.get(&id.to_string()));
    answer(out, arrow, frame, method.map(String::as_str));
}

/// A reply: the method of its request, and what came of it.
fn answer(out: &mut String, arrow: char, frame: &Value, method: Option<&str>) {
    let id = frame
        .get("id")
        .map_or_else(String::new, |id| format!(" #{}", render::flow(id)));
    let _ = writeln!(
        out,
        "{arrow} reply{id} {}",
        method.unwrap_or("to no request")
    );
    for member in ["result", "error"] {
        if let Some(value) = frame.get(member) {
            render::member(out, member, value, 2);
        }
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
