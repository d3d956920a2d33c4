//! The helper: sets up the sandbox in a process of its own, then runs the command in it.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::{Signal, getppid, ioctl_tiocsctty, set_parent_process_death_signal};

use super::fork_server::{self, Order};
use super::linux::namespace::Confined;
use super::linux::{SetupError, Step as _, landlock};
use super::plan::{Confinement, Plan};
use crate::tools::patch::apply as patch;

/// The first argument that turns the executable into a fork server of helpers.
pub(super) const MARKER: &str = "__mock-codex-sandbox";

/// The first argument that makes the executable carry out the patch on its stdin, which it does
/// under whatever it was started under.
pub(super) const PATCH_MARKER: &str = "__mock-codex-patch";

/// The exit code of a command that was not started because its sandbox failed; stderr says why.
///
/// The real app-server's helper exits with the same code when it can't start a program.
pub(super) const SETUP_FAILED: i32 = 101;

/// The exit code of a command on a terminal that a signal ended (codex 0.169.0).
pub(crate) const TERMINAL_SIGNAL_CODE: i32 = 1;

/// Becomes a fork server of helpers, or the program that carries out a patch, and never returns if
/// the process was started as one, else does nothing.
///
/// Call it first thing in `main`, before any thread exists.
pub fn helper_main_if_asked() {
    let Some(first) = std::env::args_os().nth(1) else {
        return;
    };
    let code = if first == MARKER {
        fork_server::run()
    } else if first == PATCH_MARKER {
        patch::serve()
    } else {
        return;
    };
    let code = code.unwrap_or_else(|error| {
        crate::complain(&format!("mock-codex: {error}"));
        SETUP_FAILED
    });
    std::process::exit(code)
}

/// Carries `order` out in this process; the exit code, which may be told on `report` before.
pub(super) fn run_to_end(order: Order, report: OwnedFd) -> i32 {
    run(order, report).unwrap_or_else(|error| {
        crate::complain(&error.to_string());
        error.exit_code()
    })
}

fn run(Order { plan, argv, env }: Order, report: OwnedFd) -> Result<i32, SetupError> {
    let command = command(&argv, &env);
    // Fails where this process leads a session already, which is as good.
    let _ = rustix::process::setsid();
    let Plan {
        parent,
        cwd,
        tty,
        confinement,
    } = &plan;
    match confinement {
        Confinement::None => {
            drop(report);
            unconfined(*parent, *tty, command)
        }
        Confinement::Namespaces(spec) => Confined {
            spec,
            parent: *parent,
            cwd,
            tty: *tty,
            command,
            report: File::from(report),
        }
        .run(),
        Confinement::Landlock(spec) => {
            drop(report);
            landlock::run(spec, *parent, *tty, command)
        }
    }
}

/// The command of an order; `None` where its sandbox is only to be set up.
pub(super) fn command(argv: &[String], env: &[(String, String)]) -> Option<Command> {
    let (program, rest) = argv.split_first()?;
    let mut command = Command::new(program);
    command
        .args(rest)
        .env_clear()
        .envs(env.iter().map(|(name, value)| (name, value)));
    Some(command)
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
