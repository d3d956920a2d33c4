//! What all listeners share: connections in, and the end.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::task::TaskTracker;

use super::FLUSH;
use super::inbox::Inbox;
use crate::server::Server;

/// How long a listener that can't accept leaves it be.
const PAUSE: Duration = Duration::from_millis(100);

/// A listener's server and connections.
pub(super) struct Listener {
    pub(super) server: Rc<Server>,
    pub(super) inbox: Inbox,
    connections: TaskTracker,
}

/// SIGTERM and SIGINT, which mean the same to a listener.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

impl Listener {
    pub(super) fn new(server: Rc<Server>) -> Self {
        Self {
            inbox: Inbox::of(&server),
            server,
            connections: TaskTracker::new(),
        }
    }

    /// Serves one connection beside the others.
    pub(super) fn spawn(&self, connection: impl Future<Output = ()> + 'static) {
        self.connections.spawn_local(connection);
    }

    /// Lets `accept` take connections in until a signal comes. As with codex 0.169.0, running
    /// turns are waited for, with connections still taken in, unless a second signal comes.
    pub(super) async fn until_signal(self, accept: impl AsyncFnOnce(&Self)) -> io::Result<()> {
        let mut signals = Signals::new()?;
        let end = async {
            signals.next().await;
            tokio::select! {
                () = self.server.idle() => {}
                () = signals.next() => {}
            }
        };
        tokio::select! {
            () = end => {}
            () = accept(&self) => {}
        }
        self.server.shut_down().await;
        self.server.hang_up();
        self.connections.close();
        // Whoever doesn't read any more doesn't get the rest.
        let _ = tokio::time::timeout(FLUSH, self.connections.wait()).await;
        Ok(())
    }
}

/// Keeps a listener that can't accept, for example because there are no descriptors left, from
/// taking all of the processor.
pub(super) async fn accept_failed(error: &io::Error) {
    crate::complain(&format!("failed to accept a connection: {error}"));
    tokio::time::sleep(PAUSE).await;
}
