//! What waits to be sent to one client.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The most that waits for one client of a listener, in bytes. Whoever lets more pile up is let
/// go, so that one client that doesn't read never takes the memory of the others.
///
/// The limit is ours: codex 0.169.0 was seen to keep 300 MB for such a client and lose nothing.
pub(crate) const MOST_WAITING: usize = 512 * 1024 * 1024;

/// What goes to a client.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// A frame with its line end.
    Frame(Bytes),
    /// The payload of a ping that is answered.
    Pong(Bytes),
}

/// The sending end: never waits, so that no client holds up another.
#[derive(Debug)]
pub(crate) struct Outbox {
    sender: RefCell<Option<UnboundedSender<Outgoing>>>,
    waiting: Rc<Waiting>,
    limit: usize,
}

/// The end that a transport empties.
#[derive(Debug)]
pub(crate) struct Outflow {
    receiver: UnboundedReceiver<Outgoing>,
    waiting: Rc<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Cell<usize>,
    overflowed: Notify,
}

/// An outbox that takes up to `limit` bytes, and what comes out of it.
pub(crate) fn outbox(limit: usize) -> (Outbox, Outflow) {
    let (sender, receiver) = unbounded_channel();
    let waiting = Rc::new(Waiting::default());
    let outbox = Outbox {
        sender: RefCell::new(Some(sender)),
        waiting: Rc::clone(&waiting),
        limit,
    };
    (outbox, Outflow { receiver, waiting })
}

impl Outbox {
    /// Puts something in. What goes over the limit ends the connection.
    pub(crate) fn put(&self, outgoing: Outgoing) {
        let mut sender = self.sender.borrow_mut();
        let bytes = self.waiting.bytes.get() + outgoing.len();
        if bytes > self.limit && sender.take().is_some() {
            crate::complain("disconnecting a client that doesn't read: its outbox is full");
            self.waiting.overflowed.notify_one();
        }
        // A client that is gone gets nothing more.
        if let Some(open) = &*sender
            && open.send(outgoing).is_ok()
        {
            self.waiting.bytes.set(bytes);
        }
    }

    /// Says that nothing more comes: what is in goes out, and then the connection ends.
    pub(crate) fn close(&self) {
        self.sender.take();
    }
}

impl Outflow {
    /// The next that waits, or `None` when nothing more comes.
    pub(crate) async fn next(&mut self) -> Option<Outgoing> {
        let outgoing = self.receiver.recv().await;
        self.taken(outgoing)
    }

    /// The next that waits now.
    pub(crate) fn ready(&mut self) -> Option<Outgoing> {
        let outgoing = self.receiver.try_recv().ok();
        self.taken(outgoing)
    }

    /// Waits until more was put in than may wait.
    pub(crate) fn overflow(&self) -> impl Future<Output = ()> + 'static {
        let waiting = Rc::clone(&self.waiting);
        async move { waiting.overflowed.notified().await }
    }

    fn taken(&self, outgoing: Option<Outgoing>) -> Option<Outgoing> {
        if let Some(outgoing) = &outgoing {
            let left = self.waiting.bytes.get().saturating_sub(outgoing.len());
            self.waiting.bytes.set(left);
        }
        outgoing
    }
}

impl Outgoing {
    fn len(&self) -> usize {
        match self {
            Self::Frame(bytes) | Self::Pong(bytes) => bytes.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &'static str) -> Outgoing {
        Outgoing::Frame(Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test]
    async fn what_was_put_in_comes_out_in_order_and_then_the_end() {
        let (outbox, mut outflow) = outbox(100);
        outbox.put(frame("one"));
        outbox.put(frame("two"));
        outbox.close();
        outbox.put(frame("three"));
        for expected in ["one", "two"] {
            match outflow.next().await {
                Some(Outgoing::Frame(bytes)) => assert_eq!(bytes, expected),
                other => panic!("expected `{expected}`, got {other:?}"),
            }
        }
        assert!(outflow.next().await.is_none());
    }

    #[tokio::test]
    async fn more_than_may_wait_ends_the_connection_and_reading_makes_room() {
        let (outbox, mut outflow) = outbox(4);
        for _ in 0..3 {
            outbox.put(frame("1234"));
            assert!(outflow.ready().is_some());
        }
        outbox.put(frame("1234"));
        outbox.put(frame("5"));
        outflow.overflow().await;
        assert!(outflow.ready().is_some());
        assert!(
            outflow.next().await.is_none(),
            "nothing comes behind the limit"
        );
    }
}
