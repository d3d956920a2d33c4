//! What was done, what to look at first, and what is left for people: for a pull request.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::known::{Changes, NO_REASON};
use super::state::Compared;
use super::tree::Wrote;
use super::{KNOWN, Plan};
use crate::requirements::Requirements;
use crate::schema::diff::report::line;
use crate::schema::diff::{Diff, FailOn};

/// Everything that the summary tells.
#[derive(Debug)]
pub struct Summary<'a> {
    /// What was adopted.
    pub plan: &'a Plan<'a>,
    /// What changed in the protocol.
    pub diff: &'a Diff,
    /// What the comparison came to.
    pub compared: &'a Compared,
    /// What changed in the known failures.
    pub known: &'a Changes,
    /// What the new version must pass, and whether that was written.
    pub requirements: (Wrote, Requirements),
    /// The files that were written, by their paths below the root.
    pub written: Vec<PathBuf>,
    /// What became of the permission matrix.
    pub matrix: String,
}

/// The most names in a line.
const NAMED: usize = 8;

/// The summary, as Markdown.
pub fn markdown(summary: &Summary<'_>) -> String {
    let Plan { old, new, .. } = summary.plan;
    // Writing to a string can't fail, here and below.
    let mut out = format!("# Adopt codex {new} (compared with {old})\n\n");
    written(&mut out, summary);
    first(&mut out, summary);
    left(&mut out, summary);
    out
}

fn written(out: &mut String, summary: &Summary<'_>) {
    let _ = writeln!(out, "## In the working tree\n");
    let is_snapshot = |path: &&PathBuf| path.starts_with("snapshots");
    for path in summary.written.iter().filter(|path| !is_snapshot(path)) {
        let _ = writeln!(out, "- `{}`", path.display());
    }
    let snapshots = summary.written.iter().filter(is_snapshot).count();
    let _ = writeln!(
        out,
        "- `snapshots/`: {snapshots} recorded on codex@{}; the others are as they were",
        summary.plan.new
    );
    let (wrote, requirements) = &summary.requirements;
    let counts = format!(
        "{} cases for servers, {} of them for clients",
        requirements.server.len(),
        requirements.client.len()
    );
    let _ = match wrote {
        Wrote::Frozen => writeln!(
            out,
            "- requirements: those that there are stay, since they are frozen; today they would be \
             {counts} (`--force` writes them)"
        ),
        _ => writeln!(out, "- requirements: {counts}"),
    };
    let _ = writeln!(out, "- permission matrix: {}\n", summary.matrix);
}

fn first(out: &mut String, summary: &Summary<'_>) {
    let _ = writeln!(out, "## To look at first\n");
    let (diff, compared) = (summary.diff, summary.compared);
    let authority: Vec<_> = diff
        .changes
        .iter()
        .filter(|it| it.authority.is_some())
        .collect();
    let _ = writeln!(
        out,
        "The protocol has {} changes{}. {}. All of it: `{}`.\n",
        diff.changes.len(),
        if diff.has(FailOn::Breaking) {
            ", some of which can break a client"
        } else {
            ", none of which can break a client"
        },
        compared.summary,
        summary.plan.page().display()
    );
    list(
        out,
        "Changes of the protocol that bear on what codex may do",
        authority.iter().map(|change| line(change)),
    );
    list(
        out,
        "Differences on the wire that bear on it",
        compared.authority.iter().cloned(),
    );
    let turned = compared.turned.iter();
    list(
        out,
        "Cases that came to something else",
        turned.map(|[words, cases, why]| format!("{words}, {cases}: {why}")),
    );
}

fn list(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "{title}:\n");
    for line in lines {
        let _ = writeln!(out, "- {line}");
    }
    out.push('\n');
}

fn left(out: &mut String, summary: &Summary<'_>) {
    let Summary { plan, known, .. } = summary;
    let new = plan.new;
    let _ = writeln!(out, "## Left for people\n");
    if !known.added.is_empty() {
        let _ = writeln!(
            out,
            "- [ ] `{KNOWN}`: reasons for the entries that say `{NO_REASON}` ({}); an entry is right \
             only if codex breaks the contract there, else the scenario has to follow",
            names(known.added.iter())
        );
    }
    if !known.closed.is_empty() {
        let _ = writeln!(
            out,
            "- [ ] `{KNOWN}`: what ended with {new} ({}); if the mock has a quirk for it, it goes",
            names(known.closed.iter())
        );
    }
    let _ = writeln!(
        out,
        "- [ ] races: `codex-conformance run --target codex@{new}` twice more; what differs then is \
         a race, and wants a rule"
    );
    let _ = writeln!(
        out,
        "- [ ] the mock: it differs in what changed on the wire; `codex-conformance run` shows it, \
         and `mock_codex::CODEX_VERSION` names the version that it emulates"
    );
    let _ = writeln!(
        out,
        "- [ ] the version in `.ci/run`, `README.md` and `CHANGELOG.md`"
    );
}

fn names<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> String {
    let more = names.len().saturating_sub(NAMED);
    let told: Vec<String> = names.take(NAMED).map(|name| format!("`{name}`")).collect();
    match more {
        0 => told.join(", "),
        more => format!("{}, and {more} more", told.join(", ")),
    }
}
