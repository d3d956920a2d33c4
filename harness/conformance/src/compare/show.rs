//! A difference for people.

use std::fmt::Write as _;

use similar::{Algorithm, capture_diff_slices};

use super::Difference;

/// The width of one of two columns.
const COLUMN: usize = 58;

/// The most lines of a frame that are shown, and how many of them come before the first that differs.
const LINES: usize = 16;
const BEFORE: usize = 4;

/// What stands in the place of a frame that isn't there.
const NOTHING: &str = "(nothing)";

/// Where it is.
pub fn place(difference: &Difference) -> String {
    match difference.frame {
        0 => difference.wire.to_owned(),
        frame => format!("wire `{}`, frame {frame}", difference.wire),
    }
}

/// Both frames from shortly before the first line that differs, equal lines beside each other.
pub fn side_by_side(out: &mut String, difference: &Difference, targets: &[String; 2]) {
    excerpt(out, difference, targets, "", LINES);
}

/// At most so many lines of both frames, from shortly before the first that differs and has the
/// focus, where there is one that has.
pub fn excerpt(
    out: &mut String,
    difference: &Difference,
    targets: &[String; 2],
    focus: &str,
    lines: usize,
) {
    let rows = rows(difference);
    let differs = |row: &[Option<&str>; 2]| row[0] != row[1];
    let has_focus = |row: &[Option<&str>; 2]| row.iter().flatten().any(|it| it.contains(focus));
    let first = rows.iter().position(|row| differs(row) && has_focus(row));
    let first = first.or_else(|| rows.iter().position(differs));
    let start = first.unwrap_or(0).saturating_sub(BEFORE.min(lines / 3));
    row(out, ' ', targets.each_ref().map(String::as_str));
    if let (1.., Some(header)) = (start, rows.first()) {
        row(out, ' ', header.map(Option::unwrap_or_default));
        if start > 1 {
            row(out, ' ', ["  …", "  …"]);
        }
    }
    for pair in rows.iter().skip(start).take(lines) {
        let mark = if differs(pair) { '>' } else { ' ' };
        row(out, mark, pair.map(Option::unwrap_or_default));
    }
    if rows.len() > start + lines {
        row(out, ' ', ["  …", "  …"]);
    }
}

/// The lines of both frames: what both have in one row, what only one has beside nothing or beside
/// what stands there in the other.
fn rows(difference: &Difference) -> Vec<[Option<&str>; 2]> {
    let sides = difference.sides.each_ref().map(|side| {
        let text = side.as_deref().unwrap_or(NOTHING);
        text.lines().collect::<Vec<_>>()
    });
    let [left, right] = &sides;
    let mut rows = Vec::new();
    for part in capture_diff_slices(Algorithm::Myers, left, right) {
        let (old, new) = (&left[part.old_range()], &right[part.new_range()]);
        let longest = old.len().max(new.len());
        rows.extend((0..longest).map(|at| [old, new].map(|lines| lines.get(at).copied())));
    }
    rows
}

fn row(out: &mut String, mark: char, [left, right]: [&str; 2]) {
    // Writing to a string can't fail.
    let _ = write!(out, "  {mark} {:COLUMN$} │ ", cut(left));
    out.push_str(&cut(right));
    out.truncate(out.trim_end().len());
    out.push('\n');
}

fn cut(text: &str) -> String {
    if text.chars().count() <= COLUMN {
        return text.to_owned();
    }
    text.chars().take(COLUMN - 1).chain(['…']).collect()
}
