//! One turn, and the items in it.

use super::bounded::{Digest, Ring};
use super::finding::Notes;
use super::item::{Ended, Item};
use super::sight;
use super::table::{ExceptionId, RuleId};

/// The most ended items of a turn that are remembered.
const ITEMS: usize = 4096;

/// A turn that runs.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) id: Box<str>,
    pub(super) since: usize,
    items: Vec<Item>,
    done: Ring<Ended>,
    /// Did text come into it while it ran?
    pub(super) steered: bool,
    /// Did the model's stream break?
    pub(super) broke: bool,
    /// Is it the turn of a review?
    review: bool,
}

impl Turn {
    /// A turn whose start is in frame `since`.
    pub(super) fn start(id: &str, since: usize, review: bool) -> Self {
        Self {
            id: id.into(),
            since,
            items: Vec::new(),
            done: Ring::up_to(ITEMS),
            steered: false,
            broke: false,
            review,
        }
    }

    /// The item that is open under this id.
    pub(super) fn open(&mut self, id: &str) -> Option<&mut Item> {
        self.items.iter_mut().find(|known| &*known.id == id)
    }

    /// `item/started`.
    pub(super) fn start_item(&mut self, item: &sight::Item<'_>, notes: &mut Notes<'_>) {
        let id = item.id.as_deref().unwrap_or_default();
        let open = self.items.iter().position(|known| &*known.id == id);
        let done = self.done.iter().rev().find(|known| &*known.id == id);
        let since = open
            .map(|at| self.items[at].since)
            .or(done.map(|done| done.at));
        if let Some(since) = since {
            let is_answer = item.r#type.as_deref() == Some("agentMessage");
            let why = if self.broke {
                Some(ExceptionId::RetryStartsAgain)
            } else {
                (open.is_none() && is_answer).then_some(ExceptionId::ModelRepeatsItem)
            };
            let message = format!("item `{id}` starts a second time");
            notes.judged(RuleId::ItemStartedOnce, why, Some(since), message);
        }
        if let Some(at) = open {
            self.items.remove(at);
        }
        let says_user = item.r#type.as_deref() == Some("userMessage");
        self.steered |= says_user && (!self.items.is_empty() || self.has_spoken());
        self.items.push(Item::start(id, item, notes.at.number));
    }

    /// `item/completed`.
    pub(super) fn complete_item(&mut self, item: &sight::Item<'_>, notes: &mut Notes<'_>) {
        let id = item.id.as_deref().unwrap_or_default();
        match self.items.iter().position(|known| &*known.id == id) {
            Some(at) => {
                let ended = self.items.remove(at).end(item, notes);
                self.done.push(ended);
            }
            None => self.not_open(id, "item/completed", notes),
        }
    }

    /// `turn/completed`: the commands that are left running.
    pub(super) fn end(self, turn: &sight::Turn<'_>, notes: &mut Notes<'_>) -> Vec<Item> {
        let mut left = Vec::new();
        for item in turn.items.iter().flatten() {
            self.judge_item(item, notes);
        }
        let interrupted = turn.status.as_deref() == Some("interrupted");
        let failed = turn.status.as_deref() == Some("failed");
        for item in self.items {
            let why = if item.is_command() {
                Some(ExceptionId::CommandLeftRunning)
            } else if interrupted {
                Some(ExceptionId::InterruptDropsItems)
            } else if self.steered {
                Some(ExceptionId::SteerDropsStream)
            } else if self.broke || failed {
                Some(ExceptionId::BrokenStreamDropsItem)
            } else if self.review && item.is_answer() {
                Some(ExceptionId::ReviewHidesAnswer)
            } else if item.is_empty_answer() {
                Some(ExceptionId::RefusalHasNoEnd)
            } else {
                None
            };
            let message = format!("item `{}` has no `item/completed`", item.id);
            notes.judged(RuleId::ItemCompleted, why, Some(item.since), message);
            if item.is_command() {
                left.push(item);
            }
        }
        left
    }

    /// Has the model said something in it?
    fn has_spoken(&self) -> bool {
        self.done.iter().next().is_some()
    }

    /// Something of an item that is not open.
    pub(super) fn not_open(&self, id: &str, what: &str, notes: &mut Notes<'_>) {
        let done = self.done.iter().rev().find(|known| &*known.id == id);
        let message = match done {
            Some(_) => format!("`{what}` of item `{id}` comes after its end"),
            None => format!("`{what}` of item `{id}` comes without its start"),
        };
        let late = done.is_some() && what == "item/commandExecution/outputDelta";
        let why = late.then_some(ExceptionId::OutputToldLate);
        notes.judged(
            RuleId::ItemStartedFirst,
            why,
            done.map(|done| done.at),
            message,
        );
    }

    /// An item of `turn/completed`.
    fn judge_item(&self, item: &sight::Item<'_>, notes: &mut Notes<'_>) {
        let id = item.id.as_deref().unwrap_or_default();
        let done = self.done.iter().rev().find(|known| &*known.id == id);
        let Some(done) = done else {
            let message = format!("`turn/completed` lists item `{id}`, which was not completed");
            notes.broken(RuleId::TurnItems, Some(self.since), message);
            return;
        };
        if done.text != item.text.as_ref().map(|text| Digest::of(text)) {
            let message = format!("item `{id}` has another text in `turn/completed` than before");
            notes.broken(RuleId::TurnItems, Some(done.at), message);
        }
    }
}

/// What `turn/completed` says of itself.
pub(super) fn judge_end(id: &str, turn: &sight::Turn<'_>, notes: &mut Notes<'_>) {
    let status = turn.status.as_deref().unwrap_or_default();
    let known = ["completed", "interrupted", "failed"].contains(&status);
    if !known || turn.error.is_some() != (status == "failed") {
        let with = if turn.error.is_some() { "an" } else { "no" };
        let message = format!("turn `{id}` ends as `{status}` with {with} error");
        notes.broken(RuleId::TurnStatus, None, message);
    }
    let ends_early = matches!((*turn.started_at, *turn.completed_at), (Some(a), Some(b)) if b < a);
    if ends_early || turn.duration_ms.is_some_and(|duration| duration < 0) {
        let message = format!(
            "turn `{id}` ends before it starts: look at `startedAt`, `completedAt` and `durationMs`"
        );
        notes.broken(RuleId::TimesInOrder, None, message);
    }
}
