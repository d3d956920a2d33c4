//! The matrix as a page: `docs/permissions-matrix.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::model::{Cell, Kind, Matrix, Seen};
use super::report::{groups, words};
use super::way::{Configured, Moment, Way};

const HEAD: &str = "\
# The permission matrix

What may a command do, and does everybody agree about it? For each way to set permissions, at each \
moment of a thread's life, on each configured default, three accounts are held against each other:

- **reported**: what the replies of `thread/start`, `thread/resume` and `thread/fork` and \
`thread/settings/updated` say to the client,
- **told**: what the model is told, in the metadata of the turn (`sandbox`, `sandbox_mode`) and in \
the text about permissions that comes last,
- **enforced**: what a command really can do. In each state one is run that tries to write in the \
workspace, outside of it and to `/tmp`, and to connect to a listener on 127.0.0.1, and says each \
result.

A cell says what is in force. Where nothing else is said, the three are the same, and it is what was \
asked for. Otherwise the cell begins with what is wrong:

| word | meaning |
| --- | --- |
| **wider** | a command can do more than was asked for, or than it could when the permissions had just been set; nobody had named it |
| **disagrees** | reported, told and enforced are not the same |
| **lost** | a command can do less than was asked for |
| **changed** | the sandbox does the same; the approval policy, the reviewer or the permission profile is another one |
| **failed** | there was no turn, or its command told nothing |

Where versions differ, a cell has a line for each span of versions; `not there` is a method that a \
version doesn't have.

";

const SHOWS: &str = "\
## What it shows

- **A `workspace-write` that was chosen by `sandbox`, `sandboxPolicy`, a preset or `config` of \
`thread/start` is lost** with every fork and with every resume after a restart, in all of these \
versions. What the fork or the resumed thread gets instead is what is configured: `read-only` where \
nothing is, and **`danger-full-access` where that is the default**. Tried by hand, 0.100.0, 0.110.0 \
and 0.121.0 do the same, so that it began before 0.133.0; 0.90.0 has no `exec_command` to try it \
with. A sandbox of the caller's own (`externalSandbox`) is lost likewise.
- The other sandboxes were lost in the same way once: up to 0.144.4 all of them, the permission \
profiles, the approval policy and, with a fork, the reviewer too; in 0.154.0 still `read-only` and \
`danger-full-access` as `sandbox` or `sandboxPolicy`; in 0.163.0 these two with a fork alone. Tried \
by hand, a fork of a `read-only` thread is as wide as the default in 0.164.0 and 0.165.0 too, and no \
more in 0.166.0.
- A thread that has a permission profile (`permissions: \":workspace\"`) keeps it since 0.154.0: until \
the loss is mended, that is how to choose `workspace-write`. Or name the sandbox again with each fork \
and resume.
- What is reported, what the model is told and what a command can do were the same in every cell: \
the loss is no secret to those who read the replies.

";

const REPRODUCE: &str = "\
## To see it again

Each row of a table is one session on one default. `--keep` writes them as scenarios, one in \
`DEFAULT/WAY.yaml`, which expect what was asked for; a finding is where they fail:

```sh
codex-conformance permissions --keep sessions
codex-conformance run --scenarios sessions '=full-access/sandbox-workspace-write' --target codex@0.169.0
codex-conformance permissions --target codex@0.169.0 full-access/sandbox-workspace-write
```

`permissions --target T` ends with exit code 1 if it finds something that \
`fixtures/permissions/codex-VERSION.json` doesn't know of that version; with `--fail-on widening` or \
`--fail-on disagreement` only that counts. A new version is added by `permissions --target \
codex@VERSION --store` and then `permissions --kept --markdown docs/permissions-matrix.md`, which \
makes this page.

";

/// The page about a matrix.
pub fn page(matrix: &Matrix) -> String {
    let mut out = HEAD.to_owned();
    let names: Vec<&str> = matrix.targets.iter().map(|of| short(&of.target)).collect();
    let _ = writeln!(out, "Versions: {}.\n", names.join(", "));
    out += SHOWS;
    out += REPRODUCE;
    by_version(&mut out, matrix);
    findings(&mut out, matrix);
    for configured in Configured::all() {
        table(&mut out, matrix, &configured);
    }
    ways(&mut out);
    out
}

/// A target without its kind.
fn short(target: &str) -> &str {
    target.strip_prefix("codex@").unwrap_or(target)
}

/// How many cells of each version have a finding of each kind.
fn by_version(out: &mut String, matrix: &Matrix) {
    let words = Kind::ALL.map(Kind::word);
    let _ = writeln!(
        out,
        "## By version\n\nHow many cells have such a finding.\n\n| version | cells | {} |\n| --- | --- |{}",
        words.join(" | "),
        " --- |".repeat(words.len())
    );
    for of in &matrix.targets {
        let has = |cell: &Cell, kind: Kind| cell.findings.iter().any(|it| it.kind == kind);
        let counts = Kind::ALL.map(|kind| {
            let cells = of.cells.iter().filter(|cell| has(cell, kind));
            cells.count().to_string()
        });
        let (version, all) = (short(&of.target), of.cells.len());
        let _ = writeln!(out, "| {version} | {all} | {} |", counts.join(" | "));
    }
    out.push('\n');
}

/// The findings, those that are alike in one row.
fn findings(out: &mut String, matrix: &Matrix) {
    out.push_str("## Findings\n\n");
    let all = groups(matrix, |_, _| true);
    if all.is_empty() {
        out.push_str("None.\n\n");
    }
    for kind in Kind::ALL {
        let mut of_kind = all
            .iter()
            .filter(|group| group.finding.kind == kind)
            .peekable();
        if of_kind.peek().is_none() {
            continue;
        }
        let _ = writeln!(out, "### {}\n", title(kind));
        out.push_str("| what | when | sessions |\n| --- | --- | --- |\n");
        for group in of_kind {
            let when = group.moments().into_iter().map(|(moments, targets)| {
                format!("{}: {}", spans(matrix, targets), words(&moments))
            });
            let sessions = group
                .sessions
                .iter()
                .map(|(configured, ways)| format!("`{configured}/`: {}", ways.join(", ")));
            let _ = writeln!(
                out,
                "| {} | {} | {} |",
                one_line(&group.finding.message),
                when.collect::<Vec<_>>().join("<br>"),
                sessions.collect::<Vec<_>>().join("<br>"),
            );
        }
        out.push('\n');
    }
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Widened => "Wider than asked for",
        Kind::Disagreement => "Reported, told and enforced disagree",
        Kind::Lost => "Lost",
        Kind::Changed => "Changed",
        Kind::Failed => "Failed",
    }
}

/// These targets, those that follow each other as a span: `0.133.0–0.163.0`.
fn spans(matrix: &Matrix, targets: &[&str]) -> String {
    let all = matrix.targets.iter().map(|of| of.target.as_str());
    let mut spans: Vec<(&str, &str)> = Vec::new();
    let mut goes_on = false;
    for target in all {
        let among = targets.contains(&target);
        match spans.last_mut() {
            Some(span) if among && goes_on => span.1 = target,
            _ if among => spans.push((target, target)),
            _ => {}
        }
        goes_on = among;
    }
    let words: Vec<String> = spans
        .into_iter()
        .map(|(first, last)| {
            if first == last {
                short(first).to_owned()
            } else {
                format!("{}–{}", short(first), short(last))
            }
        })
        .collect();
    words.join(", ")
}

/// The table of a default: a row for each way, a column for each moment.
fn table(out: &mut String, matrix: &Matrix, configured: &Configured) {
    let mut cells: BTreeMap<(&str, Moment), Vec<(&str, &Cell)>> = BTreeMap::new();
    for of in &matrix.targets {
        let own = of
            .cells
            .iter()
            .filter(|it| it.configured == configured.name);
        for cell in own {
            let at = cells.entry((cell.way.as_str(), cell.moment)).or_default();
            at.push((of.target.as_str(), cell));
        }
    }
    if cells.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "## Configured: {}\n\n{}.\n",
        configured.name,
        configured.words()
    );
    let heads: Vec<String> = Moment::ALL.iter().map(|moment| moment.words()).collect();
    let _ = writeln!(out, "| way | {} |", heads.join(" | "));
    let _ = writeln!(out, "| --- |{}", " --- |".repeat(heads.len()));
    for way in Way::all() {
        let row: Vec<String> = Moment::ALL
            .iter()
            .map(|moment| {
                let seen = cells.get(&(way.name.as_str(), *moment));
                seen.map_or_else(|| "·".to_owned(), |seen| of_versions(matrix, seen))
            })
            .collect();
        if row.iter().any(|cell| cell != "·") {
            let _ = writeln!(out, "| {} | {} |", way.name, row.join(" | "));
        }
    }
    out.push('\n');
}

/// A cell: what is in force, by spans of versions where they differ.
fn of_versions(matrix: &Matrix, seen: &[(&str, &Cell)]) -> String {
    let mut texts: Vec<(String, Vec<&str>)> = Vec::new();
    for (target, cell) in seen {
        let text = in_force(cell);
        match texts.iter_mut().find(|(known, _)| *known == text) {
            Some((_, targets)) => targets.push(target),
            None => texts.push((text, vec![target])),
        }
    }
    if let [(text, targets)] = &texts[..]
        && targets.len() == matrix.targets.len()
    {
        return text.clone();
    }
    let lines = texts
        .iter()
        .map(|(text, targets)| format!("{}: {text}", spans(matrix, targets)));
    lines.collect::<Vec<_>>().join("<br>")
}

fn in_force(cell: &Cell) -> String {
    let mut words: Vec<&str> = cell.findings.iter().map(|it| it.kind.word()).collect();
    words.dedup();
    let mut label = cell.label();
    let changed = |it: &&super::model::Finding| it.kind == Kind::Changed;
    if let (
        Seen::InForce {
            reported: Some(reported),
            ..
        },
        Some(_),
    ) = (&cell.seen, cell.findings.iter().find(changed))
    {
        let _ = write!(label, ", {} {}", reported.approval, reported.reviewer);
    }
    if words.is_empty() {
        return label;
    }
    format!("**{}**: {label}", words.join(", "))
}

/// What the names of ways stand for.
fn ways(out: &mut String) {
    out.push_str("## Ways\n\n| name | how |\n| --- | --- |\n");
    for way in Way::all() {
        let _ = writeln!(out, "| {} | {} |", way.name, way.words());
    }
}

/// A text that a table can hold.
fn one_line(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
