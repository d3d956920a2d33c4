//! Putting frames that race each other in one order.
//!
//! Each rule moves frames of the server among the entries and leaves everything else in its order.
//! Which races there are is documented by `rules`.

mod items;
mod notices;
mod status;
mod streams;

use std::collections::{HashMap, VecDeque};

use codex_wire::transcript::{Entry, Event};
use serde_json::Value;

/// Applies the rules about order.
pub(super) fn settle(entries: &mut Vec<Entry>) {
    notices::racing_replies(entries);
    notices::racing_notices(entries);
    notices::late_goals(entries);
    status::repeated(entries);
    status::of_approvals(entries);
    items::output_deltas(entries);
    items::late(entries);
    items::parallel(entries);
    streams::racing_ends(entries);
    streams::join(entries);
}

pub(super) fn replies(entries: &[Entry]) -> Vec<(usize, usize)> {
    let mut open: HashMap<String, VecDeque<usize>> = HashMap::new();
    let mut replies = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        match &entry.event {
            Event::Client(frame) if frame.get("method").is_some() => {
                if let Some(id) = frame.get("id") {
                    open.entry(id.to_string()).or_default().push_back(at);
                }
            }
            Event::Server(frame) if frame.get("method").is_none() => {
                let request = frame
                    .get("id")
                    .and_then(|id| open.get_mut(&id.to_string()))
                    .and_then(VecDeque::pop_front);
                replies.extend(request.map(|request| (at, request)));
            }
            _ => {}
        }
    }
    replies
}

fn is_server(event: &Event) -> bool {
    matches!(event, Event::Server(_))
}

fn is_request(event: &Event) -> bool {
    matches!(event, Event::Server(frame) if frame.get("id").is_some())
}

pub(super) fn method(event: &Event) -> Option<&str> {
    match event {
        Event::Server(frame) => frame["method"].as_str(),
        _ => None,
    }
}

fn params(event: &Event) -> Option<&Value> {
    match event {
        Event::Server(frame) if frame.get("method").is_some() => frame.get("params"),
        _ => None,
    }
}

pub(super) fn thread(event: &Event) -> Option<&str> {
    params(event)?["threadId"].as_str()
}

fn turn(event: &Event) -> Option<&str> {
    let params = params(event)?;
    params["turnId"]
        .as_str()
        .or_else(|| params["turn"]["id"].as_str())
}

fn item(event: &Event) -> Option<&str> {
    if !method(event)?.starts_with("item/") {
        return None;
    }
    let params = params(event)?;
    params["itemId"]
        .as_str()
        .or_else(|| params["item"]["id"].as_str())
}
