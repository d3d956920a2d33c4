//! The items a reply is made of: messages, streams, reasoning, calls and searches.

mod one;
mod split;
mod stream;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::short::{TextOrMap, text_or_map};

pub(crate) use one::Item;
pub use split::Split;
pub use stream::Stream;

/// A finished message of the assistant: a text, or a map with `text`, `id`, `phase`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The whole text.
    pub text: String,
    /// The item's id; `msg-N` by default.
    pub id: Option<String>,
    /// Whether the message is a remark on the way or the answer.
    pub phase: Option<Phase>,
}

/// The `phase` of a message, as the Responses API spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// A remark before more work is done.
    Commentary,
    /// The answer that ends the turn.
    FinalAnswer,
}

/// A reasoning item. Beside other kinds of reply it comes first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reasoning {
    /// The parts of the summary.
    #[serde(default)]
    pub summary: Vec<String>,
    /// The parts of the raw reasoning text.
    #[serde(default)]
    pub content: Vec<String>,
    /// The item's id; `rs-N` by default.
    #[serde(default)]
    pub id: Option<String>,
}

/// A call of a function tool.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The call id, which the tool's output will quote.
    pub id: String,
    /// The tool's name.
    pub tool: String,
    /// The arguments: a map, or a text that is sent as it is (also when it isn't JSON).
    #[serde(default)]
    pub arguments: Arguments,
    /// The item's own id. Left out of the item by default; in the full style it is `fc-N`.
    #[serde(default)]
    pub item_id: Option<String>,
    /// How the arguments are cut into deltas; whole by default.
    #[serde(default)]
    pub split: Split,
}

/// A call of a custom (freeform) tool, e.g. `apply_patch`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomCall {
    /// The call id, which the tool's output will quote.
    pub id: String,
    /// The tool's name.
    pub tool: String,
    /// The input, verbatim.
    pub input: String,
    /// The item's own id. Left out of the item by default; in the full style it is `ctc-N`.
    #[serde(default)]
    pub item_id: Option<String>,
    /// How the input is cut into deltas; whole by default.
    #[serde(default)]
    pub split: Split,
}

/// A search of the web that the API does by itself: a query, or a map with `query` and `id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSearch {
    /// What is searched for.
    pub query: String,
    /// The item's id; `ws-N` by default.
    pub id: Option<String>,
}

/// The map form of a search.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebSearchMap {
    /// What is searched for.
    query: String,
    /// The item's id; `ws-N` by default.
    #[serde(default)]
    id: Option<String>,
}

impl TextOrMap for WebSearch {
    type Long = WebSearchMap;
    const EXPECTING: &'static str = "a query or a map with `query`";

    fn from_text(text: &str) -> Result<Self, String> {
        let query = text.to_owned();
        Ok(Self { query, id: None })
    }

    fn from_long(long: WebSearchMap) -> Result<Self, String> {
        let WebSearchMap { query, id } = long;
        Ok(Self { query, id })
    }
}

impl<'de> Deserialize<'de> for WebSearch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_map(deserializer)
    }
}

impl JsonSchema for WebSearch {
    fn schema_name() -> Cow<'static, str> {
        "WebSearch".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<WebSearchMap>();
        json_schema!({ "anyOf": [{ "type": "string" }, long] })
    }
}

/// The arguments of a call as they go on the wire: the text of a JSON object, or any other text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments(String);

impl Arguments {
    /// The text that is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Arguments {
    fn default() -> Self {
        Self("{}".to_owned())
    }
}

/// A text stays as it is; anything else is written as compact JSON.
impl From<Value> for Arguments {
    fn from(value: Value) -> Self {
        match value {
            Value::String(raw) => Self(raw),
            other => Self(other.to_string()),
        }
    }
}

impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            value @ (Value::String(_) | Value::Object(_)) => Ok(value.into()),
            other => Err(D::Error::custom(format!(
                "`arguments` is a map, or a text that is sent as it is, not `{other}`"
            ))),
        }
    }
}

impl JsonSchema for Arguments {
    fn schema_name() -> Cow<'static, str> {
        "Arguments".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "a map, or a text that is sent as it is",
            "type": ["object", "string"],
        })
    }
}

impl Message {
    /// A message with this text and default id.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            id: None,
            phase: None,
        }
    }
}

/// The map form of a message.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageMap {
    /// The whole text.
    text: String,
    /// The item's id; `msg-N` by default.
    #[serde(default)]
    id: Option<String>,
    /// Whether the message is a remark on the way or the answer.
    #[serde(default)]
    phase: Option<Phase>,
}

impl TextOrMap for Message {
    type Long = MessageMap;
    const EXPECTING: &'static str = "a text or a map with `text`";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self::new(text))
    }

    fn from_long(long: MessageMap) -> Result<Self, String> {
        Ok(Self {
            text: long.text,
            id: long.id,
            phase: long.phase,
        })
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_map(deserializer)
    }
}

impl JsonSchema for Message {
    fn schema_name() -> Cow<'static, str> {
        "Message".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<MessageMap>();
        json_schema!({ "anyOf": [{ "type": "string" }, long] })
    }
}
