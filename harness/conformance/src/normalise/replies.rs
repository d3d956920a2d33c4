//! Rules for the replies of single methods.

use codex_wire::transcript::{Entry, Event};
use serde_json::{Map, Value};

use super::order;

/// What is done to the reply of a method.
type Settle = fn(&mut Value);

const REPLIES: &[(&str, Settle)] = &[
    ("model/list", words),
    ("experimentalFeature/list", words),
    ("skills/list", words_of_bundled_skills),
    ("fs/readDirectory", entries),
    ("config/read", settings),
];

/// The rules `catalog-words` and `unordered-replies`.
pub(super) fn settle(transcript: &mut [Entry]) {
    for (reply, request) in order::replies(transcript) {
        let settle = match &transcript[request].event {
            Event::Client(frame) => REPLIES
                .iter()
                .find(|(method, _)| frame["method"] == *method),
            _ => None,
        };
        let Some((_, settle)) = settle else { continue };
        if let Event::Server(frame) = &mut transcript[reply].event
            && let Some(result) = frame.get_mut("result")
        {
            settle(result);
        }
    }
}

/// Texts for people.
const WORDS: &[&str] = &[
    "description",
    "shortDescription",
    "defaultPrompt",
    "announcement",
    "message",
    "migrationMarkdown",
];

fn words(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                let text = value.as_str().is_some_and(|text| !text.is_empty());
                if text && WORDS.contains(&member.as_str()) {
                    *value = Value::String("<words>".to_owned());
                } else {
                    words(value);
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(words),
        _ => {}
    }
}

fn words_of_bundled_skills(result: &mut Value) {
    let directories = result["data"].as_array_mut().into_iter().flatten();
    for directory in directories {
        let skills = directory["skills"].as_array_mut().into_iter().flatten();
        skills
            .filter(|skill| skill["scope"] == "system")
            .for_each(words);
    }
}

fn entries(result: &mut Value) {
    if let Some(entries) = result.get_mut("entries").and_then(Value::as_array_mut) {
        entries.sort_by_key(|entry| entry["fileName"].to_string());
    }
}

fn settings(result: &mut Value) {
    for part in ["config", "origins"] {
        if let Some(Value::Object(members)) = result.get_mut(part) {
            sorted(members);
        }
    }
}

fn sorted(members: &mut Map<String, Value>) {
    members.sort_keys();
    for value in members.values_mut() {
        if let Value::Object(inner) = value {
            sorted(inner);
        }
    }
}
