//! What each case comes to on the new version, and its wire as the new snapshot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::check::snapshot;
use crate::check::verdict::Judge;
use crate::known_failures;
use crate::report::summary::word;
use crate::run::RunEvent;
use crate::run::outcome::{CaseRun, Status};

/// What cases came to, by their ids.
pub type Results = BTreeMap<String, Outcome>;

/// What a case came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// `passed`, `failed`, `known`, …
    pub word: String,
    /// Checks that fail and that no known failure explains: their ids and messages.
    pub failed: Vec<[String; 2]>,
    /// Lines of known failures that don't hold, in the list.
    pub stale: Vec<usize>,
}

/// Judges the runs of one target as they end, and lets its judge write the snapshots.
#[derive(Debug)]
pub struct Recorder<'a> {
    target: String,
    judge: &'a Judge,
    /// What was seen so far.
    pub results: Results,
}

impl<'a> Recorder<'a> {
    /// For the runs of this target.
    pub fn new(target: String, judge: &'a Judge) -> Self {
        Self {
            target,
            judge,
            results: Results::new(),
        }
    }

    /// Takes what happens in a run. A case that is run again and doesn't fail then, doesn't fail.
    pub fn event(&mut self, event: &RunEvent<'_>) {
        let RunEvent::Finished(run) = event else {
            return;
        };
        if run.target != self.target {
            return;
        }
        let outcome = outcome(&self.judge.judge((*run).clone()));
        let known = self.results.entry(run.case.id.clone()).or_default();
        if known.word.is_empty() || known.word == "failed" {
            *known = outcome;
        }
    }

    /// The cases that fail.
    pub fn failing(&self) -> impl Iterator<Item = &str> {
        let failing = self.results.iter().filter(|(_, it)| it.word == "failed");
        failing.map(|(id, _)| id.as_str())
    }
}

fn outcome(run: &CaseRun) -> Outcome {
    let mut outcome = Outcome {
        word: word(&run.status).to_owned(),
        ..Outcome::default()
    };
    if run.status != Status::Failed {
        return outcome;
    }
    for check in run.checks.iter().filter(|check| !check.passed) {
        match (check.id.as_str(), &check.at) {
            (known_failures::CHECK, Some(at)) if at.file.ends_with(super::KNOWN) => {
                outcome.stale.push(at.line);
            }
            // A snapshot is not written where another check fails; that one tells why.
            (snapshot::CHECK, _) => {}
            (id, _) => outcome.failed.push([id.to_owned(), check.message.clone()]),
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::snapshot::Update;
    use crate::report::sample;
    use crate::target::Target;

    #[test]
    fn a_case_that_does_not_fail_again_does_not_fail() {
        let room = tempfile::tempdir().unwrap();
        let judge = Judge::new(room.path(), &[Target::MOCK], Update::Never).unwrap();
        let mut recorder = Recorder::new("mock".into(), &judge);
        let bad = sample::run("a/b", &[("step-1.expect", "no")]);
        recorder.event(&RunEvent::Finished(&bad));
        assert_eq!(recorder.failing().collect::<Vec<_>>(), ["a/b"]);
        assert_eq!(recorder.results["a/b"].failed, [["step-1.expect", "no"]]);
        recorder.event(&RunEvent::Finished(&sample::run("a/b", &[])));
        assert_eq!(recorder.failing().count(), 0);
        let mut other = sample::run("a/c", &[]);
        other.target = "codex@1.2.3".into();
        recorder.event(&RunEvent::Finished(&other));
        assert_eq!(recorder.results.len(), 1);
    }
}
