//! What the client is told when the model fails.

use std::time::Duration;

use hyper::StatusCode;
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
    /// Is it about a limit that is counted, of which the client is told as well?
    pub(crate) is_counted: bool,
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
const IMAGE: &str = "Invalid image in your last message. Please remove it and try again.";
/// How the API says so.
const NO_IMAGE: &str = "The image data you provided does not represent a valid image";
const NOT_INCLUDED: &str = "To use Codex with your ChatGPT plan, upgrade to Plus: \
    https://chatgpt.com/explore/plus.";

impl ModelError {
    fn new(message: impl Into<String>, info: impl Into<Value>, retry: Retry) -> Self {
        Self {
            message: message.into(),
            info: info.into(),
            retry,
            wait: None,
            is_counted: false,
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

    /// A refusal over HTTP, after all tries of the request.
    pub(crate) fn refused(refusal: &Refusal) -> Self {
        let Refusal {
            status, body, wait, ..
        } = refusal;
        let parsed: Value = serde_json::from_str(body).unwrap_or_default();
        let error = &parsed["error"];
        let code = error["code"].as_str().unwrap_or_default();
        let message = error["message"].as_str();
        match (status.as_u16(), code) {
            (
                400,
                "context_length_exceeded" | "cyber_policy" | "invalid_prompt" | "model_not_found",
            )
            | (403 | 404, "model_not_found") => Self::failed(code, message),
            (400, _) if body.contains(NO_IMAGE) => Self::new(IMAGE, "badRequest", Retry::No),
            (400, _) => Self::new(body, "other", Retry::No),
            (429, _) => Self::limited(error).unwrap_or_else(|| {
                Self::new(
                    format!("exceeded retry limit, last status: {status}"),
                    json!({"responseTooManyFailedAttempts": {"httpStatusCode": 429}}),
                    Retry::No,
                )
                .only_after(*wait)
            }),
            (503, "server_is_overloaded") => Self::failed(code, message).only_after(*wait),
            (503, "slow_down") => Self::failed(code, message).after(*wait),
            (500, _) => Self::new(HIGH_DEMAND, "internalServerError", Retry::Stream).after(*wait),
            (status, _) => Self::new(
                refusal.to_text(message),
                json!({"httpConnectionFailed": {"httpStatusCode": status}}),
                Retry::Stream,
            )
            .after(*wait),
        }
    }

    /// A limit of the account, which is named by its type.
    fn limited(error: &Value) -> Option<Self> {
        match error["type"].as_str()? {
            "usage_limit_reached" => Some(Self {
                is_counted: true,
                ..Self::new(usage_limit(error), "usageLimitExceeded", Retry::No)
            }),
            kind @ ("usage_not_included" | "insufficient_quota") => Some(Self::failed(kind, None)),
            _ => None,
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

/// An answer over HTTP that is no success.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// What `Retry-After` says.
    pub(crate) wait: Option<Duration>,
    pub(crate) body: String,
    /// What was asked.
    pub(crate) url: String,
    /// The header `cf-ray`.
    pub(crate) ray: Option<String>,
    /// The header `x-request-id`.
    pub(crate) request: Option<String>,
}

impl Refusal {
    /// One of which nothing else is known.
    pub(crate) fn new(status: StatusCode, body: String, url: String) -> Self {
        Self {
            status,
            wait: None,
            body,
            url,
            ray: None,
            request: None,
        }
    }

    /// What the client is told of a refusal of no particular kind.
    fn to_text(&self, message: Option<&str>) -> String {
        let body = Some(&*self.body).filter(|body| !body.is_empty());
        let message = message.or(body).unwrap_or("Unknown error");
        let mut text = format!(
            "unexpected status {}: {message}, url: {}",
            self.status, self.url
        );
        for (name, id) in [("cf-ray", &self.ray), ("request id", &self.request)] {
            if let Some(id) = id {
                text.extend([", ", name, ": ", id]);
            }
        }
        text
    }
}

/// What is advised at a usage limit, by the plan of the account.
const OF_PLANS: [(&[&str], &str); 4] = [
    (
        &["plus"],
        "Upgrade to Pro (https://chatgpt.com/explore/pro), visit \
         https://chatgpt.com/settings/usage to purchase more credits",
    ),
    (
        &["free", "go"],
        "Upgrade to Plus to continue using Codex (https://chatgpt.com/explore/plus),",
    ),
    (
        &["team", "business"],
        "To get more access now, send a request to your admin",
    ),
    (
        &["pro"],
        "Visit https://chatgpt.com/settings/usage to purchase more credits",
    ),
];

fn usage_limit(error: &Value) -> String {
    let when = error["resets_at"].as_i64().map(|at| {
        let time = crate::clock::local(at * 1000);
        format!("at {}", time.strftime("%-I:%M %p"))
    });
    let when = when.unwrap_or_else(|| "later".to_owned());
    let plan = error["plan_type"].as_str().unwrap_or_default();
    let advice = OF_PLANS.iter().find(|(plans, _)| plans.contains(&plan));
    match advice {
        Some((_, advice)) => {
            format!("You\u{2019}ve hit your usage limit. {advice} or try again {when}.")
        }
        None => format!("You\u{2019}ve hit your usage limit. Try again {when}."),
    }
}
