//! The matrix for a page: a README, or the summary of a CI step.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Cell, Counts, Matrix, Row};

/// The signs of the counts, in the order of [`Counts::WORDS`].
const SIGNS: [&str; 5] = ["✅", "❌", "⚠️", "➖", "⏭️"];

/// The matrix as Markdown.
pub fn write(matrix: &Matrix) -> String {
    let mut out = String::from("# Conformance of SDKs\n\n");
    totals(&mut out, matrix);
    by_area(&mut out, matrix);
    first_failures(&mut out, matrix);
    reasons(&mut out, matrix);
    problems(&mut out, matrix);
    out
}

// Writing to a string can't fail, here and below.
fn totals(out: &mut String, matrix: &Matrix) {
    out.push_str("| client | SDK | target |");
    for (sign, word) in SIGNS.into_iter().zip(Counts::WORDS) {
        let _ = write!(out, " {sign} {word} |");
    }
    out.push_str("\n| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |\n");
    for row in &matrix.rows {
        let sdk = row.sdk.as_ref();
        let sdk = sdk.map_or(String::new(), |sdk| format!("{} {}", sdk.name, sdk.version));
        let _ = write!(
            out,
            "| {} | {} | {} |",
            code_in_table(&row.client),
            if sdk.is_empty() {
                sdk
            } else {
                code_in_table(&sdk)
            },
            code_in_table(&row.target)
        );
        for number in row.all.counts.numbers() {
            let _ = write!(out, " {number} |");
        }
        out.push('\n');
    }
    out.push_str(
        "\nKnown failures fail exactly as a list with reasons says. Unsupported is what the SDK has \
         no way to do: it counts neither for nor against it.\n",
    );
}

/// SDK × area; where there is one area alone, its scenarios.
fn by_area(out: &mut String, matrix: &Matrix) {
    let (used, unused) = matrix.areas_by_use();
    if let [area] = used[..] {
        // The totals have said it already.
        by_scenario(out, matrix, area);
    } else if !used.is_empty() {
        out.push_str("\n## By area\n\n| client | target |");
        for area in &used {
            let _ = write!(out, " {} |", area.replace('|', "\\|"));
        }
        out.push_str("\n| --- | --- |");
        out.push_str(&" --- |".repeat(used.len()));
        out.push('\n');
        for row in &matrix.rows {
            let (client, target) = (code_in_table(&row.client), code_in_table(&row.target));
            let _ = write!(out, "| {client} | {target} |");
            for area in &used {
                let counts = row.cells.get(*area).map(|cell| cell.counts);
                let _ = write!(out, " {} |", counts.map_or(String::new(), signed));
            }
            out.push('\n');
        }
    }
    if !unused.is_empty() {
        let _ = writeln!(out, "\nNothing was run in: {}.", unused.join(", "));
    }
}

/// A table for each target: the scenarios of one area, and the clients.
fn by_scenario(out: &mut String, matrix: &Matrix, area: &str) {
    let targets: BTreeSet<&str> = matrix.rows.iter().map(|row| row.target.as_str()).collect();
    for target in targets {
        let rows = matrix.rows.iter().filter(|row| row.target == target);
        let columns: Vec<(&Row, BTreeMap<&str, Counts>)> = rows
            .map(|row| (row, row.cells.get(area).map(Cell::by_scenario)))
            .map(|(row, counts)| (row, counts.unwrap_or_default()))
            .collect();
        let scenarios: BTreeSet<&str> = columns
            .iter()
            .flat_map(|(_, counts)| counts.keys().copied())
            .collect();
        let _ = write!(out, "\n## By scenario, on {}\n\n| scenario |", code(target));
        for (row, _) in &columns {
            let _ = write!(out, " {} |", code_in_table(&row.client));
        }
        out.push_str("\n| --- |");
        out.push_str(&" --- |".repeat(columns.len()));
        out.push('\n');
        for scenario in scenarios {
            let _ = write!(out, "| {} |", code_in_table(scenario));
            for (_, counts) in &columns {
                let counts = counts.get(scenario).copied();
                let _ = write!(out, " {} |", counts.map_or(String::new(), signed));
            }
            out.push('\n');
        }
    }
}

/// The counts that aren't 0, what is bad first.
fn signed(counts: Counts) -> String {
    let numbers = counts.numbers();
    let parts = [1, 2, 0, 3, 4].map(|kind| (SIGNS[kind], numbers[kind]));
    let parts = parts.iter().filter(|(_, number)| *number > 0);
    let parts: Vec<String> = parts
        .map(|(sign, number)| format!("{sign}\u{a0}{number}"))
        .collect();
    parts.join(" ")
}

fn first_failures(out: &mut String, matrix: &Matrix) {
    let mut lines = String::new();
    for row in &matrix.rows {
        for (area, cell) in &row.cells {
            for (word, found) in cell.found() {
                let _ = writeln!(
                    lines,
                    "- {} on {}, {area}, {word}: {}, {}<br>{}",
                    code(&row.client),
                    code(&row.target),
                    code(&found.case),
                    code(&found.check),
                    code(&found.brief())
                );
            }
        }
    }
    if !lines.is_empty() {
        out.push_str("\n## The first failing check of each cell\n\n");
        out.push_str(&lines);
    }
}

/// Why SDKs are known to fail, each reason once, with the number of its cases on each target.
fn reasons(out: &mut String, matrix: &Matrix) {
    let mut clients: Vec<(&str, BTreeMap<&str, Vec<String>>)> = Vec::new();
    for row in matrix.rows.iter().filter(|row| !row.reasons.is_empty()) {
        if clients
            .last()
            .is_none_or(|(client, _)| *client != row.client)
        {
            clients.push((&row.client, BTreeMap::new()));
        }
        // The lines above made one, if there was none.
        let Some((_, reasons)) = clients.last_mut() else {
            continue;
        };
        for (reason, count) in &row.reasons {
            let cases = if *count == 1 { "case" } else { "cases" };
            let on = format!("{count} {cases} on {}", code(&row.target));
            reasons.entry(reason).or_default().push(on);
        }
    }
    if clients.is_empty() {
        return;
    }
    out.push_str("\n## Why they are known to fail\n\n");
    for (client, reasons) in clients {
        let _ = writeln!(out, "- {}", code(client));
        for (reason, counts) in reasons {
            // A list's own words, in which an address is to be a link.
            let reason = reason.replace('<', "&lt;").replace('\n', " ");
            let _ = writeln!(out, "  - {reason}: {}", counts.join(", "));
        }
    }
}

fn problems(out: &mut String, matrix: &Matrix) {
    if matrix.problems.is_empty() {
        return;
    }
    out.push_str("\n## Wrong with the runs themselves\n\n");
    for problem in &matrix.problems {
        let first = problem.message.lines().next().unwrap_or_default();
        let _ = writeln!(
            out,
            "- {} {}: {}",
            code(&problem.check),
            problem.about,
            code(first)
        );
    }
}

/// A text as code: nothing in it is markup, whatever an SDK has said.
fn code(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    let runs = text.split(|it| it != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or_default() + 1);
    if text.starts_with('`') || text.ends_with('`') {
        format!("{fence} {text} {fence}")
    } else {
        format!("{fence}{text}{fence}")
    }
}

/// The same within a table, where a bar ends the cell also in code.
fn code_in_table(text: &str) -> String {
    code(text).replace('|', "\\|")
}
