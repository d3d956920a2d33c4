//! One running command.

use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustix::process::Signal;
use tokio::io::AsyncReadExt as _;
use tokio::sync::{broadcast, watch};

use super::output::{Clipped, Output};
use super::terminal::{self, Ends, Reader, Writer};
use crate::clock::Stopwatch;
use crate::sandbox::helper::TERMINAL_SIGNAL_CODE;
use crate::sandbox::launcher::{Ended, Stop, signal};
use crate::sandbox::{Launch, LaunchError, Sandbox, SandboxLauncher};

/// How many chunks a slow subscriber may lag behind before it loses some.
const CHUNK_BACKLOG: usize = 1024;

/// The largest chunk.
const CHUNK_BYTES: usize = 8 * 1024;

/// How long output is still read after the command has ended while a descendant of an
/// unrestricted one holds on to its stdout. Observed on codex 0.169.0: 51 ms for `sleep 30 &`.
const DRAIN_AFTER_EXIT: Duration = Duration::from_millis(50);

/// A command to run.
#[derive(Debug, Clone)]
pub struct ExecRequest {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The working directory.
    pub cwd: PathBuf,
    /// The whole environment; the sandbox adds its own variable.
    pub env: Vec<(String, String)>,
    /// What it may do.
    pub sandbox: Sandbox,
    /// Whether it gets a terminal, and with it a stdin.
    pub tty: bool,
}

/// A running or ended command. Dropping it kills what still runs.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    stop: Stop,
    exit: watch::Receiver<Option<i32>>,
}

/// What came of a command within a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// What it printed since the last look.
    pub output: Clipped,
    /// Its exit code if it has ended; a signal `n` counts as `128 + n`.
    pub exit_code: Option<i32>,
    /// How long this look took.
    pub wall_time: Duration,
}

/// Why a command did not start.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The sandbox was refused, or the directory could not be had. The real app-server shows the
    /// latter as `Failed to create unified exec process: No such file or directory (os error 2)`.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The terminal or the pipe could not be had.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Why nothing was written to a command's stdin.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It was started without a terminal, so its stdin is empty.
    #[error(
        "stdin is closed for this session; rerun exec_command with tty=true to keep stdin open"
    )]
    Closed,
    /// The terminal is gone.
    #[error("failed to write to stdin: {0}")]
    Io(#[from] io::Error),
}

#[derive(Debug)]
struct Shared {
    pid: u32,
    writer: Writer,
    output: Mutex<Output>,
    chunks: broadcast::Sender<Bytes>,
}

impl Session {
    /// Starts `request`. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`SpawnError`]; nothing runs then.
    pub fn spawn(launcher: &SandboxLauncher, request: &ExecRequest) -> Result<Self, SpawnError> {
        if request.argv.iter().any(|word| word.contains('\0')) {
            let error = "nul byte found in provided data";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error).into());
        }
        let Ends {
            command,
            reader,
            writer,
        } = terminal::open(request.tty)?;
        let launch = Launch {
            sandbox: &request.sandbox,
            argv: &request.argv,
            cwd: &request.cwd,
            env: &request.env,
            tty: request.tty,
        };
        let child = launcher.start(launch, command.each_ref().map(AsFd::as_fd))?;
        drop(command);
        let (pid, stop) = (child.pid(), child.stop());
        let shared = Arc::new(Shared {
            pid,
            writer,
            output: Mutex::default(),
            chunks: broadcast::Sender::new(CHUNK_BACKLOG),
        });
        let (exited, exit) = watch::channel(None);
        let tty = request.tty;
        let reader = tokio::spawn(read_output(reader, Arc::clone(&shared)));
        tokio::spawn(async move {
            let ended = child.wait().await;
            let mut reader = reader;
            if tokio::time::timeout(DRAIN_AFTER_EXIT, &mut reader)
                .await
                .is_err()
            {
                reader.abort();
            }
            if stop == Stop::Group {
                // What an unrestricted command left behind in its group ends with it (51 ms after
                // it, on codex 0.169.0); mostly there is nothing.
                stop.kill(pid);
            }
            exited.send_replace(Some(ended.map_or(-1, |ended| exit_code(ended, tty))));
        });
        Ok(Self { shared, stop, exit })
    }

    /// The process id on the host (of the helper where the command is restricted).
    pub fn pid(&self) -> u32 {
        self.shared.pid
    }

    /// Chunks of stdout and stderr from now on, in arrival order. The channel closes after the
    /// last one.
    pub fn subscribe(&self) -> broadcast::Receiver<Bytes> {
        self.shared.chunks.subscribe()
    }

    /// Everything printed so far.
    pub fn snapshot(&self) -> Clipped {
        self.shared.lock_output().all.clone()
    }

    /// What was printed since the last call, or since the last [`collect`](Self::collect).
    pub fn take_output(&self) -> Clipped {
        std::mem::take(&mut self.shared.lock_output().unread)
    }

    /// The exit code, once the command has ended and its output has been read.
    pub fn exit_code(&self) -> Option<i32> {
        *self.exit.borrow()
    }

    /// Waits for the end; a signal `n` counts as `128 + n`, a command that could not be waited for
    /// as -1.
    pub async fn wait_exit(&self) -> i32 {
        let mut exit = self.exit.clone();
        let code = exit.wait_for(Option::is_some).await;
        // The sender leaves only after it has sent.
        code.ok().and_then(|code| *code).unwrap_or(-1)
    }

    /// Waits for the end, at most for `within`, and takes the output since the last look.
    pub async fn collect(&self, within: Duration) -> Collected {
        let start = Stopwatch::start();
        let exit_code = tokio::time::timeout(within, self.wait_exit()).await.ok();
        Collected {
            output: self.take_output(),
            exit_code,
            wall_time: start.elapsed(),
        }
    }

    /// Writes to the command's terminal.
    ///
    /// # Errors
    /// [`WriteError::Closed`] if it has none.
    pub async fn write_stdin(&self, bytes: &[u8]) -> Result<(), WriteError> {
        let writer = self.shared.writer.as_ref().ok_or(WriteError::Closed)?;
        Ok(terminal::write_all(writer, bytes).await?)
    }

    /// Interrupts the command, which is what a lone Ctrl-C written to a session without a terminal
    /// does on codex 0.169.0 (exit code 130).
    pub fn interrupt(&self) {
        if self.exit.borrow().is_none() {
            signal(self.shared.pid, Signal::INT);
        }
    }

    /// Kills the command with all its descendants; a no-op once it has ended.
    pub fn kill(&self) {
        if self.exit.borrow().is_none() {
            self.stop.kill(self.shared.pid);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Shared {
    fn lock_output(&self) -> std::sync::MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read_output(mut reader: Reader, shared: Arc<Shared>) {
    let mut buffer = vec![0; CHUNK_BYTES];
    // A terminal whose last process has gone says EIO instead of the end.
    while let Ok(length @ 1..) = reader.read(&mut buffer).await {
        let chunk = &buffer[..length];
        shared.lock_output().push(chunk);
        // Nobody needs to listen.
        let _ = shared.chunks.send(Bytes::copy_from_slice(chunk));
    }
}

fn exit_code(ended: Ended, tty: bool) -> i32 {
    match ended {
        Ended::Code(code) => code,
        Ended::Signal(_) if tty => TERMINAL_SIGNAL_CODE,
        Ended::Signal(signal) => 128 + signal,
    }
}
