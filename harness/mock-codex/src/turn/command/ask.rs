//! The client decides about a command.

use serde::Deserialize;
use serde_json::{Value, json};

use super::launch::Planned;
use super::verdict::{self, Why};
use super::{ExecArgs, actions, rejected};
use crate::approval::{Answer, Kind};
use crate::clock;
use crate::model::request::message;
use crate::protocol::item::Item;
use crate::rules;
use crate::turn::emit::Scope;
use crate::turn::question::Question;
use crate::turn::toolcall::Outcome;

/// Why a command is asked about that its sandbox stopped.
const RETRY: &str = "command failed; retry without sandbox?";

/// What the client answers.
#[derive(Debug, Deserialize)]
struct Response {
    decision: Decision,
}

/// What the client decided.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Decision {
    Accept,
    AcceptForSession,
    /// Also commands that begin with these words.
    #[serde(rename_all = "snake_case")]
    AcceptWithExecpolicyAmendment {
        execpolicy_amendment: Vec<String>,
    },
    /// About a host: the mock asks about none, so that only the command is decided about.
    #[serde(rename_all = "snake_case")]
    ApplyNetworkPolicyAmendment {
        network_policy_amendment: NetworkAmendment,
    },
    Decline,
    Cancel,
    /// An error, or nothing that is a decision.
    #[serde(skip)]
    Failed,
}

/// What is to become of a host.
#[derive(Debug, Deserialize)]
struct NetworkAmendment {
    #[serde(rename = "host")]
    _host: String,
    action: NetworkAction,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NetworkAction {
    Allow,
    Deny,
}

impl Decision {
    fn of(answer: &Answer) -> Self {
        let response = answer.as_ref().ok().map(Response::deserialize);
        let response = response.and_then(Result::ok);
        response.map_or(Self::Failed, |response| response.decision)
    }
}

/// Asks; returns if the command may run: when its item was told.
pub(super) async fn approval(
    scope: &Scope,
    planned: &Planned,
    args: &ExecArgs,
    why: &Why,
) -> Result<i64, Outcome> {
    let started_ms = clock::now_ms();
    let mut announced = planned.clone();
    announced.announced = Some(started_ms);
    let question = Question::open(scope, Kind::Approval);
    scope.item_started(&mut Item::CommandExecution(announced.item("agent", None)));
    let params = params(scope, &announced, args, why);
    let answer = question
        .ask("item/commandExecution/requestApproval", params)
        .await;
    question.close();
    let decision = Decision::of(&answer);
    let close = |status: &'static str| {
        let mut item = announced.item("agent", None);
        item.status = status;
        scope.item_completed(Item::CommandExecution(item));
    };
    match decision {
        Decision::Accept
        | Decision::ApplyNetworkPolicyAmendment {
            network_policy_amendment:
                NetworkAmendment {
                    action: NetworkAction::Allow,
                    ..
                },
        } => {}
        Decision::AcceptForSession => {
            scope.thread.approved.borrow_mut().insert(planned.grant());
        }
        Decision::AcceptWithExecpolicyAmendment {
            execpolicy_amendment,
        } => allow(scope, &execpolicy_amendment),
        Decision::Decline
        | Decision::ApplyNetworkPolicyAmendment {
            network_policy_amendment:
                NetworkAmendment {
                    action: NetworkAction::Deny,
                    ..
                },
        } => {
            close("declined");
            return Err(rejected("rejected by user"));
        }
        Decision::Cancel => {
            close("declined");
            return Err(Outcome::Cancelled);
        }
        Decision::Failed => {
            close("failed");
            return Err(rejected("approval request failed"));
        }
    }
    Ok(started_ms)
}

/// Makes a rule of what the client allows.
fn allow(scope: &Scope, words: &[String]) {
    match scope.server.rules.allow(words) {
        Ok(false) => {}
        Ok(true) => {
            let saved = format!("Approved command prefix saved:\n- {}", rules::shown(words));
            let told = message("developer", &[&saved]);
            scope.told.borrow_mut().push(told);
        }
        Err(error) => scope.thread.notify(
            "warning",
            &json!({
                "threadId": scope.thread.id(),
                "message": format!("Failed to apply execpolicy amendment: {error}"),
            }),
        ),
    }
}

fn params(scope: &Scope, planned: &Planned, args: &ExecArgs, why: &Why) -> Value {
    let mut params = json!({
        "kind": "command",
        "threadId": scope.thread.id(),
        "turnId": &*scope.turn,
        "itemId": planned.call,
        "startedAtMs": planned.announced,
        "environmentId": "local",
    });
    let reason = match why {
        Why::Denied => Some(RETRY.to_owned()),
        Why::Rule => Some(format!("`{}` requires approval by policy", planned.display)),
        _ => None,
    };
    let given = args.justification.clone().filter(|_| *why != Why::Denied);
    if let Some(reason) = given.or(reason) {
        params["reason"] = json!(reason);
    }
    params["command"] = json!(planned.display);
    params["cwd"] = json!(planned.cwd);
    params["commandActions"] = json!(actions::of(&planned.cmd, &planned.cwd));
    let mut decisions = vec![json!("accept")];
    let permissions = planned.beyond.permissions();
    if let Some(permissions) = permissions {
        params["additionalPermissions"] = permissions.view();
    }
    if matches!(why, Why::Command | Why::Denied) {
        let words = verdict::first_without_rule(scope, planned);
        let wanted = args.prefix_rule.clone();
        let prefix = wanted.filter(|prefix| !prefix.is_empty() && words.starts_with(prefix));
        let amendment = prefix.unwrap_or(words);
        params["proposedExecpolicyAmendment"] = json!(amendment);
        if permissions.is_none() {
            decisions.push(json!({
                "acceptWithExecpolicyAmendment": {"execpolicy_amendment": amendment},
            }));
        }
    }
    decisions.push(json!("cancel"));
    params["availableDecisions"] = json!(decisions);
    params
}
