//! Parameters of `review/start`: names and order are those of codex 0.169.0.

use serde::Deserialize;

/// `review/start`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReviewStartParams {
    pub(crate) thread_id: String,
    pub(crate) target: ReviewTarget,
    #[expect(dead_code, reason = "there is only one value; others are refused here")]
    pub(crate) delivery: Option<ReviewDelivery>,
}

/// Where a review runs.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ReviewDelivery {
    /// In the thread itself.
    Inline,
}

/// What is reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum ReviewTarget {
    UncommittedChanges,
    BaseBranch { branch: String },
    Commit { sha: String, title: Option<String> },
    Custom { instructions: String },
}
