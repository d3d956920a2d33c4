//! A turn as the client sees it: everything on the wire that carries its id.

use codex_wire::frame::Frame;
use serde_json::{Value, json};

use crate::client::connection::{Connection, Received};
use crate::client::failure::Failure;

/// What the wire says of one turn, from its start to `turn/completed`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    items: Vec<Value>,
    usage: Value,
}

/// An ended turn and where its end stands in the transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// `{status, final_response, error, items, usage, turn}`.
    pub result: Value,
    /// The entry of `turn/completed`.
    pub entry: usize,
}

impl Turn {
    /// Waits for the end of the turn `id`.
    ///
    /// # Errors
    /// The end of the connection.
    pub async fn ended(connection: &Connection, id: &str) -> Result<Ended, Failure> {
        let mut turn = Self::default();
        let what = format!("`turn/completed` of turn {id}");
        connection
            .find(what, 0, |Received { frame, entry, .. }| {
                turn.take_in(id, frame, *entry)
            })
            .await
    }

    /// The end of the turn `id` among frames of the app-server, each with its entry; `None` where
    /// it hasn't ended.
    pub fn among<'a>(
        id: &str,
        mut frames: impl Iterator<Item = (&'a Frame, usize)>,
    ) -> Option<Ended> {
        let mut turn = Self::default();
        frames.find_map(|(frame, entry)| turn.take_in(id, frame, entry))
    }

    /// Takes in a frame; the result is there with the last one.
    fn take_in(&mut self, id: &str, frame: &Frame, entry: usize) -> Option<Ended> {
        let params = frame.params()?;
        match frame.method()? {
            "item/completed" if params["turnId"] == id => self.items.push(params["item"].clone()),
            "thread/tokenUsage/updated" if params["turnId"] == id => {
                self.usage = params["tokenUsage"].clone();
            }
            "turn/completed" if params["turn"]["id"] == id => {
                let turn = &params["turn"];
                return Some(Ended {
                    result: json!({
                        "status": turn["status"],
                        "final_response": self.final_response(),
                        "error": turn["error"],
                        "items": std::mem::take(&mut self.items),
                        "usage": std::mem::take(&mut self.usage),
                        "turn": turn,
                    }),
                    entry,
                });
            }
            _ => {}
        }
        None
    }

    /// The text of the last message that the agent doesn't call a commentary.
    fn final_response(&self) -> Value {
        let last = self
            .items
            .iter()
            .rev()
            .find(|item| item["type"] == "agentMessage" && item["phase"] != "commentary");
        last.map_or(Value::Null, |item| item["text"].clone())
    }
}
