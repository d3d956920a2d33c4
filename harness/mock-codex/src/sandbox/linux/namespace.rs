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

use super::guard::{self, Guarded};
use super::mount::{self, Access, Tree};
use super::protected::Protected;
use super::seccomp::Filter;
use super::{SetupError, Step as _, device, process};
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
        let requests = guard::Requests::keep_back()?;
        let roots = existing(&self.spec.writable_roots);
        let protected = Protected::claim(&roots, self.spec)?;
        let task = task(self.parent, self.tty, &protected);
        let stage = StagePlan {
            network: self.spec.network,
            tty: self.tty,
            access: Access::of(&roots),
        };
        if self.tty {
            guard::take_terminal()?;
        }
        let code = Guarded::start(stage.namespaces(), |guard| {
            stage
                .set_up()
                .and_then(|stage| self.first_process(&stage, &roots, &protected, &guard))
        })
        .and_then(|guarded| guarded.wait(&requests, task));
        protected.release();
        code
    }

    /// Runs the command on `stage`, as the first process of its namespaces.
    pub(super) fn first_process(
        mut self,
        stage: &Stage,
        roots: &[PathBuf],
        protected: &Protected,
        guard: &OwnedFd,
    ) -> Result<i32, SetupError> {
        mount::confine(&stage.tree, roots, protected, &existing(&self.spec.hidden))?;
        std::env::set_current_dir(self.cwd).step(|| format!("enter `{}`", self.cwd.display()))?;
        let Some(mut command) = self.command.take() else {
            return Ok(0);
        };
        let child = command
            .spawn()
            .step(|| format!("run `{}`", command.get_program().display()))?;
        let leaves_nothing = leaves_nothing(protected, self.tty);
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

/// What the guard does while a command runs.
pub(super) fn task(parent: u32, tty: bool, protected: &Protected) -> guard::Task {
    guard::Task {
        parent,
        tty,
        keeps_output: !leaves_nothing(protected, tty),
    }
}

/// Says whether the end of a command can be told before its sandbox is gone: nothing stands in on
/// the host, and no terminal hangs on the guard.
fn leaves_nothing(protected: &Protected, tty: bool) -> bool {
    protected.stand_ins.is_empty() && !tty
}

/// What must be known to set a [`Stage`] up.
#[derive(Debug, Clone, Copy)]
pub(super) struct StagePlan {
    /// Whether commands reach the host's network.
    pub(super) network: bool,
    /// Whether stdin is a terminal, and becomes `/dev/console`.
    pub(super) tty: bool,
    /// What commands may do with the host's tree, apart from their writable roots.
    pub(super) access: Access,
}

/// What a sandbox is before anything is known of its command: the namespaces with a `/proc` and a
/// `/dev`, the host's tree without what no command may use, and a process that has given up what no
/// command may have.
#[derive(Debug)]
pub(super) struct Stage {
    tree: Tree,
}

impl StagePlan {
    /// The namespaces that the process needs which sets it up.
    pub(super) fn namespaces(self) -> CloneFlags {
        let mut namespaces = CloneFlags::CLONE_NEWUSER
            | CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWIPC;
        namespaces.set(CloneFlags::CLONE_NEWNET, !self.network);
        namespaces
    }

    /// Sets it up in this process, the first of its namespaces.
    pub(super) fn set_up(self) -> Result<Stage, SetupError> {
        rustix::process::setsid().step(|| "start a session".to_owned())?;
        let covered: &[&str] = if device::mount_proc()? {
            &["/dev", "/proc"]
        } else {
            &["/dev"]
        };
        let tree = Tree::take(covered, self.access)?;
        device::mount_dev(self.tty)?;
        drop_privileges()?;
        Filter::new(self.network)
            .and_then(|filter| filter.apply())
            .step(|| "filter system calls".to_owned())?;
        Ok(Stage { tree })
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
