//! A conversation that works within a turn of a thread, and is told as a part of it.
//!
//! As codex 0.169.0 has its reviews: what happens in them is told with the ids of the thread and of
//! its turn, though it is kept as another turn of the thread.

use std::io;
use std::rc::Rc;

use serde::Serialize;
use serde_json::{Value, json};

use super::record::{Record, StoredItem};
use super::state::Thread;
use crate::model::subagent::{Subagent, SubagentKind};

/// The way to the thread and the turn that something works for.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) thread: Rc<Thread>,
    pub(crate) turn: Rc<str>,
    /// Is it told when a message of the model is complete?
    pub(crate) completes_messages: bool,
}

/// What is nobody's business.
const UNTOLD: &[&str] = &[
    "item/agentMessage/delta",
    "thread/tokenUsage/updated",
    "account/rateLimits/updated",
];

impl Relay {
    /// What requests to the model say of it.
    pub(crate) fn subagent(&self) -> Subagent<'_> {
        Subagent {
            kind: SubagentKind::Review,
            thread: self.thread.id(),
            turn: &self.turn,
        }
    }

    /// Tells something under the thread's name.
    pub(super) fn notify(&self, method: &str, params: &impl Serialize) {
        if UNTOLD.contains(&method) {
            return;
        }
        // Frames are plain data: this can't fail.
        let Ok(mut params) = serde_json::to_value(params) else {
            return;
        };
        if method == "item/completed" && !self.keeps(&params["item"]) {
            return;
        }
        params["threadId"] = json!(self.thread.id());
        if params.get("turnId").is_some() {
            params["turnId"] = json!(*self.turn);
        }
        self.thread.notify(method, &params);
    }

    /// Keeps what is told.
    pub(super) fn record(&self, record: &Record) -> io::Result<()> {
        match record {
            Record::TurnStarted(turn) if *turn.id != *self.turn => {
                let mut turn = turn.clone();
                turn.line = self.thread.state.borrow().ordinals.next();
                self.thread.record(Record::TurnStarted(turn))
            }
            Record::Item(item) if self.keeps(&parsed(item)) => self.thread.record(record.clone()),
            _ => Ok(()),
        }
    }

    fn keeps(&self, item: &Value) -> bool {
        self.completes_messages || item["type"] != "agentMessage"
    }
}

fn parsed(item: &StoredItem) -> Value {
    serde_json::from_str(item.item.get()).unwrap_or_default()
}
