//! The second backend: Landlock and seccomp.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use landlock::{
    ABI, AccessFs, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, Scope,
};
use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::process::{set_child_subreaper, set_parent_process_death_signal};

use super::device::DEVICES;
use super::guard::{self, Guarded};
use super::namespace::{drop_privileges, existing};
use super::{SetupError, Step as _, seccomp};
use crate::sandbox::policy::SandboxSpec;

/// The oldest version that refuses everything that a read-only command must not do (truncation
/// came with it).
const REQUIRED: ABI = ABI::V3;

/// The version whose further restrictions (devices' ioctls, signals) are taken where they exist.
const WANTED: ABI = ABI::V6;

/// Terminals, which a command may write to.
const TERMINALS: [&str; 2] = ["/dev/ptmx", "/dev/pts"];

/// Runs `command` (`None`: nothing) under `spec` to its end; the exit code.
pub(in crate::sandbox) fn run(
    spec: &SandboxSpec,
    parent: u32,
    tty: bool,
    command: Option<Command>,
) -> Result<i32, SetupError> {
    // Descendants that outlive the command become this process's children.
    set_child_subreaper(Some(rustix::process::getpid())).step(|| "adopt descendants".to_owned())?;
    let requests = guard::Requests::keep_back()?;
    let task = guard::Task {
        parent,
        tty,
        keeps_output: true,
    };
    if tty {
        guard::take_terminal()?;
    }
    let code = Guarded::start(CloneFlags::empty(), |guard| {
        drop(guard);
        become_command(spec, command)
    })
    .and_then(|guarded| guarded.wait(&requests, task));
    kill_descendants();
    code
}

/// Confines this process and turns it into the command.
fn become_command(spec: &SandboxSpec, command: Option<Command>) -> Result<i32, SetupError> {
    let session = || "start a session".to_owned();
    nix::sys::signal::SigSet::empty()
        .thread_set_mask()
        .step(session)?;
    rustix::process::setsid().step(session)?;
    if rustix::process::geteuid().is_root() {
        drop_privileges()?;
    }
    restrict(spec)
        .map_err(std::io::Error::other)
        .step(|| "apply landlock".to_owned())?;
    seccomp::Filter::new(spec.network)
        .and_then(|filter| filter.apply())
        .step(|| "filter system calls".to_owned())?;
    set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).step(session)?;
    let Some(mut command) = command else {
        return Ok(0);
    };
    let error = command.exec();
    Err(error).step(|| format!("run `{}`", command.get_program().display()))
}

fn restrict(spec: &SandboxSpec) -> Result<(), landlock::RulesetError> {
    let required = AccessFs::from_write(REQUIRED);
    let wanted = AccessFs::from_write(WANTED);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(required)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(wanted)?
        .scope(Scope::Signal)?
        .scope(Scope::AbstractUnixSocket)?
        .create()?;
    let device_access: BitFlags<AccessFs> = AccessFs::WriteFile | AccessFs::IoctlDev;
    let devices = DEVICES.iter().chain(&TERMINALS);
    for fd in devices.filter_map(|path| PathFd::new(path).ok()) {
        rules = rules.add_rule(PathBeneath::new(fd, device_access))?;
    }
    for root in existing(&spec.writable_roots) {
        if let Ok(fd) = PathFd::new(&root) {
            let access = if root.is_dir() {
                wanted
            } else {
                wanted & AccessFs::from_file(WANTED)
            };
            rules = rules.add_rule(PathBeneath::new(fd, access))?;
        }
    }
    rules.restrict_self().map(|_| ())
}

/// Kills what the command left running, generation by generation.
fn kill_descendants() {
    loop {
        let children = children();
        if children.is_empty() {
            return;
        }
        for child in children {
            let _ = kill(child, Signal::SIGKILL);
            let _ = nix::sys::wait::waitpid(child, None);
        }
    }
}

fn children() -> Vec<Pid> {
    let me = std::process::id();
    std::fs::read_to_string(format!("/proc/{me}/task/{me}/children"))
        .unwrap_or_default()
        .split_ascii_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .map(Pid::from_raw)
        .collect()
}
