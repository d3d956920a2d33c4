//! The events of a model's answer, as far as the app-server looks at them.

use serde::Deserialize;
use serde_json::Value;

use crate::protocol::reply::TokenUsage;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    Created,
    ItemAdded(Value),
    ItemDone(Value),
    TextDelta {
        item: String,
        delta: String,
    },
    SummaryPartAdded {
        item: String,
        index: i64,
    },
    SummaryDelta {
        item: String,
        index: i64,
        delta: String,
    },
    ReasoningDelta {
        item: String,
        index: i64,
        delta: String,
    },
    Completed(Option<TokenUsage>),
    Incomplete {
        reason: String,
        usage: Option<TokenUsage>,
    },
    Failed {
        code: String,
        message: String,
    },
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "type")]
    kind: String,
    item: Option<Value>,
    #[serde(default)]
    item_id: String,
    #[serde(default)]
    delta: String,
    #[serde(default)]
    summary_index: i64,
    #[serde(default)]
    content_index: i64,
    response: Option<Value>,
}

impl Event {
    /// Reads the data of one SSE event; `None` for anything that is passed over.
    pub(crate) fn parse(data: &str) -> Option<Self> {
        let raw: Raw = serde_json::from_str(data).ok()?;
        let item = raw.item_id;
        let delta = raw.delta;
        let response = raw.response.unwrap_or_default();
        Some(match raw.kind.as_str() {
            "response.created" => Self::Created,
            "response.output_item.added" => Self::ItemAdded(raw.item?),
            "response.output_item.done" => Self::ItemDone(raw.item?),
            "response.output_text.delta" => Self::TextDelta { item, delta },
            "response.reasoning_summary_part.added" => Self::SummaryPartAdded {
                item,
                index: raw.summary_index,
            },
            "response.reasoning_summary_text.delta" => Self::SummaryDelta {
                item,
                index: raw.summary_index,
                delta,
            },
            "response.reasoning_text.delta" => Self::ReasoningDelta {
                item,
                index: raw.content_index,
                delta,
            },
            "response.completed" | "response.done" => Self::Completed(usage(&response["usage"])),
            "response.incomplete" => Self::Incomplete {
                reason: text(&response["incomplete_details"]["reason"], "unknown"),
                usage: usage(&response["usage"]),
            },
            "response.failed" => Self::Failed {
                code: text(&response["error"]["code"], ""),
                message: text(&response["error"]["message"], ""),
            },
            _ => return None,
        })
    }
}

fn text(value: &Value, otherwise: &str) -> String {
    value.as_str().unwrap_or(otherwise).to_owned()
}

fn usage(value: &Value) -> Option<TokenUsage> {
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    value.is_object().then(|| TokenUsage {
        total_tokens: number(&value["total_tokens"]),
        input_tokens: number(&value["input_tokens"]),
        cached_input_tokens: number(&value["input_tokens_details"]["cached_tokens"]),
        cache_write_input_tokens: number(&value["input_tokens_details"]["cache_write_tokens"]),
        output_tokens: number(&value["output_tokens"]),
        reasoning_output_tokens: number(&value["output_tokens_details"]["reasoning_tokens"]),
    })
}
