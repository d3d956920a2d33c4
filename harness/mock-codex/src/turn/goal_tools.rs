//! `get_goal`, `create_goal` and `update_goal`: the model reads, sets and ends the thread's goal.
//!
//! As codex 0.169.0 does it; when exactly within a turn it charges the goal depends on how quick a
//! call is.

use serde::Deserialize;
use serde_json::json;

use super::emit::Scope;
use super::goal;
use super::toolcall::{Outcome, ToolCall};
use crate::clock;
use crate::thread::goal::{Goal, GoalStatus, LONGEST_OBJECTIVE};

/// What the model is told with a goal that it has reached.
const REACHED: &str = "The goal is reached. Tell the user what it has cost, from the figures of \
    this result.";

#[derive(Debug, Deserialize)]
struct CreateGoal {
    objective: String,
    token_budget: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct UpdateGoal {
    status: GoalStatus,
}

/// Carries a call of one of the tools out.
pub(super) fn call(scope: &Scope, call: &ToolCall) -> Outcome {
    if scope.thread.ephemeral {
        return Outcome::Output("Goal tools require a persistent thread.".to_owned());
    }
    let done = match call.name.as_str() {
        "create_goal" => parse(call).and_then(|params| create(scope, &params)),
        "update_goal" => parse(call).and_then(|params| update(scope, &params)),
        _ => {
            goal::count_so_far(scope);
            Ok(shown(scope, None))
        }
    };
    Outcome::Output(done.unwrap_or_else(|refusal| refusal))
}

fn parse<'a, T: Deserialize<'a>>(call: &'a ToolCall) -> Result<T, String> {
    serde_json::from_str(&call.arguments).map_err(|error| error.to_string())
}

fn create(scope: &Scope, params: &CreateGoal) -> Result<String, String> {
    let objective = params.objective.trim();
    if objective.is_empty() {
        return Err("goal objective must not be empty".to_owned());
    }
    if objective.chars().count() > LONGEST_OBJECTIVE {
        return Err(format!(
            "goal objective must be at most {LONGEST_OBJECTIVE} characters"
        ));
    }
    if params.token_budget.is_some_and(|budget| budget <= 0) {
        return Err("goal budgets must be positive when provided".to_owned());
    }
    goal::count_so_far(scope);
    let unfinished = current(scope).is_some_and(|goal| goal.status != GoalStatus::Complete);
    if unfinished {
        return Err(
            "cannot create a new goal because this thread has an unfinished goal; complete the \
             existing goal first"
                .to_owned(),
        );
    }
    let mut created = Goal::new(objective.to_owned());
    created.token_budget = params.token_budget;
    {
        let mut state = scope.thread.state.borrow_mut();
        state.goal_counted = state.usage.total_tokens;
        state.goal_told = Some(created.objective.clone());
    }
    let told = goal::objective_item(&created.objective);
    scope.told.borrow_mut().push(told);
    goal::keep(scope, created);
    Ok(shown(scope, None))
}

fn update(scope: &Scope, params: &UpdateGoal) -> Result<String, String> {
    use GoalStatus::{Blocked, Complete, Paused};
    if !matches!(params.status, Blocked | Complete | Paused) {
        return Err(
            "update_goal can only mark the existing goal complete, blocked, or paused at the \
             user's explicit request; resume, budget-limited, and usage-limited status changes are \
             controlled by the user or system"
                .to_owned(),
        );
    }
    goal::count_so_far(scope);
    let Some(mut updated) = current(scope) else {
        return Err("cannot update goal because this thread has no goal".to_owned());
    };
    updated.status = params.status;
    updated.updated_ms = clock::now_ms();
    goal::keep(scope, updated);
    let report = (params.status == GoalStatus::Complete).then_some(REACHED);
    Ok(shown(scope, report))
}

fn current(scope: &Scope) -> Option<Goal> {
    scope.thread.state.borrow().goal.clone()
}

/// The goal as the model is shown it.
fn shown(scope: &Scope, report: Option<&str>) -> String {
    let goal = current(scope);
    let budget = goal.as_ref().and_then(|goal| goal.token_budget);
    let used = goal.as_ref().map_or(0, |goal| goal.tokens_used);
    let mut view = goal.map(|goal| goal.view(scope.thread.id()));
    if let Some(view) = view.as_mut().and_then(|view| view.as_object_mut()) {
        view.retain(|_, value| !value.is_null());
    }
    json!({
        "goal": view,
        "remainingTokens": budget.map(|budget| (budget - used).max(0)),
        "completionBudgetReport": report,
    })
    .to_string()
}
