//! Reading what `run --json` wrote: `fixtures/report.schema.json`.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// The version of the format that is read.
const VERSION: u64 = 1;

/// What the files say together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// Every case once, in the order of the files.
    pub cases: Vec<SavedCase>,
    /// The SDKs as their drivers introduced them, by client.
    pub clients: BTreeMap<String, Identity>,
    /// What was wrong with the runs themselves.
    pub problems: Vec<Problem>,
}

/// A case, as it was saved.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SavedCase {
    /// Its id.
    pub id: String,
    /// Its scenario: the id without what the matrix adds.
    pub scenario: String,
    /// What it ran on.
    pub target: String,
    /// What drove it; empty for a problem of the run.
    pub client: String,
    /// What came of it.
    pub status: Status,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// Its checks, in order.
    pub checks: Vec<SavedCheck>,
    /// Why it was not run.
    pub skip_reason: Option<String>,
    /// Why it is known to fail; results of older versions lack it.
    #[serde(default)]
    pub known_reason: Option<String>,
}

/// What came of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Every check passed.
    Passed,
    /// A check failed.
    Failed,
    /// It failed as a list of known failures says.
    Known,
    /// It was not run.
    Skipped,
    /// The SDK has no way to do it.
    Unsupported,
    /// The environment was at fault.
    Broken,
}

/// A check of a case.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SavedCheck {
    /// Its id.
    pub id: String,
    /// Did it hold?
    pub status: Verdict,
    /// What is wrong, for one that failed.
    pub message: String,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It held.
    Passed,
    /// It didn't.
    Failed,
}

/// An SDK as its driver introduced it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Something that is wrong with a run and belongs to no case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The target or client that it has to do with; may be empty.
    pub about: String,
    /// The check that failed.
    pub check: String,
    /// What it says.
    pub message: String,
}

/// A file that is no result of a run.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// It can't be read.
    #[error("can't read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It has nothing in it.
    #[error("`{}` is empty", .0.display())]
    Empty(PathBuf),
    /// It is something else.
    #[error("`{}` is no result of `run --json`: {why}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// How that shows.
        why: String,
    },
    /// It has another version of the format.
    #[error("`{}` has version {version} of the format, this program reads {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// Nothing was run.
    #[error("`{}` has no cases", .0.display())]
    NoCases(PathBuf),
}

/// A file.
#[derive(Deserialize)]
struct Saved {
    cases: Vec<SavedCase>,
    #[serde(default)]
    clients: Vec<Client>,
}

#[derive(Deserialize)]
struct Client {
    client: String,
    #[serde(flatten)]
    identity: Identity,
}

impl SavedCase {
    /// The first part of the scenario's path.
    pub fn area(&self) -> &str {
        self.scenario.split('/').next().unwrap_or_default()
    }

    /// The first check that failed.
    pub fn first_failed(&self) -> Option<&SavedCheck> {
        self.checks
            .iter()
            .find(|check| check.status == Verdict::Failed)
    }
}

/// Reads the files. A case that several have counts once, as the last of them has it: a part that
/// was run again goes behind the whole.
///
/// # Errors
/// One of them isn't what `run --json` writes, or has nothing in it.
pub fn read(paths: &[PathBuf]) -> Result<Results, SavedError> {
    let mut results = Results::default();
    let mut places: HashMap<[String; 3], usize> = HashMap::new();
    for path in paths {
        let saved = read_one(path)?;
        let identities = saved.clients.into_iter();
        results
            .clients
            .extend(identities.map(|one| (one.client, one.identity)));
        let (problems, cases): (Vec<_>, Vec<_>) =
            saved.cases.into_iter().partition(|it| it.client.is_empty());
        if cases.is_empty() {
            return Err(SavedError::NoCases(path.clone()));
        }
        for problem in problems.into_iter().flat_map(of_run) {
            if !results.problems.contains(&problem) {
                results.problems.push(problem);
            }
        }
        for case in cases {
            let key = [case.client.clone(), case.target.clone(), case.id.clone()];
            if let Some(place) = places.get(&key) {
                results.cases[*place] = case;
            } else {
                places.insert(key, results.cases.len());
                results.cases.push(case);
            }
        }
    }
    Ok(results)
}

/// A problem of the run stands among the cases, without a client.
fn of_run(case: SavedCase) -> impl Iterator<Item = Problem> {
    let about = case.target;
    case.checks.into_iter().map(move |check| Problem {
        about: about.clone(),
        check: check.id,
        message: check.message,
    })
}

fn read_one(path: &Path) -> Result<Saved, SavedError> {
    let other = |why: String| SavedError::Other {
        path: path.to_owned(),
        why,
    };
    let text = fs::read_to_string(path).map_err(|source| SavedError::Read {
        path: path.to_owned(),
        source,
    })?;
    if text.trim().is_empty() {
        return Err(SavedError::Empty(path.to_owned()));
    }
    let value: Value = serde_json::from_str(&text).map_err(|error| other(error.to_string()))?;
    let version = value.get("version").and_then(Value::as_u64);
    let is_result = value.get("cases").is_some_and(Value::is_array);
    match version {
        Some(VERSION) if is_result => {}
        Some(version) if is_result => {
            return Err(SavedError::Version {
                path: path.to_owned(),
                version,
            });
        }
        _ => return Err(other("it lacks `version` or `cases`".into())),
    }
    serde_path_to_error::deserialize(value).map_err(|error| other(error.to_string()))
}
