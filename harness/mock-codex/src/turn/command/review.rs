//! A reviewer decides about a command.

use serde_json::{Value, json};

use super::additional::Beyond;
use super::launch::Planned;
use super::verdict::Why;
use super::{ExecArgs, SandboxPermissions, rejected};
use crate::clock;
use crate::protocol::item::Item;
use crate::turn::emit::Scope;
use crate::turn::review::{self, Planned as Reviewed};
use crate::turn::toolcall::Outcome;

pub(super) use review::decides;

/// Has a command reviewed; returns if it may run: when its item was told.
pub(super) async fn approval(
    scope: &Scope,
    planned: &Planned,
    args: &ExecArgs,
    why: &Why,
) -> Result<i64, Outcome> {
    let started_ms = clock::now_ms();
    let mut announced = planned.clone();
    announced.announced = Some(started_ms);
    let mut item = announced.item("agent", None);
    item.command_actions = vec![json!({"type": "unknown", "command": planned.display})];
    scope.item_started(&mut Item::CommandExecution(item.clone()));
    item.status = "declined";
    let reviewed = Reviewed {
        item: &planned.call,
        started_ms,
        action: json!({
            "type": "command",
            "source": "unifiedExec",
            "command": planned.display,
            "cwd": planned.cwd,
        }),
        question: question(planned, args, why),
        declined: Some(Item::CommandExecution(item.clone())),
    };
    let reviewed = review::review(scope, reviewed).await;
    reviewed.map(|()| started_ms).map_err(|refusal| {
        scope.item_completed(Item::CommandExecution(item));
        refusal.outcome(scope, rejected(&refusal.told))
    })
}

fn question(planned: &Planned, args: &ExecArgs, why: &Why) -> Value {
    let mut action = json!({});
    if let Some(permissions) = planned.beyond.permissions() {
        action["additional_permissions"] = permissions.told();
    }
    action["command"] = json!(planned.argv);
    action["cwd"] = json!(planned.cwd);
    action["environment_id"] = json!("local");
    if let Some(justification) = &args.justification {
        action["justification"] = json!(justification);
    }
    let wanted = match planned.beyond {
        _ if *why == Why::Denied => SandboxPermissions::RequireEscalated,
        Beyond::Granted(_) | Beyond::Asked(_) => SandboxPermissions::WithAdditionalPermissions,
        Beyond::Nothing | Beyond::Sandbox => args
            .sandbox_permissions
            .unwrap_or(SandboxPermissions::UseDefault),
    };
    action["sandbox_permissions"] = json!(wanted);
    action["tool"] = json!("exec_command");
    action["tty"] = json!(args.tty);
    action
}
