//! SDK × area: what came of saved runs, as `sdk report` shows it.
//!
//! | module | what |
//! | --- | --- |
//! | [`saved`] | reading what `run --json` wrote |
//! | [`text`], [`markdown`], [`json`], [`junit`] | the matrix in four formats |
//! | [`badge`] | what each SDK came to, for shields.io |

pub mod badge;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod saved;
pub mod text;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use self::saved::{Identity, Problem, Results, SavedCase, Status};

/// What came of every SDK in every area.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// One for each client and target; the targets of a client are together.
    pub rows: Vec<Row>,
    /// Every area that has a case, sorted.
    pub areas: BTreeSet<String>,
    /// What was wrong with the runs themselves.
    pub problems: Vec<Problem>,
}

/// A client on a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The client, for example `python/openai-codex`.
    pub client: String,
    /// The target, for example `mock`.
    pub target: String,
    /// The SDK as its driver introduced it, where the results tell.
    pub sdk: Option<Identity>,
    /// All areas together.
    pub all: Cell,
    /// How many cases are known to fail for each reason.
    pub reasons: BTreeMap<String, usize>,
    /// By area; an area without a case has none.
    pub cells: BTreeMap<String, Cell>,
}

/// Some cases of a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// How many there are of each kind.
    pub counts: Counts,
    /// The first check that failed, in the order of the results.
    pub first_failed: Option<Found>,
    /// The first check that failed as a list of known failures says.
    pub first_known: Option<Found>,
    /// The cases.
    pub cases: Vec<SavedCase>,
}

/// How many cases there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Every check passed.
    pub passed: usize,
    /// A check failed, or the environment was at fault.
    pub failed: usize,
    /// Failed exactly as a list of known failures says.
    pub known: usize,
    /// The SDK has no way to do it.
    pub unsupported: usize,
    /// Not run.
    pub skipped: usize,
}

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The case.
    pub case: String,
    /// The check.
    pub check: String,
    /// What it says.
    pub message: String,
}

/// What cases come to together, the worst first. What an SDK has no way to do is never green.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// One failed.
    Failed,
    /// None failed but those that are known to.
    Known,
    /// What could be run passed.
    Passed,
    /// Nothing was run, since the SDK has no way to do some of it.
    Unsupported,
    /// Nothing was run.
    Skipped,
}

impl Matrix {
    /// Puts results in order.
    pub fn of(results: Results) -> Self {
        let mut matrix = Self {
            problems: results.problems,
            ..Self::default()
        };
        for case in results.cases {
            let area = case.area().to_owned();
            matrix.areas.insert(area.clone());
            let row = matrix.row(&case, &results.clients);
            row.all.count(&case);
            if let Some(reason) = &case.known_reason {
                *row.reasons.entry(reason.clone()).or_default() += 1;
            }
            row.cells.entry(area).or_default().add(case);
        }
        matrix
    }

    /// The row of a case. A new one goes behind the last of its client.
    fn row(&mut self, case: &SavedCase, clients: &BTreeMap<String, Identity>) -> &mut Row {
        let found = |row: &Row| row.client == case.client && row.target == case.target;
        let place = self.rows.iter().position(found).unwrap_or_else(|| {
            let last = self.rows.iter().rposition(|row| row.client == case.client);
            let place = last.map_or(self.rows.len(), |last| last + 1);
            let row = Row {
                client: case.client.clone(),
                target: case.target.clone(),
                sdk: clients.get(&case.client).cloned(),
                all: Cell::default(),
                reasons: BTreeMap::new(),
                cells: BTreeMap::new(),
            };
            self.rows.insert(place, row);
            place
        });
        &mut self.rows[place]
    }

    /// What it all comes to: the worst of the rows, and failed where a run was wrong itself.
    pub fn state(&self) -> State {
        if !self.problems.is_empty() {
            return State::Failed;
        }
        let states = self.rows.iter().map(|row| row.all.counts.state());
        states.min().unwrap_or(State::Skipped)
    }

    /// The areas in which an SDK did something, and those in which none did.
    pub fn areas_by_use(&self) -> (Vec<&str>, Vec<&str>) {
        let is_used = |area: &&str| {
            let cells = self.rows.iter().filter_map(|row| row.cells.get(*area));
            cells.into_iter().any(|cell| cell.counts.ran() > 0)
        };
        self.areas.iter().map(String::as_str).partition(is_used)
    }
}

impl Cell {
    fn add(&mut self, case: SavedCase) {
        self.count(&case);
        self.cases.push(case);
    }

    fn count(&mut self, case: &SavedCase) {
        self.counts.add(case.status);
        let first = match case.status {
            Status::Failed | Status::Broken => &mut self.first_failed,
            Status::Known => &mut self.first_known,
            Status::Passed | Status::Unsupported | Status::Skipped => return,
        };
        if first.is_none() {
            *first = case.first_failed().map(|check| Found {
                case: case.id.clone(),
                check: check.id.clone(),
                message: check.message.clone(),
            });
        }
    }

    /// How many there are of each kind, by scenario.
    pub fn by_scenario(&self) -> BTreeMap<&str, Counts> {
        let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
        for case in &self.cases {
            counts.entry(&case.scenario).or_default().add(case.status);
        }
        counts
    }

    /// What failed first, each with the word for it.
    pub fn found(&self) -> impl Iterator<Item = (&'static str, &Found)> {
        let both = [("failed", &self.first_failed), ("known", &self.first_known)];
        both.into_iter()
            .filter_map(|(word, found)| found.as_ref().map(|found| (word, found)))
    }
}

impl Counts {
    /// The words for what is counted, in the order of [`Counts::numbers`].
    pub const WORDS: [&'static str; 5] = ["passed", "failed", "known", "unsupported", "skipped"];

    /// The counts, in the order of [`Counts::WORDS`].
    pub fn numbers(self) -> [usize; 5] {
        [
            self.passed,
            self.failed,
            self.known,
            self.unsupported,
            self.skipped,
        ]
    }

    fn add(&mut self, status: Status) {
        let count = match status {
            Status::Passed => &mut self.passed,
            Status::Failed | Status::Broken => &mut self.failed,
            Status::Known => &mut self.known,
            Status::Unsupported => &mut self.unsupported,
            Status::Skipped => &mut self.skipped,
        };
        *count += 1;
    }

    /// How many were run to an end that says something about the SDK.
    pub fn ran(self) -> usize {
        self.passed + self.failed + self.known
    }

    /// What they come to.
    pub fn state(self) -> State {
        match self {
            Self { failed: 1.., .. } => State::Failed,
            Self { known: 1.., .. } => State::Known,
            Self { passed: 1.., .. } => State::Passed,
            Self {
                unsupported: 1.., ..
            } => State::Unsupported,
            Self { .. } => State::Skipped,
        }
    }
}

impl State {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Known => "known",
            Self::Passed => "passed",
            Self::Unsupported => "unsupported",
            Self::Skipped => "skipped",
        }
    }
}

impl Found {
    /// What a reader wants in a list: the message's first line says what is wrong, the second
    /// where or what it means.
    pub fn brief(&self) -> String {
        /// The most characters.
        const MOST: usize = 300;
        let lines = self.message.lines().map(str::trim);
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).take(2).collect();
        let whole = lines.join("; ");
        let mut brief: String = whole.chars().take(MOST).collect();
        if brief.len() < whole.len() {
            brief.push('…');
        }
        brief
    }
}
