//! Turns that a thread begins by itself, to come nearer to its goal.

use std::io;
use std::rc::Rc;

use serde_json::json;

use super::emit::Scope;
use super::run::{Start, TurnOptions, Work, start};
use super::warn_about_model;
use crate::connection::Client;
use crate::model::context;
use crate::model::request::message;
use crate::protocol::reply::TurnStatus;
use crate::server::Server;
use crate::thread::Thread;
use crate::thread::goal::{Goal, GoalStatus};
use crate::thread::record::Record;

/// Starts a turn for the thread's goal, if it is active and nothing runs.
pub(crate) fn pursue(
    server: &Rc<Server>,
    thread: &Rc<Thread>,
    client: &Rc<Client>,
) -> io::Result<()> {
    let due = {
        let state = thread.state.borrow();
        let goal = state.goal.as_ref();
        state.active.is_none() && goal.is_some_and(|goal| goal.status == GoalStatus::Active)
    };
    if due {
        start(Start {
            server: Rc::clone(server),
            thread: Rc::clone(thread),
            client: Rc::clone(client),
            work: Work::Goal,
            options: TurnOptions::default(),
        })?;
        warn_about_model(thread);
    }
    Ok(())
}

/// Tells the model of the goal: what it is where the model doesn't know it yet, and to go on.
pub(super) fn tell(scope: &Scope) {
    let (objective, known) = {
        let state = scope.thread.state.borrow();
        let goal = state.goal.as_ref();
        let objective = goal.map(|goal| goal.objective.clone()).unwrap_or_default();
        let known = state.goal_told.as_ref() == Some(&objective);
        (objective, known)
    };
    if !known {
        scope.add_input(objective_item(&objective));
        scope.thread.state.borrow_mut().goal_told = Some(objective);
    }
    scope.add_input(message("user", &[context::GOAL]));
}

/// What the model is shown of an objective.
pub(super) fn objective_item(objective: &str) -> String {
    json!({
        "type": "function_call_output",
        "id": format!("fco_{}", crate::clock::new_id()),
        "name": "goal_objective",
        "namespace": "agent",
        "output": objective,
    })
    .to_string()
}

/// Counts a turn for the goal that it was made for; a turn that failed blocks it. Tells it.
pub(super) fn count(scope: &Scope, status: TurnStatus, ms: i64) {
    let goal = scope.thread.state.borrow().goal.clone();
    let Some(mut goal) = goal.filter(|goal| goal.status == GoalStatus::Active) else {
        return;
    };
    match status {
        TurnStatus::Completed => goal.count(uncounted(scope), ms),
        TurnStatus::Failed => goal.status = GoalStatus::Blocked,
        TurnStatus::Interrupted | TurnStatus::InProgress => return,
    }
    keep(scope, goal);
}

/// Counts what an active goal has cost in this turn so far, and tells it if it is anything.
pub(super) fn count_so_far(scope: &Scope) {
    let goal = scope.thread.state.borrow().goal.clone();
    let Some(mut goal) = goal.filter(|goal| goal.status == GoalStatus::Active) else {
        return;
    };
    let tokens = uncounted(scope);
    if tokens > 0 {
        goal.count(tokens, 0);
        keep(scope, goal);
    }
}

/// The tokens since the goal was last charged, which are charged with this.
fn uncounted(scope: &Scope) -> i64 {
    let mut state = scope.thread.state.borrow_mut();
    let total = state.usage.total_tokens;
    total - std::mem::replace(&mut state.goal_counted, total)
}

/// Writes the goal down and tells it.
pub(super) fn keep(scope: &Scope, goal: Goal) {
    let view = goal.view(scope.thread.id());
    scope.keep(Record::Goal(Some(Box::new(goal))));
    scope.thread.notify(
        "thread/goal/updated",
        &json!({"threadId": scope.thread.id(), "turnId": &*scope.turn, "goal": view}),
    );
}
