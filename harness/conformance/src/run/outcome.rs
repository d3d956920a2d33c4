//! What comes of running a case: the transcript and the checks, nothing judged twice.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use codex_wire::transcript::Entry;

use crate::scenario::model::{Case, Location};

/// A case that was run, or that could not be.
#[derive(Clone, Debug)]
pub struct CaseRun {
    /// The case.
    pub case: Arc<Case>,
    /// The target's name, for example `mock` or `codex@0.169.0`.
    pub target: String,
    /// The client's name, for example `reference`.
    pub client: String,
    /// What came of it.
    pub status: Status,
    /// From the first directory made to the last process ended.
    pub duration: Duration,
    /// Every check that was made, in order; empty when the case was skipped.
    pub checks: Vec<Check>,
    /// Both wires, in order.
    pub transcript: Vec<Entry>,
    /// The directories of the run, which normalisation replaces by their names.
    pub places: Places,
    /// What a reader should know and no check judges: a process that outlived the app-server
    /// and was ended, a directory that was kept.
    pub notes: Vec<String>,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Every check passed.
    Passed,
    /// A check failed.
    Failed,
    /// It failed exactly as the list of known failures says, for this reason.
    Known(String),
    /// It was not run, for this reason.
    Skipped(String),
    /// The SDK has no way to do it, for this reason. That is neither good nor bad, and never green.
    Unsupported(String),
    /// The environment is at fault, not the target: it could not be started.
    Broken(String),
}

/// One check of a case.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was checked, stable across runs: `step-3.expect`, `expect.model.requests`,
    /// `model.tool-outputs`, `snapshot`, `deadline`.
    pub id: String,
    /// Did it hold?
    pub passed: bool,
    /// For a failure: what was expected and what was there, in one or a few lines.
    pub message: String,
    /// The place in the scenario file that asked for it.
    pub at: Option<Location>,
    /// The offending entry of the transcript, by its position.
    pub entry: Option<usize>,
}

/// The directories of one run. All are below one temporary directory.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The temporary directory itself.
    pub root: PathBuf,
    /// `CODEX_HOME`.
    pub codex_home: PathBuf,
    /// HOME.
    pub home: PathBuf,
    /// The app-server's working directory: `${workspace}`.
    pub workspace: PathBuf,
    /// A directory that no sandbox may write to: `${outside}`.
    pub outside: PathBuf,
    /// TMPDIR of the app-server: `${tmpdir}`.
    pub tmpdir: PathBuf,
}
