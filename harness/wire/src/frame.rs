//! Frames: one JSON object a line, like JSON-RPC 2.0 but without the `jsonrpc` member.
//!
//! Facts from codex 0.169.0: success replies are written as `id, result`, failures as
//! `error, id`; server notifications carry `emittedAtMs` beside `params`; ids are integers
//! (64 bit, signed) or strings and come back with the type they had.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A request id, kept as it came: an integer stays an integer, a string stays a string.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Id {
    /// A 64-bit signed integer.
    Integer(i64),
    /// Any string, also an empty one.
    String(String),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(n) => write!(f, "{n}"),
            Self::String(s) => write!(f, "{s:?}"),
        }
    }
}

impl From<i64> for Id {
    fn from(n: i64) -> Self {
        Self::Integer(n)
    }
}

impl From<&str> for Id {
    fn from(s: &str) -> Self {
        Self::String(s.to_owned())
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(n) => serializer.serialize_i64(*n),
            Self::String(s) => serializer.serialize_str(s),
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;
        impl Visitor<'_> for IdVisitor {
            type Value = Id;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer or a string id")
            }
            fn visit_i64<E: de::Error>(self, n: i64) -> Result<Id, E> {
                Ok(Id::Integer(n))
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Id, E> {
                i64::try_from(n)
                    .map(Id::Integer)
                    .map_err(|_| E::custom(format_args!("the id {n} does not fit 64 bits")))
            }
            fn visit_str<E: de::Error>(self, s: &str) -> Result<Id, E> {
                Ok(Id::String(s.to_owned()))
            }
        }
        deserializer.deserialize_any(IdVisitor)
    }
}

/// A call that wants an answer. Both sides send them.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Chosen by the sender; the answer carries it back.
    pub id: Id,
    /// The method's name, for example `thread/start`.
    pub method: String,
    /// Absent when the member is absent; `null` is kept as `Some(Value::Null)`.
    pub params: Option<Value>,
}

/// A message that wants no answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// The method's name, for example `turn/completed`.
    pub method: String,
    /// Absent when the member is absent.
    pub params: Option<Value>,
    /// Milliseconds since the Unix epoch; every notification of the server has it.
    pub emitted_at_ms: Option<i64>,
}

/// A successful answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The id of the request that this answers.
    pub id: Id,
    /// The method's result; some methods answer `{}`.
    pub result: Value,
}

/// A failed answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorResponse {
    /// The id of the request that this answers.
    pub id: Id,
    /// What went wrong.
    pub error: ErrorObject,
}

/// The `error` member of a failed answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorObject {
    /// A JSON-RPC code; the app-server uses -32600 for nearly everything.
    pub code: i64,
    /// More about the error, for programs; mostly absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// One sentence, for people.
    pub message: String,
}

impl fmt::Display for ErrorObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

/// One frame of the wire.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// A call.
    Request(Request),
    /// A successful answer.
    Response(Response),
    /// A failed answer.
    Error(ErrorResponse),
    /// A message without an answer.
    Notification(Notification),
}

/// Why a line is not a frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The line is not one JSON value.
    #[error("not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// The line is JSON, but no object.
    #[error("a frame is a JSON object, this is {0}")]
    NotAnObject(&'static str),
    /// The object has none of the members that tell what it is, or they have the wrong type.
    #[error("{0}")]
    Shape(String),
}

impl Frame {
    /// A request.
    pub fn request(id: impl Into<Id>, method: impl Into<String>, params: Value) -> Self {
        Self::Request(Request {
            id: id.into(),
            method: method.into(),
            params: Some(params),
        })
    }

    /// A notification without a time stamp, as clients send them.
    pub fn notification(method: impl Into<String>, params: Option<Value>) -> Self {
        Self::Notification(Notification {
            method: method.into(),
            params,
            emitted_at_ms: None,
        })
    }

    /// A successful answer.
    pub fn response(id: Id, result: Value) -> Self {
        Self::Response(Response { id, result })
    }

    /// A failed answer.
    pub fn error(id: Id, error: ErrorObject) -> Self {
        Self::Error(ErrorResponse { id, error })
    }

    /// Reads one frame from the text of one line, with or without its line end.
    ///
    /// Unknown members, among them `jsonrpc`, are ignored, as the app-server ignores them.
    ///
    /// ```
    /// use codex_wire::frame::{Frame, Id};
    /// let frame = Frame::parse(br#"{"id":"a","method":"thread/list","params":{}}"#)?;
    /// assert_eq!(frame.id(), Some(&Id::from("a")));
    /// # Ok::<(), codex_wire::frame::FrameError>(())
    /// ```
    pub fn parse(line: &[u8]) -> Result<Self, FrameError> {
        Self::from_value(serde_json::from_slice(line)?)
    }

    /// Reads one frame from a JSON value.
    pub fn from_value(value: Value) -> Result<Self, FrameError> {
        let Value::Object(mut object) = value else {
            return Err(FrameError::NotAnObject(json_type(&value)));
        };
        let id = object.remove("id").map(parse_id).transpose()?;
        let method = match object.remove("method") {
            Some(Value::String(method)) => Some(method),
            Some(other) => {
                return Err(shape(format!(
                    "`method` is a string, not {}",
                    json_type(&other)
                )));
            }
            None => None,
        };
        let params = object.remove("params");
        match (id, method) {
            (Some(id), Some(method)) => Ok(Self::Request(Request { id, method, params })),
            (None, Some(method)) => {
                let emitted_at_ms = object.get("emittedAtMs").and_then(Value::as_i64);
                Ok(Self::Notification(Notification {
                    method,
                    params,
                    emitted_at_ms,
                }))
            }
            (Some(id), None) => parse_answer(id, object),
            (None, None) => Err(shape(
                "a frame has a `method`, or an `id` with an answer".into(),
            )),
        }
    }

    /// The frame as a JSON value, members in the order in which the app-server writes them.
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        match self {
            Self::Request(Request { id, method, params }) => {
                object.insert("method".into(), method.as_str().into());
                object.insert("id".into(), id.into());
                if let Some(params) = params {
                    object.insert("params".into(), params.clone());
                }
            }
            Self::Response(Response { id, result }) => {
                object.insert("id".into(), id.into());
                object.insert("result".into(), result.clone());
            }
            Self::Error(ErrorResponse { id, error }) => {
                let mut body = Map::new();
                body.insert("code".into(), error.code.into());
                if let Some(data) = &error.data {
                    body.insert("data".into(), data.clone());
                }
                body.insert("message".into(), error.message.as_str().into());
                object.insert("error".into(), Value::Object(body));
                object.insert("id".into(), id.into());
            }
            Self::Notification(Notification {
                method,
                params,
                emitted_at_ms,
            }) => {
                object.insert("method".into(), method.as_str().into());
                if let Some(params) = params {
                    object.insert("params".into(), params.clone());
                }
                if let Some(at) = emitted_at_ms {
                    object.insert("emittedAtMs".into(), (*at).into());
                }
            }
        }
        Value::Object(object)
    }

    /// The frame as one line of compact JSON, ending in `\n`.
    pub fn to_line(&self) -> String {
        let mut line = self.to_value().to_string();
        line.push('\n');
        line
    }

    /// The id, for everything but a notification.
    pub fn id(&self) -> Option<&Id> {
        match self {
            Self::Request(Request { id, .. })
            | Self::Response(Response { id, .. })
            | Self::Error(ErrorResponse { id, .. }) => Some(id),
            Self::Notification(_) => None,
        }
    }

    /// The method, for requests and notifications.
    pub fn method(&self) -> Option<&str> {
        match self {
            Self::Request(Request { method, .. })
            | Self::Notification(Notification { method, .. }) => Some(method),
            Self::Response(_) | Self::Error(_) => None,
        }
    }

    /// The params, for requests and notifications that have some.
    pub fn params(&self) -> Option<&Value> {
        match self {
            Self::Request(Request { params, .. })
            | Self::Notification(Notification { params, .. }) => params.as_ref(),
            Self::Response(_) | Self::Error(_) => None,
        }
    }
}

impl From<&Id> for Value {
    fn from(id: &Id) -> Self {
        match id {
            Id::Integer(n) => Value::from(*n),
            Id::String(s) => Value::from(s.as_str()),
        }
    }
}

fn parse_id(value: Value) -> Result<Id, FrameError> {
    match value {
        Value::String(s) => Ok(Id::String(s)),
        Value::Number(n) => n
            .as_i64()
            .map(Id::Integer)
            .ok_or_else(|| shape(format!("the id {n} is no 64-bit signed integer"))),
        other => Err(shape(format!(
            "an id is an integer or a string, not {}",
            json_type(&other)
        ))),
    }
}

fn parse_answer(id: Id, mut object: Map<String, Value>) -> Result<Frame, FrameError> {
    if let Some(error) = object.remove("error") {
        let error: ErrorObject = serde_json::from_value(error)
            .map_err(|e| shape(format!("`error` is no error object: {e}")))?;
        return Ok(Frame::error(id, error));
    }
    match object.remove("result") {
        Some(result) => Ok(Frame::response(id, result)),
        None => Err(shape("an answer has a `result` or an `error`".into())),
    }
}

fn shape(message: String) -> FrameError {
    FrameError::Shape(message)
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
