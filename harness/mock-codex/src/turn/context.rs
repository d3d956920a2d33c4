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
    let (settings, told, switched) = {
        let state = thread.state.borrow();
        // A model without a name is none to switch to.
        let switched =
            state.settings.model != state.began.model && !state.settings.model.is_empty();
        (state.settings.clone(), state.told.clone(), switched)
    };
    match told {
        // Somebody who works for the thread can't search for tools.
        None if thread.relay.is_some() => begin(&settings, None, false),
        None => begin(
            &settings,
            context::deferred_tools(&settings).as_deref(),
            switched,
        ),
        Some(told) => changes(&told, &settings),
    }
}

/// All that a model is told at first.
pub(super) fn everything(settings: &Settings) -> Vec<String> {
    begin(
        settings,
        context::deferred_tools(settings).as_deref(),
        false,
    )
}

/// `switched`: the thread began with another model.
fn begin(settings: &Settings, deferred: Option<&str>, switched: bool) -> Vec<String> {
    let permissions = context::permissions(settings);
    let collaboration = context::collaboration(settings);
    let texts: Vec<&str> = switched
        .then_some(context::MODEL_SWITCH)
        .into_iter()
        .chain(settings.developer_instructions.as_deref())
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
    let mut collaboration =
        context::collaboration(settings).filter(|_| told.collaboration != settings.collaboration);
    if told.model != settings.model {
        messages.push(message("developer", &[context::MODEL_SWITCH]));
        let tools = context::deferred_tools(settings);
        if context::deferred_tools(told) != tools {
            let collaboration = collaboration.take();
            let tools = tools.as_deref().unwrap_or(context::NO_TOOLS);
            let texts = [Some(context::SKILLS), collaboration.as_deref(), Some(tools)];
            let texts: Vec<&str> = texts.into_iter().flatten().collect();
            messages.push(message("developer", &texts));
        }
    }
    if let Some(text) = collaboration {
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
