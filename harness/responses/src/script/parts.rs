//! The members of a reply: its kinds and its modifiers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, json};

use super::ScriptError;
use super::item::{Call, CustomCall, Item, Message, Reasoning, Split, Stream, WebSearch};
use super::usage::Usage;
use crate::fault::Fault;
use crate::gate::Hold;
use crate::matcher::When;
use crate::pace::Pace;
use crate::server::Writes;
use crate::short::{TextOrMap, text_or_map};

/// The members of a reply.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Parts {
    /// A finished message.
    pub(crate) message: Option<Message>,
    /// A message sent delta by delta.
    pub(crate) stream: Option<Stream>,
    /// Reasoning; it comes before the other items.
    pub(crate) reasoning: Option<Reasoning>,
    /// A call of a function tool.
    pub(crate) call: Option<Call>,
    /// Several calls in one response.
    pub(crate) calls: Option<Vec<Call>>,
    /// A call of a custom (freeform) tool.
    pub(crate) custom_call: Option<CustomCall>,
    /// A message in which the model declines.
    pub(crate) refusal: Option<String>,
    /// A search of the web that the API does by itself.
    pub(crate) web_search: Option<WebSearch>,
    /// Several items in this order; stands alone but for how the response ends.
    pub(crate) items: Option<Vec<Item>>,
    /// Events, verbatim; each is a map with `type`.
    pub(crate) events: Option<Vec<Value>>,
    /// A plain HTTP answer instead of an event stream.
    pub(crate) http: Option<Http>,
    /// Ends the response as failed.
    pub(crate) error: Option<ModelError>,
    /// Ends the response as incomplete, with this reason.
    pub(crate) incomplete: Option<String>,
    /// The token usage the response ends with.
    pub(crate) usage: Option<Usage>,
    /// How many of the events that the API sends are sent.
    pub(crate) style: Option<Style>,
    /// Which requests the reply is for; replies without it are taken in order.
    pub(crate) when: Option<When>,
    /// How often the reply is given.
    pub(crate) times: Times,
    /// The conversation that the reply belongs to, by a name of the script's own: the first
    /// conversation that gets a reply of that name gets all of them, and no others.
    pub(crate) thread: Option<String>,
    /// Whether the body is compressed for a client that asks for it.
    pub(crate) compress: Option<bool>,
    /// How its events are put on the wire when nothing separates them in time.
    pub(crate) writes: Option<Writes>,
    /// When its events are sent.
    pub(crate) pace: Option<Pace>,
    /// Where it waits for gates: one place, or a list of them.
    pub(crate) hold: Holds,
    /// What goes wrong with it.
    pub(crate) fault: Option<Fault>,
}

/// The places where a reply waits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holds(pub(crate) Vec<Hold>);

/// How many of the events that the API sends are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// The whole sequence: in progress, item and part added, deltas, done.
    Full,
    /// The fewest that codex 0.169.0 needs: created, finished items (a `stream` also has its
    /// item added and its deltas), completed.
    Minimal,
}

/// How often a reply is given: a number, or `any`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// At most (and to leave nothing over: exactly) this often.
    Exactly(u32),
    /// As often as it is asked for, also never.
    Any,
}

/// A plain HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The status code.
    #[schemars(range(min = 200, max = 599))]
    pub status: u16,
    /// Headers; `content-type` is set by the kind of the body unless it is among them.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body: a text as it is, anything else as JSON.
    #[serde(default)]
    pub body: Option<Value>,
}

/// The error of a failed response: a code, or a map with `code` and `message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelError {
    /// The code, e.g. `rate_limit_exceeded`.
    pub code: String,
    /// What the user is told.
    pub message: String,
}

/// The map form of an error.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelErrorMap {
    /// The code, e.g. `rate_limit_exceeded`.
    code: String,
    /// What the user is told.
    message: String,
}

impl TextOrMap for ModelError {
    type Long = ModelErrorMap;
    const EXPECTING: &'static str = "an error's code or a map with `code` and `message`";

    fn from_text(text: &str) -> Result<Self, String> {
        let message = format!("the model failed with `{text}`");
        let code = text.to_owned();
        Ok(Self { code, message })
    }

    fn from_long(long: ModelErrorMap) -> Result<Self, String> {
        let ModelErrorMap { code, message } = long;
        Ok(Self { code, message })
    }
}

impl<'de> Deserialize<'de> for ModelError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_map(deserializer)
    }
}

impl JsonSchema for ModelError {
    fn schema_name() -> Cow<'static, str> {
        "ModelError".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<ModelErrorMap>();
        json_schema!({ "anyOf": [{ "type": "string" }, long] })
    }
}

impl Parts {
    /// The kinds of reply that are present, by name.
    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        let kinds = [
            ("reasoning", self.reasoning.is_some()),
            ("message", self.message.is_some()),
            ("stream", self.stream.is_some()),
            ("call", self.call.is_some()),
            ("calls", self.calls.is_some()),
            ("custom_call", self.custom_call.is_some()),
            ("refusal", self.refusal.is_some()),
            ("web_search", self.web_search.is_some()),
            ("items", self.items.is_some()),
            ("events", self.events.is_some()),
            ("http", self.http.is_some()),
            ("error", self.error.is_some()),
            ("incomplete", self.incomplete.is_some()),
        ];
        kinds
            .into_iter()
            .filter(|(_, present)| *present)
            .map(|(kind, _)| kind)
            .collect()
    }

    /// The items, in the order in which they are sent.
    pub(crate) fn all_items(&self) -> Vec<Item> {
        let mut items: Vec<Item> = self.items.clone().unwrap_or_default();
        items.extend(self.reasoning.clone().map(Item::Reasoning));
        items.extend(self.web_search.clone().map(Item::WebSearch));
        items.extend(self.message.clone().map(Item::Message));
        items.extend(self.stream.clone().map(Item::Stream));
        items.extend(self.refusal.clone().map(Item::Refusal));
        let calls = self.call.iter().chain(self.calls.iter().flatten());
        items.extend(calls.cloned().map(Item::Call));
        items.extend(self.custom_call.clone().map(Item::CustomCall));
        items
    }

    /// The style as given, else in full where deltas are asked for, else minimal.
    pub(crate) fn effective_style(&self) -> Style {
        let in_deltas = |item: &Item| match item {
            Item::Stream(_) => true,
            Item::Call(call) => call.split != Split::Whole,
            Item::CustomCall(call) => call.split != Split::Whole,
            _ => false,
        };
        let default = if self.all_items().iter().any(in_deltas) {
            Style::Full
        } else {
            Style::Minimal
        };
        self.style.unwrap_or(default)
    }

    /// Refuses combinations that mean nothing.
    pub(crate) fn check(&self) -> Result<(), ScriptError> {
        const ENDS: [&str; 2] = ["error", "incomplete"];
        const PAIRS: [(&str, &str); 3] = [
            ("message", "stream"),
            ("call", "calls"),
            ("error", "incomplete"),
        ];
        let kinds = self.kinds();
        if kinds.is_empty() {
            return Err(ScriptError::NoKind);
        }
        for alone in ["events", "http", "items"] {
            let beside =
                |kind: &&&str| **kind != alone && !(alone == "items" && ENDS.contains(kind));
            if let Some(other) = kinds.iter().find(beside)
                && kinds.contains(&alone)
            {
                return Err(ScriptError::Conflict(alone, other));
            }
        }
        if let Some((a, b)) = PAIRS
            .iter()
            .find(|(a, b)| kinds.contains(a) && kinds.contains(b))
        {
            return Err(ScriptError::Conflict(a, b));
        }
        let in_order =
            self.when.is_none() && self.thread.is_none() && self.times == Times::default();
        if matches!(self.fault, Some(Fault::Refuse(_))) && !in_order {
            return Err(ScriptError::RefuseInOrder);
        }
        Ok(())
    }
}

impl Http {
    /// The body's bytes and the content type they call for.
    pub(crate) fn render(&self) -> (Vec<u8>, &'static str) {
        match &self.body {
            None => (Vec::new(), "text/plain; charset=utf-8"),
            Some(Value::String(text)) => (text.clone().into_bytes(), "text/plain; charset=utf-8"),
            Some(json) => (json.to_string().into_bytes(), "application/json"),
        }
    }
}

impl<'de> Deserialize<'de> for Holds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HoldsVisitor)
    }
}

struct HoldsVisitor;

impl<'de> Visitor<'de> for HoldsVisitor {
    type Value = Holds;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map with `gate` or `until`, or a list of such maps")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Holds, A::Error> {
        let hold = Hold::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Holds(vec![hold]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Holds, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Holds)
    }
}

impl JsonSchema for Holds {
    fn schema_name() -> Cow<'static, str> {
        "Holds".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<Hold>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

impl Default for Times {
    fn default() -> Self {
        Self::Exactly(1)
    }
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimesVisitor)
    }
}

struct TimesVisitor;

impl Visitor<'_> for TimesVisitor {
    type Value = Times;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number from 1 or `any`")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Times, E> {
        match u32::try_from(number) {
            Ok(times @ 1..) => Ok(Times::Exactly(times)),
            _ => Err(E::invalid_value(
                serde::de::Unexpected::Unsigned(number),
                &self,
            )),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Times, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(
                serde::de::Unexpected::Signed(number),
                &self,
            )),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Times, E> {
        match text {
            "any" => Ok(Times::Any),
            other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
        }
    }
}

impl JsonSchema for Times {
    fn schema_name() -> Cow<'static, str> {
        "Times".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "const": "any" }] })
    }
}

/// The JSON body of an error in the Responses API's form.
pub(crate) fn error_body(message: &str, kind: &str, code: &str) -> Value {
    json!({ "error": { "message": message, "type": kind, "code": code } })
}
