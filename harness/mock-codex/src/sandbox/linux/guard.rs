//! The helper's own process: stays outside the sandbox, and ends everything in time.

use std::os::fd::{AsFd as _, OwnedFd};

use nix::sched::CloneFlags;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, getpid, getppid, ioctl_tiocsctty, pidfd_open};

use super::process::{self, signals, start, wait_readable};
use super::{SetupError, Step as _};
use crate::sandbox::helper::{SETUP_FAILED, TERMINAL_SIGNAL_CODE};

/// Signals that ask the guard to stop, kept back until it looks.
#[derive(Debug)]
pub(super) struct Requests(SignalFd);

impl Requests {
    /// Keeps them back from now on. To be called before anything is made that must be cleaned up.
    pub(super) fn keep_back() -> Result<Self, SetupError> {
        signals(&[Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP])
            .map(Self)
            .step(|| "keep signals back".to_owned())
    }
}

/// What a guard does besides waiting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task {
    /// The process whose death ends everything.
    pub(super) parent: u32,
    /// Whether stdin is the terminal of the command.
    pub(super) tty: bool,
    /// Whether the end of the output waits for the guard's.
    pub(super) keeps_output: bool,
}

/// Starts `body` in `namespaces` and waits for its end, which it hastens when the parent dies or
/// this process is asked to stop; the exit code.
///
/// `body` gets a descriptor that turns readable when this process dies. With `tty` this process,
/// not the command, is the one whose terminal stdin is: Ctrl-C ends it and with it everything, as
/// observed on codex 0.169.0, where a command on a terminal that a signal ended has the code 1.
pub(super) fn run(
    requests: &Requests,
    Task {
        parent,
        tty,
        keeps_output,
    }: Task,
    namespaces: CloneFlags,
    body: impl FnOnce(OwnedFd) -> i32,
) -> Result<i32, SetupError> {
    let guard = || "watch its parent".to_owned();
    if tty {
        ioctl_tiocsctty(std::io::stdin()).step(|| "take the terminal".to_owned())?;
    }
    let Some(parent_pid) = getppid().filter(|pid| pid.as_raw_pid().unsigned_abs() == parent) else {
        return Ok(128 + Signal::SIGKILL as i32);
    };
    let parent = pidfd_open(parent_pid, PidfdFlags::empty()).step(guard)?;
    let own = pidfd_open(getpid(), PidfdFlags::empty()).step(guard)?;
    let child = start(namespaces, move || {
        match SigSet::empty().thread_set_mask() {
            Ok(()) => body(own),
            Err(_) => SETUP_FAILED,
        }
    })
    .step(|| "create namespaces".to_owned())?;
    if !keeps_output {
        process::let_go_of_output().step(guard)?;
    }
    let ended = rustix::process::Pid::from_raw(child.as_raw())
        .ok_or(rustix::io::Errno::SRCH)
        .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()));
    // A parent that died before it was watched has given its place to another.
    let orphaned = getppid() != Some(parent_pid);
    let in_time = !orphaned
        && ended.is_ok_and(|ended| {
            wait_readable([ended.as_fd(), parent.as_fd(), requests.0.as_fd()])
                .is_ok_and(|[ended, ..]| ended)
        });
    if in_time {
        return exit_code(child).step(guard);
    }
    let _ = kill(child, Signal::SIGKILL);
    exit_code(child).step(guard)?;
    let asked = requests.0.read_signal().ok().flatten();
    Ok(match asked.map(|signal| signal.ssi_signo.cast_signed()) {
        Some(_) if tty => TERMINAL_SIGNAL_CODE,
        Some(signal) => 128 + signal,
        None => 128 + Signal::SIGKILL as i32,
    })
}

fn exit_code(child: Pid) -> nix::Result<i32> {
    loop {
        match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, code)) => return Ok(code),
            Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(128 + signal as i32),
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}
