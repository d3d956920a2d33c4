//! Newline-delimited reading and writing, with a bound on the length of a line.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};

use crate::frame::Frame;

/// The longest line that is read unless told otherwise, in bytes: 64 MiB.
///
/// codex 0.169.0 was seen to read a line of 20 MB; a bound keeps a runaway peer from taking
/// all memory.
pub const DEFAULT_MAX_LINE: usize = 64 * 1024 * 1024;

/// Why no line could be read.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The peer sent more than the limit without a line end. The stream can't be used further.
    #[error("a line is longer than the limit of {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads lines as bytes: `\n` ends a line, a `\r` before it is dropped, a last line without an
/// end counts.
#[derive(Debug)]
pub struct LineReader<R> {
    inner: R,
    max_line: usize,
    line: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> LineReader<R> {
    /// A reader with [`DEFAULT_MAX_LINE`].
    pub fn new(inner: R) -> Self {
        Self::with_max_line(inner, DEFAULT_MAX_LINE)
    }

    /// A reader that refuses lines longer than `max_line` bytes, line end not counted.
    pub fn with_max_line(inner: R, max_line: usize) -> Self {
        Self {
            inner,
            max_line,
            line: Vec::new(),
        }
    }

    /// The next line without its end, or `None` at the end of the stream.
    ///
    /// Safe to drop and call again: what was read so far of a line is kept.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, LineError> {
        loop {
            let available = self.inner.fill_buf().await?;
            if available.is_empty() {
                return Ok(if self.line.is_empty() {
                    None
                } else {
                    Some(self.take())
                });
            }
            let end = available.iter().position(|&byte| byte == b'\n');
            let upto = end.unwrap_or(available.len());
            if self.line.len() + upto > self.max_line.saturating_add(1) {
                return Err(LineError::TooLong {
                    limit: self.max_line,
                });
            }
            self.line.extend_from_slice(&available[..upto]);
            self.inner.consume(upto + usize::from(end.is_some()));
            if end.is_some() {
                let line = self.take();
                if line.len() > self.max_line {
                    return Err(LineError::TooLong {
                        limit: self.max_line,
                    });
                }
                return Ok(Some(line));
            }
        }
    }

    fn take(&mut self) -> Vec<u8> {
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        std::mem::take(&mut self.line)
    }
}

/// Writes frames, each as one line in one write, flushed.
#[derive(Debug)]
pub struct FrameWriter<W> {
    inner: W,
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    /// A writer on top of `inner`, which needs no buffer of its own.
    pub fn new(inner: W) -> Self {
        Self { inner }
    }

    /// Writes one frame.
    pub async fn write(&mut self, frame: &Frame) -> io::Result<()> {
        self.write_raw(frame.to_line().as_bytes()).await
    }

    /// Writes bytes as they are: malformed lines, halves of lines, several lines at once.
    pub async fn write_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes).await?;
        self.inner.flush().await
    }

    /// Gives the stream back, for closing it.
    pub fn into_inner(self) -> W {
        self.inner
    }
}
