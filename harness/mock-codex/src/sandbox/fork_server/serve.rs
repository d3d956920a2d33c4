//! The fork server's own side.

use std::fs;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use nix::sched::CloneFlags;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use super::message::{self, DESCRIPTORS, Order};
use super::spare::Spares;
use crate::sandbox::helper;
use crate::sandbox::linux::{process, spare};

/// How long a command takes to start at most, on a quiet machine.
const START: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 1_000_000,
};

/// Carries out orders until the other end is gone; the exit code.
pub(super) fn serve(socket: &UnixStream) -> i32 {
    let mut spares = Spares::default();
    loop {
        let (order, descriptors) = match message::receive(socket) {
            Ok(Some(received)) => received,
            Ok(None) => return 0,
            Err(error) => {
                crate::complain(&format!("mock-codex: the fork server ends: {error}"));
                return 1;
            }
        };
        let kind = spare::kind(&order);
        let started = start(socket, &mut spares, order, descriptors);
        if (&mut &*socket)
            .write_all(&message::encode(&started))
            .is_err()
        {
            return 0;
        }
        let Some(network) = kind else { continue };
        spares.count(network);
        if spares.lacks(network) && has_time(socket) {
            spares.make(socket, network);
        }
    }
}

/// Leaves the command that was started alone for a moment, since a spare would be in its way; says
/// whether no order has come in the meantime.
fn has_time(socket: &UnixStream) -> bool {
    let mut polled = [PollFd::new(socket, PollFlags::IN)];
    matches!(poll(&mut polled, Some(&START)), Ok(0))
}

/// Has a spare helper carry the order out, or forks one, as a child of this process's parent.
fn start(
    socket: &UnixStream,
    spares: &mut Spares,
    order: Order,
    descriptors: [OwnedFd; DESCRIPTORS],
) -> io::Result<i32> {
    // Here, not in the helper, so that the caller learns of a missing directory.
    std::env::set_current_dir(&order.plan.cwd)?;
    if let Some(pid) = spares.give(&order, &descriptors) {
        return Ok(pid);
    }
    let inherited = [Some(socket.as_raw_fd()), spares.descriptor()];
    let pid = process::start(CloneFlags::CLONE_PARENT, move || {
        let [stdin, stdout, stderr, report] = descriptors;
        if close(inherited).is_err() || attach([&stdin, &stdout, &stderr]).is_err() {
            return helper::SETUP_FAILED;
        }
        drop([stdin, stdout, stderr]);
        helper::run_to_end(order, report)
    })?;
    Ok(pid.as_raw())
}

/// Closes what a helper must not keep open, so that others see its end.
pub(super) fn close<const N: usize>(inherited: [Option<RawFd>; N]) -> nix::Result<()> {
    inherited
        .into_iter()
        .flatten()
        .try_for_each(nix::unistd::close)
}

/// Makes these the process's stdin, stdout and stderr.
pub(in crate::sandbox) fn attach([stdin, stdout, stderr]: [&OwnedFd; 3]) -> rustix::io::Result<()> {
    dup2_stdin(stdin)?;
    dup2_stdout(stdout)?;
    dup2_stderr(stderr)
}

/// Lets go of everything that a fork of an app-server has and a fork server must not have: its
/// descriptors, so that their other ends see it end, and its signal handlers.
pub(super) fn become_alone(socket: UnixStream) -> io::Result<UnixStream> {
    let kept = socket.as_raw_fd();
    for descriptor in open_descriptors()? {
        if descriptor > 2 && descriptor != kept {
            // The one that the list was read from is closed already.
            let _ = nix::unistd::close(descriptor);
        }
    }
    let nothing = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    dup2_stdin(nothing.as_fd())?;
    dup2_stdout(nothing.as_fd())?;
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGCHLD,
    ] {
        default_action(signal)?;
    }
    // A name for people who look at processes; nothing depends on it.
    let _ = rustix::thread::set_name(c"mock-codex-fork");
    Ok(socket)
}

/// The descriptors of this process.
fn open_descriptors() -> io::Result<Vec<RawFd>> {
    fs::read_dir("/proc/self/fd")?
        .map(|entry| {
            Ok(entry?
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok()))
        })
        .filter_map(Result::transpose)
        .collect()
}

#[allow(
    unsafe_code,
    reason = "no safe interface sets a signal's action; the default one runs no code of ours"
)]
fn default_action(signal: Signal) -> io::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default action is no handler, so nothing of ours runs in a signal's context, and
    // the previous action is not used again: this process has left the code that set it.
    unsafe { sigaction(signal, &default) }?;
    Ok(())
}

/// An executed fork server, whose socket is its stdin; the exit code.
pub(in crate::sandbox) fn run() -> io::Result<i32> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
    let nothing = fs::File::open("/dev/null")?;
    dup2_stdin(nothing.as_fd())?;
    Ok(serve(&UnixStream::from(socket)))
}
