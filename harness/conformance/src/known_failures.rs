//! Known failures: what is expected to fail on a target, and why.
//!
//! `fixtures/known-failures/<target>.yaml` is a list of entries; `codex.yaml` is for all versions of
//! codex, beside `codex-VERSION.yaml`:
//!
//! ```yaml
//! - case: persistence/fork[*]        # `*` stands for anything
//!   check: step-4.expect
//!   message: "sandbox.type:"         # how the failure's message starts
//!   reason: a fork forgets a workspace-write sandbox
//!   upstream: https://github.com/openai/codex/issues/1234   # a thread about it, where there is one
//!   versions: [">=0.144.4 <0.170.0"] # of codex; all, unless given
//!   quirk: workspace-write-lost-on-fork   # of the mock; its list alone has this
//!   sometimes: true                  # not in every run, or not on every target
//! ```
//!
//! A list is a statement that can turn out wrong: a listed case that passes fails the run, as does
//! one that fails differently, and an entry that names no case. With `sometimes` it may pass as well:
//! for an SDK that loses a race with itself.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::run::outcome::{CaseRun, Check, Status};
use crate::scenario::model::Location;
use crate::target::Target;
use crate::versions::Ranges;

/// The id of the check that fails when a list is wrong.
pub const CHECK: &str = "known-failure";

/// The known failures of one target.
#[derive(Clone, Debug, Default)]
pub struct KnownFailures {
    entries: Vec<Entry>,
}

/// One known failure.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it stands.
    pub at: Location,
    /// The case's id; `*` stands for anything.
    pub case: String,
    /// The id of the check that fails; `*` stands for anything.
    pub check: String,
    /// The start of its message.
    pub message: String,
    /// Why it fails.
    pub reason: String,
    /// The address of a thread about it: the SDK's issue, or what changed in codex.
    pub upstream: Option<String>,
    /// The versions of codex for which it holds.
    pub versions: Ranges,
    /// The quirk of the mock that it comes from.
    pub quirk: Option<String>,
    /// May the case also pass?
    pub sometimes: bool,
}

/// As it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    case: Spanned<String>,
    check: String,
    message: String,
    reason: String,
    upstream: Option<String>,
    #[serde(default)]
    versions: Vec<Spanned<String>>,
    quirk: Option<Spanned<String>>,
    #[serde(default)]
    sometimes: bool,
}

/// A list that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It can't be read.
    #[error("can't read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It says something wrong.
    #[error("{0}")]
    Wrong(Box<Wrong>),
}

/// What is wrong with a list, and where.
#[derive(Debug)]
pub struct Wrong {
    /// Where.
    pub at: Location,
    /// What.
    pub message: String,
    /// The line of the file.
    pub line: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Location { file, line, column } = &self.at;
        writeln!(f, "{}:{line}:{column}: {}", file.display(), self.message)?;
        writeln!(f, "{line:>5} | {}", self.line)?;
        write!(f, "{:>5} | {:>column$}", "", "^")
    }
}

impl KnownFailures {
    /// The list of an SDK: `<directory>/python-openai-codex.yaml` for `python/openai-codex`. A
    /// missing file is an empty list.
    pub fn of_client(name: &str, directory: &Path) -> Result<Self, ListError> {
        if name.starts_with("cmd:") {
            return Ok(Self::default());
        }
        Self::read(directory.join(format!("{}.yaml", name.replace('/', "-"))))
    }

    /// The list of a target: `<directory>/mock.yaml`; `<directory>/codex.yaml` and
    /// `<directory>/codex-0.169.0.yaml` together. There is none for commands and addresses, and a
    /// missing file is an empty list.
    ///
    /// Entries for other versions, and those of a quirk that the target switches off, are left out.
    pub fn of(target: &Target, directory: &Path) -> Result<Self, ListError> {
        let (names, version) = match target {
            Target::Mock { .. } => (vec!["mock.yaml".to_owned()], None),
            Target::Codex { version } => {
                let own = format!("codex-{version}.yaml");
                (vec!["codex.yaml".to_owned(), own], Some(version))
            }
            Target::Command { .. } | Target::WebSocket { .. } | Target::Unix { .. } => {
                return Ok(Self::default());
            }
        };
        let mut list = Self::default();
        for name in names {
            list.entries
                .extend(Self::read(directory.join(name))?.entries);
        }
        list.entries.retain(|entry| {
            let on = !matches!((target, &entry.quirk), (Target::Mock { quirks }, Some(quirk))
                if quirks.iter().any(|switch| switch.strip_prefix('-') == Some(quirk)));
            on && version.is_none_or(|version| entry.versions.has(version))
        });
        Ok(list)
    }

    fn read(path: PathBuf) -> Result<Self, ListError> {
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ListError::Read { path, source }),
        }
    }

    /// Reads a list.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ListError> {
        let wrong = |line: u64, column: u64, message: String| {
            let line = usize::try_from(line).unwrap_or(1).max(1);
            ListError::Wrong(Box::new(Wrong {
                at: Location {
                    file: file.to_owned(),
                    line,
                    column: usize::try_from(column).unwrap_or(1).max(1),
                },
                message,
                line: text.lines().nth(line - 1).unwrap_or_default().to_owned(),
            }))
        };
        let only_comments = text
            .lines()
            .all(|l| l.trim().is_empty() || l.trim().starts_with('#'));
        if only_comments {
            return Ok(Self::default());
        }
        let options = serde_saphyr::options! { with_snippet: false };
        let rows: Vec<Row> =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| {
                let (line, column) = error
                    .location()
                    .map_or((1, 1), |at| (at.line(), at.column()));
                wrong(line, column, sentence(&error.to_string()))
            })?;
        for quirk in rows.iter().filter_map(|row| row.quirk.as_ref()) {
            if !mock_codex::quirk::QUIRKS
                .iter()
                .any(|known| known.name == quirk.value)
            {
                let at = quirk.referenced;
                let message = format!("the mock has no quirk `{}`", quirk.value);
                return Err(wrong(at.line(), at.column(), message));
            }
        }
        for range in rows.iter().flat_map(|row| &row.versions) {
            if let Err(error) = Ranges::parse(&[&range.value]) {
                let at = range.referenced;
                return Err(wrong(at.line(), at.column(), error.to_string()));
            }
        }
        let entries = rows.into_iter().map(|row| entry(file, row)).collect();
        Ok(Self { entries })
    }

    /// Leaves out the entries about a check that is not made.
    pub fn forget(&mut self, check: &str) {
        self.entries.retain(|entry| entry.check != check);
    }

    /// The entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Does every failed check of this run have its entry?
    pub fn explains(&self, run: &CaseRun) -> bool {
        let entries: Vec<&Entry> = self.about(&run.case.id).collect();
        failed(&run.checks).all(|check| entries.iter().any(|entry| entry.explains(check)))
    }

    /// Judges a run by the list: it becomes [`Status::Known`] when it failed just as the list
    /// says, and gets a failed check when the list is wrong about it.
    pub fn apply(&self, run: &mut CaseRun) {
        let entries: Vec<&Entry> = self.about(&run.case.id).collect();
        if entries.is_empty() || !matches!(run.status, Status::Passed | Status::Failed) {
            return;
        }
        let stale: Vec<&&Entry> = entries
            .iter()
            .filter(|entry| !entry.sometimes && !entry.applies(run))
            .collect();
        if stale.is_empty() && failed(&run.checks).next().is_none() {
            return;
        }
        if stale.is_empty() && self.explains(run) {
            let applying = entries.iter().filter(|entry| entry.applies(run));
            let mut reasons: Vec<String> = Vec::new();
            for reason in applying.map(|entry| entry.why()) {
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
            run.status = Status::Known(reasons.join("; "));
            return;
        }
        let wrong: Vec<Check> = stale
            .into_iter()
            .map(|entry| entry.refuted(&run.checks))
            .collect();
        run.checks.extend(wrong);
        run.status = Status::Failed;
    }

    /// Is the case of this id known to fail a check of this id?
    pub fn has(&self, id: &str, check: &str) -> bool {
        self.about(id).any(|entry| entry.check == check)
    }

    /// The entries that name none of these cases.
    pub fn unmatched<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Vec<&Entry> {
        let mut open: BTreeMap<usize, &Entry> = self.entries.iter().enumerate().collect();
        for id in ids {
            open.retain(|_, entry| !matches(&entry.case, id));
        }
        open.into_values().collect()
    }

    fn about<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries
            .iter()
            .filter(move |entry| matches(&entry.case, id))
    }
}

impl Entry {
    /// Does a check of this run fail as it says?
    fn applies(&self, run: &CaseRun) -> bool {
        failed(&run.checks).any(|check| self.explains(check))
    }

    /// The reason, with the address of the thread about it.
    fn why(&self) -> String {
        match &self.upstream {
            Some(address) => format!("{} ({address})", self.reason),
            None => self.reason.clone(),
        }
    }

    fn explains(&self, check: &Check) -> bool {
        matches(&self.check, &check.id) && check.message.starts_with(&self.message)
    }

    /// The check that says how the entry is wrong.
    fn refuted(&self, checks: &[Check]) -> Check {
        let Location { file, line, .. } = &self.at;
        let place = format!("`{}:{line}`", file.display());
        let same = failed(checks).find(|check| matches(&self.check, &check.id));
        let message = match (same, failed(checks).next()) {
            (Some(check), _) => format!(
                "{place} says that `{}` fails with `{}…`, and it fails differently: {}",
                self.check, self.message, check.message
            ),
            (None, Some(other)) => format!(
                "{place} says that `{}` fails, and `{}` does instead",
                self.check, other.id
            ),
            (None, None) => format!(
                "{place} says that `{}` fails, and it passes\nhint: remove the entry",
                self.check
            ),
        };
        Check {
            id: CHECK.into(),
            passed: false,
            message,
            at: Some(self.at.clone()),
            entry: None,
        }
    }
}

fn entry(file: &Path, row: Row) -> Entry {
    let at = row.case.referenced;
    let versions: Vec<&str> = row.versions.iter().map(|it| it.value.as_str()).collect();
    Entry {
        at: Location {
            file: file.to_owned(),
            line: usize::try_from(at.line()).unwrap_or(1),
            column: usize::try_from(at.column()).unwrap_or(1),
        },
        case: row.case.value,
        check: row.check,
        message: row.message,
        reason: row.reason,
        upstream: row.upstream,
        // They were read before.
        versions: Ranges::parse(&versions).unwrap_or_default(),
        quirk: row.quirk.map(|quirk| quirk.value),
        sometimes: row.sometimes,
    }
}

fn failed(checks: &[Check]) -> impl Iterator<Item = &Check> {
    checks.iter().filter(|check| !check.passed)
}

/// The message of the YAML reader without the place, which is shown anyway.
fn sentence(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    match line.split_once(": ") {
        Some((place, rest)) if place.starts_with("line ") => rest.to_owned(),
        _ => line.split(" at line ").next().unwrap_or(line).to_owned(),
    }
}

/// Does the id match the pattern, in which `*` stands for anything, also for nothing?
pub fn matches(pattern: &str, id: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == id;
    };
    let Some(mut id) = id.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    // `split` gives at least one part: what must stand at the end.
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match id.find(part) {
            Some(at) => id = &id[at + part.len()..],
            None => return false,
        }
    }
    id.ends_with(end)
}

#[cfg(test)]
#[path = "known_failures_tests.rs"]
mod tests;
