//! Two runs of one case, held against each other.

use codex_wire::transcript::Entry;

use crate::normalise::{normalise, project, threads_apart};
use crate::run::outcome::CaseRun;
use crate::scenario::model::Projection;

/// The wires, and what they are called.
const WIRES: [(Projection, &str); 3] = [
    (Projection::Client, "client"),
    (Projection::Server, "server"),
    (Projection::Model, "model"),
];

/// The first thing in which two runs differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `client`, `server`, `model`, or `checks` for what the checks said.
    pub wire: &'static str,
    /// The position of the frame, counted from 1; 0 for the checks.
    pub frame: usize,
    /// The frame on each side; `None` where there are no more.
    pub sides: [Option<String>; 2],
}

/// The first difference, if there is one. Threads that run at once are told apart.
pub fn compare(pair: &[CaseRun; 2]) -> Option<Difference> {
    let [left, right] = pair
        .each_ref()
        .map(|run| normalise(&run.transcript, &run.places));
    of_wires(&left, &right)
        .and_then(
            |difference| match (threads_apart(&left), threads_apart(&right)) {
                (Some(left), Some(right)) => of_wires(&left, &right),
                _ => Some(difference),
            },
        )
        .or_else(|| of_checks(pair))
}

fn of_wires(left: &[Entry], right: &[Entry]) -> Option<Difference> {
    WIRES
        .iter()
        .find_map(|(projection, wire)| of_wire(wire, left, right, *projection))
}

fn of_wire(
    wire: &'static str,
    left: &[Entry],
    right: &[Entry],
    projection: Projection,
) -> Option<Difference> {
    let texts = [left, right].map(|transcript| project(transcript, projection));
    let [left, right] = texts.each_ref().map(|text| frames(text));
    let longest = left.len().max(right.len());
    let at = (0..longest).find(|&at| left.get(at) != right.get(at))?;
    Some(Difference {
        wire,
        frame: at + 1,
        sides: [&left, &right].map(|frames| frames.get(at).map(|frame| (*frame).to_owned())),
    })
}

/// Which checks failed has to be the same; the messages may name paths.
fn of_checks(pair: &[CaseRun; 2]) -> Option<Difference> {
    let [left, right] = pair.each_ref().map(|run| {
        let failed = run.checks.iter().filter(|check| !check.passed);
        failed.map(|check| check.id.clone()).collect::<Vec<_>>()
    });
    (left != right).then(|| Difference {
        wire: "checks",
        frame: 0,
        sides: [left, right].map(|failed| {
            Some(match failed.len() {
                0 => "every check passed".to_owned(),
                _ => format!("failed: {}", failed.join(", ")),
            })
        }),
    })
}

/// The frames of a projection: a header line each, the lines below it indented.
fn frames(text: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if !line.starts_with([' ', '\n']) {
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| text[*start..end].trim_end())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_begins_with_a_line_that_is_not_indented() {
        let text = "→ a #1\n  x: 1\n\n  y: 2\n← reply #1 a\n";
        assert_eq!(frames(text), ["→ a #1\n  x: 1\n\n  y: 2", "← reply #1 a"]);
        assert_eq!(frames(""), [""; 0]);
    }
}
