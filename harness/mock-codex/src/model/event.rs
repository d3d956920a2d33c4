//! The events of a model's answer, as far as the app-server looks at them.

use serde::Deserialize;
use serde_json::Value;

use super::error::{ModelError, Retry};
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
    /// The answer is whole.
    Completed(Completed),
    /// The answer ends otherwise.
    Failed(Failed),
}

/// How an answer ended that is whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Completed {
    /// The id that a later request can go on from.
    pub(crate) id: String,
    pub(crate) usage: Option<TokenUsage>,
    /// False where the model wants to be asked again.
    pub(crate) ends_turn: bool,
}

/// How an answer ended that is not whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failed {
    pub(crate) error: ModelError,
    /// What is counted nevertheless.
    pub(crate) usage: Option<TokenUsage>,
    /// A content filter has stopped it, of which the model is told.
    pub(crate) filtered: bool,
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
    // Over a WebSocket, what would have been an HTTP answer.
    status: Option<u16>,
}

/// The members of a completed response, as far as they are read.
#[derive(Deserialize)]
struct Whole {
    id: String,
    usage: Option<Usage>,
    end_turn: Option<bool>,
}

#[derive(Deserialize)]
struct Usage {
    input_tokens: i64,
    input_tokens_details: Option<InputDetails>,
    output_tokens: i64,
    output_tokens_details: Option<OutputDetails>,
    total_tokens: i64,
}

#[derive(Deserialize)]
struct InputDetails {
    cached_tokens: i64,
    #[serde(default)]
    cache_write_tokens: i64,
}

#[derive(Deserialize)]
struct OutputDetails {
    reasoning_tokens: i64,
}

impl Event {
    /// Reads the data of one event; `None` for anything that is passed over.
    pub(crate) fn parse(data: &str) -> Option<Self> {
        let raw: Raw = serde_json::from_str(data).ok()?;
        let item = raw.item_id;
        let delta = raw.delta;
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
            "response.completed" => whole(raw.response?),
            "response.incomplete" => incomplete(&raw.response.unwrap_or_default()),
            "response.failed" => failed(&raw.response.unwrap_or_default()),
            _ => return None,
        })
    }

    /// The HTTP status that an event over a WebSocket reports, if it is one that does.
    pub(crate) fn refusal(data: &str) -> Option<u16> {
        let raw: Raw = serde_json::from_str(data).ok()?;
        raw.status.filter(|_| raw.kind == "error")
    }
}

fn whole(response: Value) -> Event {
    match serde_json::from_value::<Whole>(response) {
        Ok(whole) => Event::Completed(Completed {
            id: whole.id,
            usage: whole.usage.map(Usage::counted),
            ends_turn: whole.end_turn.unwrap_or(true),
        }),
        Err(error) => {
            let cause = format!("failed to parse ResponseCompleted: {error}");
            Event::failed(ModelError::disconnected(&cause))
        }
    }
}

fn incomplete(response: &Value) -> Event {
    let reason = response["incomplete_details"]["reason"].as_str();
    let error = ModelError::incomplete(reason.unwrap_or("unknown"));
    // An answer that is asked for again is not counted.
    let counts = error.retry == Retry::No;
    let usage = Usage::deserialize(&response["usage"]).ok();
    Event::Failed(Failed {
        usage: usage.filter(|_| counts).map(Usage::counted),
        filtered: reason == Some("content_filter"),
        error,
    })
}

fn failed(response: &Value) -> Event {
    let error = &response["error"];
    Event::failed(if error.is_object() {
        let code = error["code"].as_str().unwrap_or_default();
        ModelError::failed(code, error["message"].as_str())
    } else {
        ModelError::disconnected("response.failed event received")
    })
}

impl Event {
    fn failed(error: ModelError) -> Self {
        Self::Failed(Failed {
            error,
            usage: None,
            filtered: false,
        })
    }
}

impl Usage {
    fn counted(self) -> TokenUsage {
        let input = self.input_tokens_details;
        TokenUsage {
            total_tokens: self.total_tokens,
            input_tokens: self.input_tokens,
            cached_input_tokens: input.as_ref().map_or(0, |input| input.cached_tokens),
            cache_write_input_tokens: input.map_or(0, |input| input.cache_write_tokens),
            output_tokens: self.output_tokens,
            reasoning_output_tokens: self
                .output_tokens_details
                .map_or(0, |output| output.reasoning_tokens),
        }
    }
}
