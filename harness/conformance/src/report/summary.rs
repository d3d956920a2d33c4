//! What a whole run came to.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::run::outcome::{CaseRun, Check, Status};

/// Something that is wrong with the run as a whole and belongs to no case.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The target, where it has to do with one.
    pub target: Option<String>,
    /// What failed, as a check of its own.
    pub check: Check,
}

/// The counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Cases that passed.
    pub passed: usize,
    /// Cases in which a check failed, or which could not be started, and problems of the run.
    pub failed: usize,
    /// Cases that failed as their list says, by reason.
    pub known: BTreeMap<String, usize>,
    /// Cases that were not run, by reason.
    pub skipped: BTreeMap<String, usize>,
    /// Cases that the SDK has no way to do, by reason: neither good nor bad.
    pub unsupported: BTreeMap<String, usize>,
    /// How many of the failed ones could not be started.
    pub broken: usize,
    /// How long it all took.
    pub duration: Duration,
}

impl Summary {
    /// Counts.
    pub fn of<'a>(
        runs: impl IntoIterator<Item = &'a CaseRun>,
        problems: &[Problem],
        duration: Duration,
    ) -> Self {
        let mut summary = Self {
            failed: problems.len(),
            duration,
            ..Self::default()
        };
        for run in runs {
            match &run.status {
                Status::Passed => summary.passed += 1,
                Status::Failed => summary.failed += 1,
                Status::Broken(_) => {
                    summary.failed += 1;
                    summary.broken += 1;
                }
                Status::Known(reason) => *summary.known.entry(reason.clone()).or_default() += 1,
                Status::Unsupported(reason) => {
                    *summary.unsupported.entry(reason.clone()).or_default() += 1;
                }
                Status::Skipped(reason) => *summary.skipped.entry(reason.clone()).or_default() += 1,
            }
        }
        summary
    }

    /// How many failed as their list says.
    pub fn known_count(&self) -> usize {
        self.known.values().sum()
    }

    /// How many the SDK has no way to do.
    pub fn unsupported_count(&self) -> usize {
        self.unsupported.values().sum()
    }

    /// How many were not run.
    pub fn skipped_count(&self) -> usize {
        self.skipped.values().sum()
    }
}

/// The word for a status, the same in every report.
pub fn word(status: &Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Failed => "failed",
        Status::Known(_) => "known",
        Status::Skipped(_) => "skipped",
        Status::Unsupported(_) => "unsupported",
        Status::Broken(_) => "broken",
    }
}
