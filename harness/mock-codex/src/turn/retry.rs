//! Trying again: when, and what the client is told.

use std::time::Duration;

use serde_json::json;

use super::emit::Scope;
use super::run::Turn;
use crate::model::error::ModelError;
use crate::protocol::reply::TurnError;

/// What a call without an answer is told as.
pub(super) const NOT_SENT: &str = "error sending request";

/// The first wait before another try; each further one is twice as long.
const FIRST_RETRY: Duration = Duration::from_millis(200);

impl Turn {
    /// Goes on over HTTP.
    pub(super) async fn leave_sockets(&self, error: &ModelError) {
        let thread = &self.scope.thread;
        thread.channel.give_up().await;
        let message = format!(
            "Falling back from WebSockets to HTTPS transport. {}",
            error.message
        );
        thread.notify(
            "warning",
            &json!({"threadId": thread.id(), "message": message}),
        );
    }

    pub(super) fn tell_retry(&self, tries: u64, of: u64, cause: &ModelError) {
        let error = TurnError {
            message: format!("Reconnecting... {tries}/{of}"),
            codex_error_info: json!({
                "responseStreamDisconnected": {"httpStatusCode": cause.http_status()},
            }),
            additional_details: Some(cause.message.clone()),
            misalignment: None,
        };
        tell_error(&self.scope, &error, true);
    }

    pub(super) fn tell_unreachable(&self) {
        let error = TurnError {
            message: "Reconnecting... waiting for network".to_owned(),
            codex_error_info: json!({"responseStreamDisconnected": {"httpStatusCode": null}}),
            additional_details: Some(format!("Connection failed: {NOT_SENT}")),
            misalignment: None,
        };
        tell_error(&self.scope, &error, true);
    }
}

/// The wait before try number `n + 1`.
pub(super) fn backoff(n: u64) -> Duration {
    FIRST_RETRY * 2u32.saturating_pow(u32::try_from(n - 1).unwrap_or(u32::MAX).min(10))
}

/// Sends `error`.
pub(super) fn tell_error(scope: &Scope, error: &TurnError, will_retry: bool) {
    scope.thread.notify(
        "error",
        &json!({
            "error": error,
            "willRetry": will_retry,
            "threadId": scope.thread.id(),
            "turnId": &*scope.turn,
        }),
    );
}
