//! Being asked to end: by Ctrl-C, or by a SIGTERM of whoever started this.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Hears both. From then on neither ends the process by itself.
pub(super) struct Ending {
    interrupt: Signal,
    terminate: Signal,
}

impl Ending {
    /// Begins to listen; needs a tokio runtime.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits until one comes.
    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Cancels when the process is asked to end, as long as the result is kept: what was started ends
/// then, and nothing of it is left behind. Needs a tokio runtime.
#[must_use = "dropping it stops listening"]
pub(super) fn cancels(token: &CancellationToken) -> Option<AbortOnDropHandle<()>> {
    let mut ending = Ending::listen().ok()?;
    let token = token.clone();
    let task = tokio::spawn(async move {
        ending.asked().await;
        token.cancel();
    });
    Some(AbortOnDropHandle::new(task))
}
