//! The permission matrix: what is in force, for each way of setting permissions, at each moment of
//! a thread's life, on each configured default.
//!
//! Three accounts are held against each other: what the app-server *reports* to the client, what
//! it *tells* the model, and what it *enforces*, which a real command finds out by trying. Data
//! flows one way: the tables of [`way`] → a [`session`] for each way and default, an ordinary
//! scenario → the [runner](crate::run) → the transcript → [`read`] → [`judge`] → a [`model`],
//! which [`report`] and [`page`] show.

pub mod asked;
pub mod judge;
pub mod kept;
pub mod model;
pub mod page;
pub mod reach;
pub mod read;
pub mod report;
pub mod session;
pub mod way;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::run::outcome::{CaseRun, Status};
use crate::run::suite::suite;
use crate::run::{RunEvent, RunOptions};
use crate::scenario::model::Case;
use crate::scenario::{LoadError, load_text, select};
use crate::target::Target;
use model::{Cell, Matrix, OfTarget, Seen};
use session::Session;
use way::Moment;

/// What is looked at, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The targets.
    pub targets: Vec<Target>,
    /// Which sessions, by their ids as cases are chosen; empty: all.
    pub filters: Vec<String>,
    /// How they are run.
    pub options: RunOptions,
}

/// Why there is no matrix.
#[derive(Debug, thiserror::Error)]
pub enum MatrixError {
    /// The environment is at fault.
    #[error("`{session}` on `{target}`: {reason}")]
    Environment {
        /// The session's id.
        session: String,
        /// The target.
        target: String,
        /// What is wrong.
        reason: String,
    },
    /// No session has such an id.
    #[error("no session was selected")]
    Nothing,
    /// It was stopped.
    #[error("stopped: not every session was run")]
    Stopped,
}

/// Runs the sessions on the targets and judges what is seen. `on_event` is called as things
/// happen.
///
/// # Errors
/// [`MatrixError`] if there is nothing to run, if something can't be run on this machine, or if
/// the run is cancelled.
pub async fn matrix(
    plan: &Plan,
    on_event: impl FnMut(RunEvent<'_>),
) -> Result<Matrix, MatrixError> {
    let sessions = selected(&plan.filters);
    if sessions.is_empty() {
        return Err(MatrixError::Nothing);
    }
    let cases: Vec<Arc<Case>> = sessions.iter().map(|(_, case)| Arc::clone(case)).collect();
    let options = RunOptions {
        // What is expected is what is asked: that it isn't so is the result, not the end.
        goes_on: true,
        ..plan.options.clone()
    };
    let runs = suite(&cases, &plan.targets, &options, on_event).await;
    if runs.len() < cases.len() * plan.targets.len() {
        return Err(MatrixError::Stopped);
    }
    let targets = plan.targets.iter().zip(runs.chunks(cases.len()));
    let targets = targets.map(|(target, runs)| {
        let of_runs = sessions.iter().zip(runs);
        let cells: Result<Vec<_>, _> = of_runs.map(|((it, _), run)| cells(it, run)).collect();
        Ok(OfTarget {
            target: target.to_string(),
            cells: cells?.concat(),
        })
    });
    Ok(Matrix::of(targets.collect::<Result<_, _>>()?))
}

/// The sessions that filters select, each with its case.
fn selected(filters: &[String]) -> Vec<(Session, Arc<Case>)> {
    let sessions = Session::all();
    let cases: Vec<Arc<Case>> = sessions.iter().map(case).map(Arc::new).collect();
    let chosen = select(&cases, filters);
    let is_chosen = |case: &Arc<Case>| chosen.iter().any(|one| one.id == case.id);
    let pairs = sessions.into_iter().zip(cases);
    pairs.filter(|(_, case)| is_chosen(case)).collect()
}

/// The case of a session.
fn case(session: &Session) -> Case {
    let id = session.id();
    let file = PathBuf::from(format!("{id}.yaml"));
    let none = |_: &Path| Err("it includes nothing".to_owned());
    let cases = load_text(&file, &id, &session.text(), &none);
    let wrong = |errors: Vec<LoadError>| -> Vec<Case> {
        let errors: Vec<String> = errors.iter().map(|error| error.render(false)).collect();
        unreachable!("every session is a scenario: {}", errors.concat())
    };
    let mut cases = cases.unwrap_or_else(wrong);
    cases.swap_remove(0)
}

/// What was seen in a session, judged.
fn cells(session: &Session, run: &CaseRun) -> Result<Vec<Cell>, MatrixError> {
    if let Status::Broken(reason) | Status::Skipped(reason) = &run.status {
        return Err(MatrixError::Environment {
            session: session.id(),
            target: run.target.clone(),
            reason: reason.clone(),
        });
    }
    let mut before = None;
    let seen = read::seen(session, run);
    let cells = session.marks.iter().zip(seen).map(|(mark, seen)| {
        let findings = judge::judge(&session.asked, before.as_ref(), &seen);
        if let (Moment::ThisTurn | Moment::NextTurn, Seen::InForce { enforced, .. }) =
            (mark.moment, &seen)
        {
            before.get_or_insert_with(|| enforced.clone());
        }
        Cell {
            configured: session.configured.name.to_owned(),
            way: session.way.name.clone(),
            moment: mark.moment,
            seen,
            findings,
        }
    });
    Ok(cells.collect())
}

/// Writes the scenario of every selected session below a directory, to be run by hand; gives how
/// many there are.
///
/// # Errors
/// A file can't be written.
pub fn keep(directory: &Path, filters: &[String]) -> io::Result<usize> {
    let sessions = selected(filters);
    for (session, _) in &sessions {
        let file = directory.join(format!("{}.yaml", session.id()));
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(file, session.text())?;
    }
    Ok(sessions.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_session_is_a_scenario_with_a_place_for_each_moment() {
        let sessions = selected(&[]);
        assert_eq!(sessions.len(), Session::all().len());
        for (session, case) in &sessions {
            assert_eq!(case.id, session.id());
            let own = usize::from(session.way.is_turn());
            assert_eq!(session.marks.len(), Moment::ALL.len() - 1 + own);
            let last = session.marks.last().map(|mark| mark.turn);
            assert_eq!(last, Some(case.steps.len()), "{}", case.id);
        }
    }

    #[test]
    fn a_filter_takes_a_part_of_the_id() {
        let one = selected(&["=full-access/sandbox-workspace-write".to_owned()]);
        assert_eq!(one.len(), 1);
        assert!(one[0].0.text().contains("sandbox: workspace-write"));
        assert!(selected(&["no-such-way".to_owned()]).is_empty());
    }
}
