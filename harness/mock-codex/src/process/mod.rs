//! Commands that a client runs by itself: what `command/exec` and `process/*` share.
//!
//! Unlike the tools of the model, they have two separate streams, a timeout, a cap on what is
//! kept, and an end that is told once everything else was.

mod capture;
mod lookup;
mod spawn;
mod watch;

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::time::Duration;

use rustix::termios::{Winsize, tcsetwinsize};
use tokio::net::unix::pipe;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

pub(crate) use self::capture::Captured;
pub(crate) use self::spawn::{receiver, sender, spawn};
pub(crate) use self::watch::Watched;

use crate::sandbox::Sandbox;

/// How much of a stream is kept if nothing is said about it (codex 0.169.0).
pub(crate) const DEFAULT_CAP: usize = 1024 * 1024;

/// How long a command may take if nothing is said about it (codex 0.169.0).
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// A command to run.
#[derive(Debug)]
pub(crate) struct Request {
    /// The program and its arguments; not empty.
    pub(crate) argv: Vec<String>,
    pub(crate) cwd: PathBuf,
    /// The whole environment.
    pub(crate) env: Vec<(String, String)>,
    pub(crate) sandbox: Sandbox,
    /// Whether the client may write to its stdin; without, it is empty.
    pub(crate) stdin: bool,
    /// The size of its terminal, if it gets one: then it has a stdin too, and one stream.
    pub(crate) terminal: Option<Size>,
    /// Whether its output is told as it comes instead of at the end.
    pub(crate) stream: bool,
    /// How many bytes of each stream are kept or told.
    pub(crate) cap: Option<usize>,
    pub(crate) timeout: Option<Duration>,
}

/// The size of a terminal in characters; both are positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: u16,
    pub(crate) cols: u16,
}

impl Default for Size {
    /// What codex 0.169.0 gives a terminal.
    fn default() -> Self {
        Self { rows: 24, cols: 80 }
    }
}

impl From<Size> for Winsize {
    fn from(size: Size) -> Self {
        Self {
            ws_row: size.rows,
            ws_col: size.cols,
            ws_xpixel: 0,
            ws_ypixel: 0,
        }
    }
}

/// One of the streams of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    /// As it is called on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    /// A signal `n` counts as `128 + n`, a timeout as 124.
    pub(crate) exit_code: i32,
    pub(crate) stdout: Captured,
    pub(crate) stderr: Captured,
    /// Did somebody else hold on to its output, longer than it is waited for?
    pub(crate) drain_timed_out: bool,
}

/// Why a command did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpawnError {
    #[error("missing program for {0} spawn")]
    NoProgram(&'static str),
    /// The words of the library that codex 0.169.0 opens terminals with.
    #[error("Unable to spawn {program} because:\nNo viable candidates found in PATH {path:?}")]
    NotOnPath { program: String, path: String },
    #[error(transparent)]
    Launch(#[from] crate::sandbox::LaunchError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What a client can do to a running command.
#[derive(Debug)]
pub(crate) struct Control {
    stop: CancellationToken,
    gone: CancellationToken,
    input: RefCell<Input>,
    /// The terminal, to change its size.
    terminal: Option<pipe::Sender>,
    silent: Cell<bool>,
}

/// The way to a command's stdin.
#[derive(Debug)]
enum Input {
    /// It is empty, and nobody asked to write to it.
    None,
    Open(UnboundedSender<Vec<u8>>),
    Closed,
}

/// Why nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteError {
    /// Writing was not asked for when the command was started.
    NotEnabled,
    /// It was closed before.
    Closed,
}

impl Control {
    fn new(input: Input, terminal: Option<pipe::Sender>) -> Self {
        Self {
            stop: CancellationToken::new(),
            gone: CancellationToken::new(),
            input: RefCell::new(input),
            terminal,
            silent: Cell::new(false),
        }
    }

    /// Writes bytes, and closes stdin behind them if `close`. They get there when the command
    /// reads; one that doesn't is no error.
    pub(crate) fn write(&self, bytes: Option<Vec<u8>>, close: bool) -> Result<(), WriteError> {
        let mut input = self.input.borrow_mut();
        match (&*input, bytes) {
            (Input::None, _) => return Err(WriteError::NotEnabled),
            (Input::Closed, Some(_)) => return Err(WriteError::Closed),
            (Input::Open(sender), Some(bytes)) => {
                let _ = sender.send(bytes);
            }
            (Input::Open(_) | Input::Closed, None) => {}
        }
        if close {
            *input = Input::Closed;
        }
        Ok(())
    }

    /// Changes the size of the command's terminal.
    pub(crate) fn resize(&self, size: Size) -> Result<(), String> {
        match &self.terminal {
            Some(terminal) => {
                tcsetwinsize(terminal, size.into()).map_err(|error| error.to_string())
            }
            None => Err("process is not attached to a PTY".to_owned()),
        }
    }

    /// Kills the command with all its descendants.
    pub(crate) fn kill(&self) {
        self.stop.cancel();
    }

    /// The same, and nobody is told of its end any more.
    pub(crate) fn abandon(&self) {
        self.silent.set(true);
        self.kill();
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&self) {
        self.gone.cancelled().await;
    }

    /// Is there still somebody to tell?
    pub(crate) fn is_wanted(&self) -> bool {
        !self.silent.get()
    }
}
