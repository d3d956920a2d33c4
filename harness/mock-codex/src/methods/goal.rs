//! `thread/goal/set`, `thread/goal/get`, `thread/goal/clear`.

use std::rc::Rc;

use serde_json::json;

use super::turns_list::replayed;
use crate::clock;
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::thread_params::{
    ThreadGoalClearParams, ThreadGoalGetParams, ThreadGoalSetParams,
};
use crate::server::parse_id;
use crate::thread::goal::{Goal, GoalStatus, LONGEST_OBJECTIVE};
use crate::thread::record::Record;
use crate::thread::store::Rollout;
use crate::thread::{Thread, catalog};
use crate::turn;

/// A thread that can have a goal, in memory or on disk.
enum Owner {
    Loaded(Rc<Thread>),
    OnDisk(std::path::PathBuf),
}

pub(super) fn set(call: &Call, params: ThreadGoalSetParams) -> Result<(), Failure> {
    let id = parse_id("thread", &params.thread_id)?;
    let owner = owner(call, &id)?;
    let objective = params.objective.map(objective).transpose()?;
    if matches!(params.token_budget, Some(Some(budget)) if budget <= 0) {
        return Err(Failure::invalid(
            "goal budgets must be positive when provided",
        ));
    }
    let mut goal = match (owner.goal()?, objective) {
        (None, None) => {
            return Err(Failure::invalid(format!(
                "cannot update goal for thread {id}: no goal exists"
            )));
        }
        (None, Some(objective)) => Goal::new(objective),
        (Some(goal), None) => goal,
        (Some(goal), Some(objective)) => Goal { objective, ..goal },
    };
    goal.status = params.status.unwrap_or(goal.status);
    goal.token_budget = params.token_budget.unwrap_or(goal.token_budget);
    goal.updated_ms = clock::now_ms();
    let (view, active) = (goal.view(&id), goal.status == GoalStatus::Active);
    owner.keep(Some(goal))?;
    if let Owner::Loaded(thread) = &owner {
        thread.name_after_goal();
        thread.touch()?;
    }
    call.reply(&json!({"goal": view}));
    call.server.broadcast(
        "thread/goal/updated",
        &json!({"threadId": id, "turnId": null, "goal": view}),
    );
    if let (Owner::Loaded(thread), true) = (owner, active) {
        turn::pursue_goal(&call.server, &thread, &call.client)?;
    }
    Ok(())
}

pub(super) fn get(call: &Call, params: ThreadGoalGetParams) -> Result<(), Failure> {
    let id = parse_id("thread", &params.thread_id)?;
    let goal = owner(call, &id)?.goal()?;
    call.reply(&json!({"goal": goal.map(|goal| goal.view(&id))}));
    Ok(())
}

pub(super) fn clear(call: &Call, params: ThreadGoalClearParams) -> Result<(), Failure> {
    let id = parse_id("thread", &params.thread_id)?;
    let owner = owner(call, &id)?;
    let cleared = owner.goal()?.is_some();
    if cleared {
        owner.keep(None)?;
    }
    call.reply(&json!({"cleared": cleared}));
    if cleared {
        call.server
            .broadcast("thread/goal/cleared", &json!({"threadId": id}));
    }
    Ok(())
}

fn owner(call: &Call, id: &str) -> Result<Owner, Failure> {
    match call.server.loaded(id) {
        Some(thread) if thread.ephemeral => Err(Failure::invalid(format!(
            "ephemeral thread does not support goals: {id}"
        ))),
        Some(thread) => Ok(Owner::Loaded(thread)),
        None => catalog::find(&call.server.home, id)
            .map(Owner::OnDisk)
            .ok_or_else(|| Failure::invalid(format!("thread not found: {id}"))),
    }
}

impl Owner {
    fn goal(&self) -> Result<Option<Goal>, Failure> {
        match self {
            Self::Loaded(thread) => Ok(thread.state.borrow().goal.clone()),
            Self::OnDisk(path) => Ok(replayed(path)?.and_then(|state| state.goal)),
        }
    }

    fn keep(&self, goal: Option<Goal>) -> Result<(), Failure> {
        let record = Record::Goal(goal.map(Box::new));
        match self {
            Self::Loaded(thread) => {
                thread.materialise()?;
                thread.record(record)?;
            }
            Self::OnDisk(path) => Rollout::open(path)?.append(&record)?,
        }
        Ok(())
    }
}

fn objective(text: String) -> Result<String, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::invalid("goal objective must not be empty"));
    }
    if text.chars().count() > LONGEST_OBJECTIVE {
        return Err(Failure::invalid(format!(
            "goal objective must be at most {LONGEST_OBJECTIVE} characters"
        )));
    }
    Ok(text.to_owned())
}
