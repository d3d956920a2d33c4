//! The end of a turn.

use serde_json::json;
use tokio::sync::oneshot;

use super::emit::{Scope, complain};
use super::goal;
use super::retry::tell_error;
use super::run::{Posted, Turn};
use super::stream::Stop;
use crate::clock;
use crate::connection::Call;
use crate::model::context;
use crate::model::error::ModelError;
use crate::model::request::message;
use crate::protocol::reply::{ThreadStatus, TurnStatus, UnreadPosition};
use crate::thread::goal::GoalStatus;
use crate::thread::record::{ItemKind, Record, TurnEnded, Unread};
use crate::thread::turns::TurnRecord;

/// How a turn ends.
#[derive(Debug)]
pub(super) enum End {
    Completed,
    Failed(ModelError),
    /// With the call to answer, if a call asked for it.
    Interrupted(Option<Call>),
    /// Something else takes its place, and is told by dropping this.
    Replaced(oneshot::Sender<()>),
}

impl From<Stop> for End {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Interrupted(call) => Self::Interrupted(Some(call)),
            Stop::Cancelled => Self::Interrupted(None),
            Stop::Replaced(done) => Self::Replaced(done),
            Stop::Failed(error) => Self::Failed(error),
        }
    }
}

impl Turn {
    /// Writes the end down and tells it.
    pub(super) fn finish(self, end: End) {
        self.hear();
        let Self {
            scope,
            began,
            end_told,
            last,
            ..
        } = self;
        scope.take_injected();
        let mut replaced = None;
        let (status, error, call) = match end {
            End::Completed => (TurnStatus::Completed, None, None),
            End::Failed(error) => (TurnStatus::Failed, Some(error.to_turn_error()), None),
            End::Interrupted(call) => {
                scope.add_input(message("user", &[context::TURN_ABORTED]));
                (TurnStatus::Interrupted, None, call)
            }
            End::Replaced(done) => {
                replaced = Some(done);
                (TurnStatus::Interrupted, None, None)
            }
        };
        let took = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        scope.keep(Record::TurnEnded(TurnEnded {
            id: scope.turn.to_string(),
            status,
            error: error.clone(),
            at_ms: clock::now_ms(),
            duration_ms: took,
            refused: last == Posted::Refused && status == TurnStatus::Failed,
        }));
        goal::count(&scope, status, took);
        scope.thread.state.borrow_mut().active = None;
        let goes_on = status == TurnStatus::Completed && has_active_goal(&scope);
        let says = has_agent_message(&scope) || scope.erred.get();
        let news = status == TurnStatus::Failed || (replaced.is_none() && says);
        // A turn that another follows by itself leaves nothing to read yet.
        let news = news && !scope.thread.ephemeral && !goes_on && !end_told;
        if news {
            mark_unread(&scope);
        }
        if let Err(error) = scope.thread.touch() {
            complain(scope.thread.id(), &error);
        }
        if news && status == TurnStatus::Interrupted {
            tell_read_state(&scope);
        }
        if let Some(call) = call {
            call.reply(&json!({}));
        }
        if news && status == TurnStatus::Completed {
            tell_read_state(&scope);
        }
        match &error {
            None => scope.server.set_status(&scope.thread, ThreadStatus::Idle),
            Some(_) if end_told => {}
            Some(error) => {
                scope
                    .server
                    .set_status(&scope.thread, ThreadStatus::SystemError);
                tell_error(&scope, error, false);
                if news {
                    tell_read_state(&scope);
                }
            }
        }
        tell_completed(&scope);
        abandon_questions(&scope);
        drop(replaced);
        if goes_on && let Err(error) = goal::pursue(&scope.server, &scope.thread, &scope.client) {
            complain(scope.thread.id(), &error);
        }
    }
}

/// What an interrupted turn has asked is of no interest any more.
fn abandon_questions(scope: &Scope) {
    let (server, thread) = (&scope.server, scope.thread.id());
    for request in server.approvals.abandon(thread) {
        server.resolved(thread, request);
    }
}

fn has_active_goal(scope: &Scope) -> bool {
    let state = scope.thread.state.borrow();
    let goal = state.goal.as_ref();
    goal.is_some_and(|goal| goal.status == GoalStatus::Active)
}

fn has_agent_message(scope: &Scope) -> bool {
    let state = scope.thread.state.borrow();
    let turn = state.turns.iter().rfind(|turn| turn.id == *scope.turn);
    turn.is_some_and(|turn| turn.items.iter().any(|item| item.kind == ItemKind::Agent))
}

pub(super) fn mark_unread(scope: &Scope) {
    if !scope.thread.meta.has_reader() {
        return;
    }
    let mut state = scope.thread.state.borrow_mut();
    let before = state.unread.take().and_then(|unread| unread.first);
    state.unread = Some(Unread {
        first: before.or_else(|| {
            Some(UnreadPosition::Turn {
                turn_id: scope.turn.to_string(),
            })
        }),
        revision: crate::clock::new_random_id(),
    });
}

pub(super) fn tell_read_state(scope: &Scope) {
    let Some(read_state) = scope.thread.read_state() else {
        return;
    };
    scope.thread.notify(
        "thread/readState/changed",
        &json!({"threadId": scope.thread.id(), "readState": read_state}),
    );
}

fn tell_completed(scope: &Scope) {
    let thread = &scope.thread;
    let view = {
        let state = thread.state.borrow();
        state
            .turns
            .iter()
            .rfind(|turn| turn.id == *scope.turn)
            .map(TurnRecord::closing_view)
    };
    thread.notify(
        "turn/completed",
        &json!({"threadId": thread.id(), "turn": view}),
    );
}
