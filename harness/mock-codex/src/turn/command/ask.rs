//! The client decides about a command.

use std::rc::Rc;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::launch::Planned;
use super::{actions, rejected};
use crate::clock;
use crate::protocol::item::Item;
use crate::protocol::reply::ThreadStatus;
use crate::turn::emit::Scope;
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
    set_waiting(scope, true);
    scope.item_started(&mut Item::CommandExecution(announced.item("agent", None)));
    let answer = request(scope, &announced, started_ms, reason);
    // The task that waits for the client outlives this one, and always answers.
    let decision = Decision::of(answer.await.unwrap_or_else(|_| Err(String::new())));
    let close = |status: &'static str| {
        let mut item = announced.item("agent", None);
        item.status = status;
        scope.item_completed(Item::CommandExecution(item));
    };
    match decision {
        Decision::Accept => {}
        Decision::AcceptForSession => {
            scope
                .thread
                .approved
                .borrow_mut()
                .insert(planned.argv.clone());
        }
        Decision::Decline | Decision::Cancel => close("declined"),
        Decision::Failed => close("failed"),
    }
    set_waiting(scope, false);
    match decision {
        Decision::Accept | Decision::AcceptForSession => Ok(started_ms),
        Decision::Decline => Err(rejected("rejected by user")),
        Decision::Cancel => Err(Outcome::Cancelled),
        Decision::Failed => Err(rejected("approval request failed")),
    }
}

/// Sends the request. Its answer is acknowledged also where nobody waits for it any more.
fn request(
    scope: &Scope,
    planned: &Planned,
    started_ms: i64,
    reason: Option<&str>,
) -> oneshot::Receiver<Result<Value, String>> {
    let (id, answered) = scope.server.approvals.open();
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
    for client in &scope.thread.state.borrow().subscribers {
        client.request(id, "item/commandExecution/requestApproval", &params);
    }
    let (sender, receiver) = oneshot::channel();
    let thread = Rc::clone(&scope.thread);
    tokio::task::spawn_local(async move {
        let Ok(answer) = answered.await else { return };
        thread.notify(
            "serverRequest/resolved",
            &json!({"threadId": thread.id(), "requestId": id}),
        );
        // A turn that was interrupted doesn't wait any more.
        let _ = sender.send(answer);
    });
    receiver
}

fn set_waiting(scope: &Scope, waiting: bool) {
    let active_flags = if waiting {
        vec!["waitingOnApproval"]
    } else {
        Vec::new()
    };
    scope
        .server
        .set_status(&scope.thread, ThreadStatus::Active { active_flags });
}
