//! The tool `request_permissions`: the model asks for more than its sandbox allows.

use std::path::Path;

use codex_wire::policy::{ApprovalPolicy, GranularApproval};
use serde::Deserialize;
use serde_json::{Value, json};

use super::emit::Scope;
use super::question::Question;
use super::review::{self, Planned, Refusal};
use super::toolcall::{Outcome, ToolCall};
use crate::approval::Kind;
use crate::clock;
use crate::permission::{Answer, Permissions, RequestPermissionProfile};

/// The only place where commands run.
const ENVIRONMENT: &str = "local";

/// The arguments of the tool.
#[derive(Debug, Deserialize)]
struct Arguments {
    environment_id: Option<String>,
    reason: Option<String>,
    permissions: RequestPermissionProfile,
}

/// What is asked for.
#[derive(Debug)]
struct Wanted<'a> {
    call: &'a str,
    cwd: &'a Path,
    reason: Option<String>,
    permissions: Permissions,
}

/// Has the client or a reviewer decide; what is granted holds for the commands that follow.
pub(super) async fn call(scope: Scope, call: ToolCall) -> Outcome {
    let cwd = scope.settings.cwd.clone();
    let wanted = match Wanted::of(&call, &cwd) {
        Ok(wanted) => wanted,
        Err(told) => return Outcome::Output(told),
    };
    let (answer, refusal) = match wanted.decided(&scope).await {
        Ok(answer) => (answer, None),
        Err(refusal) => (Answer::default(), Some(refusal)),
    };
    let granted = match answer.permissions() {
        Ok(permissions) => {
            let state = scope.thread.state.borrow();
            let place = state.settings.place();
            permissions
                .placed(place)
                .within(&wanted.permissions.placed(place))
        }
        // The client knows it already.
        Err(_) => return Outcome::Cancelled,
    };
    let reviewed = answer.is_reviewed();
    let lasting = answer.lasting();
    let mut grants = scope.thread.granted.borrow_mut();
    grants.add(lasting, &scope.turn, &granted, reviewed);
    let mut told = json!({"permissions": granted.told(), "scope": lasting.name()});
    if reviewed {
        told["strict_auto_review"] = json!(true);
    }
    let told = Outcome::Output(told.to_string());
    match refusal {
        Some(refusal) => refusal.outcome(&scope, told),
        None => told,
    }
}

impl<'a> Wanted<'a> {
    fn of(call: &'a ToolCall, cwd: &'a Path) -> Result<Self, String> {
        // Read in two steps, since codex's errors name no place in the text but where it is no JSON.
        let arguments = serde_json::from_str(&call.arguments)
            .and_then(serde_json::from_value::<Arguments>)
            .map_err(|error| format!("failed to parse function arguments: {error}"))?;
        if let Some(id) = arguments.environment_id.filter(|id| id != ENVIRONMENT) {
            return Err(format!("unknown turn environment id `{id}`"));
        }
        let permissions = arguments.permissions.resolve(cwd)?;
        if permissions.is_empty() {
            return Err("request_permissions requires at least one permission".to_owned());
        }
        Ok(Self {
            call: &call.id,
            cwd,
            reason: arguments.reason,
            permissions,
        })
    }

    /// What the policy, a reviewer or the client says to it.
    async fn decided(&self, scope: &Scope) -> Result<Answer, Refusal> {
        let policy = scope.settings.approval_policy;
        match policy {
            ApprovalPolicy::Never
            | ApprovalPolicy::Granular(GranularApproval {
                request_permissions: false,
                ..
            }) => Ok(Answer::default()),
            _ if review::decides(scope) => self.reviewed(scope).await,
            _ => Ok(self.asked(scope).await),
        }
    }

    async fn asked(&self, scope: &Scope) -> Answer {
        let question = Question::open(scope, Kind::Approval);
        let params = json!({
            "threadId": scope.thread.id(),
            "turnId": &*scope.turn,
            "itemId": self.call,
            "environmentId": ENVIRONMENT,
            "startedAtMs": clock::now_ms(),
            "cwd": self.cwd,
            "reason": self.reason,
            "permissions": self.permissions.view(),
        });
        let answer = question
            .ask("item/permissions/requestApproval", params)
            .await;
        let answer = Answer::read(answer.unwrap_or(Value::Null));
        if let Err(path) = answer.permissions() {
            tell_unusable(scope, &path);
        }
        question.close();
        answer
    }

    async fn reviewed(&self, scope: &Scope) -> Result<Answer, Refusal> {
        let planned = Planned {
            item: self.call,
            started_ms: clock::now_ms(),
            action: json!({
                "type": "requestPermissions",
                "reason": self.reason,
                "permissions": self.permissions.view(),
            }),
            question: json!({
                "environment_id": ENVIRONMENT,
                "permissions": self.permissions.told(),
                "reason": self.reason,
                "tool": "request_permissions",
                "turn_id": &*scope.turn,
            }),
            declined: None,
        };
        review::review(scope, planned).await?;
        Ok(Answer::read(
            json!({"permissions": self.permissions.view()}),
        ))
    }
}

/// codex 0.169.0 can't make sense of a granted path, and ends the turn.
fn tell_unusable(scope: &Scope, path: &Path) {
    let message = format!(
        "failed to localize granted filesystem paths: path `{}` is not absolute",
        path.display()
    );
    scope.thread.notify(
        "error",
        &json!({
            "error": {
                "message": message,
                "codexErrorInfo": null,
                "additionalDetails": null,
                "misalignment": null,
            },
            "willRetry": false,
            "threadId": scope.thread.id(),
            "turnId": &*scope.turn,
        }),
    );
    scope.erred.set(true);
}
