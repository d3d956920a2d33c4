//! The rule that a conversation's input only grows.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::{Body, Item};
use crate::journal::Request;

/// The header by which codex names the part of a conversation between two compactions.
const WINDOW: &str = "x-codex-window-id";

/// The header with what codex says about a turn, as JSON.
const TURN: &str = "x-codex-turn-metadata";

/// How much of an item a message quotes, in characters.
const QUOTED: usize = 80;

/// The newest input of each conversation.
#[derive(Debug, Default)]
pub(super) struct Conversations(HashMap<String, Newest>);

#[derive(Debug)]
struct Newest {
    request: usize,
    items: Vec<u64>,
    /// Whether it asked for the history to be replaced.
    compacts: bool,
}

impl Conversations {
    /// Checks that a request's input is the one before and new items; the error says why not.
    pub(super) fn grows(&mut self, request: &Request, body: &Body<'_>) -> Result<(), String> {
        let items = body.input.as_ref().map(|input| input.0.as_slice());
        let items = items.unwrap_or_default();
        // With `previous_response_id` the input is new items alone.
        if body.previous_response_id.is_some() || items.is_empty() {
            return Ok(());
        }
        let Some(key) = conversation(request, body) else {
            return Ok(());
        };
        let newest = Newest {
            request: request.index,
            items: items.iter().map(fingerprint).collect(),
            compacts: is_compaction(request),
        };
        let before = self.0.insert(key, newest);
        match before {
            Some(before) if !before.compacts => before.check(items),
            _ => Ok(()),
        }
    }
}

impl Newest {
    fn check(&self, items: &[Item<'_>]) -> Result<(), String> {
        let mut now = items.iter();
        for (position, expected) in self.items.iter().enumerate() {
            let (position, before) = (position + 1, self.request + 1);
            match now.next() {
                Some(item) if fingerprint(item) == *expected => {}
                Some(item) => {
                    let text: String = item.raw.get().chars().take(QUOTED).collect();
                    return Err(format!(
                        "item {position} of the input is not the one that request {before} had \
                         there: `{text}…`"
                    ));
                }
                None => {
                    let missing = self.items.len() - items.len();
                    return Err(format!(
                        "the input lacks the last {missing} items that request {before} had"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Which conversation a request belongs to, if it says so.
fn conversation(request: &Request, body: &Body<'_>) -> Option<String> {
    let thread = request.thread().or(body.prompt_cache_key.as_deref())?;
    let part = |name| request.header(name).unwrap_or_default();
    let subagent = request.subagent().unwrap_or_default();
    Some(format!("{thread} {subagent} {}", part(WINDOW)))
}

/// Whether a request asks for the history to be replaced: codex says so in its metadata.
fn is_compaction(request: &Request) -> bool {
    let turn: Option<Value> = request
        .header(TURN)
        .and_then(|turn| serde_json::from_str(turn).ok());
    turn.is_some_and(|turn| turn["request_kind"] == "compaction")
}

/// What an item is, whatever the order of its members.
fn fingerprint(item: &Item<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    let value: Value = serde_json::from_str(item.raw.get()).unwrap_or_default();
    feed(&value, &mut hasher);
    hasher.finish()
}

fn feed(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            members.len().hash(hasher);
            for (name, value) in members {
                name.hash(hasher);
                feed(value, hasher);
            }
        }
        Value::Array(elements) => {
            elements.len().hash(hasher);
            elements.iter().for_each(|element| feed(element, hasher));
        }
        other => other.to_string().hash(hasher),
    }
}
