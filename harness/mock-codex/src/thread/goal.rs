//! The goal of a thread: what it works towards by itself.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock;

/// How many characters an objective may have; observed on codex 0.169.0.
pub(crate) const LONGEST_OBJECTIVE: usize = 4000;

/// What a thread is to achieve, and what that has cost so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Goal {
    pub(crate) objective: String,
    pub(crate) status: GoalStatus,
    pub(crate) token_budget: Option<i64>,
    pub(crate) tokens_used: i64,
    pub(crate) time_used_ms: i64,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
}

/// How a goal stands. Only an active one starts turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum GoalStatus {
    Active,
    Paused,
    Blocked,
    UsageLimited,
    BudgetLimited,
    Complete,
}

impl Goal {
    /// A goal that nothing was done for yet.
    pub(crate) fn new(objective: String) -> Self {
        let now = clock::now_ms();
        Self {
            objective,
            status: GoalStatus::Active,
            token_budget: None,
            tokens_used: 0,
            time_used_ms: 0,
            created_ms: now,
            updated_ms: now,
        }
    }

    /// Counts a turn that was made for it; a budget that is used up ends it.
    pub(crate) fn count(&mut self, tokens: i64, ms: i64) {
        self.tokens_used += tokens;
        self.time_used_ms += ms;
        self.updated_ms = clock::now_ms();
        if self
            .token_budget
            .is_some_and(|budget| self.tokens_used >= budget)
        {
            self.status = GoalStatus::BudgetLimited;
        }
    }

    /// As replies and notifications show it. Times are seconds.
    pub(crate) fn view(&self, thread: &str) -> Value {
        json!({
            "threadId": thread,
            "objective": self.objective,
            "status": self.status,
            "tokenBudget": self.token_budget,
            "tokensUsed": self.tokens_used,
            "timeUsedSeconds": self.time_used_ms / 1000,
            "createdAt": self.created_ms / 1000,
            "updatedAt": self.updated_ms / 1000,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_ends_with_its_budget() {
        let mut goal = Goal::new("ship it".to_owned());
        goal.token_budget = Some(20);
        goal.count(15, 900);
        assert_eq!(goal.status, GoalStatus::Active);
        goal.count(15, 900);
        assert_eq!(goal.status, GoalStatus::BudgetLimited);
        assert_eq!(goal.view("t")["tokensUsed"], 30);
        assert_eq!(goal.view("t")["timeUsedSeconds"], 1);
    }
}
