//! A command's side of its input and output: one pipe, or a pseudo-terminal.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::{Winsize, openpty};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The size codex 0.169.0 gives a terminal.
const TERMINAL_SIZE: Winsize = Winsize {
    ws_row: 24,
    ws_col: 80,
    ws_xpixel: 0,
    ws_ypixel: 0,
};

/// The parent's end of a command's input and output.
#[derive(Debug)]
pub(super) struct Terminal {
    fd: AsyncFd<OwnedFd>,
    interactive: bool,
}

impl Terminal {
    /// Connects `command` to a pseudo-terminal (`tty`), or to one pipe for stdout and stderr (so
    /// that their order is kept) and an empty stdin.
    pub(super) fn attach(command: &mut Command, tty: bool) -> io::Result<Self> {
        let (parent, input, output): (OwnedFd, Stdio, OwnedFd) = if tty {
            let pty = openpty(Some(&TERMINAL_SIZE), None)?;
            (pty.master, pty.slave.try_clone()?.into(), pty.slave)
        } else {
            let (reader, writer) = io::pipe()?;
            (
                reader.into(),
                OpenOptions::new().read(true).open("/dev/null")?.into(),
                writer.into(),
            )
        };
        command
            .stdin(input)
            .stdout(output.try_clone()?)
            .stderr(output);
        let flags = OFlag::from_bits_retain(fcntl(&parent, FcntlArg::F_GETFL)?);
        fcntl(&parent, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        let interest = if tty {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        Ok(Self {
            fd: AsyncFd::register_with_interest(parent, interest)?,
            interactive: tty,
        })
    }

    /// Whether the command reads what is written here.
    pub(super) fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Reads what is there; 0 at the end.
    pub(super) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self
            .fd
            .async_io(Interest::READABLE, |fd| {
                Ok(rustix::io::read(fd, &mut *buffer)?)
            })
            .await;
        match read {
            // A terminal whose last process has gone says EIO.
            Err(error) if error.raw_os_error() == Some(nix::libc::EIO) => Ok(0),
            other => other,
        }
    }

    /// Writes all of `bytes` to the command's stdin.
    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self
                .fd
                .async_io(Interest::WRITABLE, |fd| Ok(rustix::io::write(fd, bytes)?))
                .await?;
            bytes = &bytes[written..];
        }
        Ok(())
    }
}
