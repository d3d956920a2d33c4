//! What the app-server asks its client, from the question to its resolution.

use super::finding::Notes;
use super::sight;
use super::table::{ExceptionId, RuleId};
use super::turn::Turn;
use crate::frame::Id;

/// The most questions that are remembered.
const OPEN: usize = 1024;

/// The server requests of a connection that are not yet resolved.
#[derive(Debug, Default)]
pub(super) struct Questions(Vec<Question>);

#[derive(Debug)]
struct Question {
    id: Id,
    method: Box<str>,
    thread: Box<str>,
    turn: Box<str>,
    item: Box<str>,
    at: usize,
    answered: bool,
}

/// What a client allows.
#[derive(Debug)]
pub(super) struct Approval {
    pub(super) thread: Box<str>,
    pub(super) item: Box<str>,
    /// Not only this once.
    pub(super) for_good: bool,
}

impl Questions {
    /// Does the app-server wait for an answer with this id?
    pub(super) fn has_unanswered(&self, id: &Id) -> bool {
        let mut all = self.0.iter();
        all.any(|question| question.id == *id && !question.answered)
    }

    /// The app-server asks.
    pub(super) fn ask(&mut self, id: &Id, frame: &sight::Frame<'_>, notes: &mut Notes<'_>) {
        let params = frame.params.as_ref();
        let text = |text: Option<&str>| text.unwrap_or_default().into();
        let question = Question {
            id: id.clone(),
            method: text(frame.method.as_deref()),
            thread: text(params.and_then(|params| params.thread_id.as_deref())),
            turn: text(params.and_then(|params| params.turn_id.as_deref())),
            item: text(params.and_then(|params| params.item_id.as_deref())),
            at: notes.at.number,
            answered: false,
        };
        let twin = self.0.iter().position(|known| known.id == question.id);
        if let Some(at) = twin {
            let known = self.0.remove(at);
            // A client that resumes a thread is asked again.
            if known.item != question.item || known.method != question.method {
                let message = format!(
                    "the id {} is that of `{}` of item `{}`, which is open",
                    known.id, known.method, known.item
                );
                notes.broken(RuleId::ServerRequestNew, Some(known.at), message);
            }
        }
        if self.0.len() == OPEN {
            self.0.remove(0);
        }
        self.0.push(question);
    }

    /// The client answers: what does it approve?
    pub(super) fn answer(&mut self, id: &Id, frame: &sight::Frame<'_>) -> Option<Approval> {
        let open = |question: &&mut Question| question.id == *id && !question.answered;
        let question = self.0.iter_mut().find(open)?;
        question.answered = true;
        let decision = frame.result.as_ref()?.decision.as_ref()?;
        decision.0.starts_with("accept").then(|| Approval {
            thread: question.thread.clone(),
            item: question.item.clone(),
            for_good: &*decision.0 != "accept",
        })
    }

    /// `serverRequest/resolved`; `followed` says whether all questions of the thread were seen.
    pub(super) fn resolve(
        &mut self,
        id: &Id,
        (thread, followed): (&str, bool),
        notes: &mut Notes<'_>,
    ) {
        let Some(at) = self.0.iter().position(|question| question.id == *id) else {
            if followed {
                let message = format!("no open server request has the id {id}");
                notes.broken(RuleId::ResolvedWasAsked, None, message);
            }
            return;
        };
        let question = self.0.remove(at);
        if &*question.thread != thread {
            let message = format!(
                "server request {id} is of thread `{}`, resolved for `{thread}`",
                question.thread
            );
            notes.broken(RuleId::ResolvedWasAsked, Some(question.at), message);
        }
    }

    /// A turn ends: which questions of it are left?
    pub(super) fn turn_ends(&mut self, turn: &sight::Turn<'_>, notes: &mut Notes<'_>) {
        let id = turn.id.as_deref().unwrap_or_default();
        let interrupted = turn.status.as_deref() == Some("interrupted");
        for question in self.0.iter().filter(|question| &*question.turn == id) {
            let why = if &*question.method == "item/tool/call" {
                Some(ExceptionId::ToolCallNotResolved)
            } else {
                (interrupted && !question.answered).then_some(ExceptionId::InterruptLeavesQuestion)
            };
            let message = format!(
                "server request {} (`{}`) has no `serverRequest/resolved`",
                question.id, question.method
            );
            let since = Some(question.at);
            notes.judged(RuleId::ServerRequestResolved, why, since, message);
        }
        if !interrupted {
            self.0.retain(|question| &*question.turn != id);
        }
    }
}

/// Does a server request name the turn that runs?
pub(super) fn judge_turn(frame: &sight::Frame<'_>, running: Option<&Turn>, notes: &mut Notes<'_>) {
    let turn = frame
        .params
        .as_ref()
        .and_then(|params| params.turn_id.as_deref());
    let Some(turn) = turn.filter(|turn| running.is_none_or(|running| &*running.id != *turn)) else {
        return;
    };
    let method = frame.method.as_deref().unwrap_or_default();
    let message = format!("`{method}` names turn `{turn}`, which does not run");
    let since = running.map(|running| running.since);
    notes.broken(RuleId::ServerRequestInTurn, since, message);
}
