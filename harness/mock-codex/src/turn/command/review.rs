//! A reviewer decides about a command.

use serde_json::{Value, json};

use super::launch::Planned;
use super::{ExecArgs, rejected};
use crate::clock;
use crate::protocol::item::Item;
use crate::turn::emit::Scope;
use crate::turn::review::{self, Planned as Reviewed};
use crate::turn::toolcall::Outcome;

pub(super) use review::decides;

/// Has a command reviewed; returns if it may run, outside the sandbox: when its item was told.
pub(super) async fn approval(
    scope: &Scope,
    planned: &Planned,
    args: &ExecArgs,
) -> Result<i64, Outcome> {
    let started_ms = clock::now_ms();
    let mut announced = planned.clone();
    announced.announced = Some(started_ms);
    let mut item = announced.item("agent", None);
    item.command_actions = vec![json!({"type": "unknown", "command": planned.display})];
    scope.item_started(&mut Item::CommandExecution(item.clone()));
    let reviewed = Reviewed {
        item: &planned.call,
        started_ms,
        action: json!({
            "type": "command",
            "source": "unifiedExec",
            "command": planned.display,
            "cwd": planned.cwd,
        }),
        question: question(planned, args),
    };
    let reviewed = review::review(scope, reviewed).await;
    reviewed.map(|()| started_ms).map_err(|refusal| {
        item.status = "declined";
        scope.item_completed(Item::CommandExecution(item));
        rejected(&refusal)
    })
}

fn question(planned: &Planned, args: &ExecArgs) -> Value {
    let mut action = json!({
        "command": planned.argv,
        "cwd": planned.cwd,
        "environment_id": "local",
    });
    if let Some(justification) = &args.justification {
        action["justification"] = json!(justification);
    }
    if let Some(permissions) = args.sandbox_permissions {
        action["sandbox_permissions"] = json!(permissions);
    }
    action["tool"] = json!("exec_command");
    action["tty"] = json!(args.tty);
    action
}
