//! The list of known failures after a new version: as text, so that what people wrote stays.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::recorder::Results;

/// What changed in the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// The cases of entries that don't hold any more.
    pub closed: BTreeSet<String>,
    /// The cases that have a new entry.
    pub added: BTreeSet<String>,
}

impl Changes {
    /// Nothing?
    pub fn is_empty(&self) -> bool {
        self.closed.is_empty() && self.added.is_empty()
    }
}

/// The longest start of a message that an entry quotes.
const QUOTED: usize = 200;

/// What a new entry gives for a reason, until a person has found it.
pub const NO_REASON: &str = "not looked at yet";

/// The list for the new version: entries that were refuted end before it, and what fails without an
/// entry gets one. `next` is a later version that is known already: of what holds from there on
/// nothing was learnt.
pub fn revised(text: &str, new: &str, next: Option<&str>, results: &Results) -> (String, Changes) {
    let mut changes = Changes::default();
    let (head, mut entries) = apart(text);
    let stale: BTreeSet<usize> = results.values().flat_map(|it| it.stale.clone()).collect();
    for entry in entries
        .iter_mut()
        .filter(|entry| stale.contains(&entry.line))
    {
        entry.leave_out(new, next);
        changes.closed.insert(entry.case().to_owned());
    }
    for (case, outcome) in results {
        for [check, message] in &outcome.failed {
            changes.added.insert(case.clone());
            entries.push(Entry {
                line: 0,
                text: new_entry(case, [check, message], new, next),
            });
        }
    }
    entries.sort_by(|a, b| a.case().cmp(b.case()));
    let entries = entries.iter().map(|entry| entry.text.as_str());
    (head + &entries.collect::<String>(), changes)
}

/// An entry as it stands in the file.
struct Entry {
    /// Its first line, counted from 1; 0 for a new one.
    line: usize,
    /// All its lines.
    text: String,
}

impl Entry {
    /// Its case, without quotes.
    fn case(&self) -> &str {
        let first = self.text.lines().next().unwrap_or_default();
        let case = first.split_once("case:").map_or(first, |(_, case)| case);
        case.trim().trim_matches(['\'', '"'])
    }

    /// Leaves a version out: bounds each of its ranges, or gives it one.
    fn leave_out(&mut self, version: &str, next: Option<&str>) {
        let line = self.text.lines().find(|line| line.starts_with(VERSIONS));
        let quoted = line.unwrap_or_default().replace('\'', "\"");
        let mut ranges: Vec<&str> = quoted.split('"').skip(1).step_by(2).collect();
        if ranges.is_empty() {
            ranges.push("");
        }
        let before = ranges.iter().map(|range| format!("{range} <{version}"));
        let behind = next.into_iter().flat_map(|next| {
            let ranges = ranges.iter();
            ranges.map(move |range| format!("{range} >={next}"))
        });
        let ranges: Vec<String> = before
            .chain(behind)
            .map(|range| format!("\"{}\"", range.trim()))
            .collect();
        let line = format!("{VERSIONS} [{}]\n", ranges.join(", "));
        let others = self.text.lines().filter(|line| !line.starts_with(VERSIONS));
        let others: String = others.flat_map(|line| [line, "\n"]).collect();
        self.text = others + &line;
    }
}

/// How the line with an entry's ranges begins.
const VERSIONS: &str = "  versions:";

/// What stands before the first entry, and the entries.
fn apart(text: &str) -> (String, Vec<Entry>) {
    let mut head = String::new();
    let mut entries: Vec<Entry> = Vec::new();
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        if line.starts_with("- ") {
            entries.push(Entry {
                line: number,
                text: String::new(),
            });
        }
        match entries.last_mut() {
            Some(entry) => entry.text.push_str(line),
            None => head.push_str(line),
        }
    }
    (head, entries)
}

fn new_entry(case: &str, [check, message]: [&str; 2], version: &str, next: Option<&str>) -> String {
    let first = message.lines().next().unwrap_or_default();
    let start: String = first.chars().take(QUOTED).collect();
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let end = next.map_or_else(String::new, |next| format!(" <{next}"));
    format!(
        "- case: {}\n  check: {check}\n  message: {}\n  reason: {NO_REASON}\n\
         {VERSIONS} [\">={version}{end}\"]\n",
        quoted(case),
        quoted(&start)
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::recorder::Outcome;
    use super::*;
    use crate::known_failures::KnownFailures;

    const LIST: &str = "\
# What fails.
- case: 'a/always'
  check: c
  message: m
  reason: r
- case: a/since
  check: c
  message: m
  reason: r
  versions: [\"0.9.0\", \">=1.0.0\"]
- case: 'b/stays'
  check: c
  message: m
  reason: r
  versions: [\">=1.0.0\"]
";

    fn results() -> Results {
        let stale = |lines: &[usize]| Outcome {
            word: "failed".into(),
            stale: lines.to_vec(),
            ..Outcome::default()
        };
        let new = Outcome {
            word: "failed".into(),
            failed: vec![["step-1.expect".into(), "it's \"wrong\"\nmore".into()]],
            ..Outcome::default()
        };
        Results::from([
            ("a/always".into(), stale(&[2])),
            ("a/since".into(), stale(&[6])),
            ("a/new[x='y']".into(), new),
        ])
    }

    #[test]
    fn refuted_entries_end_and_new_failures_begin() {
        let (text, changes) = revised(LIST, "1.2.0", None, &results());
        assert_eq!(changes.closed.len(), 2);
        assert_eq!(changes.added.len(), 1);
        assert!(
            text.starts_with("# What fails.\n- case: 'a/always'\n"),
            "{text}"
        );
        assert!(text.contains("  versions: [\"<1.2.0\"]\n"), "{text}");
        assert!(
            text.contains("[\"0.9.0 <1.2.0\", \">=1.0.0 <1.2.0\"]"),
            "{text}"
        );
        assert!(text.contains("message: 'it''s \"wrong\"'\n"), "{text}");
        let read = KnownFailures::parse(Path::new("codex.yaml"), &text).unwrap();
        let of = |version: &str| {
            let entries = read.entries().iter();
            let held = entries.filter(|entry| entry.versions.has(version));
            held.map(|entry| entry.case.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(of("1.1.0"), ["a/always", "a/since", "b/stays"]);
        assert_eq!(of("1.2.0"), ["a/new[x='y']", "b/stays"]);
    }

    #[test]
    fn of_later_versions_that_are_known_nothing_was_learnt() {
        let (text, _) = revised(LIST, "1.2.0", Some("1.3.0"), &results());
        let read = KnownFailures::parse(Path::new("codex.yaml"), &text).unwrap();
        let of = |version: &str| {
            let entries = read.entries().iter();
            let held = entries.filter(|entry| entry.versions.has(version));
            held.map(|entry| entry.case.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(of("1.2.5"), ["a/new[x='y']", "b/stays"]);
        assert_eq!(of("1.3.0"), ["a/always", "a/since", "b/stays"]);
    }

    #[test]
    fn without_news_the_list_stays_as_it_is() {
        let (text, changes) = revised(LIST, "1.2.0", None, &Results::new());
        assert_eq!((text.as_str(), changes.is_empty()), (LIST, true));
    }
}
