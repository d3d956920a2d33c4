//! The items a reply is made of: messages, streams, reasoning and calls.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::short::{TextOrMap, text_or_map};

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

/// A message sent delta by delta: a list of texts, or a map with `deltas`, `id`, `phase`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The pieces, in order; their concatenation is the finished text.
    pub deltas: Vec<String>,
    /// The item's id; `msg-N` by default.
    pub id: Option<String>,
    /// Whether the message is a remark on the way or the answer.
    pub phase: Option<Phase>,
}

/// A reasoning item; it comes before the other items of its reply.
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

/// The map form of a stream.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StreamMap {
    /// The pieces, in order.
    deltas: Vec<String>,
    /// The item's id; `msg-N` by default.
    #[serde(default)]
    id: Option<String>,
    /// Whether the message is a remark on the way or the answer.
    #[serde(default)]
    phase: Option<Phase>,
}

impl Stream {
    /// A stream of these deltas with default id.
    pub fn new<T: Into<String>>(deltas: impl IntoIterator<Item = T>) -> Self {
        let deltas = deltas.into_iter().map(Into::into).collect();
        Self {
            deltas,
            id: None,
            phase: None,
        }
    }
}

impl<'de> Deserialize<'de> for Stream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StreamVisitor)
    }
}

struct StreamVisitor;

impl<'de> Visitor<'de> for StreamVisitor {
    type Value = Stream;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of texts or a map with `deltas`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Stream, A::Error> {
        let mut deltas = Vec::new();
        while let Some(delta) = list.next_element::<String>()? {
            deltas.push(delta);
        }
        Ok(Stream {
            deltas,
            id: None,
            phase: None,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Stream, A::Error> {
        let StreamMap { deltas, id, phase } =
            StreamMap::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Stream { deltas, id, phase })
    }
}

impl JsonSchema for Stream {
    fn schema_name() -> Cow<'static, str> {
        "Stream".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<StreamMap>();
        json_schema!({ "anyOf": [{ "type": "array", "items": { "type": "string" } }, long] })
    }
}
