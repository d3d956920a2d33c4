//! How a step fails.

use codex_wire::frame::ErrorObject;
use serde_json::{Value, json};

/// Who raised an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaisedBy {
    /// The client, before any frame was written.
    Client,
    /// The app-server, by an error reply.
    Server,
    /// The way between them: the process ended, the connection broke.
    Transport,
    /// The harness: the step can't be done as the scenario says it. No `error:` matches this.
    Harness,
}

/// A step that failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Who raised it.
    pub raised_by: RaisedBy,
    /// The code of an error reply.
    pub code: Option<i64>,
    /// What is wrong.
    pub message: String,
    /// The data of an error reply.
    pub data: Option<Box<Value>>,
    /// The entry of the transcript that shows it.
    pub entry: Option<usize>,
}

impl RaisedBy {
    /// The name in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Transport => "transport",
            Self::Harness => "harness",
        }
    }
}

impl Failure {
    /// Refused by the client: nothing was sent.
    pub fn client(message: impl Into<String>) -> Self {
        Self::of(RaisedBy::Client, message.into())
    }

    /// The step makes no sense at this point of the run.
    pub fn harness(message: impl Into<String>) -> Self {
        Self::of(RaisedBy::Harness, message.into())
    }

    /// The way is broken.
    pub fn transport(message: impl Into<String>, entry: Option<usize>) -> Self {
        Self {
            entry,
            ..Self::of(RaisedBy::Transport, message.into())
        }
    }

    /// An error reply.
    pub fn server(error: ErrorObject, entry: usize) -> Self {
        Self {
            code: Some(error.code),
            data: error.data.map(Box::new),
            entry: Some(entry),
            ..Self::of(RaisedBy::Server, error.message)
        }
    }

    fn of(raised_by: RaisedBy, message: String) -> Self {
        Self {
            raised_by,
            code: None,
            message,
            data: None,
            entry: None,
        }
    }

    /// What `error:` is matched against: `{raised_by, code, message, data}`; `code` and `data`
    /// only where there are some.
    pub fn to_value(&self) -> Value {
        let mut value = json!({ "raised_by": self.raised_by.name(), "message": self.message });
        if let Some(code) = self.code {
            value["code"] = code.into();
        }
        if let Some(data) = &self.data {
            value["data"] = Value::clone(data);
        }
        value
    }

    /// One line for a message.
    pub fn describe(&self) -> String {
        let Self {
            raised_by, message, ..
        } = self;
        match (raised_by, self.code) {
            (RaisedBy::Client, _) => format!("the client refused it: {message}"),
            (RaisedBy::Server, Some(code)) => format!("the app-server answered {code}: {message}"),
            _ => message.clone(),
        }
    }
}
