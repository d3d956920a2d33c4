//! Findings that are alike, together; and the matrix as a few lines for a terminal.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use super::kept::Known;
use super::model::{Cell, Finding, Kind, Matrix, OfTarget, Seen};
use super::way::Moment;

/// The same finding in several sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<'m> {
    /// What it is.
    pub finding: &'m Finding,
    /// At which moments, and on which targets there.
    pub when: BTreeMap<Moment, Vec<&'m str>>,
    /// In which sessions: the ways by their configured default, both in the order of the matrix.
    pub sessions: Vec<(&'m str, Vec<&'m str>)>,
}

/// Findings by what they are and when they are there, the gravest and most frequent first.
pub fn groups<'m>(matrix: &'m Matrix, chosen: impl Fn(&Cell, &Finding) -> bool) -> Vec<Group<'m>> {
    type When<'m> = BTreeMap<Moment, Vec<&'m str>>;
    let mut order: HashMap<(&str, &str), usize> = HashMap::new();
    let mut single: BTreeMap<(&Finding, usize, &str, &str), When<'m>> = BTreeMap::new();
    for of in &matrix.targets {
        for cell in &of.cells {
            let (configured, way) = (cell.configured.as_str(), cell.way.as_str());
            let next = order.len();
            let place = *order.entry((configured, way)).or_insert(next);
            for finding in cell.findings.iter().filter(|it| chosen(cell, it)) {
                let when = single.entry((finding, place, configured, way)).or_default();
                when.entry(cell.moment).or_default().push(&of.target);
            }
        }
    }
    let mut groups: Vec<Group<'m>> = Vec::new();
    for ((finding, _, configured, way), when) in single {
        let same = groups
            .iter()
            .position(|group| group.finding == finding && group.when == when);
        let at = same.unwrap_or_else(|| {
            groups.push(Group {
                finding,
                when,
                sessions: Vec::new(),
            });
            groups.len() - 1
        });
        let group = &mut groups[at];
        match group.sessions.last_mut() {
            Some((last, ways)) if *last == configured => ways.push(way),
            _ => group.sessions.push((configured, vec![way])),
        }
    }
    groups.sort_by_key(|group| (group.finding.kind, std::cmp::Reverse(group.count())));
    groups
}

impl Group<'_> {
    /// How many sessions show it.
    pub fn count(&self) -> usize {
        self.sessions.iter().map(|(_, ways)| ways.len()).sum()
    }

    /// The moments, those on the same targets together.
    pub fn moments(&self) -> Vec<(Vec<Moment>, &[&str])> {
        let mut all: Vec<(Vec<Moment>, &[&str])> = Vec::new();
        for (moment, targets) in &self.when {
            match all.iter_mut().find(|(_, known)| known == targets) {
                Some((moments, _)) => moments.push(*moment),
                None => all.push((vec![*moment], targets)),
            }
        }
        all
    }
}

/// Moments in a row: `fork, fork after restart`.
pub fn words(moments: &[Moment]) -> String {
    let words: Vec<String> = moments.iter().map(|moment| moment.words()).collect();
    words.join(", ")
}

/// What there is on a target, and what of it is new, for a terminal.
pub fn text(of: &OfTarget, known: &Known<'_>) -> String {
    let mut out = String::new();
    let count = |kind: Kind| of.findings().filter(|(_, it)| it.kind == kind).count();
    let counts: Vec<String> = Kind::ALL
        .iter()
        .map(|kind| (kind.word(), count(*kind)))
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| format!("{word} {count}"))
        .collect();
    let not_there = |cell: &&Cell| matches!(cell.seen, Seen::NotThere { .. });
    let missing = of.cells.iter().filter(not_there).count();
    let all = of.findings().count();
    let new = of
        .findings()
        .filter(|(cell, it)| !known.has(cell, it))
        .count();
    let _ = write!(
        out,
        "{}: {} cells, {all} findings",
        of.target,
        of.cells.len()
    );
    if !counts.is_empty() {
        let _ = write!(out, " ({})", counts.join(", "));
    }
    let _ = write!(out, ", {new} of them new");
    if missing > 0 {
        let _ = write!(out, "; {missing} not there");
    }
    out.push('\n');
    let alone = Matrix::of(vec![of.clone()]);
    for (is_new, title) in [(true, "new"), (false, "known")] {
        for group in groups(&alone, |cell, finding| known.has(cell, finding) != is_new) {
            let _ = writeln!(
                out,
                "{title}, {}: {}",
                group.finding.kind.word(),
                group.finding.message
            );
            for (moments, _) in group.moments() {
                let _ = writeln!(out, "    {}", words(&moments));
            }
            for (configured, ways) in &group.sessions {
                let _ = writeln!(out, "    {configured}/: {}", ways.join(", "));
            }
        }
    }
    out
}
