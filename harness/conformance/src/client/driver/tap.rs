//! The executable that an SDK gets as `codex`: this one, as the tap.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use codex_tap::{Plan, stand_in};

/// The argument that makes this executable the tap; the path of the stand-in follows it.
const AS_CODEX: &str = "tap-as-codex";

/// What a tap that can't start its program ends with, as a shell does.
const NOT_STARTED: u8 = 127;

/// Is the tap if it was started through a stand-in; `None` if it wasn't.
pub fn main_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != AS_CODEX {
        return None;
    }
    let path = PathBuf::from(arguments.next()?);
    let arguments: Vec<_> = arguments.collect();
    let ended = stand_in::read(&path)
        .map_err(|error| format!("can't read `{}`: {error}", path.display()))
        .and_then(|plan| codex_tap::run(&plan, &arguments).map_err(|error| error.to_string()));
    Some(ended.unwrap_or_else(|message| {
        // With stderr gone there is nobody to tell.
        let _ = writeln!(io::stderr(), "codex-conformance tap: {message}");
        ExitCode::from(NOT_STARTED)
    }))
}

/// Makes an executable at `path` that stands for the program of the plan.
///
/// # Errors
/// It can't be written, or this executable's own path can't be used.
pub fn write(path: &Path, plan: &Plan, tap: Option<&Path>) -> io::Result<()> {
    let tap = tap.map_or_else(std::env::current_exe, |tap| Ok(tap.to_owned()))?;
    stand_in::write(path, (&tap, Some(AS_CODEX)), plan)
}
