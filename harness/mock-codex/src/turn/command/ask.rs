//! The client decides about a command.

use serde_json::{Value, json};

use super::launch::Planned;
use super::{actions, rejected};
use crate::approval::Kind;
use crate::clock;
use crate::protocol::item::Item;
use crate::turn::emit::Scope;
use crate::turn::question::Question;
use crate::turn::toolcall::Outcome;

/// What the client decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Accept,
    AcceptForSession,
    Decline,
    Cancel,
    /// An error, or nothing that is a decision.
    Failed,
}

impl Decision {
    fn of(answer: Result<Value, String>) -> Self {
        let Ok(answer) = answer else {
            return Self::Failed;
        };
        let decision = &answer["decision"];
        match decision.as_str() {
            Some("accept") => Self::Accept,
            Some("acceptForSession") => Self::AcceptForSession,
            Some("decline") => Self::Decline,
            Some("cancel") => Self::Cancel,
            // The mock keeps such a rule for this session only.
            None if decision["acceptWithExecpolicyAmendment"].is_object() => Self::AcceptForSession,
            _ => Self::Failed,
        }
    }
}

/// Asks; returns if the command may run, outside the sandbox: when its item was told.
pub(super) async fn approval(
    scope: &Scope,
    planned: &Planned,
    reason: Option<&str>,
) -> Result<i64, Outcome> {
    let started_ms = clock::now_ms();
    let mut announced = planned.clone();
    announced.announced = Some(started_ms);
    let question = Question::open(scope, Kind::Approval);
    scope.item_started(&mut Item::CommandExecution(announced.item("agent", None)));
    let params = params(scope, &announced, started_ms, reason);
    let answer = question
        .ask("item/commandExecution/requestApproval", params)
        .await;
    question.close();
    let decision = Decision::of(answer);
    let close = |status: &'static str| {
        let mut item = announced.item("agent", None);
        item.status = status;
        scope.item_completed(Item::CommandExecution(item));
    };
    match decision {
        Decision::Accept => {}
        Decision::AcceptForSession => {
            let mut approved = scope.thread.approved.borrow_mut();
            approved.insert(planned.argv.clone());
        }
        Decision::Decline | Decision::Cancel => close("declined"),
        Decision::Failed => close("failed"),
    }
    match decision {
        Decision::Accept | Decision::AcceptForSession => Ok(started_ms),
        Decision::Decline => Err(rejected("rejected by user")),
        Decision::Cancel => Err(Outcome::Cancelled),
        Decision::Failed => Err(rejected("approval request failed")),
    }
}

fn params(scope: &Scope, planned: &Planned, started_ms: i64, reason: Option<&str>) -> Value {
    let amendment = actions::amendment(&planned.cmd, &planned.argv);
    let mut params = json!({
        "kind": "command",
        "threadId": scope.thread.id(),
        "turnId": &*scope.turn,
        "itemId": planned.call,
        "startedAtMs": started_ms,
        "environmentId": "local",
    });
    if let Some(reason) = reason {
        params["reason"] = json!(reason);
    }
    params["command"] = json!(planned.display);
    params["cwd"] = json!(planned.cwd);
    params["commandActions"] = json!(actions::of(&planned.cmd, &planned.cwd));
    params["proposedExecpolicyAmendment"] = json!(amendment);
    params["availableDecisions"] = json!([
        "accept",
        {"acceptWithExecpolicyAmendment": {"execpolicy_amendment": amendment}},
        "cancel",
    ]);
    params
}
