//! An executable named `codex` that starts the tap.
//!
//! It is a text file: its first line names the tap as its interpreter, the rest is the [`Plan`].
//! The kernel starts the tap with the file's path and the client's arguments, so that nothing
//! depends on the environment, which some clients don't hand on, and no shell is in between.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::plan::Plan;

/// The longest first line that every Linux reads whole.
const LONGEST: usize = 255;

/// Writes the file. `interpreter` is the tap's program and the one argument that makes it read a
/// stand-in, if it needs one.
///
/// # Errors
/// The file can't be written, or the program's path is too long for a first line.
pub fn write(path: &Path, interpreter: (&Path, Option<&str>), plan: &Plan) -> io::Result<()> {
    let (program, argument) = interpreter;
    let argument = argument.map_or_else(String::new, |argument| format!(" {argument}"));
    let first = format!("#!{}{argument}", program.display());
    if first.len() > LONGEST || program.to_string_lossy().contains(char::is_whitespace) {
        let message = format!(
            "`{}` can't stand in a `#!` line: it is too long, or has spaces",
            program.display()
        );
        return Err(io::Error::other(message));
    }
    // Written beside its place first: a file that is open for writing can't be executed.
    let beside = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o755)
        .open(&beside)?;
    writeln!(file, "{first}")?;
    serde_json::to_writer(&mut file, plan).map_err(io::Error::other)?;
    drop(file);
    fs::rename(&beside, path)
}

/// Reads the plan of a stand-in.
///
/// # Errors
/// The file can't be read, or is no stand-in.
pub fn read(path: &Path) -> io::Result<Plan> {
    let text = fs::read_to_string(path)?;
    let plan = text.split_once('\n').map_or("", |(_, plan)| plan);
    Plan::parse(plan)
}
