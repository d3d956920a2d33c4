//! Many cases at once, their results in the order of the cases: together, or case by case.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use crate::client::driver::Sdk;
use crate::run::case;
use crate::run::outcome::{CaseRun, Status};
use crate::run::{RunEvent, RunOptions};
use crate::scenario::model::Case;
use crate::target::Target;

/// The tag of cases that wait for a clock nearly all of their time: for a retry, a time-out, a sleep.
///
/// They take no processor, so they run beside the others, twice as many of them, and from the
/// start. With one job there is one case at a time.
pub const WAITS: &str = "waits";

/// How many of those that wait run at once for each job.
const WAITING_FOR_EACH_JOB: NonZeroUsize = NonZeroUsize::new(2).expect("it isn't 0");

/// Runs every case on every target, with the client of the options: all cases of the first target,
/// then of the next.
///
/// The results have this order too, whatever ends first. `on_event` is called as things happen,
/// on the task that awaits this function. Cases that were not started, or not ended, because of
/// [`RunOptions::fail_fast`] or [`RunOptions::cancel`] have no result.
pub async fn suite(
    cases: &[Arc<Case>],
    targets: &[Target],
    options: &RunOptions,
    on_event: impl FnMut(RunEvent<'_>),
) -> Vec<CaseRun> {
    let client = [options.sdk.clone()];
    suite_of_clients(cases, targets, &client, options, on_event).await
}

/// The same with several clients, in place of that of the options: everything with the first, then
/// with the next. `None` is the reference client.
///
/// None of them waits until the last case of another has ended.
pub async fn suite_of_clients(
    cases: &[Arc<Case>],
    targets: &[Target],
    clients: &[Option<Arc<Sdk>>],
    options: &RunOptions,
    on_event: impl FnMut(RunEvent<'_>),
) -> Vec<CaseRun> {
    let work = Work::new(cases, targets, clients, options);
    let mut results: Vec<Option<CaseRun>> = vec![None; work.count()];
    let order = 0..work.count();
    let keep = |position: usize, run| {
        results[position] = Some(run);
        ControlFlow::Continue(())
    };
    work.run(order, on_event, keep).await;
    results.into_iter().flatten().collect()
}

/// Runs every case on every target, each case on one target after the other, and hands out its runs,
/// in the order of the targets, when it has run on all of them. The cases come in their order.
///
/// No transcript is kept longer than that, so any number of cases can be compared. When `take`
/// breaks, no further case is begun; what has begun is still handed out.
pub async fn case_by_case(
    cases: &[Arc<Case>],
    targets: &[Target],
    options: &RunOptions,
    on_event: impl FnMut(RunEvent<'_>),
    mut take: impl FnMut(&Arc<Case>, Vec<CaseRun>) -> ControlFlow<()>,
) {
    let client = [options.sdk.clone()];
    let work = Work::new(cases, targets, &client, options);
    let mut waiting: VecDeque<Vec<Option<CaseRun>>> =
        vec![vec![None; targets.len()]; cases.len()].into();
    let mut first = 0;
    let order = (0..cases.len()).flat_map(|case| work.targets_of(case));
    let hand_out = |position: usize, run| {
        let (target, case) = work.place(position);
        waiting[case - first][target] = Some(run);
        let whole = |runs: &mut Vec<Option<CaseRun>>| runs.iter().all(Option::is_some);
        while let Some(runs) = waiting.pop_front_if(whole) {
            first += 1;
            take(&cases[first - 1], runs.into_iter().flatten().collect())?;
        }
        ControlFlow::Continue(())
    };
    work.run(order, on_event, hand_out).await;
    // Behind a case that has not run everywhere.
    for (case, runs) in cases[first..].iter().zip(waiting) {
        if runs.iter().all(Option::is_some) {
            let _ = take(case, runs.into_iter().flatten().collect());
        }
    }
}

/// Cases, each with every target and every client. A run of one of them has a position: that of its
/// client comes first, then that of its target, then that of its case.
struct Work<'a> {
    cases: &'a [Arc<Case>],
    targets: Vec<Arc<Target>>,
    names: Vec<String>,
    clients: &'a [Option<Arc<Sdk>>],
    options: &'a RunOptions,
}

impl<'a> Work<'a> {
    fn new(
        cases: &'a [Arc<Case>],
        targets: &[Target],
        clients: &'a [Option<Arc<Sdk>>],
        options: &'a RunOptions,
    ) -> Self {
        Self {
            cases,
            targets: targets.iter().cloned().map(Arc::new).collect(),
            names: targets.iter().map(ToString::to_string).collect(),
            clients,
            options,
        }
    }

    fn count(&self) -> usize {
        self.clients.len() * self.of_client()
    }

    fn of_client(&self) -> usize {
        self.targets.len() * self.cases.len()
    }

    /// The target and the case at a position.
    fn place(&self, position: usize) -> (usize, usize) {
        let each = self.cases.len();
        (position % self.of_client() / each, position % each)
    }

    /// The client at a position.
    fn client(&self, position: usize) -> Option<&Arc<Sdk>> {
        self.clients[position / self.of_client()].as_ref()
    }

    /// The positions of a case of the first client on every target.
    fn targets_of(&self, case: usize) -> impl Iterator<Item = usize> + use<> {
        let each = self.cases.len();
        (0..self.targets.len()).map(move |target| target * each + case)
    }

    /// Runs what is at these positions, and gives each run to `done` as it ends, until that breaks.
    async fn run(
        &self,
        order: impl Iterator<Item = usize>,
        mut on_event: impl FnMut(RunEvent<'_>),
        mut done: impl FnMut(usize, CaseRun) -> ControlFlow<()>,
    ) {
        let options = self.options;
        let mut lanes = Lane::of(order, options.jobs, |position| {
            let case = &self.cases[self.place(position).1];
            let client = self.client(position).map(Arc::as_ref);
            case.tags.iter().any(|tag| tag == WAITS) || options.waits(client, &case.id)
        });
        let (started, mut starts) = mpsc::unbounded_channel();
        let mut workers = JoinSet::new();
        let mut stop = false;
        loop {
            while !stop && let Some((lane, position)) = next(&mut lanes) {
                let (t, c) = self.place(position);
                let (unit, target) = (Arc::clone(&self.cases[c]), Arc::clone(&self.targets[t]));
                let options = RunOptions {
                    sdk: self.client(position).cloned(),
                    ..options.clone()
                };
                let started = started.clone();
                workers.spawn(async move {
                    // The receiver lives as long as this function; nobody minds a lost message after.
                    let _ = started.send((t, c));
                    (lane, position, case::run(&unit, &target, &options).await)
                });
            }
            tokio::select! {
                biased;
                () = options.cancel.cancelled() => {
                    workers.shutdown().await;
                    break;
                }
                Some((t, c)) = starts.recv() => {
                    on_event(RunEvent::Started { case: &self.cases[c], target: &self.names[t] });
                }
                ended = workers.join_next() => {
                    let Some(ended) = ended else { break };
                    let (lane, position, run) = ended.unwrap_or_else(|error| pass_on(error));
                    lanes[lane].running -= 1;
                    on_event(RunEvent::Finished(&run));
                    stop |= options.fail_fast
                        && matches!(run.status, Status::Failed | Status::Broken(_));
                    stop |= done(position, run).is_break();
                }
            }
        }
    }
}

/// Cases of which some run at once, by their position among the results.
struct Lane {
    queue: VecDeque<usize>,
    running: usize,
    at_once: usize,
}

impl Lane {
    /// One for the cases that wait, one for the others; one for all if there is one job.
    fn of(
        order: impl Iterator<Item = usize>,
        jobs: NonZeroUsize,
        waits: impl Fn(usize) -> bool,
    ) -> Vec<Self> {
        let waits = |position: &usize| jobs > NonZeroUsize::MIN && waits(*position);
        let (waiting, busy): (VecDeque<_>, VecDeque<_>) = order.partition(waits);
        let lane = |queue, at_once: NonZeroUsize| Self {
            queue,
            running: 0,
            at_once: at_once.get(),
        };
        vec![
            lane(waiting, jobs.saturating_mul(WAITING_FOR_EACH_JOB)),
            lane(busy, jobs),
        ]
    }
}

/// What to start now: its lane and its position, if anything may be started.
fn next(lanes: &mut [Lane]) -> Option<(usize, usize)> {
    lanes.iter_mut().enumerate().find_map(|(place, lane)| {
        let position = lane.queue.pop_front_if(|_| lane.running < lane.at_once)?;
        lane.running += 1;
        Some((place, position))
    })
}

/// A panic in a worker is a bug of the harness: it goes on here.
fn pass_on(error: JoinError) -> ! {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => {
            unreachable!("workers are cancelled in one place only, without joining: {error}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_wait_run_beside_the_others() {
        let order = |jobs: usize| {
            let jobs = NonZeroUsize::new(jobs).expect("it isn't 0");
            let mut lanes = Lane::of(0..4, jobs, |position| position == 2);
            let started = std::iter::from_fn(move || next(&mut lanes));
            started.map(|(_, position)| position).collect::<Vec<_>>()
        };
        assert_eq!(order(1), [0]);
        assert_eq!(order(2), [2, 0, 1]);
        assert_eq!(order(4), [2, 0, 1, 3]);
    }
}
