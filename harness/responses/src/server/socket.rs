//! The socket under a connection: it tells what has been written, and how to end.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::lock;

/// What a connection's socket and the bodies sent over it tell each other.
#[derive(Debug, Default)]
pub(super) struct SocketState {
    /// How often everything that was buffered has been given to the kernel.
    flushes: AtomicU64,
    /// Whom to wake at the next flush.
    waiting: Mutex<Option<Waker>>,
    /// Whether the connection ends with a reset.
    reset: AtomicBool,
}

impl SocketState {
    /// A mark for [`SocketState::poll_flushed_since`].
    pub(super) fn mark(&self) -> u64 {
        self.flushes.load(Ordering::Acquire)
    }

    /// Ready when everything that was buffered at the mark has been given to the kernel.
    pub(super) fn poll_flushed_since(&self, mark: u64, cx: &mut Context<'_>) -> Poll<()> {
        if self.mark() > mark {
            return Poll::Ready(());
        }
        *lock(&self.waiting) = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Lets the connection end with a TCP RST instead of a FIN.
    pub(super) fn reset_at_end(&self) {
        self.reset.store(true, Ordering::Release);
    }

    fn flushed(&self) {
        self.flushes.fetch_add(1, Ordering::AcqRel);
        if let Some(waker) = lock(&self.waiting).take() {
            waker.wake();
        }
    }
}

/// A TCP stream that counts its flushes and can end with a reset.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TokioIo<TcpStream>,
    state: Arc<SocketState>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, state: Arc<SocketState>) -> Self {
        Self {
            stream: TokioIo::new(stream),
            state,
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.state.reset.load(Ordering::Acquire)
            && let Err(error) = self.stream.inner().set_zero_linger()
        {
            tracing::warn!(%error, "can't reset a connection");
        }
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl Write for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if let Poll::Ready(Ok(())) = flushed {
            self.state.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}
