//! The socket under a connection. The HTTP library reads requests from it; answers are written
//! past the library, which can't write most of what a script may ask for.
//!
//! The library believes that each answer is an empty one, and what it writes of that is swallowed
//! here.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::lock;
use super::websocket::Pending;

/// What the library writes goes out.
const THROUGH: u8 = 0;
/// An answer is being written: what the library writes is swallowed.
const SWALLOW: u8 = 1;
/// The answer is out: what the library writes is swallowed until it has flushed that.
const SWALLOW_LAST: u8 = 2;

/// A connection, as the code that answers sees it.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    mode: AtomicU8,
    /// Whether something was swallowed since the answer was out.
    swallowed: AtomicBool,
    /// Whether the connection breaks when something more is received.
    reset_at_next: AtomicBool,
    /// What the connection becomes when the library is done with it.
    upgrade: Mutex<Option<Pending>>,
}

impl Line {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            mode: AtomicU8::new(THROUGH),
            swallowed: AtomicBool::new(false),
            reset_at_next: AtomicBool::new(false),
            upgrade: Mutex::default(),
        }
    }

    /// Takes the line for an answer.
    pub(super) fn take(&self) {
        self.mode.store(SWALLOW, Ordering::Release);
    }

    /// Gives the line back after an answer.
    pub(super) fn give_back(&self) {
        self.swallowed.store(false, Ordering::Release);
        self.mode.store(SWALLOW_LAST, Ordering::Release);
    }

    /// Writes all of this.
    pub(super) async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.try_write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.stream.writable().await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Lets the connection end with a TCP RST instead of a FIN.
    pub(super) fn reset_at_end(&self) {
        if let Err(error) = self.stream.set_zero_linger() {
            tracing::warn!(%error, "can't reset a connection");
        }
    }

    /// Lets the connection break with a TCP RST when something more is received.
    pub(super) fn reset_at_next(&self) {
        self.reset_at_next.store(true, Ordering::Release);
    }

    /// Lets the connection become a WebSocket when the library is done with it.
    pub(super) fn upgrade_to(&self, pending: Pending) {
        *lock(&self.upgrade) = Some(pending);
    }

    /// What the connection is to become.
    pub(super) fn upgrade(&self) -> Option<Pending> {
        lock(&self.upgrade).take()
    }

    fn is_taken(&self) -> bool {
        self.mode.load(Ordering::Acquire) != THROUGH
    }
}

/// A connection, as the HTTP library sees it.
#[derive(Debug)]
pub(super) struct Socket(pub(super) Arc<Line>);

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let line = &self.0;
        loop {
            ready!(line.stream.poll_read_ready(cx))?;
            match line.stream.try_read_buf(buf) {
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(_) if line.reset_at_next.load(Ordering::Acquire) => {
                    line.reset_at_end();
                    return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
                }
                Ok(_) => return Poll::Ready(Ok(())),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let line = &self.0;
        if line.is_taken() {
            line.swallowed.store(true, Ordering::Release);
            return Poll::Ready(Ok(buf.len()));
        }
        loop {
            ready!(line.stream.poll_write_ready(cx))?;
            match line.stream.try_write(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let line = &self.0;
        if line.mode.load(Ordering::Acquire) == SWALLOW_LAST
            && line.swallowed.load(Ordering::Acquire)
        {
            line.mode.store(THROUGH, Ordering::Release);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The connection ends when the last reference to the line is gone.
        Poll::Ready(Ok(()))
    }
}
