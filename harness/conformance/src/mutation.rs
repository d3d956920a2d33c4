//! Does the suite notice when an app-server is wrong? Cases against mutants of the mock.

use std::collections::BTreeSet;
use std::sync::Arc;

use mock_codex::mutant::Mutant;

use crate::check::verdict::Judge;
use crate::run::RunOptions;
use crate::run::outcome::{CaseRun, Status};
use crate::run::suite::suite;
use crate::scenario::model::Case;
use crate::target::Target;

/// What became of a mutant.
#[derive(Clone, Debug)]
pub struct Fate {
    /// The mutant.
    pub mutant: &'static Mutant,
    /// What noticed it; `None`: nothing did, it survives.
    pub killed: Option<Killed>,
    /// How many cases were run.
    pub cases: usize,
}

/// What noticed a mutant.
#[derive(Clone, Debug)]
pub struct Killed {
    /// The case's id.
    pub case: String,
    /// The check that failed.
    pub check: String,
}

/// The cases that are run at once: few at first, since most mutants are noticed soon.
const FIRST: usize = 4;
const MOST: usize = 64;

/// Runs cases against a mutant until one notices it; the likeliest come first.
pub async fn fate(
    mutant: &'static Mutant,
    cases: &[Arc<Case>],
    judge: &Judge,
    options: &RunOptions,
) -> Fate {
    let options = RunOptions {
        mutant: Some(mutant.name),
        fail_fast: true,
        ..options.clone()
    };
    let ordered = ordered(mutant, cases);
    let mut left = &ordered[..];
    let mut fate = Fate {
        mutant,
        killed: None,
        cases: 0,
    };
    let mut size = FIRST;
    while fate.killed.is_none() && !left.is_empty() && !options.cancel.is_cancelled() {
        let (now, later) = left.split_at(size.min(left.len()));
        let runs = suite(now, &[Target::MOCK], &options, |_| ()).await;
        fate.cases += runs.len();
        for run in runs {
            let case = Arc::clone(&run.case);
            let Some(by) = killed(judge.judge(run)) else {
                continue;
            };
            // A case that fails anyway, on a loaded machine for example, has noticed nothing.
            let sound = RunOptions {
                mutant: None,
                ..options.clone()
            };
            let again = suite(&[case], &[Target::MOCK], &sound, |_| ()).await;
            if again
                .into_iter()
                .all(|run| killed(judge.judge(run)).is_none())
            {
                fate.killed = Some(by);
                break;
            }
        }
        left = later;
        size = (size * 2).min(MOST);
    }
    fate
}

/// A case of each scenario of the likeliest areas, then of the others, then all the rest.
fn ordered(mutant: &Mutant, cases: &[Arc<Case>]) -> Vec<Arc<Case>> {
    let area = |case: &Case| {
        let area = case.id.split('/').next().unwrap_or_default();
        let known = mutant.areas.iter().position(|known| *known == area);
        known.unwrap_or(mutant.areas.len())
    };
    let mut seen = BTreeSet::new();
    let mut ranked: Vec<_> = cases
        .iter()
        .map(|case| {
            let scenario = case.id.split('[').next().unwrap_or_default();
            let again = !seen.insert(scenario.to_owned());
            let likely = area(case) < mutant.areas.len();
            ((!likely && again, again, area(case)), case)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked
        .into_iter()
        .map(|(_, case)| Arc::clone(case))
        .collect()
}

/// Did the case fail?
fn killed(run: CaseRun) -> Option<Killed> {
    if run.status != Status::Failed {
        return None;
    }
    let check = run.checks.into_iter().find(|check| !check.passed);
    Some(Killed {
        case: run.case.id.clone(),
        check: check.map_or_else(String::new, |check| check.id),
    })
}
