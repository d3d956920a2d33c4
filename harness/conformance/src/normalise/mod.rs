//! From a transcript to what a client would notice: equal for two honest runs.
//!
//! Two runs of one scenario differ in ids, directories, times and in the order of frames that race
//! each other; two implementations differ in how they word what they tell the model. None of that
//! is a client's business. [`normalise`] replaces such values by placeholders and puts racing
//! frames in one order; [`project`] writes what is left as text that diffs well.
//!
//! This is the only place that knows what may differ. Each thing is a named rule of [`rules`], with
//! its reason; a difference that no rule names is a difference.

mod apart;
mod facts;
mod model;
mod names;
mod order;
mod places;
mod project;
mod render;
mod replies;
mod reviews;
mod rule;
mod scan;
mod value;
mod wires;

use codex_wire::transcript::{Entry, Event, ModelRequest};
use serde_json::Value;

pub use self::apart::threads_apart;
pub use self::places::with_places_named;
pub use self::project::{Frame, frames, project};
pub use self::rule::{Rule, rules};
pub use self::wires::{clients, of_client};

use self::names::Names;
use self::value::Replacer;
use self::wires::Wires;
use crate::run::outcome::Places;

/// The transcript with placeholders in place of what differs from run to run, racing frames in
/// one order, and positions in place of times; the wires of further clients stand behind the first
/// one's, since which client sees something first is a race. Applied twice it changes nothing more.
pub fn normalise(transcript: &[Entry], places: &Places) -> Vec<Entry> {
    let mut wires = Wires::apart(transcript);
    for entries in wires.each_mut() {
        entries.retain(|entry| !is_host_notice(&entry.event) && !lists_models(&entry.event));
        order::settle(entries);
        replies::settle(entries);
    }
    let mut entries = wires.one_after_the_other();
    let names = Names::collect(&entries);
    let said = facts::said_by_client(&entries);
    let mut replacer = Replacer::new(names, places);
    replace_all(&mut entries, &mut replacer, &said);
    let mut entries = wires.together(entries);
    for (position, entry) in (0u64..).zip(&mut entries) {
        entry.t_us = position;
    }
    entries
}

/// Frames of the client's wire first, then the model's: ids are numbered by their first
/// appearance, and which wire is first to show one is a race.
fn replace_all(entries: &mut [Entry], replacer: &mut Replacer<'_>, said: &facts::Said) {
    for entry in entries.iter_mut() {
        match &mut entry.event {
            Event::Client(frame) => replacer.frame(frame),
            Event::Server(frame) => {
                facts::of_mode(frame, said);
                replacer.frame(frame);
            }
            Event::ClientRaw(text) | Event::ServerRaw(text) => replacer.text_in_place(text),
            _ => {}
        }
    }
    for entry in entries.iter_mut() {
        if let Event::ModelRequest(request) = &mut entry.event {
            replace_request(request, replacer, said);
        }
    }
    for entry in entries.iter_mut() {
        match &mut entry.event {
            Event::Stderr(text) => replacer.text_in_place(text),
            Event::Process(codex_wire::transcript::Process::Started(arguments)) => {
                for argument in arguments {
                    replacer.text_in_place(argument);
                }
            }
            Event::Process(codex_wire::transcript::Process::Environment(variables)) => {
                for value in variables.values_mut() {
                    replacer.text_in_place(value);
                }
            }
            _ => {}
        }
    }
}

fn replace_request(request: &mut ModelRequest, replacer: &mut Replacer<'_>, said: &facts::Said) {
    replacer.text_in_place(&mut request.path);
    request.headers = facts::headers(&request.headers);
    for (name, value) in &mut request.headers {
        let mut held = Value::String(std::mem::take(value));
        replacer.member(name, &mut held);
        *value = match held {
            Value::String(text) => text,
            other => other.to_string(),
        };
    }
    facts::of_body(&mut request.body, said);
    replacer.value(&mut request.body);
    facts::sort_roots(&mut request.body);
}

/// The rule `host-notices`.
fn is_host_notice(event: &Event) -> bool {
    let Event::Server(frame) = event else {
        return false;
    };
    frame["method"] == "configWarning"
        && frame["params"]["summary"]
            .as_str()
            .is_some_and(|summary| summary.contains("bubblewrap"))
}

/// The rule `model-lists`.
fn lists_models(event: &Event) -> bool {
    let Event::ModelRequest(request) = event else {
        return false;
    };
    let path = request.path.split('?').next().unwrap_or_default();
    request.method == "GET" && path.ends_with("/models")
}

#[cfg(test)]
mod tests;
