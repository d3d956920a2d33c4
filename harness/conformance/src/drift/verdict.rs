//! Cases that came to something else: what held and doesn't any more, and the other way round.

use std::collections::BTreeMap;

use crate::report::summary::word;
use crate::run::outcome::{CaseRun, Status};

/// A case's way from the first target to the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// The case.
    pub(super) case: String,
    /// What it came to on each target: `passed`, `failed`, `known`, `skipped`, `broken`.
    pub(super) words: Vec<&'static str>,
    /// Why, of the second target if it didn't pass there, else of the first.
    pub(super) why: String,
}

/// Cases that turned in the same way for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turned {
    /// What they came to on each target.
    pub words: Vec<&'static str>,
    /// Why, in the first case's words.
    pub why: String,
    /// The cases.
    pub cases: Vec<String>,
}

/// The most characters of a reason that people are shown.
const REASON: usize = 300;

impl Turned {
    /// The reason, cut if it is long: an app-server may name every method that it knows.
    pub fn reason(&self) -> String {
        let why = &self.why;
        match why.char_indices().nth(REASON) {
            None => why.clone(),
            Some((end, _)) => format!("{}… ({} characters)", &why[..end], why.chars().count()),
        }
    }
}

/// The way of a case; the runs have the order of the targets. `None` if it came to the same on the
/// first two.
pub(super) fn turn(runs: &[CaseRun]) -> Option<Turn> {
    let [first, second, ..] = runs else {
        return None;
    };
    if word(&first.status) == word(&second.status) {
        return None;
    }
    let told = if holds(&second.status) { first } else { second };
    Some(Turn {
        case: first.case.id.clone(),
        words: runs.iter().map(|run| word(&run.status)).collect(),
        why: why(told),
    })
}

/// Did the contract hold?
pub(super) fn holds(status: &Status) -> bool {
    matches!(status, Status::Passed)
}

/// The first line of the first check that failed, or the reason of the status.
fn why(run: &CaseRun) -> String {
    match &run.status {
        Status::Known(why)
        | Status::Skipped(why)
        | Status::Unsupported(why)
        | Status::Broken(why) => why.clone(),
        Status::Passed | Status::Failed => {
            let failed = run.checks.iter().find(|check| !check.passed);
            failed.map_or_else(String::new, |check| {
                let mut lines = check.message.lines();
                let line = lines.next().unwrap_or_default();
                // Where a message has a heading, what it is about stands below.
                let more = lines
                    .next()
                    .filter(|_| check.id == crate::check::schema::CHECK);
                let more = more.map_or_else(String::new, |more| format!(": {more}"));
                format!("{}: {line}{more}", check.id)
            })
        }
    }
}

/// Puts cases together that turned in the same way; most cases first.
pub(super) fn together(turns: Vec<Turn>) -> Vec<Turned> {
    let mut groups: BTreeMap<(Vec<&'static str>, String), Turned> = BTreeMap::new();
    for turn in turns {
        let key = (turn.words.clone(), skeleton(&turn.why));
        let group = groups.entry(key).or_insert_with(|| Turned {
            words: turn.words,
            why: turn.why,
            cases: Vec::new(),
        });
        group.cases.push(turn.case);
    }
    let mut turned: Vec<Turned> = groups.into_values().collect();
    turned.sort_by_key(|group| {
        let [first, second, ..] = &group.words[..] else {
            return (3, 0);
        };
        let rank = match (*first, *second) {
            ("passed", _) => 0,
            (_, "passed") => 1,
            _ => 2,
        };
        (rank, usize::MAX - group.cases.len())
    });
    turned
}

/// A message without its numbers and ids: those of another case are others.
fn skeleton(message: &str) -> String {
    let digit = |c: char| c.is_ascii_digit();
    let mut out = String::new();
    for c in message.chars() {
        if !digit(c) {
            out.push(c);
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_reason_that_names_all_methods_is_cut() {
        let turned = |why: String| Turned {
            words: vec!["passed", "failed"],
            why,
            cases: Vec::new(),
        };
        assert_eq!(turned("short".into()).reason(), "short");
        let long = turned("é".repeat(REASON + 1)).reason();
        assert_eq!(long, format!("{}… (301 characters)", "é".repeat(REASON)));
    }

    #[test]
    fn a_case_that_came_to_the_same_did_not_turn() {
        let runs = [sample::run("a/b", &[]), sample::run("a/b", &[])];
        assert_eq!(turn(&runs), None);
        let runs = [
            sample::run("a/b", &[]),
            sample::run("a/b", &[("step-1.expect", "no\nmore")]),
        ];
        let turn = turn(&runs).unwrap();
        assert_eq!(
            (turn.words, turn.why.as_str()),
            (vec!["passed", "failed"], "step-1.expect: no")
        );
    }

    #[test]
    fn the_same_reason_is_one_group_and_losses_come_first() {
        let turn = |case: &str, words: [&'static str; 2], why: &str| Turn {
            case: case.into(),
            words: words.to_vec(),
            why: why.into(),
        };
        let turned = together(vec![
            turn("a/1", ["failed", "passed"], "gone"),
            turn("a/2", ["passed", "failed"], "step-1: `12` is wrong"),
            turn("a/3", ["passed", "failed"], "step-3: `7` is wrong"),
        ]);
        let told: Vec<_> = turned
            .iter()
            .map(|it| (it.words[0], it.cases.len()))
            .collect();
        assert_eq!(told, [("passed", 2), ("failed", 1)]);
    }
}
