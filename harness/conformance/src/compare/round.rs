//! Cases that run on several targets before their transcripts are compared and forgotten.

use std::sync::Arc;

use crate::run::outcome::CaseRun;
use crate::run::{self, RunEvent, RunOptions};
use crate::scenario::model::Case;
use crate::target::Target;

/// The runs of one round.
#[derive(Debug)]
pub struct Round {
    runs: Vec<CaseRun>,
    targets: usize,
}

impl Round {
    /// Runs every case on every target.
    pub async fn run(
        targets: &[Target],
        cases: &[Arc<Case>],
        options: &RunOptions,
        on_event: &mut impl FnMut(RunEvent<'_>),
    ) -> Self {
        let runs = if cases.is_empty() {
            Vec::new()
        } else {
            run::suite(cases, targets, options, on_event).await
        };
        Self {
            runs,
            targets: targets.len(),
        }
    }

    /// The runs of a case, in the order of the targets; `None` unless it ran on each of them.
    pub fn take(&mut self, case: &Case) -> Option<Vec<CaseRun>> {
        let mut taken = Vec::new();
        while let Some(at) = self.runs.iter().position(|run| run.case.id == case.id) {
            taken.push(self.runs.remove(at));
        }
        (taken.len() == self.targets).then_some(taken)
    }

    /// Both runs of a case, where there are two targets.
    pub fn pair(&mut self, case: &Case) -> Option<[CaseRun; 2]> {
        self.take(case)?.try_into().ok()
    }
}
