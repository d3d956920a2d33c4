//! The helper: sets up the sandbox in a process of its own, then runs the command in it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::{Signal, getppid, ioctl_tiocsctty, set_parent_process_death_signal};

use super::linux::namespace::Confined;
use super::linux::{SetupError, Step as _, landlock};
use super::plan::{Confinement, Plan};
use crate::tools::patch::apply as patch;

/// The first argument that turns the executable into the helper.
pub(super) const MARKER: &str = "__mock-codex-sandbox";

/// The exit code of a command that was not started because its sandbox failed; stderr says why.
///
/// The real app-server's helper exits with the same code when it can't start a program.
pub(super) const SETUP_FAILED: i32 = 101;

/// The exit code of a command on a terminal that a signal ended (codex 0.169.0).
pub(crate) const TERMINAL_SIGNAL_CODE: i32 = 1;

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
    let code = run(args).unwrap_or_else(|error| {
        eprintln!("{error}");
        error.exit_code()
    });
    std::process::exit(code)
}

fn run(mut args: impl Iterator<Item = OsString>) -> Result<i32, SetupError> {
    let plan = args.next().unwrap_or_default();
    let plan: Plan =
        serde_json::from_slice(plan.as_encoded_bytes()).step(|| "read its plan".to_owned())?;
    if plan.patch {
        patch::serve().step(|| "carry out a patch".to_owned())?;
        return Ok(0);
    }
    let command = args.nth(1).map(|program| {
        let mut command = Command::new(program);
        command.args(args);
        command
    });
    // Fails where this process leads a session already, which is as good.
    let _ = rustix::process::setsid();
    let Plan {
        parent,
        cwd,
        tty,
        confinement,
        patch: _,
    } = &plan;
    match confinement {
        Confinement::None => unconfined(*parent, *tty, command),
        Confinement::Namespaces(spec) => Confined {
            spec,
            parent: *parent,
            cwd,
            tty: *tty,
            command,
        }
        .run(),
        Confinement::Landlock(spec) => landlock::run(spec, *parent, *tty, command),
    }
}

/// Becomes the command in this process, in a session of its own, to be killed with its parent.
fn unconfined(parent: u32, tty: bool, command: Option<Command>) -> Result<i32, SetupError> {
    if tty {
        ioctl_tiocsctty(std::io::stdin()).step(|| "take the terminal".to_owned())?;
    }
    set_parent_process_death_signal(Some(Signal::KILL)).step(|| "watch its parent".to_owned())?;
    if getppid().map(|pid| pid.as_raw_pid().unsigned_abs()) != Some(parent) {
        return Ok(SETUP_FAILED);
    }
    let Some(mut command) = command else {
        return Ok(0);
    };
    let error = command.exec();
    Err(error).step(|| format!("run `{}`", command.get_program().display()))
}
