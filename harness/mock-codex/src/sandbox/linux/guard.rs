//! The helper's own process: stays outside the sandbox, and ends everything in time.

use std::os::fd::{AsFd as _, OwnedFd};

use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, getpid, getppid, pidfd_open};

use super::process::{signals, start, wait_readable};
use super::{SetupError, Step as _};

/// Starts `body` in `namespaces` and waits for its end, which it hastens when `parent` dies or
/// this process is asked to stop; the exit code.
///
/// `body` gets a descriptor that turns readable when this process dies.
pub(super) fn run(
    parent: u32,
    namespaces: CloneFlags,
    body: impl FnOnce(OwnedFd) -> i32,
) -> Result<i32, SetupError> {
    let guard = || "watch its parent".to_owned();
    let signals = signals(&[Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]).step(guard)?;
    let Some(parent_pid) = getppid().filter(|pid| pid.as_raw_pid().unsigned_abs() == parent) else {
        return Ok(128 + Signal::SIGKILL as i32);
    };
    let parent = pidfd_open(parent_pid, PidfdFlags::empty()).step(guard)?;
    let own = pidfd_open(getpid(), PidfdFlags::empty()).step(guard)?;
    let child = start(namespaces, move || body(own)).step(|| "create namespaces".to_owned())?;
    let ended = rustix::process::Pid::from_raw(child.as_raw())
        .ok_or(rustix::io::Errno::SRCH)
        .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()));
    match ended {
        Ok(ended) => {
            // A parent that died before it was watched has given its place to another.
            let orphaned = getppid() != Some(parent_pid);
            let fds = [ended.as_fd(), parent.as_fd(), signals.as_fd()];
            if orphaned || !wait_readable(fds).is_ok_and(|[ended, ..]| ended) {
                let _ = kill(child, Signal::SIGKILL);
            }
            exit_code(child).step(guard)
        }
        Err(error) => {
            let _ = kill(child, Signal::SIGKILL);
            let _ = exit_code(child);
            Err(error).step(guard)
        }
    }
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
