//! Questions to the client, and who waits for their answers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use codex_wire::frame::Id;
use serde_json::Value;
use tokio::sync::oneshot;

/// What the client answered: a result, or the text of an error.
pub(crate) type Answer = Result<Value, String>;

/// The open requests of the server. Ids count from 0 for the process.
#[derive(Debug, Default)]
pub(crate) struct Approvals {
    next: Cell<i64>,
    open: RefCell<BTreeMap<i64, oneshot::Sender<Answer>>>,
}

impl Approvals {
    /// Opens a request: its id, and where the answer arrives.
    pub(crate) fn open(&self) -> (i64, oneshot::Receiver<Answer>) {
        let id = self.next.get();
        self.next.set(id + 1);
        let (sender, receiver) = oneshot::channel();
        self.open.borrow_mut().insert(id, sender);
        (id, receiver)
    }

    /// Takes an answer; `false` if nobody asked.
    pub(crate) fn answer(&self, id: &Id, answer: Answer) -> bool {
        let Id::Integer(id) = id else { return false };
        match self.open.borrow_mut().remove(id) {
            Some(waiting) => {
                // Whoever asked may have given up; then the answer is late, not wrong.
                let _ = waiting.send(answer);
                true
            }
            None => false,
        }
    }
}
