//! Messages: whole, in deltas, and refusals.

use serde_json::{Value, json};

use super::{Expansion, Ids, next};
use crate::script::item::{Message, Stream};

impl Expansion {
    pub(super) fn message(&mut self, message: &Message, ids: &mut Ids) {
        let stream = Stream {
            deltas: vec![message.text.clone()],
            id: message.id.clone(),
            phase: message.phase,
        };
        if self.is_full() {
            self.stream(&stream, ids);
        } else {
            let id = stream
                .id
                .clone()
                .unwrap_or_else(|| next(&mut ids.message, "msg"));
            self.done(message_item(&id, &stream, Some(&message.text)));
        }
    }

    pub(super) fn stream(&mut self, stream: &Stream, ids: &mut Ids) {
        let id = stream
            .id
            .clone()
            .unwrap_or_else(|| next(&mut ids.message, "msg"));
        let at = ("content_index", 0);
        let text = stream.deltas.concat();
        let mut begun = message_item(&id, stream, None);
        if !self.is_full() {
            // The deltas need a part to belong to.
            begun["content"] = json!([output_text("")]);
        }
        self.added(&begun);
        if self.is_full() {
            let part = json!({ "part": output_text("") });
            self.push_part("response.content_part.added", &id, at, part);
        }
        for delta in &stream.deltas {
            let rest = json!({ "delta": delta, "logprobs": [] });
            self.push_part("response.output_text.delta", &id, at, rest);
        }
        if self.is_full() {
            let rest = json!({ "text": text, "logprobs": [] });
            self.push_part("response.output_text.done", &id, at, rest);
            let part = json!({ "part": output_text(&text) });
            self.push_part("response.content_part.done", &id, at, part);
        }
        self.done(message_item(&id, stream, Some(&text)));
    }

    /// A message in which the model declines.
    pub(super) fn refusal(&mut self, text: &str, ids: &mut Ids) {
        let id = next(&mut ids.message, "msg");
        let at = ("content_index", 0);
        let part = |text: &str| json!({ "type": "refusal", "refusal": text });
        let item = |status: &str, content: Vec<Value>| {
            json!({
                "type": "message",
                "id": id,
                "role": "assistant",
                "status": status,
                "content": content,
            })
        };
        if self.is_full() {
            self.added(&item("in_progress", Vec::new()));
            let added = json!({ "part": part("") });
            self.push_part("response.content_part.added", &id, at, added);
            self.push_part("response.refusal.delta", &id, at, json!({ "delta": text }));
            self.push_part("response.refusal.done", &id, at, json!({ "refusal": text }));
            let done = json!({ "part": part(text) });
            self.push_part("response.content_part.done", &id, at, done);
        }
        self.done(item("completed", vec![part(text)]));
    }
}

fn output_text(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [] })
}

/// A message item; without a text it is one that has only begun.
fn message_item(id: &str, stream: &Stream, text: Option<&str>) -> Value {
    let (status, content) = match text {
        Some(text) => ("completed", vec![output_text(text)]),
        None => ("in_progress", Vec::new()),
    };
    let mut item = json!({
        "type": "message",
        "id": id,
        "role": "assistant",
        "status": status,
        "content": content,
    });
    if let Some(phase) = stream.phase {
        item["phase"] = json!(phase);
    }
    item
}
