//! Many cases at once, their results in the order of the cases.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
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
    mut on_event: impl FnMut(RunEvent<'_>),
) -> Vec<CaseRun> {
    let targets: Vec<Arc<Target>> = targets.iter().cloned().map(Arc::new).collect();
    let names: Vec<String> = targets.iter().map(ToString::to_string).collect();
    let (each, of_client) = (cases.len(), targets.len() * cases.len());
    let count = clients.len() * of_client;
    let mut lanes = Lane::of(count, options.jobs, |position| {
        let case = &cases[position % each];
        let client = clients[position / of_client].as_deref();
        case.tags.iter().any(|tag| tag == WAITS) || options.waits(client, &case.id)
    });
    let mut results: Vec<Option<CaseRun>> = vec![None; count];
    let (started, mut starts) = mpsc::unbounded_channel();
    let mut workers = JoinSet::new();
    let mut stop = false;

    loop {
        while !stop && let Some((lane, position)) = next(&mut lanes) {
            let (t, c) = (position % of_client / each, position % each);
            let (unit, target) = (Arc::clone(&cases[c]), Arc::clone(&targets[t]));
            let options = RunOptions {
                sdk: clients[position / of_client].clone(),
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
                on_event(RunEvent::Started { case: &cases[c], target: &names[t] });
            }
            ended = workers.join_next() => {
                let Some(ended) = ended else { break };
                let (lane, position, run) = ended.unwrap_or_else(|error| pass_on(error));
                lanes[lane].running -= 1;
                on_event(RunEvent::Finished(&run));
                stop |= options.fail_fast
                    && matches!(run.status, Status::Failed | Status::Broken(_));
                results[position] = Some(run);
            }
        }
    }
    results.into_iter().flatten().collect()
}

/// Cases of which some run at once, by their position among the results.
struct Lane {
    queue: VecDeque<usize>,
    running: usize,
    at_once: usize,
}

impl Lane {
    /// One for the cases that wait, one for the others; one for all if there is one job.
    fn of(count: usize, jobs: NonZeroUsize, waits: impl Fn(usize) -> bool) -> Vec<Self> {
        let waits = |position: &usize| jobs > NonZeroUsize::MIN && waits(*position);
        let (waiting, busy): (VecDeque<_>, VecDeque<_>) = (0..count).partition(waits);
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
            let mut lanes = Lane::of(4, jobs, |position| position == 2);
            let started = std::iter::from_fn(move || next(&mut lanes));
            started.map(|(_, position)| position).collect::<Vec<_>>()
        };
        assert_eq!(order(1), [0]);
        assert_eq!(order(2), [2, 0, 1]);
        assert_eq!(order(4), [2, 0, 1, 3]);
    }
}
