//! A command from its start to its end.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;

use super::{Captured, Control, Ended, Request, Stream};
use crate::sandbox::helper::TERMINAL_SIGNAL_CODE;
use crate::sandbox::launcher::{Ended as Status, Started, Stop};

/// The largest chunk.
const CHUNK_BYTES: usize = 8 * 1024;

/// How long output is still read after the command has ended while somebody holds on to it
/// (codex 0.169.0: 2.007 s).
const DRAIN_AFTER_EXIT: Duration = Duration::from_secs(2);

/// The exit code of a command that took too long.
const TIMED_OUT: i32 = 124;

/// The exit code of a command that was killed.
const KILLED: i32 = 137;

/// Where a command's output comes out.
pub(super) enum Output {
    Pipes(pipe::Receiver, pipe::Receiver),
    Terminal(pipe::Receiver),
}

/// A running command; dropping it kills it.
pub(crate) struct Watched {
    child: Started,
    output: Output,
    control: Rc<Control>,
    terminal: bool,
    stream: bool,
    cap: Option<usize>,
    timeout: Option<Duration>,
}

/// How a command came to its end.
enum End {
    Itself,
    TimedOut,
    Killed,
}

impl Watched {
    pub(super) fn new(
        child: Started,
        output: Output,
        control: &Rc<Control>,
        request: &Request,
    ) -> Self {
        Self {
            child,
            output,
            control: Rc::clone(control),
            terminal: request.terminal.is_some(),
            stream: request.stream,
            cap: request.cap,
            timeout: request.timeout,
        }
    }

    /// Waits for the end. `tell` gets each piece of output that is to be told, and whether the
    /// cap is reached with it.
    pub(crate) async fn run(self, tell: impl Fn(Stream, &[u8], bool)) -> Ended {
        let Self { child, control, .. } = self;
        // A command on a terminal always streams: its output is nowhere else to be had.
        let streams = self.stream || self.terminal;
        let (pid, stop) = (child.pid(), child.stop());
        let mut stdout = Captured::new(self.cap);
        let mut stderr = Captured::new(self.cap);
        let mut drain_timed_out = false;
        let exit_code = {
            let read = async {
                let told = |stream| {
                    let tell = &tell;
                    streams.then_some(move |part: &[u8], full| tell(stream, part, full))
                };
                match self.output {
                    Output::Terminal(reader) => {
                        read_all(reader, &mut stdout, told(Stream::Stdout)).await;
                    }
                    Output::Pipes(out, err) => {
                        let out = read_all(out, &mut stdout, told(Stream::Stdout));
                        let err = read_all(err, &mut stderr, told(Stream::Stderr));
                        tokio::join!(out, err);
                    }
                }
            };
            let mut read = std::pin::pin!(read);
            let wait = wait(child, &control, self.timeout, || stop.kill(pid));
            let (end, status, finished) = alongside(wait, read.as_mut()).await;
            if !finished {
                let drained = tokio::time::timeout(DRAIN_AFTER_EXIT, read).await;
                drain_timed_out = drained.is_err();
            }
            exit_code(&end, status, self.terminal)
        };
        if stop == Stop::Group {
            // What it left behind in its group ends with it.
            stop.kill(pid);
        }
        control.gone.cancel();
        Ended {
            exit_code,
            stdout,
            stderr,
            drain_timed_out,
        }
    }
}

/// Waits for the child, and kills it when it takes too long or somebody says so.
async fn wait(
    child: Started,
    control: &Control,
    timeout: Option<Duration>,
    stop: impl Fn(),
) -> (End, Option<Status>) {
    let too_long = async {
        match timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let mut ended = std::pin::pin!(child.wait());
    let end = tokio::select! {
        biased;
        () = control.stop.cancelled() => End::Killed,
        status = &mut ended => return (End::Itself, status.ok()),
        () = too_long => End::TimedOut,
    };
    stop();
    (end, ended.await.ok())
}

/// Waits for the first; the second goes on meanwhile. Says whether that one has finished too.
async fn alongside(
    first: impl Future<Output = (End, Option<Status>)>,
    mut second: std::pin::Pin<&mut impl Future<Output = ()>>,
) -> (End, Option<Status>, bool) {
    let mut first = std::pin::pin!(first);
    let mut finished = false;
    loop {
        tokio::select! {
            (end, status) = &mut first => return (end, status, finished),
            () = &mut second, if !finished => finished = true,
        }
    }
}

async fn read_all(
    mut reader: pipe::Receiver,
    captured: &mut Captured,
    tell: Option<impl Fn(&[u8], bool)>,
) {
    let mut buffer = vec![0; CHUNK_BYTES];
    // A terminal whose last process has gone says EIO instead of the end.
    while let Ok(length @ 1..) = reader.read(&mut buffer).await {
        let chunk = &buffer[..length];
        match &tell {
            None => captured.keep(chunk),
            Some(tell) => {
                if let Some((part, full)) = captured.take(chunk) {
                    tell(part, full);
                }
            }
        }
    }
}

fn exit_code(end: &End, status: Option<Status>, terminal: bool) -> i32 {
    let status = match end {
        End::TimedOut => return TIMED_OUT,
        End::Killed if terminal => return TERMINAL_SIGNAL_CODE,
        End::Killed => return KILLED,
        End::Itself => status,
    };
    match status {
        Some(Status::Code(code)) => code,
        Some(Status::Signal(_)) if terminal => TERMINAL_SIGNAL_CODE,
        Some(Status::Signal(signal)) => 128 + signal,
        None => -1,
    }
}
