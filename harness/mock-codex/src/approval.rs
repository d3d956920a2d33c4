//! Questions to the client, and who waits for their answers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;

use codex_wire::frame::Id;
use serde_json::Value;
use tokio::sync::{oneshot, watch};

use crate::connection::Client;
use crate::permission::Permissions;

/// What the client answered: a result, or the text of an error.
pub(crate) type Answer = Result<Value, String>;

/// The open requests of the server. Ids count from 0 for the process.
#[derive(Debug, Default)]
pub(crate) struct Approvals {
    next: Cell<i64>,
    open: RefCell<BTreeMap<i64, Open>>,
}

/// The request whose end is not told: its item says enough.
const UNTOLD: &str = "item/tool/call";

/// A request without an answer yet.
#[derive(Debug)]
struct Open {
    thread: String,
    method: &'static str,
    params: Value,
    waiting: oneshot::Sender<Answer>,
}

impl Approvals {
    /// Opens a request on a thread and sends it; its answer arrives where this says. Without one
    /// if the question was abandoned.
    pub(crate) fn ask<'a>(
        &self,
        thread: &str,
        method: &'static str,
        params: Value,
        clients: impl IntoIterator<Item = &'a Client>,
    ) -> oneshot::Receiver<Answer> {
        let id = self.next.get();
        self.next.set(id + 1);
        for client in clients {
            client.request(id, method, &params);
        }
        let (waiting, answer) = oneshot::channel();
        let open = Open {
            thread: thread.to_owned(),
            method,
            params,
            waiting,
        };
        self.open.borrow_mut().insert(id, open);
        answer
    }

    /// Sends the open requests of a thread to one more client.
    pub(crate) fn ask_again(&self, thread: &str, client: &Client) {
        for (id, open) in self.open.borrow().iter() {
            if open.thread == thread {
                client.request(*id, open.method, &open.params);
            }
        }
    }

    /// Takes an answer in: `resolved` hears of the thread and the request before whoever asked
    /// does. `false` if nobody asked.
    pub(crate) fn answer(&self, id: &Id, answer: Answer, resolved: impl FnOnce(&str, i64)) -> bool {
        let Id::Integer(id) = id else { return false };
        let Some(open) = self.open.borrow_mut().remove(id) else {
            return false;
        };
        if open.method != UNTOLD {
            resolved(&open.thread, *id);
        }
        // A turn that was interrupted doesn't wait any more; then the answer is late, not wrong.
        let _ = open.waiting.send(answer);
        true
    }

    /// Gives up the open requests of a thread; the ids of those whose end is told.
    pub(crate) fn abandon(&self, thread: &str) -> Vec<i64> {
        let mut open = self.open.borrow_mut();
        let of_thread = |open: &Open| open.thread == thread;
        let ids = open
            .iter()
            .filter(|(_, it)| of_thread(it) && it.method != UNTOLD)
            .map(|(id, _)| *id);
        let ids = ids.collect();
        open.retain(|_, it| !of_thread(it));
        ids
    }
}

/// A command that the client has approved for the session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Grant {
    /// The words of a simple command, else the whole argv.
    pub(crate) words: Vec<String>,
    pub(crate) cwd: PathBuf,
    pub(crate) tty: bool,
    pub(crate) escalated: bool,
    /// What it has beyond its sandbox.
    pub(crate) permissions: Option<Permissions>,
}

/// What a thread may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Approval,
    UserInput,
}

/// How many questions of each kind a thread has open.
#[derive(Debug)]
pub(crate) struct Waiting {
    open: watch::Sender<[usize; 2]>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            open: watch::Sender::new([0, 0]),
        }
    }
}

impl Waiting {
    /// Counts a question in; `true` if the flags changed.
    pub(crate) fn begin(&self, kind: Kind) -> bool {
        self.change(kind, |open| *open += 1)
    }

    /// Counts a question out; `true` if the flags changed.
    pub(crate) fn end(&self, kind: Kind) -> bool {
        self.change(kind, |open| *open = open.saturating_sub(1))
    }

    fn change(&self, kind: Kind, change: impl FnOnce(&mut usize)) -> bool {
        let before = self.flags();
        self.open
            .send_modify(|open| change(&mut open[kind as usize]));
        before != self.flags()
    }

    /// The active flags of the thread.
    pub(crate) fn flags(&self) -> Vec<&'static str> {
        let open = *self.open.borrow();
        let names = ["waitingOnApproval", "waitingOnUserInput"];
        let flags = names.into_iter().zip(open);
        flags
            .filter(|(_, open)| *open > 0)
            .map(|(name, _)| name)
            .collect()
    }

    /// Waits until no question is open.
    pub(crate) async fn over(&self) {
        // The sender lives as long as this does.
        let _ = self.open.subscribe().wait_for(|open| *open == [0, 0]).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_change_with_the_first_and_the_last_question() {
        let waiting = Waiting::default();
        assert!(waiting.begin(Kind::Approval));
        assert!(!waiting.begin(Kind::Approval));
        assert!(waiting.begin(Kind::UserInput));
        assert_eq!(waiting.flags(), ["waitingOnApproval", "waitingOnUserInput"]);
        assert!(!waiting.end(Kind::Approval));
        assert!(waiting.end(Kind::Approval));
        assert_eq!(waiting.flags(), ["waitingOnUserInput"]);
    }
}
