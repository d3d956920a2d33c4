//! A comparison as text, as Markdown and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Change, Diff, Subject};

/// The most methods that a line names.
const METHODS: usize = 3;

/// A title and which changes belong below it.
type Part = (&'static str, fn(&Change) -> bool);

/// The parts of a report, in their order.
const PARTS: [Part; 3] = [
    ("What codex may do", |change| change.authority.is_some()),
    ("Can break a client", |change| {
        change.authority.is_none() && change.breaks.any()
    }),
    ("Breaks nobody", |change| {
        change.authority.is_none() && !change.breaks.any()
    }),
];

/// Whom a change breaks, in one word or two.
fn breaks(change: &Change) -> &'static str {
    match (change.breaks.readers, change.breaks.writers) {
        (true, true) => "readers, writers",
        (true, false) => "readers",
        (false, true) => "writers",
        (false, false) => "-",
    }
}

/// What happened: `value removed`, `member added, required`.
fn what(change: &Change) -> String {
    let words = format!("{} {}", change.subject.words(), change.what.words());
    match (change.subject, change.detail.as_str()) {
        (Subject::Member, detail) if !detail.is_empty() => format!("{words}, {detail}"),
        _ => words,
    }
}

/// Where, with the value where it is about one.
fn place(change: &Change) -> String {
    match (change.subject, change.detail.as_str()) {
        (Subject::Value | Subject::Type, detail) => format!("{}: {detail}", change.place),
        _ => change.place.clone(),
    }
}

/// What else is worth knowing, in parentheses.
fn notes(change: &Change) -> String {
    let mut notes: Vec<String> = Vec::new();
    notes.extend(change.authority.map(|it| it.words().to_owned()));
    if change.experimental {
        notes.push("experimental".to_owned());
    }
    let mut methods: Vec<&str> = change.methods.iter().map(String::as_str).collect();
    let more = methods.len().saturating_sub(METHODS);
    methods.truncate(METHODS);
    if !methods.is_empty() {
        let rest = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        notes.push(format!("in {}{rest}", methods.join(", ")));
    }
    notes.join("; ")
}

fn summary(diff: &Diff) -> String {
    let [before, after] = &diff.versions;
    let count = |of: fn(&Change) -> bool| diff.changes.iter().filter(|it| of(it)).count();
    format!(
        "codex {before} → {after}: {} changes, {} of approvals, sandbox, permissions or auth; {} can \
         break a client that reads, {} one that writes",
        diff.changes.len(),
        count(|it| it.authority.is_some()),
        count(|it| it.breaks.readers),
        count(|it| it.breaks.writers),
    )
}

/// One change in a line: `value removed  v2/AskForApproval: on-failure  (approvals)`.
pub fn line(change: &Change) -> String {
    let mut line = format!("{}  {}", what(change), place(change));
    let notes = notes(change);
    if !notes.is_empty() {
        let _ = write!(line, "  ({notes})");
    }
    line
}

/// The comparison for people.
pub fn text(diff: &Diff) -> String {
    let mut out = summary(diff) + "\n";
    for (title, belongs) in PARTS {
        let changes: Vec<&Change> = diff.changes.iter().filter(|it| belongs(it)).collect();
        if changes.is_empty() {
            continue;
        }
        // Writing to a string can't fail.
        let _ = writeln!(out, "\n{title} ({}; breaks, what, where)", changes.len());
        let width = |of: fn(&Change) -> String| {
            let lengths = changes.iter().map(|change| of(change).chars().count());
            lengths.max().unwrap_or_default()
        };
        let (first, second) = (width(|it| breaks(it).to_owned()), width(what));
        for change in changes {
            let notes = notes(change);
            let _ = write!(
                out,
                "  {:first$}  {:second$}  {}",
                breaks(change),
                what(change),
                place(change)
            );
            if !notes.is_empty() {
                let _ = write!(out, "  ({notes})");
            }
            out.push('\n');
        }
    }
    out
}

/// The comparison for a page.
pub fn markdown(diff: &Diff) -> String {
    let [before, after] = &diff.versions;
    let mut out = format!(
        "# The protocol of codex {before} and {after}\n\n{}.\n",
        summary(diff)
    );
    for (title, belongs) in PARTS {
        let changes: Vec<&Change> = diff.changes.iter().filter(|it| belongs(it)).collect();
        if changes.is_empty() {
            continue;
        }
        let _ = writeln!(
            out,
            "\n## {title}\n\n| breaks | what | where | notes |\n| --- | --- | --- | --- |"
        );
        for change in changes {
            let _ = writeln!(
                out,
                "| {} | {} | `{}` | {} |",
                breaks(change),
                what(change),
                place(change).replace('|', "\\|"),
                notes(change)
            );
        }
    }
    out
}

/// The comparison for programs; `fixtures/schema-diff.schema.json` describes it.
pub fn json(diff: &Diff) -> Value {
    let count = |of: fn(&Change) -> bool| diff.changes.iter().filter(|it| of(it)).count();
    json!({
        "version": 1,
        "before": diff.versions[0],
        "after": diff.versions[1],
        "summary": {
            "changes": diff.changes.len(),
            "authority": count(|it| it.authority.is_some()),
            "breaks_readers": count(|it| it.breaks.readers),
            "breaks_writers": count(|it| it.breaks.writers),
        },
        "changes": diff.changes.iter().map(change_json).collect::<Vec<_>>(),
    })
}

/// One change, for programs.
pub fn change_json(change: &Change) -> Value {
    let detail = Some(&change.detail).filter(|detail| !detail.is_empty());
    json!({
        "authority": change.authority.map(super::Authority::words),
        "breaks": { "readers": change.breaks.readers, "writers": change.breaks.writers },
        "subject": change.subject.words(),
        "what": change.what.words(),
        "place": change.place,
        "detail": detail,
        "experimental": change.experimental,
        "methods": change.methods,
    })
}
