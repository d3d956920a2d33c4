//! From a request to a running command.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::rc::Rc;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::watch::{Output, Watched};
use super::{Control, Input, Request, SpawnError, lookup};
use crate::sandbox::{Launch, Sandbox, SandboxLauncher};
use crate::tools::exec::{Terminal, open_terminal};

/// What closing a terminal's stdin writes to it: a line's end, and the character for the end of
/// the input (codex 0.169.0: an extra line is echoed).
const END_OF_INPUT: &[u8] = b"\n\x04";

/// Starts a command. Nothing watches it before [`Watched::run`] is awaited.
///
/// # Errors
/// Nothing runs then.
pub(crate) fn spawn(
    launcher: &SandboxLauncher,
    mut request: Request,
) -> Result<(Rc<Control>, Watched), SpawnError> {
    let terminal = request.terminal;
    check(&mut request)?;
    let tty = terminal.is_some();
    if request.sandbox != Sandbox::Unrestricted {
        // The program that sets up the sandbox of codex 0.169.0 says where it is.
        request.env.retain(|(name, _)| name != "PWD");
        let cwd = request.cwd.to_string_lossy().into_owned();
        request.env.push(("PWD".to_owned(), cwd));
    }
    let attached = match terminal {
        Some(size) => attach_terminal(size.into())?,
        None => attach_pipes(request.stdin)?,
    };
    let launch = Launch {
        sandbox: &request.sandbox,
        argv: &request.argv,
        cwd: &request.cwd,
        env: &request.env,
        tty,
    };
    let child = launcher.start(launch, attached.command.each_ref().map(AsFd::as_fd))?;
    let control = Rc::new(Control::new(attached.input, attached.terminal));
    let watched = Watched::new(child, attached.output, &control, &request);
    Ok((control, watched))
}

/// What the system would refuse to start.
fn check(request: &mut Request) -> Result<(), SpawnError> {
    let tty = request.terminal.is_some();
    if tty && !request.cwd.is_dir() {
        // The library for terminals goes home instead (observed on codex 0.169.0).
        let home = request.env.iter().find(|(name, _)| name == "HOME");
        request.cwd = home.map_or_else(|| PathBuf::from("/"), |(_, home)| PathBuf::from(home));
    }
    if request.sandbox != Sandbox::Unrestricted {
        return Ok(());
    }
    let program = request.argv.first().map_or("", String::as_str);
    if program.is_empty() {
        return Err(SpawnError::NoProgram(if tty { "PTY" } else { "pipe" }));
    }
    lookup::check(program, &request.cwd, &request.env, tty)
}

/// The ends of a command's streams: its own, and those that stay here.
struct Attached {
    command: [OwnedFd; 3],
    output: Output,
    input: Input,
    terminal: Option<pipe::Sender>,
}

fn attach_terminal(size: rustix::termios::Winsize) -> io::Result<Attached> {
    let Terminal {
        command,
        reader,
        writer,
    } = open_terminal(size)?;
    // The same terminal once more, for its size; nothing is written through it.
    let terminal = pipe::Sender::from_owned_fd_unchecked(duplicate(&writer)?)?;
    Ok(Attached {
        command: [command.try_clone()?, command.try_clone()?, command],
        output: Output::Terminal(reader),
        input: feed(writer, Some(END_OF_INPUT)),
        terminal: Some(terminal),
    })
}

fn attach_pipes(stdin: bool) -> io::Result<Attached> {
    let (stdout, out) = io::pipe()?;
    let (stderr, err) = io::pipe()?;
    let (input, reader): (Input, OwnedFd) = if stdin {
        let (reader, writer) = io::pipe()?;
        (feed(sender(writer.into())?, None), reader.into())
    } else {
        let nothing = OpenOptions::new().read(true).open("/dev/null")?;
        (Input::None, nothing.into())
    };
    Ok(Attached {
        command: [reader, out.into(), err.into()],
        output: Output::Pipes(receiver(stdout.into())?, receiver(stderr.into())?),
        input,
        terminal: None,
    })
}

/// Writes what it is given, and `end` before it closes.
fn feed(writer: pipe::Sender, end: Option<&'static [u8]>) -> Input {
    let (sender, chunks) = unbounded_channel();
    tokio::task::spawn_local(write_all(writer, chunks, end));
    Input::Open(sender)
}

async fn write_all(
    mut writer: pipe::Sender,
    mut chunks: UnboundedReceiver<Vec<u8>>,
    end: Option<&'static [u8]>,
) {
    while let Some(chunk) = chunks.recv().await {
        // A command that doesn't read any more is no error.
        if writer.write_all(&chunk).await.is_err() {
            return;
        }
    }
    if let Some(end) = end {
        let _ = writer.write_all(end).await;
    }
}

pub(crate) fn receiver(fd: OwnedFd) -> io::Result<pipe::Receiver> {
    set_non_blocking(&fd)?;
    pipe::Receiver::from_owned_fd(fd)
}

pub(crate) fn sender(fd: OwnedFd) -> io::Result<pipe::Sender> {
    set_non_blocking(&fd)?;
    pipe::Sender::from_owned_fd(fd)
}

fn set_non_blocking(fd: &OwnedFd) -> io::Result<()> {
    let flags = fcntl_getfl(fd)?;
    Ok(fcntl_setfl(fd, flags | OFlags::NONBLOCK)?)
}

fn duplicate(writer: &pipe::Sender) -> io::Result<OwnedFd> {
    writer.as_fd().try_clone_to_owned()
}
