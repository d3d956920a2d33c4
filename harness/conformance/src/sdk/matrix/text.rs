//! The matrix for a terminal: a table for each client and target.

use std::fmt::Write as _;

use super::{Cell, Counts, Matrix, Row};

/// What stands before the areas together.
const ALL: &str = "all";

/// The matrix as text.
pub fn write(matrix: &Matrix) -> String {
    let mut out = String::new();
    for (number, row) in matrix.rows.iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        table(&mut out, row);
    }
    if !matrix.problems.is_empty() {
        out.push_str("\nwrong with the runs themselves\n");
    }
    // Writing to a string can't fail.
    for problem in &matrix.problems {
        let _ = writeln!(out, "  {} {}", problem.check, problem.about);
        for line in problem.message.lines() {
            let _ = writeln!(out, "    {line}");
        }
    }
    out
}

fn table(out: &mut String, row: &Row) {
    let _ = write!(out, "{} on {}", row.client, row.target);
    if let Some(sdk) = &row.sdk {
        let _ = write!(out, " ({} {})", sdk.name, sdk.version);
    }
    let lengths = row.cells.keys().map(|area| area.chars().count());
    let width = lengths.max().unwrap_or_default().max(ALL.len());
    let _ = write!(out, "\n  {:width$}", "");
    for word in Counts::WORDS {
        let _ = write!(out, "  {word}");
    }
    out.push('\n');
    line(out, ALL, width, &row.all);
    for (area, cell) in &row.cells {
        line(out, area, width, cell);
        for (word, found) in cell.found() {
            let _ = writeln!(out, "    {word}: {}, {}", found.case, found.check);
            let _ = writeln!(out, "      {}", found.brief());
        }
    }
    for (reason, count) in &row.reasons {
        let _ = writeln!(out, "  {count} known: {reason}");
    }
}

fn line(out: &mut String, area: &str, width: usize, cell: &Cell) {
    let _ = write!(out, "  {area:width$}");
    for (word, number) in Counts::WORDS.into_iter().zip(cell.counts.numbers()) {
        let _ = write!(out, "  {number:>0$}", word.len());
    }
    out.push('\n');
}
