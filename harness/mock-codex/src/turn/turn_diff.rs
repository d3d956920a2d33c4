//! The difference that a turn has made, as it is told.

use std::cell::{Cell, RefCell};

use serde_json::json;

use super::emit::Scope;
use crate::tools::patch::apply::Applied;
use crate::tools::patch::tracker::Tracker;

/// What the patches of a turn have done, and whether anything was told of it.
#[derive(Debug, Default)]
pub(super) struct TurnDiff {
    tracker: RefCell<Tracker>,
    told: Cell<bool>,
}

impl TurnDiff {
    /// Takes in what a try of a patch did that is not the last one.
    pub(super) fn note(&self, applied: &Applied) {
        self.tracker.borrow_mut().add(applied);
    }

    /// Takes in what a patch did, and tells the difference if there is one, or was.
    pub(super) fn add(&self, scope: &Scope, applied: &Applied) {
        self.note(applied);
        self.tell(scope, self.told.get());
    }

    /// Tells the difference again, if there is one.
    pub(super) fn repeat(&self, scope: &Scope) {
        self.tell(scope, false);
    }

    fn tell(&self, scope: &Scope, also_empty: bool) {
        let root = scope.settings.cwd.clone();
        let diff = self.tracker.borrow().difference(&root);
        if diff.is_empty() && !also_empty {
            return;
        }
        self.told.set(!diff.is_empty());
        scope.thread.notify(
            "turn/diff/updated",
            &json!({"threadId": scope.thread.id(), "turnId": &*scope.turn, "diff": diff}),
        );
    }
}
