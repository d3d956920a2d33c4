//! Runs of one case on several targets, held against each other.

pub mod show;

use codex_wire::transcript::{Entry, Event};

use crate::normalise::{Frame, frames, normalise, threads_apart};
use crate::run::outcome::CaseRun;
use crate::scenario::model::Projection;

/// The wires, and what they are called.
pub const WIRES: [(Projection, &str); 3] = [
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

/// What of a run is compared: the frames of its wires after normalisation, in the order of
/// [`WIRES`].
pub type Wires = [Vec<Frame>; 3];

/// The wires of a run.
pub fn wires(run: &CaseRun) -> Wires {
    wires_until(run, usize::MAX)
}

/// The wires of a run up to the end of a step, which is given by its index.
pub fn wires_until(run: &CaseRun, last: usize) -> Wires {
    let mut transcript = normalise(&run.transcript, &run.places);
    let later = |entry: &Entry| matches!(&entry.event, Event::Step(step) if step.index > last);
    if let Some(end) = transcript.iter().position(later) {
        transcript.truncate(end);
    }
    WIRES.map(|(projection, _)| frames(&transcript, projection))
}

/// The index of the last step that a run came to.
pub fn last_step(run: &CaseRun) -> usize {
    let steps = run
        .transcript
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Step(step) => Some(step.index),
            _ => None,
        });
    steps.max().unwrap_or_default()
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
    WIRES.iter().find_map(|(projection, wire)| {
        let [left, right] = [left, right].map(|entries| frames(entries, *projection));
        of_wire(wire, &left, &right)
    })
}

fn of_wire(wire: &'static str, left: &[Frame], right: &[Frame]) -> Option<Difference> {
    let longest = left.len().max(right.len());
    let text = |frames: &[Frame], at: usize| frames.get(at).map(|frame| frame.text.clone());
    let at = (0..longest).find(|&at| text(left, at) != text(right, at))?;
    Some(Difference {
        wire,
        frame: at + 1,
        sides: [left, right].map(|frames| Some(text(frames, at)?.trim_end().to_owned())),
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
