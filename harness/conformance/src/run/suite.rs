//! Many cases at once, their results in the order of the cases.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use crate::run::case;
use crate::run::outcome::{CaseRun, Status};
use crate::run::{RunEvent, RunOptions};
use crate::scenario::model::Case;
use crate::target::Target;

/// Runs every case on every target: all cases of the first target, then of the next.
///
/// The results have this order too, whatever ends first. `on_event` is called as things happen,
/// on the task that awaits this function. Cases that were not started, or not ended, because of
/// [`RunOptions::fail_fast`] or [`RunOptions::cancel`] have no result.
pub async fn suite(
    cases: &[Arc<Case>],
    targets: &[Target],
    options: &RunOptions,
    mut on_event: impl FnMut(RunEvent<'_>),
) -> Vec<CaseRun> {
    let targets: Vec<Arc<Target>> = targets.iter().cloned().map(Arc::new).collect();
    let names: Vec<String> = targets.iter().map(ToString::to_string).collect();
    let mut queue = (0..targets.len()).flat_map(|t| (0..cases.len()).map(move |c| (t, c)));
    let mut results: Vec<Option<CaseRun>> = vec![None; targets.len() * cases.len()];
    let (started, mut starts) = mpsc::unbounded_channel();
    let mut workers = JoinSet::new();
    let mut stop = false;

    loop {
        while !stop && workers.len() < options.jobs.get() {
            let Some((t, c)) = queue.next() else { break };
            let (unit, target) = (Arc::clone(&cases[c]), Arc::clone(&targets[t]));
            let (options, started) = (options.clone(), started.clone());
            let position = t * cases.len() + c;
            workers.spawn(async move {
                // The receiver lives as long as this function; nobody minds a lost message after.
                let _ = started.send((t, c));
                (position, case::run(&unit, &target, &options).await)
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
                let (position, run) = ended.unwrap_or_else(|error| pass_on(error));
                on_event(RunEvent::Finished(&run));
                stop |= options.fail_fast
                    && matches!(run.status, Status::Failed | Status::Broken(_));
                results[position] = Some(run);
            }
        }
    }
    results.into_iter().flatten().collect()
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
