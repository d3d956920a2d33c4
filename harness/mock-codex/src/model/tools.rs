//! The tools that the model is offered: names and parameters are codex's, the descriptions ours.

use std::sync::OnceLock;

use bytes::Bytes;
use codex_wire::policy::SandboxPolicy;
use serde_json::{Value, json};

use super::metadata::Metadata;
use crate::protocol::dynamic_tool::DynamicTool;
use crate::thread::Settings;
use crate::thread::settings::PermissionTools;

/// The `tools` member of a request with these settings.
pub(crate) fn of(settings: &Settings) -> Bytes {
    // The web that a search may look at follows from the sandbox.
    let live_web = settings.sandbox == SandboxPolicy::DangerFullAccess;
    let patches = Metadata::of(&settings.model).is_some();
    let brought: Vec<Value> = settings
        .dynamic_tools
        .iter()
        .filter(|tool| !FUNCTIONS.iter().any(|name| tool.is(None, name)))
        .filter_map(DynamicTool::offer)
        .collect();
    let asks = settings.permission_tools;
    if brought.is_empty() && asks == PermissionTools::default() {
        return if patches {
            for_patching_model(live_web)
        } else {
            for_unknown_model(live_web)
        };
    }
    let tools = if patches {
        patching_model(live_web)
    } else {
        unknown_model(live_web)
    };
    let Value::Array(mut tools) = tools else {
        return Bytes::new();
    };
    let is_search = |tool: &Value| tool["type"] == "tool_search" || tool["type"] == "web_search";
    let searches = tools.iter().position(is_search).unwrap_or(tools.len());
    tools.splice(searches..searches, brought);
    offer_permissions(&mut tools, asks);
    Bytes::from(Value::Array(tools).to_string())
}

/// Adds the ways to ask for permissions.
fn offer_permissions(tools: &mut Vec<Value>, asks: PermissionTools) {
    let place = |tools: &[Value], name: &str| tools.iter().position(|tool| tool["name"] == name);
    if asks.with_commands
        && let Some(exec) = place(tools, "exec_command")
    {
        let parameters = &mut tools[exec]["parameters"]["properties"];
        parameters["additional_permissions"] = permissions();
        parameters["sandbox_permissions"]["enum"] = json!([
            "use_default",
            "with_additional_permissions",
            "require_escalated"
        ]);
    }
    if asks.alone
        && let Some(question) = place(tools, "request_user_input")
    {
        let tool = function(
            "request_permissions",
            "Ask the user for permissions that later commands need.",
            &json!({
                "environment_id": string("Where they are needed; `local`."),
                "permissions": permissions(),
                "reason": string("Why they are needed."),
            }),
            &["permissions"],
        );
        tools.insert(question + 1, tool);
    }
}

fn permissions() -> Value {
    let object = |properties: Value| json!({"type": "object", "properties": properties, "additionalProperties": false});
    let paths = json!({"type": "array", "items": {"type": "string"}});
    object(json!({
        "file_system": object(json!({"read": paths, "write": paths})),
        "network": object(json!({"enabled": {"type": "boolean"}})),
    }))
}

/// The functions that nobody can bring.
const FUNCTIONS: [&str; 4] = [
    "exec_command",
    "write_stdin",
    "request_user_input",
    "view_image",
];

fn for_unknown_model(live_web: bool) -> Bytes {
    static TOOLS: [OnceLock<Bytes>; 2] = [OnceLock::new(), OnceLock::new()];
    TOOLS[usize::from(live_web)]
        .get_or_init(|| Bytes::from(unknown_model(live_web).to_string()))
        .clone()
}

fn for_patching_model(live_web: bool) -> Bytes {
    static TOOLS: [OnceLock<Bytes>; 2] = [OnceLock::new(), OnceLock::new()];
    TOOLS[usize::from(live_web)]
        .get_or_init(|| Bytes::from(patching_model(live_web).to_string()))
        .clone()
}

/// The `tools` member of the request of somebody who decides about commands.
pub(crate) fn for_guardian() -> Bytes {
    static TOOLS: OnceLock<Bytes> = OnceLock::new();
    TOOLS
        .get_or_init(|| {
            only(
                unknown_model(false),
                &["exec_command", "write_stdin", "view_image"],
            )
        })
        .clone()
}

/// The `tools` member of the request of somebody who reviews code.
pub(crate) fn for_review(settings: &Settings) -> Bytes {
    const OFFERED: [&str; 5] = [
        "exec_command",
        "write_stdin",
        "request_user_input",
        "apply_patch",
        "view_image",
    ];
    if Metadata::of(&settings.model).is_some() {
        only(patching_model(false), &OFFERED)
    } else {
        only(unknown_model(false), &OFFERED)
    }
}

fn only(mut tools: Value, names: &[&str]) -> Bytes {
    if let Some(tools) = tools.as_array_mut() {
        tools.retain(|tool| names.iter().any(|name| tool["name"] == *name));
    }
    Bytes::from(tools.to_string())
}

fn unknown_model(live_web: bool) -> Value {
    json!([
        function(
            "exec_command",
            "Run a shell command.",
            &json!({
                "cmd": string("The command line for the shell."),
                "justification": string("The question that the user is asked about an escalation."),
                "login": boolean("Start the shell as a login shell; the default."),
                "max_output_tokens": number("How many tokens of output to return; 10000 by default."),
                "prefix_rule": {
                    "type": "array",
                    "description": "A prefix of the command that may be allowed from now on.",
                    "items": {"type": "string"},
                },
                "sandbox_permissions": {
                    "type": "string",
                    "description": "Ask to leave the sandbox with `require_escalated`.",
                    "enum": ["use_default", "require_escalated"],
                },
                "shell": string("The shell to use instead of the user's."),
                "tty": boolean("Give the command a terminal."),
                "workdir": string("Where to run it; the turn's directory by default."),
                "yield_time_ms": number("How long to wait for it, in milliseconds; 10000 by default."),
            }),
            &["cmd"]
        ),
        function(
            "write_stdin",
            "Write to a running command and read what it printed since.",
            &json!({
                "chars": string("What to write; nothing by default."),
                "max_output_tokens": number("How many tokens of output to return; 10000 by default."),
                "session_id": number("The command's session."),
                "yield_time_ms": number("How long to wait for output, in milliseconds."),
            }),
            &["session_id"]
        ),
        function(
            "request_user_input",
            "Ask the user up to three questions, in plan mode.",
            &json!({
                "questions": {"type": "array", "description": "The questions.", "items": {"type": "object"}},
            }),
            &["questions"]
        ),
        function(
            "view_image",
            "Look at an image file.",
            &json!({
                "path": string("The file."),
            }),
            &["path"]
        ),
        json!({
            "type": "namespace",
            "name": "multi_agent_v1",
            "description": "Work with sub-agents.",
            "tools": [
                function("close_agent", "End an agent.", &json!({"target": string("The agent.")}), &["target"]),
                function("resume_agent", "Open an ended agent again.", &json!({"id": string("The agent.")}), &["id"]),
                function("send_input", "Send a message to an agent.", &json!({"target": string("The agent.")}), &["target"]),
                function("spawn_agent", "Start an agent.", &json!({"message": string("Its task.")}), &[]),
                function("wait_agent", "Wait for agents.", &json!({"targets": {"type": "array", "items": {"type": "string"}}}), &["targets"]),
            ],
        }),
        function("get_goal", "Read the thread's goal.", &json!({}), &[]),
        function(
            "create_goal",
            "Set the thread's goal.",
            &json!({
                "objective": string("What is to be reached."),
                "token_budget": {"type": "integer", "description": "How many tokens it may take."},
            }),
            &["objective"]
        ),
        function(
            "update_goal",
            "Say how the goal stands.",
            &json!({
                "status": string("The new status."),
            }),
            &["status"]
        ),
        json!({"type": "web_search", "external_web_access": live_web}),
    ])
}

/// Those of an unknown model, but that agents have to be searched for.
fn patching_model(live_web: bool) -> Value {
    let mut tools: Vec<Value> = unknown_model(live_web)
        .as_array()
        .cloned()
        .unwrap_or_default();
    let place = |tools: &[Value], name: &str| tools.iter().position(|tool| tool["name"] == name);
    if let Some(agents) = place(&tools, "multi_agent_v1") {
        tools.remove(agents);
    }
    let patch = json!({
        "type": "custom",
        "name": "apply_patch",
        "description": "Change files.",
        "format": {"type": "text"},
    });
    let search = json!({
        "type": "tool_search",
        "execution": "client",
        "description": "Look for tools.",
        "parameters": {
            "type": "object",
            "properties": {"query": string("What to look for.")},
            "required": ["query"],
            "additionalProperties": false,
        },
    });
    let before = |tools: &[Value], name: &str| place(tools, name).unwrap_or(tools.len());
    tools.insert(before(&tools, "view_image"), patch);
    let last = tools.len() - 1;
    tools.insert(last, search);
    Value::Array(tools)
}

fn function(name: &str, description: &str, properties: &Value, required: &[&str]) -> Value {
    let mut parameters = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        parameters["required"] = json!(required);
    }
    parameters["additionalProperties"] = json!(false);
    json!({
        "type": "function",
        "name": name,
        "description": description,
        "strict": false,
        "parameters": parameters,
    })
}

fn string(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn number(description: &str) -> Value {
    json!({"type": "number", "description": description})
}

fn boolean(description: &str) -> Value {
    json!({"type": "boolean", "description": description})
}
