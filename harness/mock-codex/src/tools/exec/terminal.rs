//! A command's input and output: one pipe, or a pseudo-terminal.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsFd;
use std::process::Command;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
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
pub(crate) type Reader = pipe::Receiver;

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
    let (reader, writer) = open(command, TERMINAL_SIZE)?;
    Ok((reader, Some(Mutex::new(writer))))
}

/// Connects `command` to a new pseudo-terminal of this size; gives both ways of this end.
pub(crate) fn open(command: &mut Command, size: Winsize) -> io::Result<(Reader, pipe::Sender)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let output = openpt(flags)?;
    unlockpt(&output)?;
    let terminal = ioctl_tiocgptpeer(&output, flags)?;
    tcsetwinsize(&terminal, size)?;
    command
        .stdin(terminal.try_clone()?)
        .stdout(terminal.try_clone()?)
        .stderr(terminal);
    set_non_blocking(&output)?;
    let writer = pipe::Sender::from_owned_fd_unchecked(output.try_clone()?)?;
    Ok((Reader::from_owned_fd_unchecked(output)?, writer))
}

/// Writes all of `bytes` to the command's terminal.
pub(super) async fn write_all(writer: &Mutex<pipe::Sender>, bytes: &[u8]) -> io::Result<()> {
    writer.lock().await.write_all(bytes).await
}

fn set_non_blocking(fd: impl AsFd) -> io::Result<()> {
    let flags = fcntl_getfl(&fd)?;
    Ok(fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?)
}
