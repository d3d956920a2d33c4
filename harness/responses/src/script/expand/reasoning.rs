//! Reasoning: a summary, and the raw text.

use serde_json::{Value, json};

use super::{Expansion, Ids, next};
use crate::script::item::Reasoning;

impl Expansion {
    pub(super) fn reasoning(&mut self, reasoning: &Reasoning, ids: &mut Ids) {
        let id = reasoning
            .id
            .clone()
            .unwrap_or_else(|| next(&mut ids.reasoning, "rs"));
        if self.is_full() {
            self.added(&json!({ "type": "reasoning", "id": id, "summary": [], "content": [] }));
            for (index, text) in reasoning.summary.iter().enumerate() {
                self.summary_part(&id, index, text);
            }
            for (index, text) in reasoning.content.iter().enumerate() {
                let at = ("content_index", index);
                self.push_part(
                    "response.reasoning_text.delta",
                    &id,
                    at,
                    json!({ "delta": text }),
                );
                self.push_part(
                    "response.reasoning_text.done",
                    &id,
                    at,
                    json!({ "text": text }),
                );
            }
        }
        let parts = |kind: &str, texts: &[String]| -> Vec<Value> {
            texts
                .iter()
                .map(|text| json!({ "type": kind, "text": text }))
                .collect()
        };
        self.done(json!({
            "type": "reasoning",
            "id": id,
            "summary": parts("summary_text", &reasoning.summary),
            "content": parts("reasoning_text", &reasoning.content),
        }));
    }

    fn summary_part(&mut self, id: &str, index: usize, text: &str) {
        let at = ("summary_index", index);
        let part = |text: &str| json!({ "part": { "type": "summary_text", "text": text } });
        self.push_part("response.reasoning_summary_part.added", id, at, part(""));
        let delta = json!({ "delta": text });
        self.push_part("response.reasoning_summary_text.delta", id, at, delta);
        self.push_part(
            "response.reasoning_summary_text.done",
            id,
            at,
            json!({ "text": text }),
        );
        self.push_part("response.reasoning_summary_part.done", id, at, part(text));
    }
}
