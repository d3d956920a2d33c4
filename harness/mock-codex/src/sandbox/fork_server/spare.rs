//! Spare helpers, made when there is time, for the next command.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use nix::sched::CloneFlags;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::message::{self, DESCRIPTORS, Order};
use super::serve::close;
use crate::sandbox::helper::SETUP_FAILED;
use crate::sandbox::linux::{process, spare};

/// How many commands of a kind must have run before there is a spare sandbox for the next: most
/// sessions run one or two, and should not pay for a third.
const ENOUGH: u32 = 2;

/// The spare helpers of a fork server: at most one at a time.
#[derive(Debug, Default)]
pub(super) struct Spares {
    ready: Option<Spare>,
    /// How many commands ran without the host's network, and with it.
    seen: [u32; 2],
}

/// A helper whose sandbox is set up.
#[derive(Debug)]
struct Spare {
    pid: i32,
    control: UnixStream,
    network: bool,
    /// Tells when the host's mounts change: those of the spare stay as they were.
    mounts: File,
}

impl Spares {
    /// Gives the order to a spare that fits; its process id.
    pub(super) fn give(
        &mut self,
        order: &Order,
        descriptors: &[OwnedFd; DESCRIPTORS],
    ) -> Option<i32> {
        let network = spare::kind(order)?;
        let fresh = |spare: &mut Spare| spare.network == network && !spare.is_stale();
        let spare = self.ready.take_if(fresh)?;
        let body = serde_json::to_vec(order).ok()?;
        let descriptors = descriptors.each_ref().map(OwnedFd::as_fd);
        // One that has died takes no order; then a new helper is forked.
        message::send(&spare.control, &body, descriptors).ok()?;
        Some(spare.pid)
    }

    /// Counts a command that was started.
    pub(super) fn count(&mut self, network: bool) {
        let seen = &mut self.seen[usize::from(network)];
        *seen = seen.saturating_add(1);
    }

    /// Says whether a spare for the next such command is worth its while, and there is none; one
    /// that is stale is given up.
    pub(super) fn lacks(&mut self, network: bool) -> bool {
        if self.ready.as_mut().is_some_and(Spare::is_stale) {
            self.ready = None;
        }
        self.seen[usize::from(network)] >= ENOUGH && self.ready.is_none()
    }

    /// Makes a spare for the next command.
    pub(super) fn make(&mut self, socket: &UnixStream, network: bool) {
        // Without one the next command starts as the last one did.
        self.ready = Spare::start(socket, network).ok();
    }

    /// What a helper that is forked now inherits of them.
    pub(super) fn descriptor(&self) -> Option<RawFd> {
        self.ready.as_ref().map(|spare| spare.control.as_raw_fd())
    }
}

impl Spare {
    fn start(socket: &UnixStream, network: bool) -> io::Result<Self> {
        let mounts = File::open("/proc/self/mountinfo")?;
        let (control, far) = UnixStream::pair()?;
        let inherited = [socket.as_raw_fd(), control.as_raw_fd(), mounts.as_raw_fd()];
        let pid = process::start(CloneFlags::CLONE_PARENT, move || {
            // Fails where this process leads a session already, which is as good.
            let _ = rustix::process::setsid();
            if close(inherited.map(Some)).is_err() {
                return SETUP_FAILED;
            }
            spare::run(&far, network).unwrap_or_else(|error| {
                crate::complain(&error.to_string());
                error.exit_code()
            })
        })?;
        Ok(Self {
            pid: pid.as_raw(),
            control,
            network,
            mounts,
        })
    }

    fn is_stale(&mut self) -> bool {
        let mut polled = [PollFd::new(&self.mounts, PollFlags::PRI)];
        !matches!(poll(&mut polled, Some(&Timespec::default())), Ok(0))
    }
}
