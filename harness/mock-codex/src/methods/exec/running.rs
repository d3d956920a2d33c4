//! The commands that run for a client.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use crate::process::Control;

/// What runs for one client, by the ids that it chose; it ends with the client.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    /// Of `command/exec`; those without an id are under a number.
    pub(super) executed: Running,
    /// Of `process/spawn`.
    pub(super) spawned: Running,
}

impl Commands {
    /// Kills everything, without a word to the client; gives what has to end.
    pub(crate) fn end(&self) -> Vec<Rc<Control>> {
        let all = [&self.executed, &self.spawned];
        let ending: Vec<_> = all
            .into_iter()
            .flat_map(|running| running.commands.take().into_values())
            .collect();
        for control in &ending {
            control.abandon();
        }
        ending
    }
}

impl Drop for Commands {
    fn drop(&mut self) {
        self.end();
    }
}

/// What names a command: the client's id, or a number of our own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Named(String),
    Numbered(usize),
}

/// Running commands.
#[derive(Debug, Default)]
pub(super) struct Running {
    commands: RefCell<HashMap<Key, Rc<Control>>>,
    next: Cell<usize>,
}

impl Running {
    pub(super) fn get(&self, id: &str) -> Option<Rc<Control>> {
        self.commands
            .borrow()
            .get(&Key::Named(id.to_owned()))
            .cloned()
    }

    /// Keeps a command until it is [forgotten](Self::forget).
    pub(super) fn keep(&self, id: Option<String>, control: Rc<Control>) -> Key {
        let key = id.map_or_else(
            || Key::Numbered(self.next.replace(self.next.get() + 1)),
            Key::Named,
        );
        let mut running = self.commands.borrow_mut();
        running.insert(key.clone(), control);
        key
    }

    pub(super) fn forget(&self, key: &Key) {
        self.commands.borrow_mut().remove(key);
    }
}
