//! Writing what the app-server asked the model.

use std::collections::HashMap;
use std::fmt::Write as _;

use codex_wire::transcript::{Entry, Event, ModelRequest};
use serde_json::{Map, Value};

use super::project::Frame;
use super::render;

/// Each request: its headers and the members of its body; of a later request of the same thread
/// only what is new (the rule `only-news`).
pub(super) fn frames(transcript: &[Entry]) -> Vec<Frame> {
    let mut before: HashMap<String, Map<String, Value>> = HashMap::new();
    let mut frames = Vec::new();
    for entry in transcript {
        let Event::ModelRequest(request) = &entry.event else {
            continue;
        };
        let kind = format!("⇒ {} {}", request.method, request.path);
        let now = members(request);
        let conversation = conversation(request);
        let mut text = format!("{kind}\n");
        let old = before.get(&conversation);
        news(&mut text, old, &now);
        frames.push(Frame {
            kind,
            text,
            content: Value::Object(content(old, &now)),
        });
        before.insert(conversation, now);
    }
    frames
}

/// What is new, as values: the members that changed, and of the input what was added.
fn content(before: Option<&Map<String, Value>>, now: &Map<String, Value>) -> Map<String, Value> {
    let changed = now.iter().filter_map(|(name, value)| {
        let old = before.and_then(|before| before.get(name));
        let new = match (old, value) {
            (Some(old), new) if old == new => return None,
            (Some(Value::Object(old)), Value::Object(new)) => {
                let news = new
                    .iter()
                    .filter(|(name, value)| old.get(*name) != Some(value));
                Value::Object(
                    news.map(|(name, value)| (name.clone(), value.clone()))
                        .collect(),
                )
            }
            (Some(Value::Array(old)), Value::Array(new)) if name == "input" => {
                Value::Array(new[shared(old, new)..].to_vec())
            }
            (_, new) => new.clone(),
        };
        Some((name.clone(), new))
    });
    changed.collect()
}

/// How many of the first elements are the same.
fn shared(old: &[Value], new: &[Value]) -> usize {
    old.iter()
        .zip(new)
        .take_while(|(old, new)| old == new)
        .count()
}

/// The headers as one member, then those of the body.
fn members(request: &ModelRequest) -> Map<String, Value> {
    let headers = request.headers.iter().map(|(name, value)| {
        let value = match serde_json::from_str(value) {
            Ok(object @ Value::Object(_)) => object,
            _ => Value::String(value.clone()),
        };
        (name.clone(), value)
    });
    let mut members = Map::from_iter([("headers".to_owned(), Value::Object(headers.collect()))]);
    match &request.body {
        Value::Object(body) => members.extend(body.clone()),
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        other => {
            members.insert("body".into(), other.clone());
        }
    }
    members
}

/// Requests of one thread, and of one helper of it, are one conversation.
fn conversation(request: &ModelRequest) -> String {
    let header = |name: &str| {
        let found = request.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    };
    let thread = header("thread-id").or_else(|| request.body["prompt_cache_key"].as_str());
    format!("{thread:?} {:?}", header("x-openai-subagent"))
}

fn news(out: &mut String, before: Option<&Map<String, Value>>, now: &Map<String, Value>) {
    let mut same = Vec::new();
    let goes_on = now.contains_key("previous_response_id");
    for (name, value) in now {
        let old = before.and_then(|before| before.get(name));
        match (old, value) {
            (_, Value::Array(input)) if name == "input" && goes_on => {
                let _ = writeln!(out, "  input: (behind that response)");
                for item in input {
                    render::element(out, "+", item, 4);
                }
            }
            (old, Value::Array(input)) if name == "input" => {
                let old = old.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                new_input(out, old, input);
            }
            (Some(old), new) if old == new => same.push(name.as_str()),
            (Some(Value::Object(old)), Value::Object(new)) => changed(out, name, old, new),
            (_, new) => render::member(out, name, new, 2),
        }
    }
    let gone = before
        .into_iter()
        .flat_map(Map::keys)
        .filter(|name| !now.contains_key(*name));
    for name in gone {
        let _ = writeln!(out, "  without {name}");
    }
    if !same.is_empty() {
        let _ = writeln!(out, "  as before: {}", same.join(", "));
    }
}

/// The members that changed, and the names of those that are gone.
fn changed(out: &mut String, name: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
    let _ = writeln!(out, "  {name}: (as before, but)");
    for (name, value) in new {
        if old.get(name) != Some(value) {
            render::member(out, name, value, 4);
        }
    }
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        let _ = writeln!(out, "    without {name}");
    }
}

fn new_input(out: &mut String, seen: &[Value], input: &[Value]) {
    let same = shared(seen, input);
    let _ = match (same, seen.len() - same) {
        (0, 0) => writeln!(out, "  input:"),
        (_, 0) => writeln!(out, "  input: (as before, and)"),
        (_, gone) => writeln!(
            out,
            "  input: (the first {same} as before, {gone} gone, and)"
        ),
    };
    for item in &input[same..] {
        render::element(out, "+", item, 4);
    }
}
