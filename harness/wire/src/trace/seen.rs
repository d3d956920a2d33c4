//! One thread, as one client sees it: its status, its turns one after another.

use std::fmt;

use super::bounded::Ring;
use super::finding::Notes;
use super::item::Item;
use super::sight;
use super::table::{ExceptionId, RuleId};
use super::turn::{Turn, judge_end};

/// The most ended turns and background commands of a thread that are remembered.
const REMEMBERED: usize = 64;

/// A thread, as one client sees it.
#[derive(Debug)]
pub(super) struct Thread {
    /// Has this client asked for its turns?
    pub(super) subscribed: bool,
    /// Has this client seen everything since a moment at which no turn ran?
    pub(super) whole: bool,
    /// The last status, and the frame that told it.
    status: Option<(Status, usize)>,
    turn: Option<Turn>,
    /// The ended turns, with the frame of their end.
    ended: Ring<(Box<str>, usize)>,
    /// Commands that outlived their turns.
    background: Ring<Item>,
    /// The turn that a reply has promised, with the frame of the reply.
    promised: Option<(Box<str>, usize)>,
    /// Was that the reply to `review/start`?
    review: bool,
    /// The last token totals.
    tokens: Option<[i64; 6]>,
}

/// What a thread said it does.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Status {
    kind: Box<str>,
    flags: Vec<Box<str>>,
}

impl Default for Thread {
    fn default() -> Self {
        Self {
            subscribed: false,
            whole: false,
            status: None,
            turn: None,
            ended: Ring::up_to(REMEMBERED),
            background: Ring::up_to(REMEMBERED),
            promised: None,
            review: false,
            tokens: None,
        }
    }
}

impl Thread {
    /// The turn that runs.
    pub(super) fn running(&self) -> Option<&Turn> {
        self.turn.as_ref()
    }

    /// Text comes into the running turn.
    pub(super) fn steered(&mut self) {
        if let Some(turn) = &mut self.turn {
            turn.steered = true;
        }
    }

    /// The model's stream broke.
    pub(super) fn broke(&mut self, turn: &str) {
        if let Some(running) = self.turn.as_mut().filter(|running| &*running.id == turn) {
            running.broke = true;
        }
    }

    /// The client starts, resumes or forks it.
    pub(super) fn given(&mut self, status: Option<&sight::Status<'_>>, at: usize) {
        self.subscribed = true;
        if let Some(status) = status {
            let status = Status::of(status);
            self.whole |= &*status.kind != "active" && self.turn.is_none();
            self.status = Some((status, at));
        }
    }

    /// `thread/status/changed`.
    pub(super) fn status(&mut self, status: &sight::Status<'_>, notes: &mut Notes<'_>) {
        let status = Status::of(status);
        if let Some((_, at)) = self.status.as_ref().filter(|(before, _)| *before == status) {
            let message = format!("the thread was `{}` already", status.kind);
            let why = (&*status.kind == "notLoaded").then_some(ExceptionId::UnloadedTwice);
            notes.judged(RuleId::StatusNew, why, Some(*at), message);
        }
        if &*status.kind == "notLoaded" {
            self.lost();
        }
        self.status = Some((status, notes.at.number));
    }

    /// Turns are taken off it.
    pub(super) fn reverted(&mut self) {
        self.tokens = None;
        self.promised = None;
    }

    /// The turn that runs although the thread is at rest, and a request of a later frame than
    /// that status was `answered`.
    pub(super) fn left_open(&self, answered: usize) -> Option<(&str, usize)> {
        let (status, at) = self.status.as_ref()?;
        let turn = self.turn.as_ref()?;
        let over = &*status.kind != "active" && *at > turn.since && answered > *at;
        over.then_some((&turn.id, turn.since))
    }

    /// The client no longer sees the turns: what runs is unknown.
    pub(super) fn lost(&mut self) {
        self.whole = false;
        self.turn = None;
        self.promised = None;
    }

    /// A reply to `turn/start` names a turn.
    pub(super) fn replied(&mut self, turn: &str, asked: usize, notes: &mut Notes<'_>) {
        let steered = self
            .turn
            .as_ref()
            .filter(|running| &*running.id == turn && running.since < asked);
        if let Some(running) = steered {
            let message = format!("turn `{turn}` runs already: the input goes into it");
            let since = Some(running.since);
            notes.known(ExceptionId::TurnStartSteers, since, message);
            self.steered();
            return;
        }
        let ended = self.ended.iter().find(|(id, _)| &**id == turn);
        if let Some((_, at)) = ended.filter(|(_, at)| *at < asked) {
            let message = format!("turn `{turn}` has ended before it was asked for");
            notes.broken(RuleId::TurnReplied, Some(*at), message);
        }
        let begun = ended.is_some() || self.turn.as_ref().is_some_and(|now| &*now.id == turn);
        if !begun {
            self.promised = Some((turn.into(), notes.at.number));
            self.review = false;
        }
    }

    /// A reply to `review/start` names a turn.
    pub(super) fn review_replied(&mut self, turn: &str, at: usize) {
        self.promised = Some((turn.into(), at));
        self.review = true;
    }

    /// `turn/started`.
    pub(super) fn start(&mut self, turn: &sight::Turn<'_>, notes: &mut Notes<'_>) {
        let own = turn.id.as_deref().unwrap_or_default();
        let id = turn.root_turn_id.as_deref().unwrap_or(own);
        if id != own {
            let message = format!("turn `{own}` starts, which goes on as `{id}`");
            let since = self.promised.as_ref().map(|(_, at)| *at);
            notes.known(ExceptionId::ReviewTurn, since, message);
        }
        let once = self.turn.as_ref().filter(|running| &*running.id == id);
        let once = once.map(|running| running.since);
        let ended = self.ended.iter().find(|(known, _)| &**known == id);
        if let Some(since) = once.or(ended.map(|(_, at)| *at)) {
            let message = format!("turn `{id}` starts a second time");
            notes.broken(RuleId::TurnStartedOnce, Some(since), message);
            return;
        }
        if let Some(running) = self.turn.take() {
            let message = format!(
                "turn `{id}` starts, and turn `{}` has no `turn/completed`",
                running.id
            );
            notes.broken(RuleId::TurnCompletedOnce, Some(running.since), message);
        }
        match self.promised.take() {
            Some((promised, at)) if &*promised != id => {
                let message = format!("turn `{id}` starts, the reply spoke of `{promised}`");
                notes.broken(RuleId::TurnReplied, Some(at), message);
            }
            _ => {}
        }
        if let Some((status, at)) = self
            .status
            .as_ref()
            .filter(|(status, _)| &*status.kind != "active")
        {
            let message = format!("turn `{id}` starts while its thread is `{}`", status.kind);
            notes.broken(RuleId::StatusBalanced, Some(*at), message);
        }
        self.turn = Some(Turn::start(id, notes.at.number, id != own));
    }

    /// `turn/completed`.
    pub(super) fn complete(&mut self, turn: &sight::Turn<'_>, notes: &mut Notes<'_>) {
        let id = turn.id.as_deref().unwrap_or_default();
        judge_end(id, turn, notes);
        let Some(running) = self.turn.take_if(|running| &*running.id == id) else {
            let ended = self.ended.iter().find(|(known, _)| &**known == id);
            let message = match ended {
                Some(_) => format!("turn `{id}` is completed a second time"),
                None if !self.whole => return,
                None => format!("turn `{id}` is completed and was never started"),
            };
            notes.broken(RuleId::TurnCompletedOnce, ended.map(|(_, at)| *at), message);
            return;
        };
        if let Some((_, at)) = self
            .status
            .as_ref()
            .filter(|(status, _)| &*status.kind == "active")
        {
            let message = format!("turn `{id}` is completed while its thread is `active`");
            notes.broken(RuleId::StatusBalanced, Some(*at), message);
        }
        for command in running.end(turn, notes) {
            self.background.push(command);
        }
        self.ended.push((id.into(), notes.at.number));
    }

    /// `item/started`.
    pub(super) fn start_item(&mut self, turn: &str, item: &sight::Item<'_>, notes: &mut Notes<'_>) {
        let id = item.id.as_deref().unwrap_or_default();
        let Some(running) = self.in_turn(turn, format_args!("item `{id}`"), notes) else {
            return;
        };
        running.start_item(item, notes);
    }

    /// A delta, or anything else between start and end of an item.
    pub(super) fn delta(
        &mut self,
        method: &str,
        (turn, item): (&str, &str),
        params: &sight::Params<'_>,
        notes: &mut Notes<'_>,
    ) {
        if self.late(turn, item, method, notes) {
            return;
        }
        let earlier = self.background.iter().find(|known| &*known.id == item);
        let earlier = earlier.map(|known| known.since);
        let Some(running) = self.in_turn(turn, format_args!("`{method}` of `{item}`"), notes)
        else {
            return;
        };
        match running.open(item) {
            Some(item) => item.delta(method, params),
            None if earlier.is_some() => {
                let message = format!("`{method}` of `{item}`, which an earlier turn started");
                notes.known(ExceptionId::InputToEarlierCommand, earlier, message);
            }
            None => running.not_open(item, method, notes),
        }
    }

    /// `item/completed`.
    pub(super) fn complete_item(
        &mut self,
        turn: &str,
        item: &sight::Item<'_>,
        notes: &mut Notes<'_>,
    ) {
        let id = item.id.as_deref().unwrap_or_default();
        if self.late(turn, id, "item/completed", notes) {
            return;
        }
        let Some(running) = self.in_turn(turn, format_args!("item `{id}`"), notes) else {
            return;
        };
        running.complete_item(item, notes);
    }

    /// `thread/tokenUsage/updated`.
    pub(super) fn tokens(&mut self, usage: &sight::TokenUsage<'_>, notes: &mut Notes<'_>) {
        let (Some(total), Some(last)) = (&*usage.total, &*usage.last) else {
            return;
        };
        let (total, last) = (counts(total), counts(last));
        if let Some(before) = self.tokens {
            if total.iter().zip(before).any(|(now, before)| *now < before) {
                let message = format!(
                    "the thread's total was {} tokens, and is {}: look at `tokenUsage.total`",
                    before[0], total[0]
                );
                let [all, of @ ..] = total;
                let filled = Some(all) == *usage.model_context_window && of == [0; 5];
                let why = filled.then_some(ExceptionId::WindowFilled);
                notes.judged(RuleId::TokenTotals, why, None, message);
            } else if total != before && total[0] != before[0] + last[0] {
                let message = format!(
                    "the thread's total was {} tokens, the last response took {}, and it is {}",
                    before[0], last[0], total[0]
                );
                notes.broken(RuleId::TokensAdded, None, message);
            }
        }
        self.tokens = Some(total);
    }

    /// The turn, if it is the one that runs. Nothing is said of turns whose start this client
    /// could not see.
    fn in_turn(
        &mut self,
        turn: &str,
        what: fmt::Arguments<'_>,
        notes: &mut Notes<'_>,
    ) -> Option<&mut Turn> {
        let running = self
            .turn
            .as_ref()
            .map(|running| (&*running.id, running.since));
        if running.is_some_and(|(id, _)| id == turn) {
            return self.turn.as_mut();
        }
        if let Some((_, at)) = self.ended.iter().find(|(id, _)| &**id == turn) {
            let message = format!("{what} comes after the end of turn `{turn}`");
            notes.broken(RuleId::AfterTurn, Some(*at), message);
        } else if let Some((_, at)) = self
            .promised
            .as_ref()
            .filter(|(id, _)| self.review && &**id == turn)
        {
            let message = format!("{what} comes before turn `{turn}` starts");
            notes.known(ExceptionId::ReviewBeforeTurn, Some(*at), message);
        } else if self.whole {
            let runs = running.map_or_else(
                || "no turn runs".to_owned(),
                |(id, _)| format!("turn `{id}` runs"),
            );
            let message = format!("{what} names turn `{turn}`, but {runs}");
            notes.broken(RuleId::ItemInTurn, running.map(|(_, since)| since), message);
        }
        None
    }

    /// Is it a command that was left running? Then what comes of it late is told as that.
    fn late(&mut self, turn: &str, item: &str, method: &str, notes: &mut Notes<'_>) -> bool {
        let Some((_, at)) = self.ended.iter().find(|(id, _)| &**id == turn) else {
            return false;
        };
        let known = self.background.iter().any(|known| &*known.id == item);
        if known {
            let message = format!("`{method}` of command `{item}` comes after the end of its turn");
            notes.known(ExceptionId::CommandReportsLate, Some(*at), message);
        }
        known
    }
}

impl Status {
    fn of(status: &sight::Status<'_>) -> Self {
        let flags = status.active_flags.iter().flatten();
        Self {
            kind: status.r#type.as_deref().unwrap_or_default().into(),
            flags: flags.map(|flag| (**flag).into()).collect(),
        }
    }
}

fn counts(tokens: &sight::Tokens<'_>) -> [i64; 6] {
    [
        *tokens.total_tokens,
        *tokens.input_tokens,
        *tokens.cached_input_tokens,
        *tokens.cache_write_input_tokens,
        *tokens.output_tokens,
        *tokens.reasoning_output_tokens,
    ]
    .map(Option::unwrap_or_default)
}
