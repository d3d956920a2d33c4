//! The program behind the tap: its start, its three streams, its end.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use codex_wire::transcript::{Event, Process};
use rustix::process::Pid;
use rustix::stdio;

use crate::disturb::Disturbed;
use crate::plan::Plan;
use crate::record::{self, Recording, Stream, Tape};
use crate::signals;

/// How much is read at once: what a pipe holds.
const BUFFER: usize = 64 * 1024;

/// How long the streams of an ended program are read on, when another process holds them open.
const DRAIN: Duration = Duration::from_millis(250);

/// How long a client may take to read what an ended program wrote.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    /// The recording has no place.
    #[error("can't record: {0}")]
    Record(#[source] io::Error),
    /// The program can't be started.
    #[error("can't start `{}`: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The program is an app-server and nothing else.
    #[error("`{}` stands for `codex app-server`, it has no `{asked}`", program.display())]
    NotAppServer {
        /// The program.
        program: PathBuf,
        /// What was asked for instead.
        asked: String,
    },
}

/// Starts the program, passes everything on until it ends, and ends like it.
///
/// # Errors
/// Nothing was started.
pub fn run(plan: &Plan, arguments: &[OsString]) -> Result<ExitCode, TapError> {
    let recording = Recording::open(plan).map_err(TapError::Record)?;
    if let Some(disturb) = &plan.disturb {
        thread::sleep(Duration::from_millis(disturb.delay_ms));
    }
    let mut child = start(plan, arguments, &recording)?;
    // Not before: the program would inherit what is held back.
    if let (Ok(held), Some(id)) = (signals::hold(), id_of(&child)) {
        held.hand_on(id);
    }
    let output = pass_all(&mut child, &recording, plan);
    let status = child.wait();
    output.drained();
    Ok(end(status.ok(), &recording))
}

fn start(plan: &Plan, arguments: &[OsString], recording: &Recording) -> Result<Child, TapError> {
    let arguments = behind(plan, arguments)?;
    let shown = arguments
        .iter()
        .map(|text| text.to_string_lossy().into_owned());
    let argv = std::iter::once(plan.program.to_string_lossy().into_owned()).chain(shown);
    recording.push(Event::Process(Process::Started(argv.collect())));
    let texts = std::env::vars_os().filter_map(|(name, value)| {
        Some((
            name.into_string().ok()?,
            value.to_string_lossy().into_owned(),
        ))
    });
    recording.push(Event::Process(Process::Environment(record::environment(
        texts,
    ))));
    Command::new(&plan.program)
        .args(arguments)
        .envs(&plan.environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| TapError::Start {
            program: plan.program.clone(),
            source,
        })
}

fn id_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// The arguments of the program behind.
fn behind(plan: &Plan, arguments: &[OsString]) -> Result<Vec<OsString>, TapError> {
    let mut all: Vec<OsString> = plan.before.iter().map(Into::into).collect();
    if plan.takes_arguments {
        all.extend_from_slice(arguments);
    } else if !arguments.iter().any(|argument| argument == "app-server") {
        let asked: Vec<_> = arguments
            .iter()
            .map(|text| text.to_string_lossy())
            .collect();
        return Err(TapError::NotAppServer {
            program: plan.program.clone(),
            asked: asked.join(" "),
        });
    }
    Ok(all)
}

/// What the program writes, while it is passed on.
struct Output {
    ended: Receiver<()>,
    progress: Arc<Progress>,
}

/// How far the streams have come.
#[derive(Default)]
struct Progress {
    /// Pieces that were passed on.
    passed: AtomicU64,
    /// Streams that are writing right now.
    writing: AtomicUsize,
}

impl Output {
    /// Waits until all that an ended program wrote is passed on. The streams come to their end
    /// with it, unless it left a process behind that holds them open.
    fn drained(&self) {
        let until = Instant::now() + PATIENCE;
        let mut before = None;
        while self.ended.recv_timeout(DRAIN) == Err(RecvTimeoutError::Timeout) {
            let now = self.progress.passed.load(Ordering::Acquire);
            let idle = self.progress.writing.load(Ordering::Acquire) == 0 && before == Some(now);
            if idle || Instant::now() > until {
                return;
            }
            before = Some(now);
        }
    }
}

/// Starts a thread for each stream.
fn pass_all(child: &mut Child, recording: &Recording, plan: &Plan) -> Output {
    let progress = Arc::new(Progress::default());
    if let Some(to) = child.stdin.take() {
        let tape = recording.stream(Stream::Stdin);
        thread::spawn(move || {
            let from = Standard(stdio::stdin());
            if pass(from, Straight(to), tape, &Progress::default()).is_err() {
                // The program reads no more, so nobody does: the client has to learn it.
                let nothing = OpenOptions::new().read(true).open("/dev/null");
                let _ = nothing.map(stdio::dup2_stdin);
            }
        });
    }
    let (open, ended) = mpsc::channel();
    if let Some(from) = child.stdout.take() {
        let tape = recording.stream(Stream::Stdout);
        let out = Standard(stdio::stdout());
        let told = (open.clone(), &progress);
        match plan.disturb.clone() {
            None => pass_out(from, Straight(out), tape, told),
            Some(how) => pass_out(from, Disturbed::new(how, out, id_of(child)), tape, told),
        }
    }
    if let Some(from) = child.stderr.take() {
        let tape = recording.stream(Stream::Stderr);
        let to = Straight(Standard(stdio::stderr()));
        pass_out(from, to, tape, (open, &progress));
    }
    Output { ended, progress }
}

/// A client that reads no more is told to the program by closing the stream, which ends the
/// thread: the sender goes with it.
fn pass_out(
    from: impl Read + Send + 'static,
    to: impl Way + Send + 'static,
    tape: Tape,
    (open, progress): (mpsc::Sender<()>, &Arc<Progress>),
) {
    let progress = Arc::clone(progress);
    thread::spawn(move || {
        let _ = pass(from, to, tape, &progress);
        drop(open);
    });
}

/// Passes one stream on until its end. What can't be passed on any more is an error.
fn pass(
    mut from: impl Read,
    mut to: impl Way,
    mut tape: Tape,
    progress: &Progress,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // The end of a terminal, for example.
            Err(_) => break,
        };
        progress.writing.fetch_add(1, Ordering::AcqRel);
        let written = to.pass(&buffer[..read], &mut tape);
        progress.passed.fetch_add(1, Ordering::AcqRel);
        progress.writing.fetch_sub(1, Ordering::AcqRel);
        if written.is_err() {
            tape.end();
            return written;
        }
    }
    let written = to.end(&mut tape);
    tape.end();
    written
}

/// The way of a stream to its reader, past the recording.
trait Way {
    /// Records bytes and passes them on.
    fn pass(&mut self, bytes: &[u8], tape: &mut Tape) -> io::Result<()>;

    /// Passes on what was kept back.
    fn end(&mut self, tape: &mut Tape) -> io::Result<()>;
}

/// As it comes.
struct Straight<W>(W);

impl<W: Write> Way for Straight<W> {
    fn pass(&mut self, bytes: &[u8], tape: &mut Tape) -> io::Result<()> {
        tape.take(bytes);
        self.0.write_all(bytes)
    }

    fn end(&mut self, _tape: &mut Tape) -> io::Result<()> {
        Ok(())
    }
}

impl Way for Disturbed {
    fn pass(&mut self, bytes: &[u8], tape: &mut Tape) -> io::Result<()> {
        Disturbed::pass(self, bytes, tape)
    }

    fn end(&mut self, tape: &mut Tape) -> io::Result<()> {
        Disturbed::end(self, tape)
    }
}

/// A standard stream without a buffer, which would hold back half a line.
pub(crate) struct Standard(BorrowedFd<'static>);

impl Standard {
    /// How much of what was written has not been read, where the kernel tells: of a pipe.
    pub(crate) fn unread(&self) -> u64 {
        rustix::io::ioctl_fionread(self.0).unwrap_or(0)
    }
}

impl Read for Standard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(self.0, buffer)?)
    }
}

impl Write for Standard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self.0, bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Records the end, and makes it the tap's own.
fn end(status: Option<ExitStatus>, recording: &Recording) -> ExitCode {
    let (code, signal) = status.map_or((None, None), |status| (status.code(), status.signal()));
    recording.push(Event::Process(Process::Exited { code, signal }));
    if let Some(signal) = signal {
        signals::die_of(signal);
        // A shell says it like this.
        return ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX));
    }
    code.and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}
