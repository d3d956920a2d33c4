//! A turn, gathered from the messages that the client hands out.

use codex_codes::{Notification, Turn as Wire};
use serde_json::{Map, Value, json};

/// What was seen of a turn.
#[derive(Debug, Default)]
pub struct Turn {
    items: Vec<Value>,
    usage: Option<Value>,
    ended: Option<Wire>,
}

impl Turn {
    /// Has it ended?
    pub fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// Takes in a message that is about this turn.
    pub fn take_in(&mut self, notification: Notification) -> serde_json::Result<()> {
        match notification {
            Notification::ItemCompleted(completed) => {
                self.items.push(serde_json::to_value(completed.item)?);
            }
            Notification::ThreadTokenUsageUpdated(updated) => {
                self.usage = Some(serde_json::to_value(updated.token_usage)?);
            }
            Notification::TurnCompleted(completed) => self.ended = Some(completed.turn),
            _ => {}
        }
        Ok(())
    }

    /// The result: the crate hands out messages and calls none of them the final one.
    pub fn result(self) -> serde_json::Result<Value> {
        let mut result = Map::new();
        if let Some(turn) = self.ended {
            result.insert("turn".into(), json!({ "id": turn.id }));
            result.insert("status".into(), serde_json::to_value(turn.status)?);
            if let Some(error) = turn.error {
                result.insert("error".into(), serde_json::to_value(error)?);
            }
        }
        result.insert("items".into(), self.items.into());
        if let Some(usage) = self.usage {
            result.insert("usage".into(), usage);
        }
        Ok(Value::Object(result))
    }
}

/// The turn that a message is about.
pub fn turn_of(notification: &Notification) -> Option<&str> {
    match notification {
        Notification::ItemCompleted(completed) => Some(&completed.turn_id),
        Notification::ThreadTokenUsageUpdated(updated) => Some(&updated.turn_id),
        Notification::TurnCompleted(completed) => Some(&completed.turn.id),
        _ => None,
    }
}
