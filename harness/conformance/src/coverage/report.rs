//! Coverage as text and as JSON.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{Area, Coverage, Covered};

/// The most names that a line lists, unless all are wanted.
const NAMES: usize = 40;

/// The coverage for people; with `all` every name is listed.
pub fn text(coverage: &Coverage, all: bool) -> String {
    let mut out = format!(
        "{:16} {:>6} {:>6}   of codex {}\n",
        "coverage", "seen", "never", coverage.version
    );
    for (name, Covered { seen, never }) in areas(coverage) {
        // Writing to a string can't fail.
        let _ = writeln!(
            out,
            "{name:16} {:>6} {:>6}   {} %",
            seen.len(),
            never.len(),
            percent(seen.len(), never.len())
        );
    }
    for (name, covered) in areas(coverage) {
        if !covered.never.is_empty() {
            let most = if all { usize::MAX } else { NAMES };
            let _ = writeln!(out, "\n{name}, never:\n  {}", list(&covered.never, most));
        }
    }
    out
}

/// The coverage for programs.
pub fn json(coverage: &Coverage) -> Value {
    let areas: Map<String, Value> = areas(coverage)
        .map(|(name, Covered { seen, never })| {
            let value = json!({ "seen": seen, "never": never });
            (name.replace(' ', "_"), value)
        })
        .collect();
    json!({ "version": 1, "codex": coverage.version, "areas": areas })
}

fn areas(coverage: &Coverage) -> impl Iterator<Item = (&'static str, &Covered)> {
    let all = Area::ALL.into_iter();
    all.filter_map(|(area, name)| Some((name, coverage.areas.get(&area)?)))
}

fn percent(seen: usize, never: usize) -> usize {
    (100 * seen).checked_div(seen + never).unwrap_or(100)
}

fn list(names: &BTreeSet<String>, most: usize) -> String {
    let shown: Vec<&str> = names.iter().take(most).map(String::as_str).collect();
    let rest = match names.len().saturating_sub(most) {
        0 => String::new(),
        more => format!("\n  and {more} more; `--all` lists them"),
    };
    shown.join("\n  ") + &rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn coverage() -> Coverage {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let covered = Covered {
            seen: set(&["a/do"]),
            never: set(&["b/do", "c/do"]),
        };
        Coverage {
            version: "1.2.3".into(),
            areas: BTreeMap::from([(Area::ClientMethods, covered)]),
        }
    }

    #[test]
    fn people_see_what_is_missing() {
        let lines = text(&coverage(), false);
        assert_eq!(
            lines,
            "coverage           seen  never   of codex 1.2.3\n\
             client methods        1      2   33 %\n\n\
             client methods, never:\n  b/do\n  c/do\n"
        );
        let names: BTreeSet<String> = (0..NAMES + 2).map(|n| format!("n{n:02}")).collect();
        assert!(list(&names, NAMES).ends_with("n39\n  and 2 more; `--all` lists them"));
    }

    #[test]
    fn programs_learn_the_same() {
        let json = json(&coverage());
        assert_eq!(json["areas"]["client_methods"]["never"][1], "c/do");
        assert_eq!(json["codex"], "1.2.3");
    }
}
