//! A message sent delta by delta.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Phase, Split};

/// A message sent delta by delta: a list of texts, or a map with `deltas`, or with
/// `text` and how to `split` it, and with `id`, `phase`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The pieces, in order; their concatenation is the finished text.
    pub deltas: Vec<String>,
    /// The item's id; `msg-N` by default.
    pub id: Option<String>,
    /// Whether the message is a remark on the way or the answer.
    pub phase: Option<Phase>,
}

/// The map form of a stream.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StreamMap {
    /// The pieces, in order.
    #[serde(default)]
    deltas: Option<Vec<String>>,
    /// The whole text, instead of the pieces.
    #[serde(default)]
    text: Option<String>,
    /// How the text is cut into pieces: by word unless given.
    #[serde(default)]
    split: Option<Split>,
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

impl Stream {
    /// A stream of a text, cut into pieces.
    ///
    /// ```
    /// use mock_responses::{Split, Stream};
    ///
    /// assert_eq!(Stream::of("It is so", Split::Word).deltas, ["It ", "is ", "so"]);
    /// assert_eq!(Stream::of("naïve", Split::Characters(2)).deltas, ["na", "ïv", "e"]);
    /// ```
    pub fn of(text: &str, split: Split) -> Self {
        Self::new(split.owned_pieces(text))
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
        let map = StreamMap::deserialize(MapAccessDeserializer::new(map))?;
        let deltas = match (map.deltas, map.text, map.split) {
            (Some(deltas), None, None) => deltas,
            (None, Some(text), split) => split.unwrap_or(Split::Word).owned_pieces(&text),
            _ => {
                return Err(A::Error::custom(
                    "`stream` needs either `deltas`, or `text` and how to `split` it",
                ));
            }
        };
        let (id, phase) = (map.id, map.phase);
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
