//! What changed, as a page.

use std::fmt::Write as _;

use super::words::{
    NOISE, by_itself, count, left_out, moved, of_protocol, places, several, slower, some, stand,
    summary, what,
};
use crate::compare::show::excerpt;
use crate::drift::{Drift, Entry};

/// The most lines of both frames that an example shows.
const LINES: usize = 12;

/// What changed, for a page; without a heading of its own level, so that it fits below another.
pub fn markdown(drift: &Drift) -> String {
    // Writing to a string can't fail, here and below.
    let mut out = String::new();
    if let [first, second, ..] = &drift.targets[..] {
        let _ = writeln!(
            out,
            "# From `{first}` to `{second}`\n\n{}.\n",
            summary(drift)
        );
    }
    verdicts(&mut out, drift);
    wires(&mut out, drift);
    who_moved(&mut out, drift);
    timing(&mut out, drift);
    protocol(&mut out, drift);
    not_run(&mut out, drift);
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn table(out: &mut String, columns: &[&str]) {
    let _ = writeln!(out, "| {} |", columns.join(" | "));
    let _ = writeln!(out, "|{}", " --- |".repeat(columns.len()));
}

/// A text in a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn row(out: &mut String, cells: &[String]) {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

fn verdicts(out: &mut String, drift: &Drift) {
    let _ = writeln!(out, "## Cases that came to something else\n");
    if drift.turned.is_empty() {
        let _ = writeln!(out, "None.\n");
        return;
    }
    table(out, &["verdicts", "cases", "why", "which"]);
    for group in &drift.turned {
        let cells = [
            group.words.join(" → "),
            group.cases.len().to_string(),
            group.reason(),
            some(&group.cases),
        ];
        row(out, &cells);
    }
    out.push('\n');
}

fn wires(out: &mut String, drift: &Drift) {
    let _ = writeln!(out, "## What differs on the wire\n");
    if drift.entries.is_empty() {
        let _ = writeln!(out, "Nothing.\n");
    }
    let (common, alone) = by_itself(drift);
    for entry in common {
        of_entry(out, entry, &drift.targets);
    }
    if !alone.is_empty() {
        let _ = writeln!(out, "### In one or two cases alone\n");
    }
    for entries in alone {
        let [first, ..] = &entries[..] else { continue };
        let _ = writeln!(out, "{}: {}.\n", some(&first.cases), several(&entries));
        example(out, first, &drift.targets);
    }
    if !drift.unsteady.is_empty() {
        let _ = writeln!(out, "Seen once, and not when run again:\n");
        for entry in &drift.unsteady {
            let _ = writeln!(out, "- {} in {}", what(&entry.key), some(&entry.cases));
        }
        out.push('\n');
    }
}

fn of_entry(out: &mut String, entry: &Entry, targets: &[String]) {
    let authority = entry
        .authority
        .map_or(String::new(), |it| format!(", {}", it.words()));
    let _ = writeln!(out, "### {}{authority}\n", what(&entry.key));
    let number = count(entry.cases.len(), "case");
    let _ = writeln!(out, "{number}; in {}.", places(entry).join(", "));
    if let Some(found) = entry.mock {
        let sentence = stand(found, targets).replacen("the", "The", 1);
        let _ = writeln!(out, "{sentence}.");
    }
    let _ = writeln!(out, "For example `{}`:\n", entry.example.0);
    example(out, entry, targets);
}

fn example(out: &mut String, entry: &Entry, targets: &[String]) {
    let (_, difference) = &entry.example;
    let _ = writeln!(out, "```text");
    if let [first, second, ..] = targets {
        let pair = [first.clone(), second.clone()];
        excerpt(out, difference, &pair, &entry.key.subject, LINES);
    }
    let _ = writeln!(out, "```\n");
}

fn who_moved(out: &mut String, drift: &Drift) {
    if drift.moved.0.is_empty() {
        return;
    }
    let _ = writeln!(out, "## Who moved\n");
    table(out, &["contract", "mock", "cases", "which"]);
    for (who, cases) in &drift.moved.0 {
        let [contract, mock] = moved(*who, &drift.targets);
        row(out, &[contract, mock, cases.len().to_string(), some(cases)]);
    }
    out.push('\n');
}

fn timing(out: &mut String, drift: &Drift) {
    let _ = writeln!(
        out,
        "## Time\n\n{} of {} methods and scenarios changed beyond the noise ({NOISE}).\n",
        drift.slower.len(),
        drift.timed
    );
    if drift.slower.is_empty() {
        return;
    }
    table(
        out,
        &["what", "before, ms", "after, ms", "noise, ms", "samples"],
    );
    for change in &drift.slower {
        row(out, &slower(change));
    }
    out.push('\n');
}

fn protocol(out: &mut String, drift: &Drift) {
    let _ = writeln!(out, "## Changes of the protocol that no case showed\n");
    let Some(unexercised) = &drift.unexercised else {
        let _ = writeln!(out, "The schema of one of the targets is not known.\n");
        return;
    };
    let _ = writeln!(
        out,
        "{} of {} changes were on no wire.\n",
        unexercised.changes.len(),
        unexercised.all
    );
    for change in &unexercised.changes {
        let _ = writeln!(out, "- {}", of_protocol(change));
    }
    out.push('\n');
}

fn not_run(out: &mut String, drift: &Drift) {
    let lines = left_out(drift);
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "## What was not run\n");
    for line in lines {
        let _ = writeln!(out, "- {line}");
    }
    out.push('\n');
}
