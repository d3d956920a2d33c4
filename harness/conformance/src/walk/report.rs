//! What a walk says, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::found::Found;
use super::{Counts, Walk};
use crate::compare::show::{place, side_by_side};

/// A difference for people: where, both frames, and how to see it again.
pub fn difference(found: &Found, targets: &[String; 2], seed: u64) -> String {
    let session = found.sessions.first().copied().unwrap_or_default();
    let mut out = format!("differs  session {session}: {}\n", place(&found.difference));
    side_by_side(&mut out, &found.difference, targets);
    // Writing to a string can't fail.
    let _ = match &found.file {
        Some(file) => writeln!(
            out,
            "  smallest: `{}`, {} steps",
            file.display(),
            found.steps
        ),
        None => writeln!(
            out,
            "  again: `walk --against {} --seed {seed} --first {session} --sessions 1`",
            targets[1]
        ),
    };
    out
}

/// The end of the report: what differed how often, and the sum.
pub fn summary(walk: &Walk) -> String {
    let mut out = String::new();
    for found in walk.found.iter().filter(|found| found.sessions.len() > 1) {
        let sessions = found.sessions.iter().map(ToString::to_string);
        let _ = writeln!(
            out,
            "{} sessions differ in {}: {}",
            found.sessions.len(),
            place(&found.difference),
            sessions.collect::<Vec<_>>().join(", ")
        );
    }
    if !walk.unsteady.is_empty() {
        let sessions: Vec<String> = walk.unsteady.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "differed once and not again: {}", sessions.join(", "));
    }
    let Counts {
        equal,
        differ,
        unsteady,
        stuck,
        skipped,
        broken,
    } = walk.counts;
    let _ = writeln!(
        out,
        "{} sessions on `{}` and `{}`, seed {}: {equal} equal, {differ} differ in {} ways, \
         {unsteady} unsteady, {stuck} stuck, {skipped} skipped, {broken} broken",
        walk.counts.all(),
        walk.targets[0],
        walk.targets[1],
        walk.seed,
        walk.found.len()
    );
    out
}

/// The whole for programs.
pub fn json(walk: &Walk) -> Value {
    let counts = walk.counts;
    json!({
        "version": 1,
        "seed": walk.seed,
        "certified": walk.targets[0],
        "against": walk.targets[1],
        "complete": walk.complete,
        "summary": {
            "sessions": counts.all(),
            "equal": counts.equal,
            "differ": counts.differ,
            "unsteady": counts.unsteady,
            "stuck": counts.stuck,
            "skipped": counts.skipped,
            "broken": counts.broken,
        },
        "unsteady": walk.unsteady,
        "differences": walk.found.iter().map(found_json).collect::<Vec<_>>(),
    })
}

fn found_json(found: &Found) -> Value {
    json!({
        "wire": found.difference.wire,
        "frame": found.difference.frame,
        "certified": found.difference.sides[0],
        "against": found.difference.sides[1],
        "sessions": found.sessions,
        "steps": found.steps,
        "scenario": found.text,
        "file": found.file.as_ref().map(|file| file.display().to_string()),
    })
}
