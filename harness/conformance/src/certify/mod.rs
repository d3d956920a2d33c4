//! The certificate of a mock: the same scenarios on two targets, frame by frame.
//!
//! Every case runs on both, and what [`normalise`](crate::normalise) leaves of the two transcripts
//! has to be equal, all three wires of it, whether a case keeps a snapshot of them or not. Beside
//! that the [`coverage`](crate::coverage) tells which part of the protocol both, one or neither has shown.

pub mod exceptions;
pub mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use codex_wire::schema::Schema;

use crate::check::schema::SchemaCheck;
use crate::compare::{Difference, compare};
use crate::coverage::{self, Area, Names};
use crate::run::outcome::{CaseRun, Status};
use crate::run::{RunEvent, RunOptions, case_by_case};
use crate::scenario::model::Case;
use crate::target::Target;
use exceptions::Exceptions;

/// What came of a certification.
#[derive(Debug)]
pub struct Certificate {
    /// The two targets: the one that is certified, and the one it is held against.
    pub targets: [String; 2],
    /// The cases, in their order.
    pub cases: Vec<Verdict>,
    /// What of the protocol was seen.
    pub coverage: Coverage,
    /// Exceptions that explain nothing, and why.
    pub stale: Vec<String>,
    /// Was it cut short?
    pub complete: bool,
}

/// What came of one case.
#[derive(Debug)]
pub struct Verdict {
    /// The case.
    pub id: String,
    /// What it came to.
    pub outcome: Outcome,
    /// Was it run again, as its first run differed?
    pub again: bool,
}

/// What one case came to.
#[derive(Debug)]
pub enum Outcome {
    /// Both wires are the same, and so are the checks that failed.
    Equal,
    /// They are not.
    Differs(Box<Difference>),
    /// They are not, as the list of exceptions says, for this reason.
    Listed(String, Box<Difference>),
    /// It was not to be compared here, for this reason: something is missing that it requires.
    Skipped(String),
    /// It could not be run, for this reason, which is the environment's.
    Broken(String),
}

/// What of one area was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// On both sides.
    pub both: BTreeSet<String>,
    /// Only on the side that is certified, and only on the other.
    pub only: [BTreeSet<String>; 2],
    /// On neither, though the schema has it.
    pub never: BTreeSet<String>,
}

/// What was seen of every area.
pub type Coverage = BTreeMap<Area, Seen>;

/// What was seen on two sides, held against each other and against the schema.
fn both([left, right]: [Names; 2], schema: Option<&Schema>) -> Coverage {
    let known = schema.map(coverage::known).unwrap_or_default();
    let none = BTreeSet::new();
    Area::ALL
        .into_iter()
        .map(|(area, _)| {
            let of = |names: &Names| names.get(&area).unwrap_or(&none).clone();
            let (left, right, known) = (of(&left), of(&right), of(&known));
            let seen = Seen {
                both: &left & &right,
                only: [&left - &right, &right - &left],
                never: &known - &(&left | &right),
            };
            (area, seen)
        })
        .collect()
}

/// How a certification is done.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The cases.
    pub cases: &'a [Arc<Case>],
    /// Are they all there are? Then an exception about none of them is stale too.
    pub whole: bool,
    /// The certified one, and the one it is held against.
    pub targets: [Target; 2],
    /// How cases are run.
    pub options: RunOptions,
    /// The differences that are known.
    pub exceptions: &'a Exceptions,
    /// The protocol, as far as it is known.
    pub schema: Option<&'a Schema>,
    /// What holds the app-servers' frames against it.
    pub frames: &'a SchemaCheck,
}

/// How often a case is run again that differs.
const TRIES: usize = 3;

/// Runs every case on both targets and compares. A case that differs is run again, alone, and up
/// to three times: some things in the real app-server race each other in ways that no rule can
/// know, such as how soon a denied command fails. What differs each time is a difference.
pub async fn certify(plan: &Plan<'_>, mut on_event: impl FnMut(RunEvent<'_>)) -> Certificate {
    let mut seen = [(); 2].map(|()| coverage::Observer::new(plan.schema));
    let mut verdicts: Vec<(Verdict, Arc<Case>)> = Vec::new();
    let take = |case: &Arc<Case>, runs| {
        let mut pair = pair(runs);
        add_schema(plan, &mut pair);
        let outcome = judge(&pair);
        if !matches!(outcome, Outcome::Skipped(_) | Outcome::Broken(_)) {
            for (side, run) in seen.iter_mut().zip(&pair) {
                side.look(&run.transcript);
            }
        }
        let verdict = Verdict {
            id: case.id.clone(),
            outcome,
            again: false,
        };
        verdicts.push((verdict, Arc::clone(case)));
        ControlFlow::Continue(())
    };
    case_by_case(
        plan.cases,
        &plan.targets,
        &plan.options,
        &mut on_event,
        take,
    )
    .await;
    let complete = verdicts.len() == plan.cases.len();
    if complete {
        for _ in 0..TRIES {
            try_again(plan, &mut verdicts, &mut on_event).await;
        }
    }
    let mut cases: Vec<Verdict> = verdicts.into_iter().map(|(verdict, _)| verdict).collect();
    let stale = plan.exceptions.apply(&mut cases, plan.whole);
    Certificate {
        targets: plan.targets.each_ref().map(ToString::to_string),
        cases,
        coverage: both(seen.map(coverage::Observer::into_names), plan.schema),
        stale,
        complete,
    }
}

async fn try_again(
    plan: &Plan<'_>,
    verdicts: &mut [(Verdict, Arc<Case>)],
    on_event: &mut impl FnMut(RunEvent<'_>),
) {
    let differing: Vec<Arc<Case>> = verdicts
        .iter()
        .filter(|(verdict, _)| matches!(verdict.outcome, Outcome::Differs(_) | Outcome::Broken(_)))
        .filter(|(verdict, _)| plan.exceptions.of_case(&verdict.id).is_none())
        .map(|(_, case)| Arc::clone(case))
        .collect();
    let alone = RunOptions {
        jobs: std::num::NonZeroUsize::MIN,
        ..plan.options.clone()
    };
    let take = |case: &Arc<Case>, runs| {
        let mut pair = pair(runs);
        add_schema(plan, &mut pair);
        for (verdict, _) in verdicts.iter_mut().filter(|(_, of)| of.id == case.id) {
            verdict.again = true;
            verdict.outcome = judge(&pair);
        }
        ControlFlow::Continue(())
    };
    case_by_case(&differing, &plan.targets, &alone, on_event, take).await;
}

/// The runs of a case on the two targets.
fn pair(runs: Vec<CaseRun>) -> [CaseRun; 2] {
    <[CaseRun; 2]>::try_from(runs).expect("a run for each of the two targets")
}

/// Whether the frames are of the protocol is one more check of each run; the trace rules are
/// checked in every run.
fn add_schema(plan: &Plan<'_>, pair: &mut [CaseRun; 2]) {
    for run in pair {
        let check = plan.frames.check_of_server(run);
        run.checks.extend(check);
    }
}

fn judge(pair: &[CaseRun; 2]) -> Outcome {
    for run in pair {
        let reason = |reason: &str| format!("`{}`: {reason}", run.target);
        match &run.status {
            Status::Skipped(why) | Status::Unsupported(why) => {
                return Outcome::Skipped(reason(why));
            }
            Status::Broken(why) => return Outcome::Broken(reason(why)),
            _ => {}
        }
    }
    match compare(pair) {
        None => Outcome::Equal,
        Some(difference) => Outcome::Differs(Box::new(difference)),
    }
}

impl Certificate {
    /// How many cases came to each outcome.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for verdict in &self.cases {
            *match verdict.outcome {
                Outcome::Equal => &mut counts.equal,
                Outcome::Listed(..) => &mut counts.listed,
                Outcome::Differs(_) => &mut counts.differ,
                Outcome::Skipped(_) => &mut counts.skipped,
                Outcome::Broken(_) => &mut counts.broken,
            } += 1;
        }
        counts
    }

    /// Does it hold?
    pub fn holds(&self) -> bool {
        let Counts { differ, broken, .. } = self.counts();
        self.complete && differ == 0 && broken == 0 && self.stale.is_empty()
    }
}

/// How many cases came to each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Equal.
    pub equal: usize,
    /// Differing as the list says.
    pub listed: usize,
    /// Differing otherwise.
    pub differ: usize,
    /// Not to be compared here.
    pub skipped: usize,
    /// The environment failed.
    pub broken: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_held_against_each_other() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let side = |names: &[&str]| Names::from([(Area::Notifications, set(names))]);
        let seen = &both([side(&["a", "b"]), side(&["b", "c"])], None)[&Area::Notifications];
        assert_eq!(seen.both, set(&["b"]));
        assert_eq!(seen.only, [set(&["a"]), set(&["c"])]);
    }
}
