//! The verdict on a case: its checks, its snapshot, and what is known to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::check::schema::{self as schema_check, SchemaCheck};
use crate::check::snapshot::{self, Snapshots, Update};
use crate::known_failures::{self, KnownFailures};
use crate::normalise::with_places_named;
use crate::report::Problem;
use crate::run::checks;
use crate::run::outcome::{CaseRun, Check, Status};
use crate::scenario::model::Case;
use crate::schema::{self, exceptions};
use crate::target::Target;

/// The id of the check that fails when snapshots belong to no case.
pub const UNREFERENCED: &str = "unreferenced-snapshots";

/// Judges runs. What the executor checked is not judged again, only completed.
#[derive(Debug)]
pub struct Judge {
    /// `None`: no wire is held against one.
    snapshots: Option<Snapshots>,
    frames: SchemaCheck,
    /// By the target's name.
    known: BTreeMap<String, KnownFailures>,
    /// Those of SDKs, by the client's name.
    of_clients: BTreeMap<String, KnownFailures>,
}

/// A fixture that judging needs and that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// A list of known failures.
    #[error(transparent)]
    KnownFailures(#[from] known_failures::ListError),
    /// The list of exceptions from the schemas.
    #[error(transparent)]
    Exceptions(#[from] exceptions::ListError),
    /// A schema.
    #[error(transparent)]
    Schema(#[from] schema::LoadError),
}

impl Judge {
    /// A judge for runs on these targets. `root` is the directory that has `snapshots/` and
    /// `fixtures/`.
    ///
    /// # Errors
    /// A list of known failures or a schema that can't be used.
    pub fn new(root: &Path, targets: &[Target], update: Update) -> Result<Self, FixtureError> {
        let directory = root.join("fixtures/known-failures");
        let known = targets
            .iter()
            .map(|target| Ok((target.to_string(), KnownFailures::of(target, &directory)?)))
            .collect::<Result<_, FixtureError>>()?;
        Ok(Self {
            snapshots: Some(Snapshots::new(root.join("snapshots"), update)),
            frames: SchemaCheck::of(root, targets)?,
            known,
            of_clients: BTreeMap::new(),
        })
    }

    /// The same judge, which holds no frame against the schema.
    #[must_use]
    pub fn without_schemas(mut self) -> Self {
        self.frames = SchemaCheck::default();
        self
    }

    /// The same judge, which holds no wire against a snapshot: what the scenarios expect counts
    /// alone, and of the known failures those that are of a snapshot are left out.
    #[must_use]
    pub fn without_snapshots(mut self) -> Self {
        self.snapshots = None;
        for known in self.known.values_mut() {
            known.forget(snapshot::CHECK);
        }
        self
    }

    /// The same, for runs with these SDKs.
    ///
    /// # Errors
    /// A list of known failures that can't be used.
    pub fn with_clients<'a>(
        mut self,
        root: &Path,
        clients: impl Iterator<Item = &'a str>,
    ) -> Result<Self, FixtureError> {
        let directory = root.join("fixtures/known-failures");
        self.of_clients = clients
            .map(|name| Ok((name.to_owned(), KnownFailures::of_client(name, &directory)?)))
            .collect::<Result<_, FixtureError>>()?;
        Ok(self)
    }

    /// The run with its frames and its snapshot checked and its known failures applied, and with the directories
    /// of the run written by their names in what the checks say: a list can then quote it.
    ///
    #[must_use]
    pub fn judge(&self, mut run: CaseRun) -> CaseRun {
        for check in &mut run.checks {
            check.message = with_places_named(&run.places, &check.message);
        }
        if !matches!(run.status, Status::Passed | Status::Failed) {
            return run;
        }
        if let Some((check, warnings)) = self.frames.check(&run) {
            run.notes.extend(warnings);
            if !check.passed {
                run.status = Status::Failed;
            }
            run.checks.push(check);
        }
        let known = self.known.get(&run.target);
        if let Some(of_client) = self.of_clients.get(&run.client) {
            // Snapshots are the reference client's wire. What the target gets wrong, it gets
            // wrong for every client.
            let of_target = known.filter(|known| known.explains(&run));
            of_target.unwrap_or(of_client).apply(&mut run);
            return run;
        }
        let sound = run.status == Status::Passed || known.is_some_and(|known| known.explains(&run));
        if is_held_to_snapshots(&run.target)
            && let Some(snapshots) = &self.snapshots
            && let Some(check) = snapshots.check(&run, sound)
        {
            if !check.passed {
                run.status = Status::Failed;
            }
            run.checks.push(check);
        }
        if let Some(known) = known {
            known.apply(&mut run);
        }
        run
    }

    /// Clients and ids of the cases that are known to wait until their deadline.
    pub fn known_to_wait(&self, cases: &[Arc<Case>]) -> BTreeSet<(String, String)> {
        let with = |(client, known): (&String, &KnownFailures)| {
            let waits = cases
                .iter()
                .filter(|case| known.has(&case.id, checks::DEADLINE));
            waits
                .map(|case| (client.clone(), case.id.clone()))
                .collect::<Vec<_>>()
        };
        self.of_clients.iter().flat_map(with).collect()
    }

    /// What is wrong with the run as a whole: known failures that name no case, marks of frames
    /// outside of the schema that mark none, and, when
    /// everything was run, snapshots that belong to none.
    ///
    /// # Errors
    /// The directory of the snapshots can't be read.
    pub fn problems(&self, loaded: &[Arc<Case>], filters: &[String]) -> io::Result<Vec<Problem>> {
        let mut problems: Vec<Problem> = self
            .frames
            .stale(loaded)
            .into_iter()
            .map(|(case, place)| {
                let message = format!(
                    "`off_schema` of `{}` has `{place}`, and no frame is outside of the schema there\n\
                     hint: remove it",
                    case.scenario
                );
                problem(None, schema_check::CHECK, message, Some(case.at.clone()))
            })
            .collect();
        for (target, known) in self.known.iter().chain(&self.of_clients) {
            let unmatched = known.unmatched(loaded.iter().map(|case| case.id.as_str()));
            for entry in unmatched
                .into_iter()
                .filter(|entry| is_meant(&entry.case, filters))
            {
                let message = format!("no case has the id `{}`", entry.case);
                let at = Some(entry.at.clone());
                problems.push(problem(Some(target), known_failures::CHECK, message, at));
            }
        }
        if let (true, Some(snapshots)) = (filters.is_empty(), &self.snapshots) {
            let lost = snapshots.unreferenced(loaded.iter().map(AsRef::as_ref))?;
            if !lost.is_empty() {
                let names: Vec<String> =
                    lost.iter().map(|path| path.display().to_string()).collect();
                let message = format!(
                    "these snapshots belong to no case\n{}\nhint: delete them",
                    names.join("\n")
                );
                problems.push(problem(None, UNREFERENCED, message, None));
            }
        }
        Ok(problems)
    }
}

/// A mock whose quirks were switched is meant to differ, and a server that was running before has
/// a home and threads of its own.
fn is_held_to_snapshots(target: &str) -> bool {
    !["mock:", "ws://"]
        .iter()
        .any(|kind| target.starts_with(kind))
}

/// Would the filters have chosen a case of this name?
fn is_meant(pattern: &str, filters: &[String]) -> bool {
    let texts = filters
        .iter()
        .map(|filter| filter.trim_start_matches(['=', '@']));
    filters.is_empty() || texts.into_iter().any(|text| pattern.contains(text))
}

fn problem(
    target: Option<&String>,
    id: &str,
    message: String,
    at: Option<crate::scenario::model::Location>,
) -> Problem {
    let check = Check {
        id: id.into(),
        passed: false,
        message,
        at,
        entry: None,
    };
    Problem {
        target: target.cloned(),
        check,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn directories_are_named_before_the_lists_are_asked() {
        let directory = tempfile::tempdir().unwrap();
        let lists = directory.path().join("fixtures/known-failures");
        std::fs::create_dir_all(&lists).unwrap();
        let list =
            "- { case: a/b, check: step-1.file, message: '`${outside}/x`', reason: it is so }";
        std::fs::write(lists.join("mock.yaml"), list).unwrap();

        let judge = Judge::new(directory.path(), &[Target::MOCK], Update::Never).unwrap();
        let mut run = sample::run(
            "a/b",
            &[("step-1.file", "`/run/out/x` should not be there")],
        );
        run.places.outside = "/run/out".into();
        assert_eq!(judge.judge(run).status, Status::Known("it is so".into()));
    }
}
