//! A command's input and output: one pipe, or a pseudo-terminal.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

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

/// Both ends of a command's input and output.
pub(super) struct Ends {
    /// The command's stdin, stdout and stderr.
    pub(super) command: [OwnedFd; 3],
    pub(super) reader: Reader,
    pub(super) writer: Writer,
}

/// Opens a pseudo-terminal (`tty`), or one pipe for stdout and stderr (so that their order is kept)
/// with an empty stdin.
pub(super) fn open(tty: bool) -> io::Result<Ends> {
    if !tty {
        let (reader, writer) = io::pipe()?;
        let empty = OpenOptions::new().read(true).open("/dev/null")?;
        set_non_blocking(&reader)?;
        return Ok(Ends {
            command: [empty.into(), writer.try_clone()?.into(), writer.into()],
            reader: Reader::from_owned_fd(reader.into())?,
            writer: None,
        });
    }
    let Terminal {
        command,
        reader,
        writer,
    } = open_terminal(TERMINAL_SIZE)?;
    Ok(Ends {
        command: [command.try_clone()?, command.try_clone()?, command],
        reader,
        writer: Some(Mutex::new(writer)),
    })
}

/// A pseudo-terminal: the command's end, and both ways of this end.
pub(crate) struct Terminal {
    pub(crate) command: OwnedFd,
    pub(crate) reader: Reader,
    pub(crate) writer: pipe::Sender,
}

/// Opens a pseudo-terminal of this size.
pub(crate) fn open_terminal(size: Winsize) -> io::Result<Terminal> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let output = openpt(flags)?;
    unlockpt(&output)?;
    let command = ioctl_tiocgptpeer(&output, flags)?;
    tcsetwinsize(&command, size)?;
    set_non_blocking(&output)?;
    let writer = pipe::Sender::from_owned_fd_unchecked(output.try_clone()?)?;
    Ok(Terminal {
        command,
        reader: Reader::from_owned_fd_unchecked(output)?,
        writer,
    })
}

/// Writes all of `bytes` to the command's terminal.
pub(super) async fn write_all(writer: &Mutex<pipe::Sender>, bytes: &[u8]) -> io::Result<()> {
    writer.lock().await.write_all(bytes).await
}

fn set_non_blocking(fd: impl AsFd) -> io::Result<()> {
    let flags = fcntl_getfl(&fd)?;
    Ok(fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?)
}
