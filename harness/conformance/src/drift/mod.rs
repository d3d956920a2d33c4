//! What changed from one app-server to another: the same scenarios on both.
//!
//! Each case runs on both targets, and on the mock too if that is asked for. What
//! [`normalise`](crate::normalise) leaves of the transcripts is compared frame by frame and member
//! by member, and the same difference in many cases is one entry. Beside that: which cases came to
//! something else, what takes longer beyond the noise, and what changed in the protocol that no
//! case has shown.
//!
//! The contract is what the scenarios expect. So of each change it can be told who moved: the real
//! one alone, away from the contract or towards it, and whether the mock is still where it was.

mod delta;
mod gist;
mod group;
mod moved;
mod order;
mod protocol;
pub mod report;
mod timing;
mod verdict;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codex_wire::schema::Schema;

use crate::check::verdict::Judge;
use crate::compare::{Wires, last_step, wires, wires_until};
use crate::coverage::Observer;
use crate::run::outcome::{CaseRun, Status};
use crate::run::{RunEvent, RunOptions, case_by_case};
use crate::scenario::model::Case;
use crate::target::Target;

pub use delta::{Change, Delta};
pub use group::{Entry, Key, Place, Stand};
pub use moved::{Contract, Move, Moved, Side};
pub use protocol::Unexercised;
pub use timing::{Slower, Timed};
pub use verdict::Turned;

use group::Groups;
use timing::Timings;
use verdict::Turn;

/// How a comparison is done.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The cases.
    pub cases: &'a [Arc<Case>],
    /// What was, what is, and perhaps the mock.
    pub targets: Vec<Target>,
    /// How cases are run.
    pub options: RunOptions,
    /// What says whether the contract holds: expectations, schemas, known failures, no snapshots.
    pub judge: &'a Judge,
    /// The protocols of the first two targets, as far as they are known.
    pub schemas: [Option<&'a Schema>; 2],
    /// No further case is begun after this time, but for the first ones; a case of each scenario
    /// comes first.
    pub within: Option<Duration>,
}

/// What changed.
#[derive(Debug)]
pub struct Drift {
    /// The targets, in the plan's order.
    pub targets: Vec<String>,
    /// What differs on the wires.
    pub entries: Vec<Entry>,
    /// What differed once, in hardly a case, and not when that was run again.
    pub unsteady: Vec<Entry>,
    /// Cases that came to something else.
    pub turned: Vec<Turned>,
    /// Who moved, case by case.
    pub moved: Moved,
    /// What takes longer, or less long.
    pub slower: Vec<Slower>,
    /// Of how many methods and scenarios the time is known well enough to say.
    pub timed: usize,
    /// Changes of the protocol that no case has shown; `None` where a schema isn't known.
    pub unexercised: Option<Unexercised>,
    /// The chosen cases that were not run, as the time was up or the run was stopped.
    pub left_out: Vec<String>,
    /// Of these, the scenarios of which no case was run.
    pub unseen: Vec<String>,
    /// How many cases there were to run, and in how many both wires could be compared.
    pub counts: Counts,
    /// How long it took.
    pub duration: Duration,
}

/// How many cases there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Chosen.
    pub chosen: usize,
    /// Run on every target.
    pub ran: usize,
    /// Compared; the others were skipped, or could not be started, on the first or the second.
    pub compared: usize,
    /// Compared and different.
    pub differ: usize,
    /// Of the compared ones, those that ended at another step.
    pub cut: usize,
}

impl Drift {
    /// Was every chosen case run?
    pub fn is_complete(&self) -> bool {
        self.counts.ran == self.counts.chosen
    }
}

/// A difference in so many cases, or fewer, is looked for again: it may be a race.
const RARE: usize = 2;

/// The most cases that are run again.
const MOST_AGAIN: usize = 40;

/// Runs every case on every target and compares.
pub async fn drift(plan: &Plan<'_>, mut on_event: impl FnMut(RunEvent<'_>)) -> Drift {
    let begun = Instant::now();
    let cases = order::a_case_of_each_scenario_first(plan.cases);
    let mut sight = Sight::new(plan.schemas);
    let mut counts = Counts {
        chosen: cases.len(),
        ..Counts::default()
    };
    let mut left_out: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    let mut took: HashMap<String, Duration> = HashMap::new();
    let take = |case: &Arc<Case>, runs: Vec<CaseRun>| {
        counts.ran += 1;
        left_out.remove(case.id.as_str());
        took.insert(case.id.clone(), runs.iter().map(|run| run.duration).sum());
        sight.look(runs, plan.judge);
        match plan.within {
            Some(within) if begun.elapsed() > within => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    case_by_case(&cases, &plan.targets, &plan.options, &mut on_event, take).await;
    let unsteady = if plan.options.cancel.is_cancelled() {
        Vec::new()
    } else {
        let rare = rare(&cases, &sight, &took);
        look_again(plan, &rare, &mut sight, &mut on_event).await
    };
    let done = sight.finish(plan, counts, unsteady, begun);
    Drift {
        unseen: order::without_any(&cases, &left_out),
        left_out: left_out.into_iter().map(str::to_owned).collect(),
        ..done
    }
}

/// The cases that alone show something: those that took longest come first, so that nothing is left to
/// wait for when they run again.
fn rare(
    cases: &[Arc<Case>],
    sight: &Sight<'_>,
    took: &HashMap<String, Duration>,
) -> Vec<Arc<Case>> {
    let mut rare = sight.groups.rare(RARE);
    for group in verdict::together(sight.turns.clone()) {
        if group.cases.len() <= RARE {
            rare.extend(group.cases);
        }
    }
    let mut some: Vec<Arc<Case>> = cases
        .iter()
        .filter(|case| rare.contains(&case.id))
        .take(MOST_AGAIN)
        .cloned()
        .collect();
    some.sort_by_key(|case| Reverse(took.get(&case.id).copied()));
    some
}

/// Runs cases twice more, and takes out what they don't show again, or show from one run to the next
/// of one target: that is a race.
async fn look_again(
    plan: &Plan<'_>,
    some: &[Arc<Case>],
    sight: &mut Sight<'_>,
    on_event: &mut impl FnMut(RunEvent<'_>),
) -> Vec<Entry> {
    let twice: Vec<Arc<Case>> = some.iter().flat_map(|case| [case, case]).cloned().collect();
    let mut tries: HashMap<String, Vec<Vec<CaseRun>>> = HashMap::new();
    let take = |case: &Arc<Case>, runs| {
        tries.entry(case.id.clone()).or_default().push(runs);
        ControlFlow::Continue(())
    };
    case_by_case(&twice, &plan.targets, &plan.options, on_event, take).await;
    let mut again = Sight::new(plan.schemas);
    let mut races = Groups::default();
    let mut looked = BTreeSet::new();
    for case in some {
        let Some(Ok([first, second])) = tries.remove(&case.id).map(<[_; 2]>::try_from) else {
            continue;
        };
        for (run, other) in first.iter().zip(&second).take(2) {
            races.add(&case.id, [&wires(run), &wires(other)], None);
        }
        looked.insert(case.id.clone());
        again.look(first, plan.judge);
    }
    sight.turns.retain(|turn| {
        let turned_again = again.turns.iter().any(|other| other.case == turn.case);
        !looked.contains(&turn.case) || turned_again
    });
    sight.groups.unconfirmed(&looked, |key| {
        again.groups.has(key) && !races.has(key) && !races.has(&key.reversed())
    })
}

/// What was seen so far.
struct Sight<'a> {
    groups: Groups,
    turns: Vec<Turn>,
    moved: Moved,
    timings: Timings,
    seen: [Observer<'a>; 2],
    counts: Counts,
}

impl<'a> Sight<'a> {
    fn new(schemas: [Option<&'a Schema>; 2]) -> Self {
        Self {
            groups: Groups::default(),
            turns: Vec::new(),
            moved: Moved::default(),
            timings: Timings::default(),
            seen: schemas.map(Observer::new),
            counts: Counts::default(),
        }
    }

    /// Takes what the runs of one case show.
    fn look(&mut self, runs: Vec<CaseRun>, judge: &Judge) {
        let runs: Vec<CaseRun> = runs.into_iter().map(|run| judge.judge(run)).collect();
        let turn = verdict::turn(&runs);
        let turned = turn.is_some();
        self.turns.extend(turn);
        let [first, second, ..] = &runs[..] else {
            return;
        };
        if !(ran(first) && ran(second)) {
            return;
        }
        self.counts.compared += 1;
        self.timings.add([first, second]);
        for (observer, run) in self.seen.iter_mut().zip(&runs) {
            observer.look(&run.transcript);
        }
        // Where one came to a later step than the other, what came then is no difference of its own.
        let steps = runs.iter().take(2).map(last_step);
        let last = steps.clone().min().unwrap_or_default();
        self.counts.cut += usize::from(steps.max() != Some(last));
        let wires: Vec<Wires> = runs.iter().map(|run| wires_until(run, last)).collect();
        let mock = runs.get(2).filter(|run| ran(run)).and(wires.get(2));
        let differs = !same(&wires[0], &wires[1]);
        if differs {
            self.counts.differ += 1;
            let id = &first.case.id;
            self.groups.add(id, [&wires[0], &wires[1]], mock);
        }
        if differs || turned {
            self.moved.add(&runs, &wires, mock);
        }
    }

    fn finish(
        self,
        plan: &Plan<'_>,
        counts: Counts,
        unsteady: Vec<Entry>,
        begun: Instant,
    ) -> Drift {
        let seen = self.seen.map(Observer::into_names);
        let unexercised = match plan.schemas {
            [Some(before), Some(after)] => Some(protocol::unexercised([before, after], &seen)),
            _ => None,
        };
        Drift {
            targets: plan.targets.iter().map(ToString::to_string).collect(),
            entries: self.groups.into_entries(),
            unsteady,
            turned: verdict::together(self.turns),
            moved: self.moved,
            timed: self.timings.known(),
            slower: self.timings.changes(),
            unexercised,
            left_out: Vec::new(),
            unseen: Vec::new(),
            counts: Counts {
                chosen: counts.chosen,
                ran: counts.ran,
                ..self.counts
            },
            duration: begun.elapsed(),
        }
    }
}

/// Is there something to compare?
fn ran(run: &CaseRun) -> bool {
    matches!(
        run.status,
        Status::Passed | Status::Failed | Status::Known(_)
    )
}

/// Do two runs have the same wires?
fn same(left: &Wires, right: &Wires) -> bool {
    let lengths = |wires: &'_ Wires| wires.iter().map(Vec::len).collect::<Vec<_>>();
    let pairs = left.iter().flatten().zip(right.iter().flatten());
    lengths(left) == lengths(right)
        && pairs
            .into_iter()
            .all(|(left, right)| left.text == right.text)
}
