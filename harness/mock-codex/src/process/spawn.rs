//! From a request to a running command.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::watch::{Output, Watched};
use super::{Control, Input, Request, SpawnError, lookup};
use crate::sandbox::{Sandbox, SandboxLauncher};
use crate::tools::exec::open_terminal;

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
    let prepared = launcher.command(&request.sandbox, &request.argv, &request.cwd, tty)?;
    let mut command = prepared.command;
    command
        .env_clear()
        .envs(request.env.iter().map(|(name, value)| (name, value)))
        .envs(prepared.env);
    if request.sandbox != Sandbox::Unrestricted {
        // The program that sets up the sandbox of codex 0.169.0 says where it is.
        command.env("PWD", &request.cwd);
    }
    let attached = match terminal {
        Some(size) => attach_terminal(&mut command, size.into())?,
        None => attach_pipes(&mut command, request.stdin)?,
    };
    let child = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()?;
    let control = Rc::new(Control::new(attached.input, attached.terminal));
    let watched = Watched::new(child, prepared.stop, attached.output, &control, &request);
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

/// The ends of a command's streams that stay here.
struct Attached {
    output: Output,
    input: Input,
    terminal: Option<pipe::Sender>,
}

fn attach_terminal(command: &mut Command, size: rustix::termios::Winsize) -> io::Result<Attached> {
    let (reader, writer) = open_terminal(command, size)?;
    // The same terminal once more, for its size; nothing is written through it.
    let terminal = pipe::Sender::from_owned_fd_unchecked(duplicate(&writer)?)?;
    Ok(Attached {
        output: Output::Terminal(reader),
        input: feed(writer, Some(END_OF_INPUT)),
        terminal: Some(terminal),
    })
}

fn attach_pipes(command: &mut Command, stdin: bool) -> io::Result<Attached> {
    let (stdout, writer) = io::pipe()?;
    command.stdout(writer);
    let (stderr, writer) = io::pipe()?;
    command.stderr(writer);
    let input = if stdin {
        let (reader, writer) = io::pipe()?;
        command.stdin(reader);
        feed(sender(writer.into())?, None)
    } else {
        command.stdin(OpenOptions::new().read(true).open("/dev/null")?);
        Input::None
    };
    Ok(Attached {
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

fn receiver(fd: OwnedFd) -> io::Result<pipe::Receiver> {
    set_non_blocking(&fd)?;
    pipe::Receiver::from_owned_fd(fd)
}

fn sender(fd: OwnedFd) -> io::Result<pipe::Sender> {
    set_non_blocking(&fd)?;
    pipe::Sender::from_owned_fd(fd)
}

fn set_non_blocking(fd: &OwnedFd) -> io::Result<()> {
    let flags = fcntl_getfl(fd)?;
    Ok(fcntl_setfl(fd, flags | OFlags::NONBLOCK)?)
}

fn duplicate(writer: &pipe::Sender) -> io::Result<OwnedFd> {
    use std::os::fd::AsFd as _;
    writer.as_fd().try_clone_to_owned()
}
