//! A call of the model, and which tool answers it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::emit::Scope;
use super::{
    command, dynamic, goal_tools, patch, permissions, tool_search, user_input, view_image,
};
use crate::clock;
use crate::model::metadata::Metadata;
use crate::protocol::dynamic_tool::DynamicTool;

/// A call of the model.
#[derive(Debug, Clone)]
pub(super) struct ToolCall {
    pub(super) id: String,
    kind: Kind,
    item_id: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    /// Arguments in JSON, or the text for a custom tool.
    pub(super) arguments: String,
    /// What the model says of a search for tools.
    status: Option<String>,
}

/// How a tool is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Function,
    Custom,
    /// A search for tools, which has no name.
    Search,
}

impl ToolCall {
    /// The call in an item, if it is one.
    pub(super) fn parse(item: &Value) -> Option<Self> {
        let (kind, arguments) = match item["type"].as_str()? {
            "function_call" => (Kind::Function, "arguments"),
            "custom_tool_call" => (Kind::Custom, "input"),
            "tool_search_call" => return Self::parse_search(item),
            _ => return None,
        };
        Some(Self {
            id: item["call_id"].as_str()?.to_owned(),
            kind,
            item_id: item["id"].as_str().map(str::to_owned),
            namespace: item["namespace"].as_str().map(str::to_owned),
            name: item["name"].as_str()?.to_owned(),
            arguments: item[arguments].as_str().unwrap_or_default().to_owned(),
            status: None,
        })
    }

    /// A search that is the client's to do.
    fn parse_search(item: &Value) -> Option<Self> {
        if item["execution"] != "client" {
            return None;
        }
        Some(Self {
            id: item["call_id"].as_str()?.to_owned(),
            kind: Kind::Search,
            item_id: None,
            namespace: None,
            name: "tool_search".to_owned(),
            arguments: item["arguments"].to_string(),
            status: item["status"].as_str().map(str::to_owned),
        })
    }

    /// The call as the model is shown it later.
    pub(super) fn to_input(&self) -> String {
        let new = |prefix: &str| format!("{prefix}_{}", clock::new_id());
        let id = self.item_id.clone();
        let (kind, prefix, text) = match self.kind {
            Kind::Function => ("function_call", "fc", "arguments"),
            Kind::Custom => ("custom_tool_call", "ctc", "input"),
            Kind::Search => return self.search_to_input(),
        };
        let id = id.unwrap_or_else(|| new(prefix));
        let mut item = json!({"type": kind, "id": id});
        if self.kind == Kind::Custom {
            item["call_id"] = json!(self.id);
        }
        item["name"] = json!(self.name);
        if let Some(namespace) = &self.namespace {
            item["namespace"] = json!(namespace);
        }
        item[text] = json!(self.arguments);
        item["call_id"] = json!(self.id);
        item.to_string()
    }

    fn search_to_input(&self) -> String {
        let mut item = json!({"type": "tool_search_call", "call_id": self.id});
        if let Some(status) = &self.status {
            item["status"] = json!(status);
        }
        item["execution"] = json!("client");
        item["arguments"] = serde_json::from_str(&self.arguments).unwrap_or_default();
        item.to_string()
    }

    /// Its output as the model is shown it.
    pub(super) fn output(&self, output: &(impl Serialize + ?Sized)) -> String {
        let (kind, prefix) = match self.kind {
            Kind::Function => ("function_call_output", "fco"),
            Kind::Custom => ("custom_tool_call_output", "ctco"),
            Kind::Search => return self.found(output),
        };
        json!({
            "type": kind,
            "id": format!("{prefix}_{}", clock::new_id()),
            "call_id": self.id,
            "output": output,
        })
        .to_string()
    }

    /// What a search has found: tools, and none where it came to something else.
    fn found(&self, tools: &(impl Serialize + ?Sized)) -> String {
        let tools = serde_json::to_value(tools).ok().filter(Value::is_array);
        json!({
            "type": "tool_search_output",
            "id": format!("tso_{}", clock::new_id()),
            "call_id": self.id,
            "status": "completed",
            "execution": "client",
            "tools": tools.unwrap_or_else(|| json!([])),
        })
        .to_string()
    }

    /// What the model is told of a call that an interrupt cut off after this time.
    pub(super) fn aborted(&self, seconds: f64) -> String {
        match self.name.as_str() {
            "exec_command" | "write_stdin" => {
                format!("Wall time: {seconds:.1} seconds\naborted by user")
            }
            "request_permissions" => {
                "request_permissions was cancelled before receiving a response".to_owned()
            }
            _ => format!("aborted by user after {seconds:.1}s"),
        }
    }
}

/// What a call comes to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Text for the model.
    Output(String),
    /// Several parts for the model.
    Parts(Vec<Value>),
    /// Text for the model, and the end of the turn.
    Last(String),
    /// The user ends the turn.
    Cancelled,
}

/// The tools that are functions.
const FUNCTIONS: [&str; 4] = [
    "exec_command",
    "write_stdin",
    "request_user_input",
    "view_image",
];

/// The tools for the thread's goal, which only a thread of somebody's has.
const GOALS: [&str; 3] = ["get_goal", "create_goal", "update_goal"];

/// What the model is told of a tool that it called in the wrong way.
const ABORTED: &str = "aborted";

/// Carries a call out.
pub(super) async fn run(scope: Scope, call: ToolCall) -> Outcome {
    let (patches, brought, asks) = {
        let settings = &scope.settings;
        let patches = Metadata::of(&settings.model).is_some_and(|model| model.patches);
        let is_called = |tool: &DynamicTool| tool.is(call.namespace.as_deref(), &call.name);
        let brought = settings.dynamic_tools.iter().any(is_called);
        (patches, brought, settings.permission_tools.alone)
    };
    let goals = scope.thread.relay.is_none();
    let space = call.namespace.as_deref().unwrap_or_default();
    let aborted = || Outcome::Output(ABORTED.to_owned());
    match (call.kind, space, call.name.as_str()) {
        (Kind::Search, ..) => Outcome::Parts(tool_search::find(&scope, &call.arguments)),
        (Kind::Function, "", "exec_command") => command::exec(scope, call).await,
        (Kind::Function, "", "write_stdin") => command::write_stdin(scope, call).await,
        (Kind::Function, "", "request_user_input") => user_input::call(scope, call).await,
        (Kind::Function, "", "request_permissions") if asks => permissions::call(scope, call).await,
        (Kind::Function, "", name) if goals && GOALS.contains(&name) => {
            goal_tools::call(&scope, &call)
        }
        (Kind::Function, "", "view_image") => view_image::call(&scope, &call),
        (Kind::Custom, "", "apply_patch") if patches => patch::call(scope, call).await,
        (Kind::Function, "", "apply_patch") if patches => aborted(),
        (Kind::Custom, "", name) if FUNCTIONS.contains(&name) => aborted(),
        (Kind::Custom, "", "request_permissions") if asks => aborted(),
        (Kind::Custom, ..) if brought => aborted(),
        (Kind::Function, ..) if brought => dynamic::call(scope, call).await,
        (Kind::Function, space, name) => {
            Outcome::Output(format!("unsupported call: {space}{name}"))
        }
        (Kind::Custom, space, name) => {
            Outcome::Output(format!("unsupported custom tool call: {space}{name}"))
        }
    }
}

/// What tools that work somewhere are asked first: where.
#[derive(Debug, Deserialize)]
struct ToolEnvironmentArgs {
    environment_id: Option<String>,
}

/// Refuses arguments that name an environment that isn't there, in the words of codex 0.169.0.
pub(super) fn check_environment(arguments: &str) -> Result<(), String> {
    let arguments: ToolEnvironmentArgs = serde_json::from_str(arguments)
        .map_err(|error| format!("failed to parse function arguments: {error}"))?;
    match arguments.environment_id {
        Some(id) if id != "local" => Err(format!("unknown turn environment id `{id}`")),
        _ => Ok(()),
    }
}
