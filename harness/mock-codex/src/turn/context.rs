//! What the model is told of settings and surroundings.

use std::io;

use serde_json::value::RawValue;

use crate::model::context;
use crate::model::request::message;
use crate::thread::record::Record;
use crate::thread::{Settings, Thread};

/// Tells the model about permissions and surroundings: all at first, later what changed.
pub(crate) fn tell(thread: &Thread) -> io::Result<()> {
    for message in news(thread) {
        if let Ok(raw) = RawValue::from_string(message) {
            thread.record(Record::Context(raw))?;
        }
    }
    Ok(())
}

/// The messages that are due.
pub(super) fn news(thread: &Thread) -> Vec<String> {
    let (settings, told) = {
        let state = thread.state.borrow();
        (state.settings.clone(), state.told.clone())
    };
    match told {
        // Somebody who works for the thread can't search for tools.
        None if thread.relay.is_some() => begin(&settings, None),
        None => everything(&settings),
        Some(told) => changes(&told, &settings),
    }
}

/// All that a model is told at first.
pub(super) fn everything(settings: &Settings) -> Vec<String> {
    begin(settings, context::deferred_tools(settings).as_deref())
}

fn begin(settings: &Settings, deferred: Option<&str>) -> Vec<String> {
    let permissions = context::permissions(settings);
    let collaboration = context::collaboration(settings);
    let texts: Vec<&str> = settings
        .developer_instructions
        .as_deref()
        .into_iter()
        .chain([context::SKILLS, &permissions])
        .chain(deferred)
        .chain(collaboration.as_deref())
        .collect();
    vec![
        message("developer", &texts),
        message("user", &[&context::environment(settings, true)]),
    ]
}

fn changes(told: &Settings, settings: &Settings) -> Vec<String> {
    let mut messages = Vec::new();
    if told.model != settings.model {
        messages.push(message("developer", &[context::MODEL_SWITCH]));
    }
    let collaboration = context::collaboration(settings);
    if let Some(text) = collaboration.filter(|_| told.collaboration != settings.collaboration) {
        messages.push(message("developer", &[&text]));
    }
    let permissions = context::permissions(settings);
    if context::permissions(told) != permissions {
        messages.push(message("developer", &[&permissions]));
    }
    let moved = told.cwd != settings.cwd;
    if moved || context::filesystem(told) != context::filesystem(settings) {
        let environment = context::environment(settings, moved);
        messages.push(message("user", &[&environment]));
    }
    messages
}
