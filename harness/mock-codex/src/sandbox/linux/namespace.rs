//! The first backend: namespaces, read-only binds, seccomp.
//!
//! Three processes: the helper stays on the host and guards ([`guard`](super::guard)); its child is
//! the first process of the namespaces, sets them up, starts the command and reaps; the command is
//! the second process in there, as under the real app-server.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use rustix::mount::{UnmountFlags, unmount};
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set, set_no_new_privs};

use super::protected::Protected;
use super::{SetupError, Step as _, device, guard, mount, process, seccomp};
use crate::sandbox::policy::SandboxSpec;

/// A command to run in namespaces.
pub(in crate::sandbox) struct Confined<'a> {
    pub(in crate::sandbox) spec: &'a SandboxSpec,
    pub(in crate::sandbox) parent: u32,
    pub(in crate::sandbox) cwd: &'a Path,
    pub(in crate::sandbox) tty: bool,
    /// `None` sets everything up and runs nothing.
    pub(in crate::sandbox) command: Option<Command>,
    /// Where the exit code is told as soon as it is known, if nothing is left to be cleared away
    /// that anybody could see: the kernel takes a while to take namespaces down.
    pub(in crate::sandbox) report: File,
}

impl Confined<'_> {
    /// Runs the command to its end; the exit code.
    pub(in crate::sandbox) fn run(self) -> Result<i32, SetupError> {
        let mut namespaces = CloneFlags::CLONE_NEWUSER
            | CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWIPC;
        namespaces.set(CloneFlags::CLONE_NEWNET, !self.spec.network);
        let requests = guard::Requests::keep_back()?;
        let roots = existing(&self.spec.writable_roots);
        let protected = Protected::claim(&roots)?;
        // From inside the new user namespace they look unmapped.
        let ids = (rustix::process::geteuid(), rustix::process::getegid());
        let task = guard::Task {
            parent: self.parent,
            tty: self.tty,
            keeps_output: !self.leaves_nothing(&protected),
        };
        let code = guard::run(&requests, task, namespaces, |guard| {
            map_ids(ids.0, ids.1)
                .and_then(|()| self.first_process(&roots, &protected, &guard))
                .unwrap_or_else(|error| {
                    eprintln!("{error}");
                    error.exit_code()
                })
        });
        protected.release();
        code
    }

    /// Says whether the end of the command can be told before its sandbox is gone: nothing stands in
    /// on the host, and no terminal hangs on the guard.
    fn leaves_nothing(&self, protected: &Protected) -> bool {
        protected.stand_ins.is_empty() && !self.tty
    }

    fn first_process(
        mut self,
        roots: &[PathBuf],
        protected: &Protected,
        guard: &OwnedFd,
    ) -> Result<i32, SetupError> {
        rustix::process::setsid().step(|| "start a session".to_owned())?;
        let covered: &[&str] = if device::mount_proc()? {
            &["/dev", "/proc"]
        } else {
            &["/dev"]
        };
        mount::confine(roots, protected, covered)?;
        device::mount_dev(self.tty)?;
        std::env::set_current_dir(self.cwd).step(|| format!("enter `{}`", self.cwd.display()))?;
        drop_privileges()?;
        seccomp::apply(self.spec.network).step(|| "filter system calls".to_owned())?;
        let Some(mut command) = self.command.take() else {
            return Ok(0);
        };
        let child = command
            .spawn()
            .step(|| format!("run `{}`", command.get_program().display()))?;
        let leaves_nothing = self.leaves_nothing(protected);
        if leaves_nothing {
            process::let_go_of_output().step(|| "let go of the output".to_owned())?;
        }
        let code = wait(Pid::from_raw(child.id().cast_signed()), guard, protected)?;
        if leaves_nothing {
            // What the command has left running ends before its end is known.
            let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
            // Whoever doesn't read it sees this process end.
            let _ = self.report.write_all(&code.to_ne_bytes());
        }
        Ok(code)
    }
}

/// Reaps until `child` has ended, or the guard has.
fn wait(child: Pid, guard: &OwnedFd, protected: &Protected) -> Result<i32, SetupError> {
    let step = || "wait for the command".to_owned();
    // Only now, since the command inherits what is blocked.
    let children = process::signals(&[Signal::SIGCHLD]).step(step)?;
    loop {
        if let Some(code) = process::reap(child) {
            return Ok(code);
        }
        let [_, orphaned] = process::wait_readable([children.as_fd(), guard.as_fd()]).step(step)?;
        if orphaned {
            end_alone(protected);
            return Ok(128 + Signal::SIGKILL as i32);
        }
        // Who ended is found out by reaping; the signals of several may have become one.
        let _ = children.read_signal();
    }
}

/// The roots that exist, without symlinks, each once.
pub(super) fn existing(roots: &[PathBuf]) -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> = roots
        .iter()
        .filter_map(|root| fs::canonicalize(root).ok())
        .collect();
    roots.sort();
    roots.dedup();
    roots
}

/// Gives up every capability for good; the command could regain none.
pub(super) fn drop_privileges() -> Result<(), SetupError> {
    let step = || "give up capabilities".to_owned();
    for capability in CapabilitySet::all().iter() {
        match remove_capability_from_bounding_set(capability) {
            // Newer than this kernel.
            Err(rustix::io::Errno::INVAL) => {}
            other => other.step(step)?,
        }
    }
    set_no_new_privs(true).step(step)
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

/// The helper is gone: kill what is left and clean up in its place.
fn end_alone(protected: &Protected) {
    let everyone = Pid::from_raw(-1);
    let _ = kill(everyone, Signal::SIGKILL);
    while waitpid(everyone, None).is_ok() {}
    for stand_in in &protected.stand_ins {
        let _ = unmount(&stand_in.path, UnmountFlags::DETACH);
    }
    protected.release();
}
