//! A request as it was received.

use std::borrow::Cow;
use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

/// Headers whose values are never printed.
const SECRET: [&str; 6] = [
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "cookie",
    "set-cookie",
];

/// The header by which codex names the subagent that asks.
const SUBAGENT: &str = "x-openai-subagent";

/// The headers by which codex names the conversation.
const THREAD: [&str; 2] = ["thread-id", "session-id"];

/// A request as it was received.
///
/// The values of headers that carry secrets are kept as they came; [`fmt::Debug`] masks them.
#[derive(Clone)]
#[non_exhaustive]
pub struct Request {
    /// The position in the journal, counted from 0.
    pub index: usize,
    /// The method, e.g. `POST`.
    pub method: String,
    /// The path without the query, e.g. `/v1/responses`.
    pub path: String,
    /// The query, without the question mark.
    pub query: Option<String>,
    /// The headers in their order; names are in lower case, bytes that aren't UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// The body, verbatim; a copy of its own, so that it keeps no read buffer alive.
    pub body: Bytes,
    /// Whether the body was longer than the limit; then `body` is its beginning.
    pub truncated: bool,
    /// When the last byte had been read.
    pub arrived: Instant,
}

/// A body that is not the JSON that was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The body is compressed, which this server does not undo.
    #[error("the body is encoded as `{0}`; only plain bodies can be read")]
    Encoded(String),
    /// The body is not JSON.
    #[error("the body is not JSON as expected: {0}")]
    Json(#[from] serde_json::Error),
}

impl Request {
    /// Parses the body. Nothing is kept: every call parses anew.
    pub fn json(&self) -> Result<Value, BodyError> {
        self.parse()
    }

    /// Parses the body as something more precise than [`Value`], which is faster; `T` may borrow
    /// from the body.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, BodyError> {
        self.check_plain()?;
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The body, if it is not encoded.
    pub(crate) fn plain_body(&self) -> Result<Bytes, BodyError> {
        self.check_plain()?;
        Ok(self.body.clone())
    }

    fn check_plain(&self) -> Result<(), BodyError> {
        match self.header("content-encoding") {
            Some(encoding) if !encoding.eq_ignore_ascii_case("identity") => {
                Err(BodyError::Encoded(encoding.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The first header of this name (in any case), as received.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The conversation that the request says it belongs to in its head: codex 0.169.0 sends the
    /// thread's id as `thread-id` and as `session-id`.
    pub fn thread(&self) -> Option<&str> {
        THREAD.iter().find_map(|name| self.header(name))
    }

    /// The subagent that asks: codex names it in the header `x-openai-subagent`.
    pub fn subagent(&self) -> Option<&str> {
        self.header(SUBAGENT)
    }

    /// The headers with secrets masked, as they may be printed.
    pub fn masked_headers(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| (name.as_str(), masked(name, value)))
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        let headers = self.headers.iter();
        let headers: usize = headers
            .map(|(name, value)| 80 + name.len() + value.len())
            .sum();
        self.body.len() + headers + self.path.len() + size_of::<Self>()
    }

    /// Whether the model is asked: `POST …/responses`, or the same over a WebSocket.
    pub fn asks_model(&self) -> bool {
        matches!(self.method.as_str(), "POST" | "WEBSOCKET") && self.path.ends_with("/responses")
    }
}

/// Whether a header carries a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    SECRET
        .iter()
        .any(|secret| secret.eq_ignore_ascii_case(name))
}

/// The value of a header as it may be printed: a secret is replaced by its length.
fn masked<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if is_secret(name) {
        Cow::Owned(format!("[masked, {} bytes]", value.len()))
    } else {
        Cow::Borrowed(value)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.masked_headers().collect();
        formatter
            .debug_struct("Request")
            .field("index", &self.index)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query)
            .field("headers", &headers)
            .field("body", &String::from_utf8_lossy(&self.body))
            .field("truncated", &self.truncated)
            .finish_non_exhaustive()
    }
}

/// One line: number, method, path and size.
impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, .. } = self;
        write!(
            formatter,
            "request {}: {method} {path}, {} bytes",
            self.index + 1,
            self.body.len()
        )
    }
}
