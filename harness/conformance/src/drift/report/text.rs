//! What changed, as lines.

use std::fmt::Write as _;

use super::words::{
    NOISE, by_itself, count, left_out, moved, of_protocol, places, several, slower, some, stand,
    summary, what,
};
use crate::compare::show::excerpt;
use crate::drift::{Drift, Entry};

/// The most lines of both frames that an example shows.
const LINES: usize = 9;

/// What changed, for people.
pub fn text(drift: &Drift) -> String {
    let mut out = String::new();
    verdicts(&mut out, drift);
    wires(&mut out, drift);
    who_moved(&mut out, drift);
    timing(&mut out, drift);
    protocol(&mut out, drift);
    for line in left_out(drift) {
        // Writing to a string can't fail, here and below.
        let _ = writeln!(out, "{line}");
    }
    let _ = writeln!(out, "{}", summary(drift));
    out
}

fn verdicts(out: &mut String, drift: &Drift) {
    if drift.turned.is_empty() {
        return;
    }
    let _ = writeln!(out, "Cases that came to something else");
    for group in &drift.turned {
        let words = group.words.join(" → ");
        let cases = count(group.cases.len(), "case");
        let _ = writeln!(out, "  {words}  {cases}: {}", group.reason());
        let _ = writeln!(out, "      {}", some(&group.cases));
    }
    out.push('\n');
}

fn wires(out: &mut String, drift: &Drift) {
    let (common, alone) = by_itself(drift);
    if !common.is_empty() {
        let _ = writeln!(out, "What differs on the wire");
        for entry in common {
            of_entry(out, entry, &drift.targets);
        }
        out.push('\n');
    }
    if !alone.is_empty() {
        let _ = writeln!(out, "What differs in one or two cases alone");
        for entries in alone {
            let [first, ..] = &entries[..] else { continue };
            let _ = writeln!(out, "  {}: {}", some(&first.cases), several(&entries));
            example(out, first, &drift.targets);
        }
        out.push('\n');
    }
    if !drift.unsteady.is_empty() {
        let _ = writeln!(out, "Seen once, and not when run again");
        for entry in &drift.unsteady {
            let _ = writeln!(out, "  {} in {}", what(&entry.key), some(&entry.cases));
        }
        out.push('\n');
    }
}

fn of_entry(out: &mut String, entry: &Entry, targets: &[String]) {
    let authority = entry
        .authority
        .map_or(String::new(), |it| format!(" ({})", it.words()));
    let _ = writeln!(
        out,
        "  {}{authority}  {}",
        what(&entry.key),
        count(entry.cases.len(), "case")
    );
    let _ = writeln!(out, "      in {}", places(entry).join(", "));
    if let Some(found) = entry.mock {
        let _ = writeln!(out, "      {}", stand(found, targets));
    }
    let _ = writeln!(out, "      for example {}:", entry.example.0);
    example(out, entry, targets);
}

fn example(out: &mut String, entry: &Entry, targets: &[String]) {
    let (_, difference) = &entry.example;
    if let [first, second, ..] = targets {
        let pair = [first.clone(), second.clone()];
        excerpt(out, difference, &pair, &entry.key.subject, LINES);
    }
}

fn who_moved(out: &mut String, drift: &Drift) {
    if drift.moved.0.is_empty() {
        return;
    }
    let with_mock = drift.targets.len() > 2;
    let _ = writeln!(out, "Who moved");
    for (who, cases) in &drift.moved.0 {
        let [contract, mock] = moved(*who, &drift.targets);
        let mock = if with_mock {
            format!(", the mock is {mock}")
        } else {
            String::new()
        };
        let number = count(cases.len(), "case");
        let _ = writeln!(
            out,
            "  contract {contract}{mock}  {number}: {}",
            some(cases)
        );
    }
    out.push('\n');
}

fn timing(out: &mut String, drift: &Drift) {
    let _ = writeln!(
        out,
        "Time: {} of {} methods and scenarios beyond the noise ({NOISE})",
        drift.slower.len(),
        drift.timed
    );
    for change in &drift.slower {
        let [name, before, after, noise, samples] = slower(change);
        let _ = writeln!(
            out,
            "  {name}: {before} → {after} ms, noise {noise} ms, {samples} samples"
        );
    }
    out.push('\n');
}

fn protocol(out: &mut String, drift: &Drift) {
    let Some(unexercised) = &drift.unexercised else {
        return;
    };
    let _ = writeln!(
        out,
        "The protocol: {} of {} changes were on no wire",
        unexercised.changes.len(),
        unexercised.all
    );
    for change in &unexercised.changes {
        let _ = writeln!(out, "  {}", of_protocol(change));
    }
    out.push('\n');
}
