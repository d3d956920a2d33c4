//! Commands that a client runs by itself.

mod command;
mod params;
mod process;
mod running;

pub(super) use self::command::METHODS as COMMANDS;
pub(super) use self::process::METHODS as PROCESSES;
pub(crate) use self::running::Commands;

use std::rc::Rc;

use serde_json::json;

use self::params::TerminalSize;
use crate::connection::Call;
use crate::failure::Failure;
use crate::process::{Control, WriteError};
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

/// Writes `input` (what, and whether the stdin is closed then) to the command that `find` finds.
fn write(
    call: &Call,
    method: &str,
    what: &str,
    (delta, close): (Option<&str>, bool),
    find: impl FnOnce() -> Result<Rc<Control>, Failure>,
) -> Result<(), Failure> {
    let bytes = written(method, delta, close)?;
    let done = find()?.write(bytes, close);
    done.map_err(|error| not_written(error, what))?;
    call.reply(&json!({}));
    Ok(())
}

/// Gives the terminal of the command that `find` finds another size.
fn resize(
    call: &Call,
    size: TerminalSize,
    what: &str,
    find: impl FnOnce() -> Result<Rc<Control>, Failure>,
) -> Result<(), Failure> {
    let size = size.checked(what)?;
    let done = find()?.resize(size);
    done.map_err(|error| Failure::invalid(format!("failed to resize PTY: {error}")))?;
    call.reply(&json!({}));
    Ok(())
}

/// Kills a command.
fn kill(call: &Call, control: &Control) {
    control.kill();
    call.reply(&json!({}));
}
