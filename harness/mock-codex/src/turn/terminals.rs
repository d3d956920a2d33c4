//! The commands of a thread that still run.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::tools::exec::SessionId;

/// Running commands, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Terminals {
    running: RefCell<Vec<Rc<Terminal>>>,
}

/// One running command.
#[derive(Debug)]
pub(crate) struct Terminal {
    pub(crate) item: String,
    pub(crate) turn: Rc<str>,
    pub(crate) session: SessionId,
    pub(crate) command: String,
    pub(crate) cwd: PathBuf,
    /// Asks the command's watcher to end it.
    pub(crate) terminate: CancellationToken,
    /// Cancelled when its item has been completed.
    pub(crate) ended: CancellationToken,
    /// Cancelled when all its output has been told.
    pub(crate) drained: CancellationToken,
    /// How many `write_stdin` calls have yet to be told; the item is completed after them.
    pub(crate) writes: watch::Sender<usize>,
    /// Did its sandbox stop it at once? Known when it has ended.
    pub(crate) denied: Cell<bool>,
}

impl Terminals {
    /// Takes a command in.
    pub(crate) fn add(&self, terminal: &Rc<Terminal>) {
        self.running.borrow_mut().push(Rc::clone(terminal));
    }

    /// Lets a command go.
    pub(crate) fn remove(&self, session: SessionId) {
        self.running
            .borrow_mut()
            .retain(|terminal| terminal.session != session);
    }

    /// The command of a session.
    pub(crate) fn get(&self, session: SessionId) -> Option<Rc<Terminal>> {
        self.running
            .borrow()
            .iter()
            .find(|terminal| terminal.session == session)
            .cloned()
    }

    /// As `thread/backgroundTerminals/list` shows them.
    pub(crate) fn list(&self) -> Vec<Value> {
        self.running
            .borrow()
            .iter()
            .map(|terminal| {
                json!({
                    "itemId": terminal.item,
                    "processId": terminal.session.to_string(),
                    "command": terminal.command,
                    "cwd": terminal.cwd,
                    "osPid": null,
                    "cpuPercent": null,
                    "rssKb": null,
                })
            })
            .collect()
    }

    /// Ends them all.
    pub(crate) fn terminate_all(&self) {
        for terminal in self.running.borrow().iter() {
            terminal.terminate.cancel();
        }
    }

    /// Ends those of one turn.
    pub(crate) fn terminate_turn(&self, turn: &str) {
        for terminal in self
            .running
            .borrow()
            .iter()
            .filter(|terminal| &*terminal.turn == turn)
        {
            terminal.terminate.cancel();
        }
    }
}
