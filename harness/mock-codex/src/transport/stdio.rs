//! One client on stdin and stdout.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::rc::Rc;

use codex_wire::line::LineReader;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{UnixStream, unix::pipe};
use tokio::signal::unix::{SignalKind, signal};

use super::FLUSH;
use crate::connection::Client;
use crate::outbox::{Outflow, Outgoing, outbox};
use crate::server::Server;

/// The longest line that is read, in bytes; the real one was seen to read 20 MB.
const MAX_LINE: usize = 256 * 1024 * 1024;

/// Serves until stdin ends or SIGTERM comes; both end with exit code 0.
pub(super) async fn run(server: Rc<Server>) -> io::Result<()> {
    // A client that doesn't read its own pipe holds up nobody else.
    let (outbox, outflow) = outbox(usize::MAX);
    let client = Rc::new(Client::new(outbox));
    server.connect(&client);
    let writer = tokio::task::spawn_local(write_frames(outflow));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut lines = LineReader::with_max_line(BufReader::new(stdin()?), MAX_LINE);
    loop {
        let line = tokio::select! {
            line = lines.next() => line,
            _ = terminate.recv() => break,
        };
        match line {
            Ok(Some(line)) if std::str::from_utf8(&line).is_err() => {
                crate::complain("Failed reading stdin: stream did not contain valid UTF-8");
                break;
            }
            Ok(Some(line)) => client.receive(&server, &line),
            Ok(None) => break,
            Err(error) => {
                crate::complain(&format!("Failed reading stdin: {error}"));
                break;
            }
        }
    }
    server.shut_down().await;
    client.hang_up();
    // Whoever doesn't read any more doesn't get the rest.
    let _ = tokio::time::timeout(FLUSH, writer).await;
    Ok(())
}

/// Writes frames; those that wait together go out together.
async fn write_frames(mut outflow: Outflow) {
    let Ok(mut out) = stdout() else { return };
    let mut batch = Vec::new();
    while let Some(first) = outflow.next().await {
        batch.clear();
        let mut next = Some(first);
        while let Some(outgoing) = next {
            if let Outgoing::Frame(frame) = outgoing {
                batch.extend_from_slice(&frame);
            }
            next = outflow.ready();
        }
        if out.write_all(&batch).await.is_err() || out.flush().await.is_err() {
            return;
        }
    }
}

/// Stdin: read without a thread where it is a pipe or a socket.
fn stdin() -> io::Result<Box<dyn AsyncRead + Unpin>> {
    let stdin = duplicate(&io::stdin())?;
    if let Ok(pipe) = pipe::Receiver::from_owned_fd(stdin.try_clone()?) {
        return Ok(Box::new(pipe));
    }
    match socket(stdin) {
        Some(stream) => Ok(Box::new(stream)),
        None => Ok(Box::new(tokio::io::stdin())),
    }
}

/// Stdout, likewise.
fn stdout() -> io::Result<Box<dyn AsyncWrite + Unpin>> {
    let stdout = duplicate(&io::stdout())?;
    if let Ok(pipe) = pipe::Sender::from_owned_fd(stdout.try_clone()?) {
        return Ok(Box::new(pipe));
    }
    match socket(stdout) {
        Some(stream) => Ok(Box::new(stream)),
        None => Ok(Box::new(tokio::io::stdout())),
    }
}

fn duplicate(stream: &impl AsFd) -> io::Result<OwnedFd> {
    stream.as_fd().try_clone_to_owned()
}

/// The descriptor as a stream, if it is a connected Unix socket.
fn socket(descriptor: OwnedFd) -> Option<UnixStream> {
    let stream = StdUnixStream::from(descriptor);
    stream.peer_addr().ok()?;
    stream.set_nonblocking(true).ok()?;
    UnixStream::from_std(stream).ok()
}
