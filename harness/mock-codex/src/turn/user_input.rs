//! Questions of the model to the user.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::emit::Scope;
use super::question::Question as Asked;
use super::toolcall::{Outcome, ToolCall};
use crate::approval::Kind;

/// The arguments of the tool.
#[derive(Debug, Deserialize)]
struct Arguments {
    questions: Vec<Question>,
}

/// One question.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    id: String,
    header: String,
    question: String,
    #[serde(default)]
    is_other: bool,
    #[serde(default)]
    is_secret: bool,
    options: Option<Vec<Choice>>,
}

/// A choice.
#[derive(Debug, Serialize, Deserialize)]
struct Choice {
    label: String,
    description: String,
}

/// What the user answers; what is none counts as no answer.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Response {
    answers: BTreeMap<String, Answers>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Answers {
    answers: Vec<String>,
}

/// Has the client ask the user.
pub(super) async fn call(scope: Scope, call: ToolCall) -> Outcome {
    let told = |text: String| Outcome::Output(text);
    if scope.thread.relay.is_some() {
        return told("request_user_input can only be used by the root thread".to_owned());
    }
    let mode = scope.settings.collaboration.title();
    if mode != "Plan" {
        return told(format!("request_user_input is unavailable in {mode} mode"));
    }
    let mut arguments: Arguments = match serde_json::from_str(&call.arguments) {
        Ok(arguments) => arguments,
        Err(error) => return told(format!("failed to parse function arguments: {error}")),
    };
    for question in &mut arguments.questions {
        if question.options.as_ref().is_none_or(Vec::is_empty) {
            return told(
                "request_user_input requires non-empty options for every question".to_owned(),
            );
        }
        question.is_other = true;
    }
    let params = json!({
        "threadId": scope.thread.id(),
        "turnId": &*scope.turn,
        "itemId": call.id,
        "questions": arguments.questions,
        "isBlocking": true,
        "autoResolutionMs": null,
    });
    let asked = Asked::open(&scope, Kind::UserInput);
    let answer = asked.ask("item/tool/requestUserInput", params).await;
    asked.close();
    let response = answer
        .ok()
        .and_then(|answer: Value| Response::deserialize(answer).ok());
    // Plain data: this can't fail.
    told(serde_json::to_string(&response.unwrap_or_default()).unwrap_or_default())
}
