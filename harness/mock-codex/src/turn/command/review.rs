//! A reviewer, which is the model in another conversation, decides about a command.

use codex_wire::policy::{ApprovalPolicy, ApprovalsReviewer, SandboxPolicy};
use serde::Deserialize;
use serde_json::{Value, json};

use super::launch::Planned;
use super::reviewer::covered;
use super::{ExecArgs, rejected};
use crate::clock;
use crate::model::error::ModelError;
use crate::model::event::{Event, Failed};
use crate::model::request::{Reviewed, Subject, message};
use crate::model::{Answer, Channel, Events, context};
use crate::protocol::item::Item;
use crate::thread::Settings;
use crate::thread::history::History;
use crate::thread::state::Conversation;
use crate::turn::emit::Scope;
use crate::turn::toolcall::Outcome;

/// How often a reviewer is asked that doesn't answer in the form that it was given.
const TRIES: usize = 3;

const PROMPT: &str = "You judge one planned command of a coding agent: whether the user wants it, \
    and what it may damage. Answer with a JSON object of the given form and nothing else.";

/// What a reviewer answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Assessment {
    outcome: Decision,
    risk_level: Option<String>,
    user_authorization: Option<String>,
    rationale: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Allow,
    Deny,
}

/// What came of a review, for the client and for the model.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    approved: bool,
    risk: Option<String>,
    authorization: Option<String>,
    rationale: String,
    warning: String,
    /// What the model reads where the command doesn't run.
    refusal: String,
}

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
    let review_id = uuid::Uuid::new_v4().to_string();
    let action = json!({
        "type": "command",
        "source": "unifiedExec",
        "command": planned.display,
        "cwd": planned.cwd,
    });
    let mut params = json!({
        "threadId": scope.thread.id(),
        "turnId": &*scope.turn,
        "startedAtMs": started_ms,
        "reviewId": review_id,
        "targetItemId": planned.call,
        "review": {
            "status": "inProgress",
            "riskLevel": null,
            "userAuthorization": null,
            "rationale": null,
        },
        "action": action,
    });
    scope
        .thread
        .notify("item/autoApprovalReview/started", &params);
    let finding = match assess(scope, planned, args).await {
        Ok(assessment) => Finding::of(assessment),
        Err(cause) => Finding::failed(&cause),
    };
    scope.thread.notify(
        "guardianWarning",
        &json!({"threadId": scope.thread.id(), "message": finding.warning}),
    );
    finding.tell(&mut params);
    scope
        .thread
        .notify("item/autoApprovalReview/completed", &params);
    if finding.approved {
        return Ok(started_ms);
    }
    item.status = "declined";
    scope.item_completed(Item::CommandExecution(item));
    Err(rejected(&finding.refusal))
}

impl Finding {
    fn of(assessment: Assessment) -> Self {
        let approved = assessment.outcome == Decision::Allow;
        let (verb, level, default) = if approved {
            (
                "approved",
                "low",
                "Auto-review returned a low-risk allow decision.",
            )
        } else {
            (
                "denied",
                "high",
                "Auto-review returned a deny decision without a rationale.",
            )
        };
        let risk = assessment.risk_level.unwrap_or_else(|| level.to_owned());
        let authorization = assessment
            .user_authorization
            .unwrap_or_else(|| "unknown".to_owned());
        let rationale = assessment.rationale.unwrap_or_else(|| default.to_owned());
        Self {
            approved,
            warning: format!(
                "Automatic approval review {verb} (risk: {risk}, authorization: {authorization}): \
                 {rationale}"
            ),
            refusal: format!(
                "This action was rejected due to unacceptable risk.\nReason: {rationale}\nThe agent \
                 must not attempt to achieve the same outcome via workaround."
            ),
            risk: Some(risk),
            authorization: Some(authorization),
            rationale,
        }
    }

    fn failed(cause: &str) -> Self {
        let warning = format!("Automatic approval review failed: {cause}");
        Self {
            approved: false,
            risk: None,
            authorization: None,
            rationale: warning.clone(),
            refusal: format!(
                "{warning}\nThe action was not executed because automatic approval review could not \
                 be completed."
            ),
            warning,
        }
    }

    /// Turns the parameters of the start of a review into those of its end.
    fn tell(&self, params: &mut Value) {
        let Some(started) = params.as_object_mut().map(std::mem::take) else {
            return;
        };
        let mut ended = serde_json::Map::new();
        for (name, value) in started {
            let is = |wanted: &str| name == wanted;
            let (after_start, after_target) = (is("startedAtMs"), is("targetItemId"));
            ended.insert(name, value);
            if after_start {
                ended.insert("completedAtMs".to_owned(), json!(clock::now_ms()));
            }
            if after_target {
                ended.insert("decisionSource".to_owned(), json!("agent"));
            }
        }
        let status = if self.approved { "approved" } else { "denied" };
        ended.insert(
            "review".to_owned(),
            json!({
                "status": status,
                "riskLevel": self.risk,
                "userAuthorization": self.authorization,
                "rationale": self.rationale,
            }),
        );
        *params = Value::Object(ended);
    }
}

/// Asks until there is an assessment.
async fn assess(scope: &Scope, planned: &Planned, args: &ExecArgs) -> Result<Assessment, String> {
    let settings = own_settings(&scope.thread.state.borrow().settings);
    let question = question(planned, args);
    let turn = clock::new_id();
    for _ in 0..TRIES {
        let answer = ask(scope, &settings, &turn, &question).await?;
        if let Ok(assessment) = serde_json::from_str(answer.trim()) {
            return Ok(assessment);
        }
    }
    Err("guardian assessment was not valid JSON".to_owned())
}

/// What a reviewer runs with: the thread's model, and nothing that changes anything.
pub(super) fn own_settings(settings: &Settings) -> Settings {
    let settings = settings.clone();
    Settings {
        approval_policy: ApprovalPolicy::Never,
        reviewer: ApprovalsReviewer::User,
        sandbox: SandboxPolicy::ReadOnly {
            network_access: false,
        },
        profile: None,
        base_instructions: Some(PROMPT.to_owned()),
        developer_instructions: None,
        ..settings
    }
}

fn question(planned: &Planned, args: &ExecArgs) -> String {
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
    format!("Planned action JSON:\n{action:#}\n")
}

/// Asks once; gives the text of the answer.
async fn ask(
    scope: &Scope,
    settings: &Settings,
    turn: &str,
    question: &str,
) -> Result<String, String> {
    let endpoint = scope.endpoint()?;
    let (channel, asked) = {
        let mut review = scope.thread.review.borrow_mut();
        let review = review.get_or_insert_with(|| open(settings));
        review.history.push(&message("user", &[question]));
        let schema = schema();
        let subject = Subject {
            thread: &review.id,
            session: &scope.thread.meta.session_id,
            turn,
            turn_started_ms: clock::now_ms(),
            context_window: &review.context_window,
            installation: &scope.server.installation_id,
            settings,
            output_schema: Some(&schema),
            reviewed: Some(Reviewed {
                thread: scope.thread.id(),
                turn: &scope.turn,
            }),
            compaction: false,
            window: 0,
            read_back: false,
        };
        let asked = subject.ask(&scope.client.known(), &review.history);
        (review.channel.clone(), asked)
    };
    let mut events = match channel.ask(&endpoint, asked).await {
        Ok(Answer::Events(events)) => events,
        Ok(Answer::Refused {
            status,
            retry_after,
            body,
            url,
        }) => {
            return Err(ModelError::status(status, retry_after, &body, &url).message);
        }
        Err(_) => return Err("the model could not be reached".to_owned()),
    };
    let mut said = String::new();
    loop {
        match events.next().await.map_err(|error| error.message)? {
            Event::ItemDone(item) if item["type"] == "function_call" => {
                return Err("mock-codex runs no tools for a reviewer".to_owned());
            }
            Event::ItemDone(item) if item["type"] == "message" => {
                let parts = item["content"].as_array().into_iter().flatten();
                said = parts.filter_map(|part| part["text"].as_str()).collect();
                remember(scope, &item);
            }
            Event::Completed(completed) => {
                if let Events::Socket(events) = events {
                    events.keep(completed.id, covered(scope, settings)).await;
                }
                return Ok(said);
            }
            Event::Failed(Failed { error, .. }) => return Err(error.message),
            _ => {}
        }
    }
}

pub(super) fn open(settings: &Settings) -> Conversation {
    let mut history = History::default();
    history.push(&message("developer", &[&context::permissions(settings)]));
    history.push(&message("user", &[&context::environment(settings, true)]));
    Conversation {
        id: clock::new_id(),
        context_window: clock::new_id(),
        history,
        channel: Channel::default(),
    }
}

fn remember(scope: &Scope, item: &Value) {
    if let Some(review) = scope.thread.review.borrow_mut().as_mut() {
        let said = json!({"type": "message", "role": "assistant", "content": item["content"]});
        review.history.push(&said.to_string());
    }
}

/// The form of an assessment.
fn schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "risk_level": {"type": "string", "enum": ["low", "medium", "high", "critical"]},
            "user_authorization": {"type": "string", "enum": ["unknown", "low", "medium", "high"]},
            "outcome": {"type": "string", "enum": ["allow", "deny"]},
            "rationale": {"type": "string"},
        },
        "required": ["outcome"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(answer: &str) -> Finding {
        Finding::of(serde_json::from_str(answer).unwrap())
    }

    #[test]
    fn what_an_assessment_leaves_out_is_filled_in() {
        let allowed = finding(r#"{"outcome": "allow"}"#);
        assert!(allowed.approved);
        assert_eq!(
            allowed.warning,
            "Automatic approval review approved (risk: low, authorization: unknown): Auto-review \
             returned a low-risk allow decision."
        );
        let denied = finding(r#"{"outcome": "deny", "risk_level": "critical", "rationale": "no"}"#);
        assert!(!denied.approved);
        assert_eq!(
            denied.warning,
            "Automatic approval review denied (risk: critical, authorization: unknown): no"
        );
    }
}
