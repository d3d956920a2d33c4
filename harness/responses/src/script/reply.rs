//! A reply, as a script states it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::Value;

use super::ScriptError;
use super::expand::{Ids, expand};
use super::item::{Call, CustomCall, Message, Reasoning, Split, Stream, WebSearch};
use super::parts::{Http, ModelError, Parts, Style, Times};
use super::prepared::Setting;
use super::usage::Usage;
use super::variants;
use crate::fault::Fault;
use crate::gate::Hold;
use crate::matcher::When;
use crate::pace::{Pace, Pause};
use crate::server::Writes;

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
            split: Split::Whole,
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
            split: Split::Whole,
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

    /// A message in which the model declines.
    pub fn refusal(text: impl Into<String>) -> Self {
        Self(Parts {
            refusal: Some(text.into()),
            ..Parts::default()
        })
    }

    /// A search of the web that the API does by itself.
    pub fn web_search(query: impl Into<String>) -> Self {
        let query = query.into();
        Self(Parts {
            web_search: Some(WebSearch { query, id: None }),
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
    pub fn pace(mut self, before: Pause, between: Pause) -> Self {
        self.0.pace = Some(Pace {
            before,
            between,
            ..Pace::default()
        });
        self
    }

    /// Sets when its parts are sent.
    #[must_use]
    pub fn paced(mut self, pace: Pace) -> Self {
        self.0.pace = Some(pace);
        self
    }

    /// Waits for a gate; called again, for one more.
    #[must_use]
    pub fn hold(mut self, hold: Hold) -> Self {
        self.0.hold.0.push(hold);
        self
    }

    /// Gives the reply to one conversation only: the one that got the first reply of this name.
    #[must_use]
    pub fn thread(mut self, name: impl Into<String>) -> Self {
        self.0.thread = Some(name.into());
        self
    }

    /// Sets how the events are put on the wire when nothing separates them in time; otherwise as
    /// [`Builder::writes`](crate::Builder::writes) says.
    #[must_use]
    pub fn writes(mut self, writes: Writes) -> Self {
        self.0.writes = Some(writes);
        self
    }

    /// Sets whether the body is compressed for a client that asks for it.
    #[must_use]
    pub fn compress(mut self, compress: bool) -> Self {
        self.0.compress = Some(compress);
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
            None => expand(&self.0, &mut Ids::default()),
        }
    }

    #[cfg(feature = "wiremock")]
    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    pub(crate) fn into_parts(self) -> Parts {
        self.0
    }
}

impl TryFrom<Parts> for Reply {
    type Error = ScriptError;

    fn try_from(parts: Parts) -> Result<Self, ScriptError> {
        variants(&parts, &mut Ids::default(), Setting::default())?;
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
