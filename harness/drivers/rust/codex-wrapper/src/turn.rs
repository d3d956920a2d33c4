//! A turn, gathered from the messages that the server hands out.

use codex_wrapper::app_server::{AgentMessage, Notification, Turn as Ended, TurnStatus};
use serde_json::{Map, Value, json};

/// What was seen of a turn.
#[derive(Debug)]
pub struct Turn {
    /// The thread that it runs on.
    pub thread: String,
    answer: Option<String>,
    items: Vec<Value>,
    usage: Option<Value>,
    ended: Option<Ended>,
}

impl Turn {
    /// A turn of which nothing was seen yet.
    pub fn of(thread: &str) -> Self {
        Self {
            thread: thread.to_owned(),
            answer: None,
            items: Vec::new(),
            usage: None,
            ended: None,
        }
    }

    /// Has it ended?
    pub fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// Takes in a notification about this turn; the final answer is found as the crate's
    /// documentation does it.
    pub fn take_in(&mut self, notification: &Notification) {
        if let Some(message) = notification.agent_message()
            && AgentMessage::is_final_answer(&message)
        {
            self.answer = Some(message.text);
        }
        match notification.method.as_str() {
            "item/completed" => self.items.push(notification.params["item"].clone()),
            "thread/tokenUsage/updated" => {
                self.usage = Some(notification.params["tokenUsage"].clone());
            }
            _ => {}
        }
        if let Some(completed) = notification.turn_completed() {
            self.ended = Some(completed.turn);
        }
    }

    /// The result. The crate finds a final answer only where the app-server names its phase.
    pub fn result(self) -> Value {
        let mut result = Map::new();
        if let Some(turn) = self.ended {
            result.insert("turn".into(), json!({ "id": turn.id }));
            if let Some(status) = name_of(turn.status) {
                result.insert("status".into(), status.into());
            }
            if let Some(error) = turn.error {
                result.insert("error".into(), error);
            }
        }
        result.insert("items".into(), self.items.into());
        if let Some(answer) = self.answer {
            result.insert("final_response".into(), answer.into());
        }
        if let Some(usage) = self.usage {
            result.insert("usage".into(), usage);
        }
        Value::Object(result)
    }
}

/// The turn that a notification is about.
pub fn turn_of(notification: &Notification) -> Option<&str> {
    let params = &notification.params;
    params["turnId"]
        .as_str()
        .or_else(|| params["turn"]["id"].as_str())
}

/// A status that the crate doesn't know has no name.
fn name_of(status: TurnStatus) -> Option<&'static str> {
    match status {
        TurnStatus::InProgress => Some("inProgress"),
        TurnStatus::Completed => Some("completed"),
        TurnStatus::Interrupted => Some("interrupted"),
        TurnStatus::Failed => Some("failed"),
        _ => None,
    }
}
