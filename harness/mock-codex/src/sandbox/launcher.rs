//! Turns a request into a process.

use std::ffi::OsString;
use std::fs;
use std::io::{self, PipeReader, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, waitpid};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;

use super::capability::{self, Backend};
use super::fork_server::{self, ForkServer, Order, Refused};
use super::helper::{MARKER, PATCH_MARKER};
use super::plan::{Confinement, Plan};
use super::policy::{Sandbox, SandboxSpec};

/// Set for restricted commands without network, as codex 0.169.0 does.
pub(crate) const NETWORK_DISABLED: (&str, &str) = ("CODEX_SANDBOX_NETWORK_DISABLED", "1");

/// Starts commands through the fork server. Cheap to clone.
///
/// Unrestricted ones go through it too, as nothing else makes a command die with this process (the
/// real app-server's do, killed or not) without `unsafe` code. The kernel ties that to the thread
/// that started the fork server: it should be one that lives as long, such as a runtime's worker.
#[derive(Debug, Clone)]
pub struct SandboxLauncher {
    executable: PathBuf,
    prefix_args: Vec<OsString>,
    backend: Arc<OnceLock<Backend>>,
    server: Arc<Mutex<Option<ForkServer>>>,
}

/// What to run, and under what.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    /// What the command may do.
    pub sandbox: &'a Sandbox,
    /// The program and its arguments.
    pub argv: &'a [String],
    /// The working directory.
    pub cwd: &'a Path,
    /// The whole environment; the sandbox adds its own variable.
    pub env: &'a [(String, String)],
    /// Whether stdin becomes the controlling terminal.
    pub tty: bool,
}

/// A command that was started: a child of this process that leads a session of its own. Dropping it
/// before its end kills it.
#[derive(Debug)]
#[must_use = "dropping it kills it"]
pub struct Started {
    child: Child,
    ended: OwnedFd,
    /// Where the exit code may be told before the process ends.
    report: PipeReader,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// How a command is stopped with all its descendants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// SIGTERM to the helper, which kills everything, cleans up and ends.
    Helper,
    /// SIGKILL to the process group.
    Group,
}

/// Why a command was not started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// No backend works here; nothing ran.
    #[error("the sandbox is not available here: {reason}")]
    Unavailable {
        /// What was tried and how it failed.
        reason: String,
    },
    /// The request names no program.
    #[error("the command is empty")]
    EmptyCommand,
    /// The program, its directory or a process for it could not be had.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl SandboxLauncher {
    /// A launcher whose fork server, where it can't be a fork of this process, is `executable`
    /// (whose `main` calls [`helper_main_if_asked`](super::helper_main_if_asked)).
    pub fn new(executable: impl Into<PathBuf>) -> Self {
        Self::with_prefix_args(executable, Vec::new())
    }

    /// The same for an executable that is reached behind `prefix_args` of a program that becomes it.
    pub fn with_prefix_args(executable: impl Into<PathBuf>, prefix_args: Vec<OsString>) -> Self {
        Self {
            executable: executable.into(),
            prefix_args,
            backend: Arc::default(),
            server: Arc::default(),
        }
    }

    /// The same under a backend that is known, without trying it.
    #[must_use]
    pub fn with_backend(mut self, backend: Backend) -> Self {
        self.backend = Arc::new(OnceLock::from(backend));
        self
    }

    /// What restricted commands run under.
    ///
    /// The first call finds out by trying, which takes a few milliseconds.
    pub fn backend(&self) -> &Backend {
        self.backend.get_or_init(|| capability::probe(self))
    }

    /// Sets a restricted sandbox up and runs nothing in it.
    ///
    /// # Errors
    /// Why it could not be had.
    pub fn try_out(&self) -> Result<(), String> {
        let confinement = self
            .confinement(&SandboxSpec::read_only(false))
            .map_err(|error| match error {
                LaunchError::Unavailable { reason } => reason,
                other => other.to_string(),
            })?;
        self.try_confinement(confinement)
    }

    /// Starts a command on `stdio`: its stdin, stdout and stderr.
    ///
    /// # Errors
    /// [`LaunchError`]; nothing runs then.
    pub fn start(
        &self,
        launch: Launch<'_>,
        stdio: [BorrowedFd<'_>; 3],
    ) -> Result<Started, LaunchError> {
        if launch.argv.is_empty() {
            return Err(LaunchError::EmptyCommand);
        }
        check_bytes(&launch)?;
        let mut env = launch.env.to_vec();
        let confinement = match launch.sandbox {
            Sandbox::Unrestricted => Confinement::None,
            Sandbox::Restricted(spec) => {
                if !spec.network {
                    let (name, value) = NETWORK_DISABLED;
                    env.retain(|(other, _)| other != name);
                    env.push((name.to_owned(), value.to_owned()));
                }
                self.confinement(spec)?
            }
        };
        let stop = match confinement {
            Confinement::None => Stop::Group,
            Confinement::Namespaces(_) | Confinement::Landlock(_) => Stop::Helper,
        };
        let order = Order {
            plan: Plan {
                parent: std::process::id(),
                cwd: std::path::absolute(launch.cwd)?,
                tty: launch.tty,
                confinement,
            },
            argv: launch.argv.to_vec(),
            env,
        };
        let (report, pid) = self.order(&order, stdio)?;
        let child = Child {
            pid,
            stop,
            state: State::Running,
        };
        Ok(Started {
            child,
            ended: fork_server::watch(pid)?,
            report,
        })
    }

    /// The command that carries out the patch on its stdin: as it is started under a sandbox like
    /// any other, the kernel decides what it may write.
    pub(crate) fn patch_worker(&self) -> Vec<String> {
        let words = self.prefix_args.iter().map(|word| word.to_string_lossy());
        std::iter::once(self.executable.to_string_lossy())
            .chain(words)
            .map(String::from)
            .chain([PATCH_MARKER.to_owned()])
            .collect()
    }

    fn confinement(&self, spec: &SandboxSpec) -> Result<Confinement, LaunchError> {
        match self.backend() {
            Backend::Namespaces => Ok(Confinement::Namespaces(spec.clone())),
            Backend::Landlock { .. } if !spec.hidden.is_empty() => Err(LaunchError::Unavailable {
                reason: "Landlock can't hide single files, and there are no namespaces".to_owned(),
            }),
            Backend::Landlock { .. } => Ok(Confinement::Landlock(spec.clone())),
            Backend::Unavailable { reason } => Err(LaunchError::Unavailable {
                reason: reason.clone(),
            }),
        }
    }

    /// Sets `confinement` up and runs nothing in it; waits for the end.
    pub(super) fn try_confinement(&self, confinement: Confinement) -> Result<(), String> {
        let order = Order {
            plan: Plan {
                parent: std::process::id(),
                cwd: "/".into(),
                tty: false,
                confinement,
            },
            argv: Vec::new(),
            env: Vec::new(),
        };
        self.try_order(&order)
            .map_err(|error| format!("failed to start the helper: {error}"))?
    }

    fn try_order(&self, order: &Order) -> io::Result<Result<(), String>> {
        let nothing = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/null")?;
        let (mut reader, writer) = io::pipe()?;
        let (_, pid) = self.order(order, [nothing.as_fd(), nothing.as_fd(), writer.as_fd()])?;
        drop(writer);
        let mut complaint = String::new();
        reader.read_to_string(&mut complaint)?;
        Ok(match reap(pid)? {
            Ended::Code(0) => Ok(()),
            _ => Err(complaint.trim().to_owned()),
        })
    }

    /// Has the fork server start a helper, which may report; one that was killed is replaced.
    fn order(
        &self,
        order: &Order,
        [stdin, stdout, stderr]: [BorrowedFd<'_>; 3],
    ) -> io::Result<(PipeReader, Pid)> {
        let (report, writer) = io::pipe()?;
        let descriptors = [stdin, stdout, stderr, writer.as_fd()];
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = &mut *server {
            match running.order(order, descriptors) {
                Ok(pid) => return Ok((report, pid)),
                Err(Refused::Order(error)) => return Err(error),
                Err(Refused::Gone(_)) => *server = None,
            }
        }
        let mut executable = Command::new(&self.executable);
        executable.args(&self.prefix_args).arg(MARKER);
        let started = server
            .insert(ForkServer::start(executable)?)
            .order(order, descriptors);
        match started {
            Ok(pid) => Ok((report, pid)),
            Err(Refused::Order(error) | Refused::Gone(error)) => Err(error),
        }
    }
}

impl Stop {
    /// Stops the command of this process id with all its descendants.
    pub(crate) fn kill(self, pid: u32) {
        let kill = match self {
            Self::Helper => Signal::TERM,
            Self::Group => Signal::KILL,
        };
        signal(pid, kill);
    }
}

/// Sends a signal to the command of this process id, or to its helper.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let Some(pid) = Pid::from_raw(pid.cast_signed()) else {
        return;
    };
    // It leads its session from its first moments on; before, it is alone. It may have ended in
    // the meantime.
    if kill_process_group(pid, signal).is_err() {
        let _ = kill_process(pid, signal);
    }
}

impl Started {
    /// The process id on the host (of the helper where the command is restricted).
    pub fn pid(&self) -> u32 {
        self.child.pid.as_raw_pid().unsigned_abs()
    }

    /// How it is stopped.
    pub fn stop(&self) -> Stop {
        self.child.stop
    }

    /// Waits for its end. Needs a tokio runtime, which goes on to wait for the process where the
    /// command's end is known before.
    ///
    /// # Errors
    /// When the runtime has no reactor, or somebody else has waited for it.
    pub async fn wait(self) -> io::Result<Ended> {
        let Self {
            mut child,
            ended,
            report,
        } = self;
        let mut report = Receiver::from_owned_fd(report.into())?;
        // Not a pipe, but waited for like one: it turns readable.
        let ended = Receiver::from_owned_fd_unchecked(ended)?;
        let mut code = [0; 4];
        // Most don't report; then the pipe's end comes with their start, or with their own end.
        if report.read_exact(&mut code).await.is_err() {
            ended.readable().await?;
            return child.reap();
        }
        child.state = State::Ending;
        tokio::spawn(async move {
            // If that fails, dropping the child waits.
            let _ = ended.readable().await;
            child.reap()
        });
        Ok(Ended::Code(i32::from_ne_bytes(code)))
    }

    /// Waits for its end on this thread.
    ///
    /// # Errors
    /// When somebody else has waited for it.
    pub fn wait_here(mut self) -> io::Result<Ended> {
        self.child.reap()
    }
}

/// A child of this process.
#[derive(Debug)]
struct Child {
    pid: Pid,
    stop: Stop,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// Its command has ended, and it will at once.
    Ending,
    Reaped,
}

impl Child {
    fn reap(&mut self) -> io::Result<Ended> {
        let waited = reap(self.pid);
        self.state = State::Reaped;
        waited
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        match self.state {
            State::Running => self.stop.kill(self.pid.as_raw_pid().unsigned_abs()),
            // An orphan would be left to a first process that may not care.
            State::Ending => drop(self.reap()),
            State::Reaped => {}
        }
    }
}

fn reap(pid: Pid) -> io::Result<Ended> {
    let waited = rustix::io::retry_on_intr(|| waitpid(Some(pid), WaitOptions::empty()))?;
    let (_, status) = waited.ok_or(io::ErrorKind::NotFound)?;
    let signal = status.terminating_signal().map(Ended::Signal);
    status
        .exit_status()
        .map(Ended::Code)
        .or(signal)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}
/// A program can't be given a zero byte. The words are those of Rust's standard library, which codex
/// 0.169.0 passes on.
fn check_bytes(launch: &Launch<'_>) -> io::Result<()> {
    let has_zero = |text: &str| text.contains('\0');
    let cwd = launch.cwd.as_os_str().as_encoded_bytes();
    let why = if launch.argv.iter().any(|argument| has_zero(argument)) || cwd.contains(&0) {
        "nul byte found in provided data"
    } else if { launch.env.iter() }.any(|(name, value)| has_zero(name) || has_zero(value)) {
        "data provided contains a nul byte"
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}
