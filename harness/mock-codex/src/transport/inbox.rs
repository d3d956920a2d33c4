//! What clients of a listener have sent and nobody has handled yet.

use std::rc::Rc;

use bytes::Bytes;
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::connection::Client;
use crate::server::Server;

/// How many messages wait, of all clients together, before requests are refused with -32001.
/// Seen on codex 0.169.0: of requests that come at once, the first 128 are taken.
const MOST_WAITING: usize = 128;

/// One message and who sent it.
type Message = (Rc<Client>, Bytes);

/// The end that connections put messages in.
#[derive(Debug, Clone)]
pub(super) struct Inbox(mpsc::Sender<Message>);

impl Inbox {
    /// An inbox whose messages the server handles one after the other.
    pub(super) fn of(server: &Rc<Server>) -> Self {
        let (sender, mut receiver) = mpsc::channel::<Message>(MOST_WAITING);
        let server = Rc::clone(server);
        tokio::task::spawn_local(async move {
            while let Some((client, message)) = receiver.recv().await {
                client.receive(&server, &message);
            }
        });
        Self(sender)
    }

    /// Puts a message in. Where there is no room, a request is refused at once, and anything else
    /// waits, and with it the connection.
    pub(super) async fn put(&self, client: &Rc<Client>, message: Bytes) {
        match self.0.try_send((Rc::clone(client), message)) {
            Err(TrySendError::Full((client, message))) if !client.refuse(&message) => {
                // The receiver lives as long as the runtime.
                let _ = self.0.send((client, message)).await;
            }
            _ => {}
        }
    }
}
