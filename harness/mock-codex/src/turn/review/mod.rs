//! A reviewer, which is the model in another conversation, decides in place of the client.

mod connection;
mod progress;

use codex_wire::policy::{ApprovalPolicy, ApprovalsReviewer, SandboxPolicy};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock;
use crate::config::Documents;
use crate::model::error::ModelError;
use crate::model::event::{Event, Failed};
use crate::model::request::{Subject, message};
use crate::model::subagent::{Subagent, SubagentKind};
use crate::model::{Answer, Channel, Events, context};
use crate::protocol::item::Item;
use crate::thread::Settings;
use crate::thread::history::History;
use crate::thread::state::Conversation;
use crate::turn::emit::Scope;
use crate::turn::toolcall::Outcome;

use connection::covered;
pub(super) use connection::warm_up;
pub(super) use progress::Reviews;
use progress::{Denials, Open};

/// How often a reviewer is asked that doesn't answer in the form that it was given.
const TRIES: usize = 3;

/// Why a review fails whose reviewer says nothing.
const NO_ANSWER: &str = "guardian review completed without an assessment payload";

const PROMPT: &str = "You judge one planned command of a coding agent: whether the user wants it, \
    and what it may damage. Answer with a JSON object of the given form and nothing else.";

/// What a reviewer is told once, before the second question.
const EARLIER: &str = "What was decided before is context, no rule. What the user has approved in \
    knowledge of the risks is allowed, unless it is forbidden outright.";

/// What a reviewer answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Assessment {
    outcome: Decision,
    risk_level: Option<Risk>,
    user_authorization: Option<Authorization>,
    rationale: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Risk {
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Authorization {
    Unknown,
    Low,
    Medium,
    High,
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
    risk: Option<Risk>,
    authorization: Option<Authorization>,
    rationale: String,
    warning: String,
    /// What the model reads where the command doesn't run.
    refusal: String,
}

/// What is to be reviewed.
#[derive(Debug)]
pub(super) struct Planned<'a> {
    /// The item that it is told as, which has begun.
    pub(super) item: &'a str,
    pub(super) started_ms: i64,
    /// What the client is told of it.
    pub(super) action: Value,
    /// What the reviewer is told of it.
    pub(super) question: Value,
    /// Its item, where an interrupt declines that.
    pub(super) declined: Option<Item>,
}

/// Why something that was reviewed may not be done.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What the model is told.
    pub(super) told: String,
    /// How much was denied, where that ends the turn.
    denials: Option<Denials>,
}

impl Refusal {
    /// What the call comes to, once its item is declined; the client is warned of the turn's end.
    pub(super) fn outcome(&self, scope: &Scope, told: Outcome) -> Outcome {
        match (&self.denials, told) {
            (Some(denials), Outcome::Output(told)) => {
                warn(scope, &denials.warning());
                Outcome::Last(told)
            }
            (_, told) => told,
        }
    }
}

/// Does a reviewer decide what the client would be asked about?
pub(super) fn decides(scope: &Scope) -> bool {
    if scope.thread.granted.borrow().are_reviewed(&scope.turn) {
        return true;
    }
    let settings = &scope.settings;
    settings.reviewer == ApprovalsReviewer::AutoReview
        && matches!(
            settings.approval_policy,
            ApprovalPolicy::OnRequest | ApprovalPolicy::Granular(_)
        )
}

/// Has something reviewed; fails where it may not be done.
pub(super) async fn review(scope: &Scope, planned: Planned<'_>) -> Result<(), Refusal> {
    let params = json!({
        "threadId": scope.thread.id(),
        "turnId": &*scope.turn,
        "startedAtMs": planned.started_ms,
        "reviewId": crate::clock::new_random_id(),
        "targetItemId": planned.item,
        "review": {
            "status": "inProgress",
            "riskLevel": null,
            "userAuthorization": null,
            "rationale": null,
        },
        "action": planned.action,
    });
    scope
        .thread
        .notify("item/autoApprovalReview/started", &params);
    scope.reviews.begin(Open {
        call: planned.item.to_owned(),
        params: params.clone(),
        declined: planned.declined,
    });
    let finding = match assess(scope, &planned.question).await {
        Ok(assessment) => Finding::of(assessment),
        Err(cause) => Finding::failed(&cause),
    };
    let denials = scope.reviews.end(planned.item, finding.is_denial());
    warn(scope, &finding.warning);
    tell_end(scope, &params, &finding.view());
    if finding.approved {
        return Ok(());
    }
    Err(Refusal {
        told: finding.refusal,
        denials,
    })
}

fn warn(scope: &Scope, message: &str) {
    scope.thread.notify(
        "guardianWarning",
        &json!({"threadId": scope.thread.id(), "message": message}),
    );
}

/// Tells the end of a review: the parameters of its start, with what came of it.
fn tell_end(scope: &Scope, started: &Value, review: &Value) {
    let mut ended = serde_json::Map::new();
    for (name, value) in started.as_object().into_iter().flatten() {
        let value = if name == "review" { review } else { value };
        ended.insert(name.clone(), value.clone());
        match name.as_str() {
            "startedAtMs" => ended.insert("completedAtMs".to_owned(), json!(clock::now_ms())),
            "targetItemId" => ended.insert("decisionSource".to_owned(), json!("agent")),
            _ => None,
        };
    }
    scope
        .thread
        .notify("item/autoApprovalReview/completed", &ended);
}

impl Finding {
    fn of(assessment: Assessment) -> Self {
        let approved = assessment.outcome == Decision::Allow;
        let (verb, level, default) = if approved {
            (
                "approved",
                Risk::Low,
                "Auto-review returned a low-risk allow decision.",
            )
        } else {
            (
                "denied",
                Risk::High,
                "Auto-review returned a deny decision without a rationale.",
            )
        };
        let risk = assessment.risk_level.unwrap_or(level);
        let authorization = assessment
            .user_authorization
            .unwrap_or(Authorization::Unknown);
        let rationale = assessment.rationale.filter(|it| !it.trim().is_empty());
        let rationale = rationale.unwrap_or_else(|| default.to_owned());
        Self {
            approved,
            warning: format!(
                "Automatic approval review {verb} (risk: {}, authorization: {}): {rationale}",
                name(&risk),
                name(&authorization)
            ),
            refusal: format!(
                "This action was rejected due to unacceptable risk.\nReason: {}\nThe agent \
                 must not attempt to achieve the same outcome via workaround.",
                rationale.trim()
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

    /// Has the reviewer denied it? A review that failed has an end, but no verdict.
    fn is_denial(&self) -> bool {
        !self.approved && self.risk.is_some()
    }

    /// What the client is told of it.
    fn view(&self) -> Value {
        let status = if self.approved { "approved" } else { "denied" };
        json!({
            "status": status,
            "riskLevel": self.risk,
            "userAuthorization": self.authorization,
            "rationale": self.rationale,
        })
    }
}

/// Asks until there is an assessment.
async fn assess(scope: &Scope, action: &Value) -> Result<Assessment, String> {
    let settings = own_settings(&scope.settings);
    // Members come in the order of their names, also within others.
    let mut action = action.clone();
    action.sort_all_objects();
    let question = format!("Planned action JSON:\n{action:#}\n");
    let mut wrong = String::new();
    for _ in 0..TRIES {
        // Each try is a turn of the reviewer's own.
        let turn = clock::new_id();
        let answer = ask(scope, &settings, &turn, &question).await?;
        if answer.is_empty() {
            return Err(NO_ANSWER.to_owned());
        }
        match read(&answer) {
            Ok(assessment) => return Ok(assessment),
            Err(error) => wrong = error,
        }
    }
    Err(wrong)
}

/// The assessment in an answer, also in the middle of a text.
fn read(answer: &str) -> Result<Assessment, String> {
    let start = answer.find('{');
    let end = answer.rfind('}').map(|end| end + 1);
    let object = start
        .zip(end)
        .and_then(|(start, end)| answer.get(start..end));
    let object = object.ok_or("guardian assessment was not valid JSON")?;
    serde_json::from_str(object).map_err(|error| error.to_string())
}

/// What a reviewer runs with: the thread's model, and nothing that changes anything.
fn own_settings(settings: &Settings) -> Settings {
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
        documents: Documents::default(),
        ..settings
    }
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
        let reviewed = scope.settings.clone();
        let mut review = scope.thread.review.borrow_mut();
        let review = review.get_or_insert_with(|| open(settings, &reviewed));
        if review.has_answered && !std::mem::replace(&mut review.is_guided, true) {
            review.history.push(&message("developer", &[EARLIER]));
        }
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
            service_tier: None,
            parent_turn: None,
            subagent: Some(Subagent {
                kind: SubagentKind::Guardian,
                thread: scope.thread.id(),
                turn: &scope.turn,
            }),
            compaction: false,
            window: 0,
            read_back: false,
        };
        let asked = subject.ask(&scope.server.identity(), &review.history);
        (review.channel.clone(), asked)
    };
    let mut events = match channel.ask(&scope.server.tokens, &endpoint, asked).await {
        Ok(Answer::Events(events)) => events,
        Ok(Answer::Refused(refusal)) => return Err(ModelError::refused(&refusal).message),
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

/// What is reviewed could write where the reviewer can read.
fn open(settings: &Settings, reviewed: &Settings) -> Conversation {
    let mut history = History::default();
    history.push(&message("developer", &[&context::permissions(settings)]));
    history.push(&message(
        "user",
        &[&context::environment_of_reviewer(settings, reviewed)],
    ));
    Conversation {
        id: clock::new_id(),
        context_window: clock::new_id(),
        history,
        channel: Channel::default(),
        has_answered: false,
        is_guided: false,
    }
}

fn remember(scope: &Scope, item: &Value) {
    if let Some(review) = scope.thread.review.borrow_mut().as_mut() {
        let mut said = json!({"type": "message", "role": "assistant", "content": item["content"]});
        if let Some(status) = item.get("status") {
            said["status"] = status.clone();
        }
        review.history.push(&said.to_string());
        review.has_answered = true;
    }
}

/// A level by its name on the wire.
fn name(level: &impl Serialize) -> String {
    let name = serde_json::to_value(level).ok();
    let name = name.as_ref().and_then(Value::as_str);
    name.unwrap_or_default().to_owned()
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
