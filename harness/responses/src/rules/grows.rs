//! The rule that a conversation's input only grows.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;
use serde_json::Value;

use super::{Body, Item};
use crate::journal::Request;

/// The header by which codex names the part of a conversation between two compactions.
const WINDOW: &str = "x-codex-window-id";

/// The header with what codex says about a turn, as JSON.
const TURN: &str = "x-codex-turn-metadata";

/// What `history_initialization` is in what codex 0.169.0 says about a turn when the history was
/// read back: after `thread/resume` in another process, and after `thread/revert`.
const READ_BACK: &str = "cold_resume";

/// How much of an item a message quotes, in characters.
const QUOTED: usize = 80;

/// The newest input of each conversation.
#[derive(Debug, Default)]
pub(super) struct Conversations(HashMap<String, Newest>);

#[derive(Debug)]
struct Newest {
    request: usize,
    items: Vec<u64>,
    /// How many items the conversation's first request had.
    first: usize,
    turn: Turn,
}

/// What codex says about a turn.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Turn {
    request_kind: String,
    history_initialization: String,
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
        let mut newest = Newest {
            request: request.index,
            items: items.iter().map(fingerprint).collect(),
            first: items.len(),
            turn: turn(request),
        };
        let Some(before) = self.0.get(&key) else {
            self.0.insert(key, newest);
            return Ok(());
        };
        let checked = before.check(&newest, items);
        newest.first = newest.first.min(before.first);
        self.0.insert(key, newest);
        checked
    }
}

impl Newest {
    fn check(&self, now: &Self, items: &[Item<'_>]) -> Result<(), String> {
        if self.turn.request_kind == "compaction" {
            return Ok(());
        }
        let mut pairs = self.items.iter().zip(&now.items);
        let same = pairs.position(|(before, now)| before != now);
        let same = same.unwrap_or(self.items.len().min(now.items.len()));
        // Turns may have been taken back since, but not what was there from the beginning.
        let read_back = now.turn.history_initialization == READ_BACK && same >= self.first;
        if same == self.items.len() || read_back {
            return Ok(());
        }
        let before = self.request + 1;
        let Some(item) = items.get(same) else {
            let missing = self.items.len() - same;
            return Err(format!(
                "the input lacks the last {missing} items that request {before} had"
            ));
        };
        let text: String = item.raw.get().chars().take(QUOTED).collect();
        let position = same + 1;
        Err(format!(
            "item {position} of the input is not the one that request {before} had there: `{text}…`"
        ))
    }
}

/// Which conversation a request belongs to, if it says so.
fn conversation(request: &Request, body: &Body<'_>) -> Option<String> {
    let thread = request.thread().or(body.prompt_cache_key.as_deref())?;
    let part = |name| request.header(name).unwrap_or_default();
    let subagent = request.subagent().unwrap_or_default();
    Some(format!("{thread} {subagent} {}", part(WINDOW)))
}

/// What codex says about the turn of a request; nothing if it doesn't.
fn turn(request: &Request) -> Turn {
    let turn = request.header(TURN);
    let turn = turn.and_then(|turn| serde_json::from_str(turn).ok());
    turn.unwrap_or_default()
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
            for element in elements {
                feed(element, hasher);
            }
        }
        other => other.to_string().hash(hasher),
    }
}
