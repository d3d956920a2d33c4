//! The helper: sets up the sandbox in a process of its own, then runs the command in it.

use std::ffi::OsString;

/// The first argument that turns the executable into the helper.
pub(super) const MARKER: &str = "__mock-codex-sandbox";

/// Becomes the helper and never returns if the process was started as one, else does nothing.
///
/// Call it first thing in `main`, before any thread exists.
pub fn helper_main_if_asked() {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == MARKER) {
        helper_main(args);
    }
}

/// The helper itself; `args` are those behind its marker.
pub fn helper_main(args: impl Iterator<Item = OsString>) -> ! {
    drop(args);
    std::process::exit(1)
}
