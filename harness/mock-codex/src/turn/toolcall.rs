//! A call of the model, and which tool answers it.

use serde_json::{Value, json};

use super::command;
use super::emit::Scope;
use crate::clock;

/// A function call of the model.
#[derive(Debug, Clone)]
pub(super) struct ToolCall {
    pub(super) id: String,
    item_id: Option<String>,
    pub(super) name: String,
    pub(super) arguments: String,
}

impl ToolCall {
    /// The call in an item, if it is one.
    pub(super) fn parse(item: &Value) -> Option<Self> {
        if item["type"] != "function_call" {
            return None;
        }
        Some(Self {
            id: item["call_id"].as_str()?.to_owned(),
            item_id: item["id"].as_str().map(str::to_owned),
            name: item["name"].as_str()?.to_owned(),
            arguments: item["arguments"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// The call as the model is shown it later.
    pub(super) fn to_input(&self) -> String {
        let id = self
            .item_id
            .clone()
            .unwrap_or_else(|| format!("fc_{}", clock::new_id()));
        json!({
            "type": "function_call",
            "id": id,
            "name": self.name,
            "arguments": self.arguments,
            "call_id": self.id,
        })
        .to_string()
    }

    /// Its output as the model is shown it.
    pub(super) fn output(&self, output: &str) -> String {
        json!({
            "type": "function_call_output",
            "id": format!("fco_{}", clock::new_id()),
            "call_id": self.id,
            "output": output,
        })
        .to_string()
    }
}

/// What a call comes to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Text for the model.
    Output(String),
    /// The user ends the turn.
    Cancelled,
}

/// Carries a call out.
pub(super) async fn run(scope: Scope, call: ToolCall) -> Outcome {
    match call.name.as_str() {
        "exec_command" => command::exec(scope, call).await,
        "write_stdin" => command::write_stdin(scope, call).await,
        name => Outcome::Output(format!("unsupported call: {name}")),
    }
}
