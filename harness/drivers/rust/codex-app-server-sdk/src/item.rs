//! Items by the wire's names, with those members that the crate keeps.

use codex_app_server_sdk::{
    CommandExecutionStatus, McpToolCallStatus, PatchApplyStatus, ThreadItem, Usage,
};
use codex_driver::variant;
use serde_json::{Value, json};

/// An item: its type is the variant's name.
pub fn to_value(item: ThreadItem) -> Value {
    let kind = lower(&variant(&item));
    let mut value = match item {
        ThreadItem::AgentMessage(item) => {
            let mut value = json!({ "id": item.id, "text": item.text });
            if let Some(phase) = item.phase {
                value["phase"] = phase.as_str().into();
            }
            value
        }
        ThreadItem::UserMessage(item) => json!({ "id": item.id }),
        ThreadItem::Plan(item) => json!({ "id": item.id, "text": item.text }),
        ThreadItem::Reasoning(item) => json!({ "id": item.id }),
        ThreadItem::CommandExecution(item) => json!({
            "id": item.id,
            "command": item.command,
            "aggregatedOutput": item.aggregated_output,
            "exitCode": item.exit_code,
            "status": command_status(item.status),
        }),
        ThreadItem::FileChange(item) => {
            json!({ "id": item.id, "status": patch_status(item.status) })
        }
        ThreadItem::McpToolCall(item) => json!({
            "id": item.id,
            "server": item.server,
            "tool": item.tool,
            "arguments": item.arguments,
            "status": call_status(item.status),
        }),
        ThreadItem::WebSearch(item) => json!({ "id": item.id, "query": item.query }),
        ThreadItem::Unknown(item) => return item.raw,
        _ => json!({}),
    };
    value["type"] = kind.into();
    value
}

/// The usage, which the crate takes from the last response.
pub fn usage(usage: &Usage) -> Value {
    json!({ "last": {
        "inputTokens": usage.input_tokens,
        "cachedInputTokens": usage.cached_input_tokens,
        "outputTokens": usage.output_tokens,
    } })
}

fn command_status(status: CommandExecutionStatus) -> String {
    lower(&variant(&status))
}

fn patch_status(status: PatchApplyStatus) -> String {
    lower(&variant(&status))
}

fn call_status(status: McpToolCallStatus) -> String {
    lower(&variant(&status))
}

/// `AgentMessage` is `agentMessage` on the wire.
fn lower(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}
