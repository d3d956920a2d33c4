//! Processes of the helper: starting one in new namespaces, and waiting for several things at once.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::stdio::{dup2_stderr, dup2_stdout};

/// The child's stack; it only sets things up and waits.
const STACK_BYTES: usize = 1024 * 1024;

thread_local! {
    /// The stack for the next child. A child uses its own copy of it, so this one stays as it was,
    /// and its pages cost nothing; allocated for each child, all of them would be filled with zeros.
    static STACK: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Starts a child that runs `body`, in the new namespaces among `flags`, and exits with its result.
///
/// This process must have one thread only.
#[allow(
    unsafe_code,
    reason = "no safe interface forks; with a single thread the child may do everything its parent \
              could"
)]
pub(in crate::sandbox) fn start(flags: CloneFlags, body: impl FnOnce() -> i32) -> io::Result<Pid> {
    // Taken away for that long: a child that starts another one must not use what it runs on.
    let mut stack = STACK.take();
    if stack.is_empty() {
        stack = vec![0; STACK_BYTES];
    }
    let mut body = Some(body);
    let run: Box<dyn FnMut() -> isize> = Box::new(|| body.take().map_or(1, |body| body()) as isize);
    // SAFETY: there is one thread, so no lock is held by another at this moment; without CLONE_VM
    // the child has its own copy of the memory, the stack included; the stack is large enough for
    // `body`, whose depth is small and fixed.
    let child = unsafe {
        nix::sched::clone(
            run,
            &mut stack,
            flags,
            Some(Signal::SIGCHLD as nix::libc::c_int),
        )
    };
    STACK.set(stack);
    Ok(child?)
}

/// Replaces stdout and stderr, so that their end is that of whoever else has them.
pub(super) fn let_go_of_output() -> io::Result<()> {
    let nothing = File::options().write(true).open("/dev/null")?;
    dup2_stdout(&nothing)?;
    dup2_stderr(&nothing)?;
    Ok(())
}

/// Signals that a helper process reads instead of being hit by them.
pub(super) fn signals(wanted: &[Signal]) -> io::Result<SignalFd> {
    let set: SigSet = wanted.iter().copied().collect();
    set.thread_block()?;
    Ok(SignalFd::with_flags(
        &set,
        SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK,
    )?)
}

/// Waits until one of `fds` is readable; says which are.
pub(super) fn wait_readable<const N: usize>(fds: [BorrowedFd<'_>; N]) -> io::Result<[bool; N]> {
    let mut polled = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
    loop {
        match poll(&mut polled, None) {
            Ok(_) => return Ok(polled.each_ref().map(|fd| !fd.revents().is_empty())),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reaps every child that has ended; the exit code of `of` if it is among them, where a signal `n`
/// counts as `128 + n`.
pub(super) fn reap(of: Pid) -> Option<i32> {
    let mut code = None;
    loop {
        let (pid, status) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, status)) => (pid, status),
            Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, 128 + signal as i32),
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return code,
            Err(Errno::EINTR) | Ok(_) => continue,
            Err(_) => return code,
        };
        if pid == of {
            code = Some(status);
        }
    }
}
