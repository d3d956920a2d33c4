//! Questions to the client: what the thread says while it waits for an answer.

use serde_json::Value;

use super::emit::Scope;
use crate::approval::{Answer, Kind};
use crate::protocol::reply::ThreadStatus;

/// A question that the thread waits for; dropping it ends the wait without a word.
#[derive(Debug)]
pub(super) struct Question<'a> {
    scope: &'a Scope,
    kind: Kind,
    open: bool,
}

impl<'a> Question<'a> {
    /// The thread waits from now on, and says so.
    pub(super) fn open(scope: &'a Scope, kind: Kind) -> Self {
        if scope.thread.waiting.begin(kind) {
            tell(scope);
        }
        Self {
            scope,
            kind,
            open: true,
        }
    }

    /// Asks. Once the answer is there, its `serverRequest/resolved` has been told.
    pub(super) async fn ask(&self, method: &'static str, params: Value) -> Answer {
        self.scope.ask(method, params).await
    }

    /// The thread doesn't wait any more, and says so.
    pub(super) fn close(mut self) {
        self.open = false;
        if self.scope.thread.waiting.end(self.kind) {
            tell(self.scope);
        }
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if self.open {
            self.scope.thread.waiting.end(self.kind);
        }
    }
}

fn tell(scope: &Scope) {
    let active_flags = scope.thread.waiting.flags();
    scope
        .server
        .set_status(&scope.thread, ThreadStatus::Active { active_flags });
}
