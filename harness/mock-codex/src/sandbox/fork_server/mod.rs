//! The process that starts commands: it forks a helper for each.
//!
//! Executing a program of some megabytes anew takes about a millisecond, forking a small process a
//! tenth of that. So there is one process per app-server that does nothing but wait for orders, and
//! every helper is its fork. It is itself a fork where that is sound, which is where this process
//! has one thread, and else the embedding executable once more. Helpers are made children of the
//! app-server, not of the fork server (`CLONE_PARENT`), so that they are waited for and watch their
//! parent as if it had started them.
//!
//! Most of what a sandbox is does not depend on the command, so after some commands there is a spare
//! one that waits for the next (`spare`).
//!
//! It ends when the app-server does, since its socket is closed then.

mod message;
mod serve;
mod spare;

use std::fs;
use std::io::{self, Read as _};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use nix::sched::CloneFlags;
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};

use super::linux::process;
pub(super) use message::{DESCRIPTORS, Order, receive, send};
pub(super) use serve::{attach, run};

/// A running fork server.
#[derive(Debug)]
pub(super) struct ForkServer {
    socket: UnixStream,
    process: Server,
}

/// How the fork server came about.
#[derive(Debug)]
enum Server {
    Forked(Pid),
    Executed(Child),
}

/// Why no helper was started.
#[derive(Debug)]
pub(super) enum Refused {
    /// The fork server is gone.
    Gone(io::Error),
    /// The order could not be carried out.
    Order(io::Error),
}

impl ForkServer {
    /// Starts one: a fork of this process if it has one thread only, else `executable`.
    pub(super) fn start(executable: Command) -> io::Result<Self> {
        let (socket, far) = UnixStream::pair()?;
        let process = if has_one_thread() {
            Self::fork(far)?
        } else {
            Self::execute(executable, far)?
        };
        Ok(Self { socket, process })
    }

    fn fork(socket: UnixStream) -> io::Result<Server> {
        let child = process::start(CloneFlags::empty(), move || {
            serve::become_alone(socket).map_or(1, |socket| serve::serve(&socket))
        })?;
        let child = Pid::from_raw(child.as_raw()).ok_or(io::ErrorKind::NotFound)?;
        Ok(Server::Forked(child))
    }

    fn execute(mut executable: Command, socket: UnixStream) -> io::Result<Server> {
        executable
            .stdin(OwnedFd::from(socket))
            .stdout(Stdio::null())
            .spawn()
            .map(Server::Executed)
    }

    /// Starts the helper that `order` describes, with [`DESCRIPTORS`]; it is a child of this
    /// process.
    pub(super) fn order(
        &mut self,
        order: &Order,
        descriptors: [BorrowedFd<'_>; DESCRIPTORS],
    ) -> Result<Pid, Refused> {
        let body = serde_json::to_vec(order).map_err(|error| Refused::Order(error.into()))?;
        message::send(&self.socket, &body, descriptors).map_err(Refused::Gone)?;
        let mut reply = [0; 4];
        self.socket.read_exact(&mut reply).map_err(Refused::Gone)?;
        message::decode(reply).map_err(Refused::Order)
    }
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        // It ends by itself as soon as it reads the end of its socket; that it did is of no
        // consequence, so nothing needs to be told when waiting fails.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        match &mut self.process {
            Server::Forked(pid) => {
                let _ = waitpid(Some(*pid), WaitOptions::empty());
            }
            Server::Executed(child) => {
                let _ = child.wait();
            }
        }
    }
}

/// A descriptor that turns readable when `pid`, a child that nobody has waited for, ends.
pub(super) fn watch(pid: Pid) -> io::Result<OwnedFd> {
    Ok(pidfd_open(pid, PidfdFlags::NONBLOCK)?)
}

/// Says whether nothing else runs in this process, so that a fork has the whole of its state.
fn has_one_thread() -> bool {
    fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}
