//! What the model is told of settings and surroundings.

use std::io;

use serde_json::value::RawValue;

use crate::model::context;
use crate::model::request::message;
use crate::thread::record::Record;
use crate::thread::{Settings, Thread};

/// Tells the model about permissions and surroundings: all at first, later what changed.
pub(crate) fn tell(thread: &Thread) -> io::Result<()> {
    let settings = thread.state.borrow().settings.clone();
    for message in news(thread, &settings) {
        if let Ok(raw) = RawValue::from_string(message) {
            thread.record(Record::Context(raw))?;
        }
    }
    Ok(())
}

/// The messages that are due.
pub(super) fn news(thread: &Thread, settings: &Settings) -> Vec<String> {
    let (told, switched) = {
        let state = thread.state.borrow();
        // A model without a name is none to switch to.
        let switched = settings.model != state.began.model && !settings.model.is_empty();
        (state.told.clone(), switched)
    };
    match told {
        // Somebody who works for the thread can't search for tools.
        None if thread.relay.is_some() => begin(settings, None, false),
        None => begin(
            settings,
            context::deferred_tools(settings).as_deref(),
            switched,
        ),
        Some(told) => changes(&told, settings),
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
        .chain(collaboration.as_deref())
        .chain(deferred)
        .collect();
    let environment = context::environment(settings, true);
    let documents = settings.documents.told.as_deref();
    let about: Vec<&str> = documents.into_iter().chain([&*environment]).collect();
    vec![message("developer", &texts), message("user", &about)]
}

fn changes(told: &Settings, settings: &Settings) -> Vec<String> {
    let mut messages = Vec::new();
    let switched = told.model != settings.model;
    if switched {
        messages.push(message("developer", &[context::MODEL_SWITCH]));
    }
    let deferred = context::deferred_tools(settings);
    let other_tools = switched && context::deferred_tools(told) != deferred;
    let tools = deferred.as_deref().unwrap_or(context::NO_TOOLS);
    let permissions = context::permissions(settings);
    let other_permissions = context::permissions(told) != permissions;
    let other_mode = switched || told.collaboration != settings.collaboration;
    let collaboration = context::collaboration(settings).filter(|_| other_mode);
    let moved = told.cwd != settings.cwd;
    let other_place = moved || context::filesystem(told) != context::filesystem(settings);
    let environment = other_place.then(|| context::environment(settings, moved));
    let documents = settings.documents.told.as_deref();
    let documents = documents.filter(|_| told.documents.told != settings.documents.told);
    let parts = [
        ("developer", other_tools.then_some(context::SKILLS)),
        (
            "developer",
            other_permissions.then_some(permissions.as_str()),
        ),
        ("developer", collaboration.as_deref()),
        ("user", documents),
        ("user", environment.as_deref()),
        ("developer", other_tools.then_some(tools)),
    ];
    let parts = parts
        .into_iter()
        .filter_map(|(role, text)| Some((role, text?)));
    let parts: Vec<(&str, &str)> = parts.collect();
    // What one role says at a stretch is one message.
    messages.extend(parts.chunk_by(|one, next| one.0 == next.0).map(|parts| {
        let texts: Vec<&str> = parts.iter().map(|part| part.1).collect();
        message(parts[0].0, &texts)
    }));
    messages
}
