//! What comes of a request.

use std::fmt::Debug;

use serde::Serialize;
use serde_json::Value;

/// Who raised an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RaisedBy {
    /// The SDK, before it sent anything.
    Client,
    /// The app-server, by an error reply.
    Server,
    /// The way between them.
    Transport,
}

/// A request that was not done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failed {
    /// The SDK raised an error.
    #[error("{message}")]
    Raised {
        /// Where it comes from, as far as the SDK tells.
        raised_by: RaisedBy,
        /// The name of its type or variant.
        kind: String,
        /// Its message.
        message: String,
        /// The code of the app-server's error, where the SDK has it.
        code: Option<i64>,
        /// The data of the app-server's error, where the SDK has it.
        data: Option<Value>,
    },
    /// The SDK has no way to do this, and why.
    #[error("{0}")]
    Unsupported(String),
    /// The driver itself is at fault, or the request.
    #[error("{0}")]
    Broken(String),
}

impl Failed {
    /// An error of the SDK, named by its variant.
    pub fn raised<E: std::error::Error>(raised_by: RaisedBy, error: &E) -> Self {
        Self::Raised {
            raised_by,
            kind: variant(error),
            message: error.to_string(),
            code: None,
            data: None,
        }
    }

    /// The same with what the app-server's error had beside its message.
    #[must_use]
    pub fn with_code(mut self, number: i64, more: Option<Value>) -> Self {
        if let Self::Raised { code, data, .. } = &mut self {
            *code = Some(number);
            *data = more;
        }
        self
    }

    /// There is no such thing in the SDK.
    pub fn unsupported(why: impl Into<String>) -> Self {
        Self::Unsupported(why.into())
    }
}

/// The final text of SDKs that have an empty one where there was none.
#[must_use]
pub fn final_response(text: &str) -> Value {
    if text.is_empty() {
        Value::Null
    } else {
        text.into()
    }
}

/// The name of an enum's variant, or of a struct: what `Debug` writes first.
pub fn variant(value: &impl Debug) -> String {
    format!("{value:?}")
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}
