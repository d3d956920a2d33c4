//! The client decides about a patch.

use serde_json::{Value, json};

use super::Job;
use crate::approval::{Answer, Kind};
use crate::clock;
use crate::turn::question::Question;
use crate::turn::review::{self, Planned};
use crate::turn::toolcall::Outcome;

/// What the client decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Accept,
    AcceptForSession,
    Decline,
    Cancel,
    /// An error, or nothing that is a decision about a patch.
    Failed,
}

impl Decision {
    fn of(answer: &Answer) -> Self {
        let decision = answer.as_ref().map(|answer| &answer["decision"]);
        match decision.ok().and_then(Value::as_str) {
            Some("accept") => Self::Accept,
            Some("acceptForSession") => Self::AcceptForSession,
            Some("decline") => Self::Decline,
            Some("cancel") => Self::Cancel,
            _ => Self::Failed,
        }
    }
}

/// Asks; returns if the patch may be carried out, outside the sandbox. Otherwise its item is
/// declined, save where the turn ends: then it stays open.
pub(super) async fn approval(job: &mut Job<'_>, reason: Option<&str>) -> Result<(), Outcome> {
    let scope = job.scope;
    if review::decides(scope) {
        return reviewed(job).await;
    }
    let question = Question::open(scope, Kind::Approval);
    let params = json!({
        "threadId": scope.thread.id(),
        "turnId": &*scope.turn,
        "itemId": job.item.id,
        "startedAtMs": clock::now_ms(),
        "reason": reason,
        "grantRoot": null,
    });
    let answer = question
        .ask("item/fileChange/requestApproval", params)
        .await;
    question.close();
    let refusal = match Decision::of(&answer) {
        Decision::Accept => return Ok(()),
        Decision::AcceptForSession => {
            let mut approved = scope.thread.approved_files.borrow_mut();
            approved.extend(job.files.iter().cloned());
            return Ok(());
        }
        Decision::Cancel => return Err(Outcome::Cancelled),
        Decision::Decline => "patch rejected by user",
        Decision::Failed => "approval request failed",
    };
    job.complete("declined");
    Err(Outcome::Output(refusal.to_owned()))
}

async fn reviewed(job: &mut Job<'_>) -> Result<(), Outcome> {
    let cwd = job.order.cwd.clone();
    let planned = Planned {
        item: &job.item.id,
        started_ms: clock::now_ms(),
        action: json!({"type": "applyPatch", "cwd": cwd, "files": job.files}),
        question: json!({
            "cwd": cwd,
            "environment_id": "local",
            "files": job.files,
            "patch": job.text.trim_end(),
            "tool": "apply_patch",
        }),
        declined: None,
    };
    let reviewed = review::review(job.scope, planned).await;
    reviewed.map_err(|refusal| {
        job.complete("declined");
        refusal.outcome(job.scope, Outcome::Output(refusal.told.clone()))
    })
}
