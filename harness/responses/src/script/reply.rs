//! A reply, as a script states it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use serde_json::{Value, json};

use super::item::{Call, CustomCall, Message, Reasoning, Stream};
use super::prepared::Prepared;
use super::usage::Usage;
use super::{ScriptError, expand::Ids};
use crate::fault::Fault;
use crate::matcher::When;
use crate::pace::{Hold, Pace};

/// What the model answers to one request.
///
/// Made in code with the constructors, or read from YAML or JSON: a map with the kind of reply as
/// a key, and modifiers beside it.
///
/// ```
/// use mock_responses::Reply;
///
/// let from_code = Reply::message("hello").pace("20ms".parse()?, "5ms".parse()?);
/// let from_yaml: Reply = serde_saphyr::from_str(
///     "message: hello\npace: { before: 20ms, between: 5ms }",
/// )?;
/// assert_eq!(from_code.events(), from_yaml.events());
///
/// let typo = serde_saphyr::from_str::<Reply>("mesage: hello").unwrap_err();
/// assert!(typo.to_string().contains("unknown field `mesage`"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Reply(Parts);

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
    /// When its events are sent.
    pub(crate) pace: Option<Pace>,
    /// Where it waits for a gate.
    pub(crate) hold: Option<Hold>,
    /// What goes wrong with it.
    pub(crate) fault: Option<Fault>,
}

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

/// The error of a failed response.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelError {
    /// The code, e.g. `rate_limit_exceeded`.
    pub code: String,
    /// What the user is told.
    pub message: String,
}

impl Reply {
    /// A finished message.
    pub fn message(text: impl Into<String>) -> Self {
        Self(Parts {
            message: Some(Message::new(text)),
            ..Parts::default()
        })
    }

    /// A message sent delta by delta.
    pub fn stream<T: Into<String>>(deltas: impl IntoIterator<Item = T>) -> Self {
        Self(Parts {
            stream: Some(Stream::new(deltas)),
            ..Parts::default()
        })
    }

    /// A call of a function tool; a text as `arguments` is sent as it is.
    ///
    /// ```
    /// use mock_responses::Reply;
    /// use serde_json::json;
    ///
    /// let reply = Reply::call("call-1", "exec_command", json!({ "cmd": "true" }));
    /// assert_eq!(reply.events()[1]["item"]["arguments"], r#"{"cmd":"true"}"#);
    /// ```
    pub fn call(id: impl Into<String>, tool: impl Into<String>, arguments: Value) -> Self {
        Self::calls(vec![Call {
            id: id.into(),
            tool: tool.into(),
            arguments: arguments.into(),
            item_id: None,
        }])
    }

    /// Several calls in one response.
    pub fn calls(calls: Vec<Call>) -> Self {
        Self(Parts {
            calls: Some(calls),
            ..Parts::default()
        })
    }

    /// A call of a custom (freeform) tool.
    pub fn custom_call(
        id: impl Into<String>,
        tool: impl Into<String>,
        input: impl Into<String>,
    ) -> Self {
        let (id, tool, input) = (id.into(), tool.into(), input.into());
        let call = CustomCall {
            id,
            tool,
            input,
            item_id: None,
        };
        Self(Parts {
            custom_call: Some(call),
            ..Parts::default()
        })
    }

    /// Reasoning alone; see [`Reply::with_reasoning`] to put it before something else.
    pub fn reasoning(reasoning: Reasoning) -> Self {
        Self(Parts {
            reasoning: Some(reasoning),
            ..Parts::default()
        })
    }

    /// Events, verbatim; each must be an object with `type`.
    pub fn verbatim(events: Vec<Value>) -> Self {
        Self(Parts {
            events: Some(events),
            ..Parts::default()
        })
    }

    /// A plain HTTP answer; a text as `body` is sent as it is, anything else as JSON.
    pub fn http(status: u16, body: Value) -> Self {
        let http = Http {
            status,
            headers: BTreeMap::new(),
            body: Some(body),
        };
        Self(Parts {
            http: Some(http),
            ..Parts::default()
        })
    }

    /// A response that fails with this code.
    pub fn error(code: impl Into<String>, message: impl Into<String>) -> Self {
        let error = ModelError {
            code: code.into(),
            message: message.into(),
        };
        Self(Parts {
            error: Some(error),
            ..Parts::default()
        })
    }

    /// A response that ends as incomplete for this reason.
    pub fn incomplete(reason: impl Into<String>) -> Self {
        Self(Parts {
            incomplete: Some(reason.into()),
            ..Parts::default()
        })
    }

    /// Puts reasoning before the other items.
    #[must_use]
    pub fn with_reasoning(mut self, reasoning: Reasoning) -> Self {
        self.0.reasoning = Some(reasoning);
        self
    }

    /// Adds a header to a plain HTTP answer; other replies have none to add to.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let Some(http) = &mut self.0.http {
            http.headers.insert(name.into(), value.into());
        }
        self
    }

    /// Sets the token usage.
    #[must_use]
    pub fn usage(mut self, usage: Usage) -> Self {
        self.0.usage = Some(usage);
        self
    }

    /// Forces how many events are sent.
    #[must_use]
    pub fn style(mut self, style: Style) -> Self {
        self.0.style = Some(style);
        self
    }

    /// Gives the reply only to requests that match.
    #[must_use]
    pub fn when(mut self, when: When) -> Self {
        self.0.when = Some(when);
        self
    }

    /// Sets how often the reply is given.
    #[must_use]
    pub fn times(mut self, times: Times) -> Self {
        self.0.times = times;
        self
    }

    /// Waits before the first event and between events, on an absolute schedule.
    #[must_use]
    pub fn pace(mut self, before: crate::Pause, between: crate::Pause) -> Self {
        self.0.pace = Some(Pace { before, between });
        self
    }

    /// Waits for a gate.
    #[must_use]
    pub fn hold(mut self, hold: Hold) -> Self {
        self.0.hold = Some(hold);
        self
    }

    /// Lets something go wrong.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.0.fault = Some(fault);
        self
    }

    /// The events that the reply stands for, with the ids of a script's first reply.
    ///
    /// Empty for a plain HTTP answer. Faults are not taken into account.
    pub fn events(&self) -> Vec<Value> {
        match self.0.http {
            Some(_) => Vec::new(),
            None => super::expand::expand(&self.0, &mut Ids::default()),
        }
    }

    pub(crate) fn into_parts(self) -> Parts {
        self.0
    }
}

impl TryFrom<Parts> for Reply {
    type Error = ScriptError;

    fn try_from(parts: Parts) -> Result<Self, ScriptError> {
        Prepared::new(&parts, &mut Ids::default())?;
        Ok(Self(parts))
    }
}

impl JsonSchema for Reply {
    fn schema_name() -> Cow<'static, str> {
        "Reply".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Parts::json_schema(generator)
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

    /// The style as given, else in full where deltas are asked for, else minimal.
    pub(crate) fn effective_style(&self) -> Style {
        let default = if self.stream.is_some() {
            Style::Full
        } else {
            Style::Minimal
        };
        self.style.unwrap_or(default)
    }

    /// Refuses combinations that mean nothing.
    pub(crate) fn check(&self) -> Result<(), ScriptError> {
        const PAIRS: [(&str, &str); 3] = [
            ("message", "stream"),
            ("call", "calls"),
            ("error", "incomplete"),
        ];
        let kinds = self.kinds();
        if kinds.is_empty() {
            return Err(ScriptError::NoKind);
        }
        for alone in ["events", "http"] {
            if let Some(other) = kinds.iter().find(|kind| **kind != alone)
                && kinds.contains(&alone)
            {
                return Err(ScriptError::Conflict(alone, other));
            }
        }
        match PAIRS
            .iter()
            .find(|(a, b)| kinds.contains(a) && kinds.contains(b))
        {
            Some((a, b)) => Err(ScriptError::Conflict(a, b)),
            None => Ok(()),
        }
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
