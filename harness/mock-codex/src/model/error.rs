//! What the client is told when the model fails.

use std::time::Duration;

use serde_json::{Value, json};

use super::token::NoToken;
use super::wait;
use crate::protocol::reply::TurnError;

/// A failure of the model, and whether another try may help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelError {
    pub(crate) message: String,
    pub(crate) info: Value,
    pub(crate) retry: Retry,
    /// How long the server asks to wait before the next try.
    pub(crate) wait: Option<Duration>,
}

/// What is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Nothing.
    No,
    /// The whole answer, as often as `stream_max_retries` says.
    Stream,
}

const CONTEXT_WINDOW: &str = "Codex ran out of room in the model's context window. Start a new \
    thread or clear earlier history before retrying.";
const AT_CAPACITY: &str = "Selected model is at capacity. Please try a different model.";
const HIGH_DEMAND: &str =
    "We\u{2019}re currently experiencing high demand, which may cause temporary errors.";
const QUOTA: &str = "Quota exceeded. Check your plan and billing details.";
const CYBER: &str = "This request has been flagged for possible cybersecurity risk.";
const BIOLOGY: &str = "This content was flagged for possible biological risk.";
const NOT_INCLUDED: &str = "To use Codex with your ChatGPT plan, upgrade to Plus: \
    https://chatgpt.com/explore/plus.";

impl ModelError {
    fn new(message: impl Into<String>, info: impl Into<Value>, retry: Retry) -> Self {
        Self {
            message: message.into(),
            info: info.into(),
            retry,
            wait: None,
        }
    }

    fn after(self, wait: Option<Duration>) -> Self {
        Self { wait, ..self }
    }

    /// Tried again only where the server says when.
    fn only_after(self, wait: Option<Duration>) -> Self {
        let retry = wait.map_or(Retry::No, |_| Retry::Stream);
        Self {
            retry,
            wait,
            ..self
        }
    }

    /// The stream ended or broke before its terminal event.
    pub(crate) fn disconnected(cause: &str) -> Self {
        Self::new(
            format!("stream disconnected before completion: {cause}"),
            "other",
            Retry::Stream,
        )
    }

    /// No token was to be had in place of one that was refused.
    pub(crate) fn no_token(cause: &NoToken) -> Self {
        Self::new(cause.to_string(), "other", Retry::Stream)
    }

    /// Something that the mock can't do.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(message, "other", Retry::No)
    }

    /// `response.incomplete`.
    pub(crate) fn incomplete(reason: &str) -> Self {
        let text = format!("Incomplete response returned, reason: {reason}");
        if reason == "content_filter" {
            Self::disconnected(&text)
        } else {
            Self::new(text, "other", Retry::No)
        }
    }

    /// `response.failed`.
    pub(crate) fn failed(code: &str, message: Option<&str>) -> Self {
        let or = |otherwise| message.unwrap_or(otherwise);
        match code {
            "context_length_exceeded" => {
                Self::new(CONTEXT_WINDOW, "contextWindowExceeded", Retry::No)
            }
            "insufficient_quota" => Self::new(QUOTA, "usageLimitExceeded", Retry::No),
            "usage_not_included" => Self::new(NOT_INCLUDED, "usageLimitExceeded", Retry::No),
            "server_is_overloaded" => Self::new(AT_CAPACITY, "serverOverloaded", Retry::No),
            "cyber_policy" => Self::new(or(CYBER), "cyberPolicy", Retry::No),
            "bio_policy" => Self::new(or(BIOLOGY), "other", Retry::No),
            "model_not_found" => Self::new(or(code), "modelNotFound", Retry::No),
            "invalid_prompt" => Self::new(or("Invalid request."), "other", Retry::No),
            "rate_limit_exceeded" | "slow_down" => Self::new(
                format!("rate limit exceeded: {}", or("")),
                "rateLimitExceeded",
                Retry::Stream,
            )
            .after(wait::in_message(or(""))),
            _ => Self::disconnected(or("")),
        }
    }

    /// An HTTP status that is no success, after all tries of the request.
    ///
    /// `wait` is what the header `Retry-After` says.
    pub(crate) fn status(
        status: hyper::StatusCode,
        wait: Option<Duration>,
        body: &str,
        url: &str,
    ) -> Self {
        let parsed: Value = serde_json::from_str(body).unwrap_or_default();
        let error = &parsed["error"];
        let code = error["code"].as_str().unwrap_or_default();
        let message = error["message"].as_str();
        match status.as_u16() {
            400 if code == "context_length_exceeded" => Self::failed(code, None),
            400 => Self::new(body, "other", Retry::No),
            404 if code == "model_not_found" => {
                Self::new(message.unwrap_or(body), "modelNotFound", Retry::No)
            }
            429 if error["type"] == "usage_limit_reached" => {
                Self::new(usage_limit(error), "usageLimitExceeded", Retry::No)
            }
            429 => Self::new(
                format!("exceeded retry limit, last status: {status}"),
                json!({"responseTooManyFailedAttempts": {"httpStatusCode": 429}}),
                Retry::No,
            )
            .only_after(wait),
            503 if matches!(code, "server_is_overloaded" | "slow_down") => {
                Self::new(AT_CAPACITY, "serverOverloaded", Retry::No).only_after(wait)
            }
            500 => Self::new(HIGH_DEMAND, "internalServerError", Retry::Stream).after(wait),
            code => Self::new(
                format!(
                    "unexpected status {status}: {}, url: {url}",
                    message.unwrap_or(if body.is_empty() {
                        "Unknown error"
                    } else {
                        body
                    })
                ),
                json!({"httpConnectionFailed": {"httpStatusCode": code}}),
                Retry::Stream,
            )
            .after(wait),
        }
    }

    /// As the client reads it at the end.
    pub(crate) fn to_turn_error(&self) -> TurnError {
        TurnError {
            message: self.message.clone(),
            codex_error_info: self.info.clone(),
            additional_details: None,
            misalignment: None,
        }
    }

    /// Is the conversation too long for the model?
    pub(crate) fn is_context_window(&self) -> bool {
        self.info == "contextWindowExceeded"
    }

    /// The HTTP status that it came with.
    pub(crate) fn http_status(&self) -> Option<u64> {
        self.info.as_object()?.values().next()?["httpStatusCode"].as_u64()
    }
}

fn usage_limit(error: &Value) -> String {
    match error["resets_at"].as_i64() {
        Some(at) => {
            let time = crate::clock::local(at * 1000);
            format!(
                "You\u{2019}ve hit your usage limit. Try again at {}.",
                time.strftime("%-I:%M %p")
            )
        }
        None if error["plan_type"].is_null() => {
            "You\u{2019}ve hit your usage limit. Try again later.".to_owned()
        }
        None => "You\u{2019}ve hit your usage limit. Visit https://chatgpt.com/settings/usage to \
                 purchase more credits or try again later."
            .to_owned(),
    }
}
