//! One item of several.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::{Call, CustomCall, Message, Reasoning, Stream, WebSearch};

/// One item of a reply.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "ItemMap")]
pub(crate) enum Item {
    Reasoning(Reasoning),
    Message(Message),
    Stream(Stream),
    Refusal(String),
    Call(Call),
    CustomCall(CustomCall),
    WebSearch(WebSearch),
}

/// One item: a map with one key.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ItemMap {
    /// Reasoning.
    reasoning: Option<Reasoning>,
    /// A finished message.
    message: Option<Message>,
    /// A message sent delta by delta.
    stream: Option<Stream>,
    /// A message in which the model declines.
    refusal: Option<String>,
    /// A call of a function tool.
    call: Option<Call>,
    /// A call of a custom (freeform) tool.
    custom_call: Option<CustomCall>,
    /// A search of the web that the API does by itself.
    web_search: Option<WebSearch>,
}

impl TryFrom<ItemMap> for Item {
    type Error = &'static str;

    fn try_from(map: ItemMap) -> Result<Self, Self::Error> {
        let given = [
            map.reasoning.map(Self::Reasoning),
            map.message.map(Self::Message),
            map.stream.map(Self::Stream),
            map.refusal.map(Self::Refusal),
            map.call.map(Self::Call),
            map.custom_call.map(Self::CustomCall),
            map.web_search.map(Self::WebSearch),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(item), None) => Ok(item),
            _ => Err(
                "an item is a map with one of `reasoning`, `message`, `stream`, `refusal`, \
                 `call`, `custom_call`, `web_search`",
            ),
        }
    }
}

impl JsonSchema for Item {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Item".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        ItemMap::json_schema(generator)
    }
}
