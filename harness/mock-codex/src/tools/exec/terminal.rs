//! A command's input and output: one pipe, or a pseudo-terminal.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::{Winsize, openpty};
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe;
use tokio::sync::Mutex;

/// The size codex 0.169.0 gives a terminal.
const TERMINAL_SIZE: Winsize = Winsize {
    ws_row: 24,
    ws_col: 80,
    ws_xpixel: 0,
    ws_ypixel: 0,
};

/// Where a command's output comes out.
pub(super) type Reader = pipe::Receiver;

/// Where its input goes in; `None` without a terminal.
pub(super) type Writer = Option<Mutex<pipe::Sender>>;

/// Connects `command` to a pseudo-terminal (`tty`), or to one pipe for stdout and stderr (so that
/// their order is kept) and an empty stdin.
pub(super) fn attach(command: &mut Command, tty: bool) -> io::Result<(Reader, Writer)> {
    if !tty {
        let (reader, writer) = io::pipe()?;
        let empty = OpenOptions::new().read(true).open("/dev/null")?;
        command
            .stdin(empty)
            .stdout(writer.try_clone()?)
            .stderr(writer);
        set_non_blocking(&reader)?;
        return Ok((Reader::from_owned_fd(reader.into())?, None));
    }
    let pty = openpty(Some(&TERMINAL_SIZE), None)?;
    command.stdin(Stdio::from(pty.slave.try_clone()?));
    command
        .stdout(Stdio::from(pty.slave.try_clone()?))
        .stderr(Stdio::from(pty.slave));
    let (input, output): (OwnedFd, OwnedFd) = (close_on_exec(&pty.master)?, pty.master);
    set_non_blocking(&output)?;
    let writer = pipe::Sender::from_owned_fd_unchecked(input)?;
    Ok((
        Reader::from_owned_fd_unchecked(output)?,
        Some(Mutex::new(writer)),
    ))
}

/// Writes all of `bytes` to the command's terminal.
pub(super) async fn write_all(writer: &Mutex<pipe::Sender>, bytes: &[u8]) -> io::Result<()> {
    writer.lock().await.write_all(bytes).await
}

fn set_non_blocking(fd: impl AsFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(&fd, FcntlArg::F_GETFL)?);
    fcntl(&fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// Keeps `master` out of other commands and returns a second handle to it.
fn close_on_exec(master: &OwnedFd) -> io::Result<OwnedFd> {
    fcntl(master, FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
    master.try_clone()
}
