//! The helper's own process: stays outside the sandbox, and ends everything in time.

use std::fs;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use nix::sched::CloneFlags;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, getegid, geteuid, getpid, getppid, ioctl_tiocsctty, pidfd_open};

use super::process::{self, signals, start, wait_readable};
use super::{SetupError, Step as _};
use crate::sandbox::helper::TERMINAL_SIGNAL_CODE;

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

/// Makes this process, not the command, the one whose terminal stdin is: Ctrl-C ends it and with it
/// everything, as observed on codex 0.169.0, where a command on a terminal that a signal ended has
/// the code 1.
pub(super) fn take_terminal() -> Result<(), SetupError> {
    ioctl_tiocsctty(std::io::stdin()).step(|| "take the terminal".to_owned())
}

/// A process that this one guards. Dropping it before its end kills it.
#[derive(Debug)]
pub(super) struct Guarded {
    child: Pid,
    /// Turns readable at its end.
    ended: OwnedFd,
    reaped: bool,
}

impl Guarded {
    /// Starts `body` in `namespaces`; where there is a new one for users, as the same user.
    ///
    /// `body` gets a descriptor that turns readable when this process dies.
    pub(super) fn start(
        namespaces: CloneFlags,
        body: impl FnOnce(OwnedFd) -> Result<i32, SetupError>,
    ) -> Result<Self, SetupError> {
        let own = pidfd_open(getpid(), PidfdFlags::empty()).step(watch)?;
        // From inside the new user namespace they look unmapped.
        let ids = (geteuid(), getegid());
        let child = start(namespaces, move || {
            let mapped = if namespaces.contains(CloneFlags::CLONE_NEWUSER) {
                map_ids(ids.0, ids.1)
            } else {
                Ok(())
            };
            let unblocked = SigSet::empty().thread_set_mask();
            mapped
                .and_then(|()| unblocked.step(|| "let signals through".to_owned()))
                .and_then(|()| body(own))
                .unwrap_or_else(|error| {
                    crate::complain(&error.to_string());
                    error.exit_code()
                })
        })
        .step(|| "create namespaces".to_owned())?;
        let ended = rustix::process::Pid::from_raw(child.as_raw())
            .ok_or(rustix::io::Errno::SRCH)
            .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()))
            .step(watch)?;
        Ok(Self {
            child,
            ended,
            reaped: false,
        })
    }

    /// Turns readable at its end.
    pub(super) fn ended(&self) -> BorrowedFd<'_> {
        self.ended.as_fd()
    }

    /// Waits for its end, which is hastened when the parent dies or this process is asked to stop;
    /// the exit code.
    pub(super) fn wait(mut self, requests: &Requests, task: Task) -> Result<i32, SetupError> {
        if !task.keeps_output {
            process::let_go_of_output().step(watch)?;
        }
        let parent = getppid().filter(|pid| pid.as_raw_pid().unsigned_abs() == task.parent);
        let Some(parent) = parent else {
            return Ok(KILLED);
        };
        let parent_ended = pidfd_open(parent, PidfdFlags::empty()).step(watch)?;
        // A parent that died before it was watched has given its place to another.
        let orphaned = getppid() != Some(parent);
        let waited = [self.ended(), parent_ended.as_fd(), requests.0.as_fd()];
        let in_time = !orphaned && wait_readable(waited).is_ok_and(|[ended, ..]| ended);
        if in_time {
            return self.exit_code();
        }
        let _ = kill(self.child, Signal::SIGKILL);
        self.exit_code()?;
        let asked = requests.0.read_signal().ok().flatten();
        Ok(match asked.map(|signal| signal.ssi_signo.cast_signed()) {
            Some(_) if task.tty => TERMINAL_SIGNAL_CODE,
            Some(signal) => 128 + signal,
            None => KILLED,
        })
    }

    fn exit_code(&mut self) -> Result<i32, SetupError> {
        let code = exit_code(self.child).step(watch)?;
        self.reaped = true;
        Ok(code)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if !self.reaped {
            let _ = kill(self.child, Signal::SIGKILL);
            let _ = exit_code(self.child);
        }
    }
}

/// The exit code of what SIGKILL ended.
const KILLED: i32 = 128 + Signal::SIGKILL as i32;

fn watch() -> String {
    "watch its parent".to_owned()
}

/// Maps a user and a group to themselves.
fn map_ids(user: rustix::process::Uid, group: rustix::process::Gid) -> Result<(), SetupError> {
    let step = || "map the user".to_owned();
    fs::write("/proc/self/setgroups", "deny").step(step)?;
    fs::write(
        "/proc/self/uid_map",
        format!("{user} {user} 1", user = user.as_raw()),
    )
    .step(step)?;
    fs::write(
        "/proc/self/gid_map",
        format!("{group} {group} 1", group = group.as_raw()),
    )
    .step(step)
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
