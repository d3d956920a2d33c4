//! Why a request fails, as the client reads it.

use codex_wire::frame::ErrorObject;
use serde_json::Value;

/// An error reply: code, text, and sometimes data for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(ErrorObject);

impl Failure {
    /// -32600, which codex 0.169.0 uses for nearly everything, also for bad parameters.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(-32600, message)
    }

    /// -32600: a sandbox that the administrator does not allow.
    pub(crate) fn sandbox(details: impl std::fmt::Display) -> Self {
        Self::invalid(format!("invalid sandbox policy: {details}"))
    }

    /// -32600, with data for programs.
    pub(crate) fn invalid_with(message: impl Into<String>, data: Value) -> Self {
        let mut failure = Self::invalid(message);
        failure.0.data = Some(data);
        failure
    }

    /// -32602: a parameter that was readable and still can't be used.
    pub(crate) fn params(message: impl Into<String>) -> Self {
        Self::new(-32602, message)
    }

    /// -32601: a known method that this version or this mock doesn't serve.
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(-32601, message)
    }

    /// -32602, with data that says which limit was passed.
    pub(crate) fn limit(message: impl Into<String>, data: Value) -> Self {
        let mut failure = Self::new(-32602, message);
        failure.0.data = Some(data);
        failure
    }

    /// -32603: the machine failed, not the caller.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(-32603, message)
    }

    /// -32001: too many requests wait already.
    pub(crate) fn overloaded() -> Self {
        Self::new(-32001, "Server overloaded; retry later.")
    }

    /// An error that a script gives.
    pub(crate) fn scripted(error: ErrorObject) -> Self {
        Self(error)
    }

    /// The error object to write.
    pub(crate) fn into_object(self) -> ErrorObject {
        self.0
    }

    fn new(code: i64, message: impl Into<String>) -> Self {
        Self(ErrorObject {
            code,
            data: None,
            message: message.into(),
        })
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::internal(error.to_string())
    }
}
