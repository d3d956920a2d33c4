//! The tools `exec_command` and `write_stdin`.

use super::emit::Scope;
use super::toolcall::ToolCall;

pub(super) async fn exec(_scope: Scope, call: ToolCall) -> String {
    format!("unsupported call: {}", call.name)
}

pub(super) async fn write_stdin(_scope: Scope, call: ToolCall) -> String {
    format!("unsupported call: {}", call.name)
}
