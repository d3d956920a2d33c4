//! Commands that a client runs by itself.

mod command;
mod params;
mod process;
mod running;

pub(super) use self::command::METHODS as COMMANDS;
pub(super) use self::process::METHODS as PROCESSES;
pub(crate) use self::running::Commands;

use crate::failure::Failure;
use crate::process::WriteError;
use crate::protocol::base64;

/// Reads what a client writes to a command: bytes, the end of the input, or both.
fn written(method: &str, delta: Option<&str>, close: bool) -> Result<Option<Vec<u8>>, Failure> {
    if delta.is_none() && !close {
        return Err(Failure::params(format!(
            "{method} requires deltaBase64 or closeStdin"
        )));
    }
    delta
        .map(base64::decode)
        .transpose()
        .map_err(|error| Failure::params(format!("invalid deltaBase64: {error}")))
}

/// Says why nothing was written; `what` is how the text names the command.
fn not_written(error: WriteError, what: &str) -> Failure {
    Failure::invalid(match error {
        WriteError::NotEnabled => format!("stdin streaming is not enabled for this {what}"),
        WriteError::Closed => "stdin is already closed".to_owned(),
    })
}
