//! Options as the crate's types.

use codex_app_server_sdk::{ApprovalMode, SandboxMode, ThreadOptions, TurnOptions};
use codex_driver::{Call, Failed, Options};
use serde_json::Value;

/// The options of a thread.
pub fn of_thread(options: &Options) -> Result<ThreadOptions, Failed> {
    let mut given = ThreadOptions::builder();
    for (name, value) in options.to_wire(Call::Thread)? {
        given = match (name.as_str(), value) {
            ("approvalPolicy", value) => given.approval_policy(approval(&value)?),
            ("sandbox", value) => given.sandbox_mode(sandbox(&value)?),
            ("baseInstructions", Value::String(text)) => given.base_instructions(text),
            ("config", Value::Object(config)) => given.config(config),
            ("cwd", Value::String(cwd)) => given.working_directory(cwd),
            ("developerInstructions", Value::String(text)) => given.developer_instructions(text),
            ("ephemeral", Value::Bool(ephemeral)) => given.ephemeral(ephemeral),
            ("model", Value::String(model)) => given.model(model),
            ("modelProvider", Value::String(provider)) => given.model_provider(provider),
            _ => return Err(no_option("ThreadOptions", &name)),
        };
    }
    Ok(given.build())
}

/// The options of a turn.
pub fn of_turn(options: &Options) -> Result<TurnOptions, Failed> {
    let mut given = TurnOptions::builder();
    for (name, value) in options.to_wire(Call::Turn)? {
        given = match (name.as_str(), value) {
            ("approvalPolicy", value) => given.approval_policy(approval(&value)?),
            ("sandboxPolicy", policy) => given.sandbox_policy(policy),
            ("cwd", Value::String(cwd)) => given.working_directory(cwd),
            ("model", Value::String(model)) => given.model(model),
            ("outputSchema", schema) => given.output_schema(schema),
            _ => return Err(no_option("TurnOptions", &name)),
        };
    }
    Ok(given.build())
}

fn approval(value: &Value) -> Result<ApprovalMode, Failed> {
    Ok(match value.as_str() {
        Some("never") => ApprovalMode::Never,
        Some("on-request") => ApprovalMode::OnRequest,
        Some("on-failure") => ApprovalMode::OnFailure,
        Some("untrusted") => ApprovalMode::Untrusted,
        _ => return Err(no_value("ApprovalMode", value)),
    })
}

fn sandbox(value: &Value) -> Result<SandboxMode, Failed> {
    Ok(match value.as_str() {
        Some("read-only") => SandboxMode::ReadOnly,
        Some("workspace-write") => SandboxMode::WorkspaceWrite,
        Some("danger-full-access") => SandboxMode::DangerFullAccess,
        _ => return Err(no_value("SandboxMode", value)),
    })
}

fn no_option(kind: &str, name: &str) -> Failed {
    Failed::Unsupported(format!("the SDK's `{kind}` has no option for `{name}`"))
}

fn no_value(kind: &str, value: &Value) -> Failed {
    Failed::Unsupported(format!("the SDK's `{kind}` has no value `{value}`"))
}
