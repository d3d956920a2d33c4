//! An app-server's process: its own group, ended with everything in it.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Weak};
use std::time::Duration;

use codex_wire::line::LineReader;
use codex_wire::transcript::{Event, Process};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::BufReader;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::run::listen;
use crate::run::record::Recorder;

/// How long the pipes of an ended process are read on, when a process outside its group still
/// holds them open.
const DRAIN: Duration = Duration::from_millis(250);

/// What is started.
#[derive(Debug)]
pub struct Start<'a> {
    /// The program.
    pub program: &'a Path,
    /// Its arguments.
    pub arguments: &'a [String],
    /// Its whole environment.
    pub environment: &'a [(OsString, OsString)],
    /// Its working directory.
    pub directory: &'a Path,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The exit code, if it exited.
    pub code: Option<i32>,
    /// The signal's number, if one ended it.
    pub signal: Option<i32>,
}

/// A process that could not be started.
#[derive(Debug, thiserror::Error)]
#[error("can't start `{}`: {source}", program.display())]
pub struct SpawnError {
    /// The program.
    pub program: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// A running process. Dropping it kills its group.
#[derive(Debug)]
#[must_use = "dropping it kills the process"]
pub struct AppServer {
    group: Arc<Group>,
    exit: watch::Receiver<Option<Exit>>,
    told: watch::Receiver<Option<SocketAddr>>,
}

/// The pipes to a new process, for the client.
#[derive(Debug)]
pub struct Pipes {
    /// To it.
    pub stdin: ChildStdin,
    /// From it.
    pub stdout: ChildStdout,
}

/// Who is on the other end of the pipes.
pub struct Attached {
    /// The task that reads stdout: it is waited for before the end is recorded, so that the
    /// last frames stand before it.
    pub reading: JoinHandle<()>,
    /// Told of the end, with its entry of the transcript.
    pub on_end: Box<dyn FnOnce(Exit, usize) + Send>,
}

/// The process group, killed when the last one lets go of it.
#[derive(Debug)]
struct Group(Pid);

impl Group {
    fn signal(&self, signal: Signal) {
        // Gone already is as good.
        let _ = kill_process_group(self.0, signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

impl AppServer {
    /// Starts the process; `attach` takes its pipes.
    pub fn start(
        start: &Start<'_>,
        recorder: &Recorder,
        attach: impl FnOnce(Pipes) -> Attached,
    ) -> Result<Self, SpawnError> {
        let spawn_error = |source| SpawnError {
            program: start.program.to_owned(),
            source,
        };
        let mut child = Command::new(start.program)
            .args(start.arguments)
            .env_clear()
            .envs(start.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(start.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(spawn_error)?;
        let id = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        let (Some(id), Some(stdin), Some(stdout), Some(stderr)) = (
            id,
            child.stdin.take(),
            child.stdout.take(),
            child.stderr.take(),
        ) else {
            return Err(spawn_error(io::Error::other("it has no id or no pipes")));
        };
        let argv = std::iter::once(start.program.to_string_lossy().into_owned());
        let argv = argv.chain(start.arguments.iter().cloned()).collect();
        recorder.push(Event::Process(Process::Started(argv)));
        let group = Arc::new(Group(id));
        let (tell_address, told) = watch::channel(None);
        let errors = read_stderr(stderr, recorder.clone(), tell_address);
        let attached = attach(Pipes { stdin, stdout });
        let (tell, exit) = watch::channel(None);
        let watch = Watch {
            child,
            group: Arc::downgrade(&group),
            errors,
            recorder: recorder.clone(),
            tell,
        };
        tokio::spawn(watch.over(attached));
        Ok(Self { group, exit, told })
    }

    /// How it ended, once it has.
    pub async fn ended(&mut self) -> Exit {
        match self.exit.wait_for(Option::is_some).await {
            Ok(exit) => exit.unwrap_or(Exit::UNKNOWN),
            // The task that watches ends only after it told, or with the runtime.
            Err(_) => Exit::UNKNOWN,
        }
    }

    /// How it ended, if it has.
    pub fn exit(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Where it says on stderr that it listens.
    pub(super) fn told(&self) -> watch::Receiver<Option<SocketAddr>> {
        self.told.clone()
    }

    /// The process group.
    pub fn group(&self) -> Pid {
        self.group.0
    }

    /// Sends a signal to the process alone.
    pub fn signal(&self, signal: Signal) {
        if self.exit().is_none() {
            // Gone already is as good.
            let _ = kill_process(self.group.0, signal);
        }
    }

    /// Kills the process and its group.
    pub fn kill(&self) {
        if self.exit().is_none() {
            self.group.signal(Signal::KILL);
        }
    }
}

impl Exit {
    const UNKNOWN: Self = Self {
        code: None,
        signal: None,
    };

    fn of(status: ExitStatus) -> Self {
        Self {
            code: status.code(),
            signal: status.signal(),
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => f.write_str("an unknown end"),
        }
    }
}

/// What the end of a process needs.
struct Watch {
    child: Child,
    group: Weak<Group>,
    errors: JoinHandle<()>,
    recorder: Recorder,
    tell: watch::Sender<Option<Exit>>,
}

impl Watch {
    async fn over(mut self, attached: Attached) {
        let exit = self.child.wait().await.map_or(Exit::UNKNOWN, Exit::of);
        if let Some(group) = self.group.upgrade() {
            group.signal(Signal::KILL);
        }
        let drained = async {
            for reader in [attached.reading, self.errors] {
                // A reader that panicked has read enough.
                let _ = reader.await;
            }
        };
        let _ = tokio::time::timeout(DRAIN, drained).await;
        let entry = self.recorder.push(Event::Process(Process::Exited {
            code: exit.code,
            signal: exit.signal,
        }));
        (attached.on_end)(exit, entry);
        let _ = self.tell.send(Some(exit));
    }
}

fn read_stderr(
    stderr: ChildStderr,
    recorder: Recorder,
    tell_address: watch::Sender<Option<SocketAddr>>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut lines = LineReader::new(BufReader::new(stderr));
        while let Ok(Some(line)) = lines.next().await {
            let line = String::from_utf8_lossy(&line).into_owned();
            if let Some(address) = listen::told(&line) {
                // Nobody may want to know.
                let _ = tell_address.send(Some(address));
            }
            recorder.push(Event::Stderr(line));
        }
    })
}
