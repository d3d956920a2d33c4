//! Hunks applied to a text.

use std::ops::Range;

use super::{Hunk, Line};

/// What a hunk was not found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotFound {
    Anchor(String),
    Lines(String),
}

/// How lines are compared, from the strictest way to the most lenient.
const COMPARISONS: [fn(&str, &str) -> bool; 4] = [
    |a, b| a == b,
    |a, b| a.trim_end() == b.trim_end(),
    |a, b| a.trim() == b.trim(),
    |a, b| a.trim().chars().map(plain).eq(b.trim().chars().map(plain)),
];

/// The text with the hunks applied, in their order. Added lines end as the first line of the text does;
/// the last line always ends.
pub(super) fn apply(text: &str, hunks: &[Hunk]) -> Result<String, NotFound> {
    let mut lines: Vec<&str> = text.split('\n').collect();
    if lines.last() == Some(&"") {
        lines.pop();
    }
    let ending = if text
        .split_inclusive('\n')
        .next()
        .is_some_and(|line| line.ends_with("\r\n"))
    {
        "\r"
    } else {
        ""
    };
    let mut from = 0;
    let mut edits = Vec::new();
    for hunk in hunks {
        if let Some(anchor) = &hunk.anchor {
            from = find(&lines, &[anchor.as_str()], from, false)
                .ok_or_else(|| NotFound::Anchor(anchor.clone()))?
                + 1;
        }
        let place = place(&lines, hunk, from)?;
        if !place.range.is_empty() {
            from = place.range.end;
        }
        edits.push(place);
    }
    // Stable: what is inserted at one place stays in the order of the hunks.
    edits.sort_by_key(|edit| edit.range.start);
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for edit in &edits {
        let untouched = lines.get(done..edit.range.start).unwrap_or_default();
        for line in untouched {
            push(&mut result, line, "");
        }
        let mut old = edit.range.start;
        for line in edit.lines {
            match line {
                Line::Added(text) => push(&mut result, text, ending),
                Line::Removed(_) => old += 1,
                Line::Context(_) => {
                    // What the text has there, however the patch spells it.
                    push(&mut result, lines.get(old).copied().unwrap_or_default(), "");
                    old += 1;
                }
            }
        }
        done = edit.range.end.max(done);
    }
    for line in &lines[done..] {
        push(&mut result, line, "");
    }
    Ok(result)
}

fn push(result: &mut String, line: &str, ending: &str) {
    result.push_str(line);
    result.push_str(ending);
    result.push('\n');
}

/// Where a hunk goes, and those of its lines that count.
struct Edit<'a> {
    range: Range<usize>,
    lines: &'a [Line],
}

fn place<'a>(lines: &[&str], hunk: &'a Hunk, from: usize) -> Result<Edit<'a>, NotFound> {
    let old = |lines: &'a [Line]| -> Vec<&'a str> {
        let old = lines.iter().filter_map(|line| match line {
            Line::Context(text) | Line::Removed(text) => Some(text.as_str()),
            Line::Added(_) => None,
        });
        old.collect()
    };
    let wanted = old(&hunk.lines);
    if wanted.is_empty() {
        // Also behind an anchor, as codex 0.169.0 does.
        let end = lines.len();
        return Ok(Edit {
            range: end..end,
            lines: &hunk.lines,
        });
    }
    let at = |start: usize, wanted: &[&str], lines| Edit {
        range: start..start + wanted.len(),
        lines,
    };
    if let Some(start) = find(lines, &wanted, from, hunk.at_end) {
        return Ok(at(start, &wanted, &hunk.lines));
    }
    // A blank line at the end may only be there to separate.
    if let [shorter @ .., Line::Context(last)] = &hunk.lines[..]
        && last.is_empty()
    {
        let wanted = old(shorter);
        if let Some(start) = find(lines, &wanted, from, hunk.at_end) {
            return Ok(at(start, &wanted, shorter));
        }
    }
    Err(NotFound::Lines(wanted.join("\n")))
}

/// The first place of `wanted` in `lines` from `from` on; at the very end if `at_end`.
fn find(lines: &[&str], wanted: &[&str], from: usize, at_end: bool) -> Option<usize> {
    if wanted.is_empty() {
        return Some(from);
    }
    let last = lines.len().checked_sub(wanted.len())?;
    let from = if at_end { last } else { from };
    COMPARISONS.iter().find_map(|same| {
        (from..=last).find(|&start| {
            let there = &lines[start..start + wanted.len()];
            there.iter().zip(wanted).all(|(a, b)| same(a, b))
        })
    })
}

/// The plain character that a typographic one stands for.
fn plain(c: char) -> char {
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2018}'..='\u{201B}' => '\'',
        '\u{201C}'..='\u{201F}' => '"',
        '\u{00A0}' | '\u{2002}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => ' ',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunk(lines: &str) -> Hunk {
        let line = |line: &str| {
            let text = line[1..].to_owned();
            match &line[..1] {
                "+" => Line::Added(text),
                "-" => Line::Removed(text),
                _ => Line::Context(text),
            }
        };
        Hunk {
            lines: lines.lines().map(line).collect(),
            ..Hunk::default()
        }
    }

    #[test]
    fn lines_are_found_also_where_blanks_and_quotes_differ() {
        let text = "a\n  b  \n\u{201c}c\u{201d}\n";
        for (lines, expected) in [
            ("-a\n+x", "x\n  b  \n\u{201c}c\u{201d}\n"),
            (" b\n+x", "a\n  b  \nx\n\u{201c}c\u{201d}\n"),
            ("-\"c\"\n+x", "a\n  b  \nx\n"),
        ] {
            assert_eq!(apply(text, &[hunk(lines)]).unwrap(), expected);
        }
    }

    #[test]
    fn what_only_adds_goes_to_the_end() {
        let anchored = Hunk {
            anchor: Some("a".into()),
            ..hunk("+x")
        };
        assert_eq!(
            apply("a\nb", &[anchored, hunk("+y")]).unwrap(),
            "a\nb\nx\ny\n"
        );
        assert_eq!(apply("", &[hunk("+x")]).unwrap(), "x\n");
    }

    #[test]
    fn the_first_line_decides_how_added_ones_end() {
        assert_eq!(apply("a\r\nb\n", &[hunk("-b\n+x")]).unwrap(), "a\r\nx\r\n");
        assert_eq!(apply("a\nb\r\n", &[hunk("-b\n+x")]).unwrap(), "a\nx\n");
    }

    #[test]
    fn hunks_apply_from_top_to_bottom() {
        let not_found = apply("a\nb\n", &[hunk("-b\n+x"), hunk("-a\n+y")]).unwrap_err();
        assert_eq!(not_found, NotFound::Lines("a".into()));
    }
}
