//! A certificate as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Certificate, Counts, Outcome, Seen, Verdict};
use crate::compare::show::{place, side_by_side};
use crate::coverage::Area;

/// The most names that a line of the coverage lists.
const NAMES: usize = 200;

/// The certificate for people.
pub fn text(certificate: &Certificate) -> String {
    let mut out = String::new();
    for verdict in &certificate.cases {
        case(&mut out, verdict, &certificate.targets);
    }
    for pattern in &certificate.stale {
        line(
            &mut out,
            &format!("stale    the exception `{pattern}` explains no difference; remove it"),
        );
    }
    coverage(&mut out, certificate);
    let again = certificate.cases.iter().filter(|verdict| verdict.again);
    let again: Vec<&str> = again
        .filter(|verdict| matches!(verdict.outcome, Outcome::Equal))
        .map(|verdict| verdict.id.as_str())
        .collect();
    if !again.is_empty() {
        line(
            &mut out,
            &format!("equal only when run again: {}", again.join(", ")),
        );
    }
    let Counts {
        equal,
        listed,
        differ,
        skipped,
        broken,
    } = certificate.counts();
    line(
        &mut out,
        &format!(
            "{} cases on `{}` and `{}`: {equal} equal, {listed} listed, {differ} differ, \
             {skipped} skipped, {broken} broken",
            certificate.cases.len(),
            certificate.targets[0],
            certificate.targets[1],
        ),
    );
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn case(out: &mut String, verdict: &Verdict, targets: &[String; 2]) {
    let id = &verdict.id;
    match &verdict.outcome {
        Outcome::Equal => {}
        Outcome::Skipped(reason) => line(out, &format!("skipped  {id}: {reason}")),
        Outcome::Broken(reason) => line(out, &format!("broken   {id}: {reason}")),
        Outcome::Listed(reason, _) => line(out, &format!("listed   {id}: {reason}")),
        Outcome::Differs(difference) => {
            line(out, &format!("differs  {id}: {}", place(difference)));
            side_by_side(out, difference, targets);
        }
    }
}

fn coverage(out: &mut String, certificate: &Certificate) {
    let [left, right] = &certificate.targets;
    let _ = writeln!(
        out,
        "{:16} {:>6} {:>6} {:>6} {:>6}   seen on both, only on `{left}`, only on `{right}`, never",
        "coverage", "both", "only 1", "only 2", "never"
    );
    for (area, name) in Area::ALL {
        let Some(seen) = certificate.coverage.get(&area) else {
            continue;
        };
        let _ = writeln!(
            out,
            "{name:16} {:>6} {:>6} {:>6} {:>6}",
            seen.both.len(),
            seen.only[0].len(),
            seen.only[1].len(),
            seen.never.len()
        );
    }
    for (area, name) in Area::ALL {
        if let Some(seen) = certificate.coverage.get(&area) {
            names(out, name, seen, &certificate.targets);
        }
    }
}

fn names(out: &mut String, area: &str, seen: &Seen, targets: &[String; 2]) {
    let mut list = |label: String, names: &std::collections::BTreeSet<String>| {
        if names.is_empty() {
            return;
        }
        let shown: Vec<&str> = names.iter().take(NAMES).map(String::as_str).collect();
        let more = names.len().saturating_sub(NAMES);
        let rest = if more > 0 {
            format!(", and {more} more")
        } else {
            String::new()
        };
        let _ = writeln!(out, "  {area}, {label}: {}{rest}", shown.join(", "));
    };
    for (target, only) in targets.iter().zip(&seen.only) {
        list(format!("only on `{target}`"), only);
    }
    list("never".to_owned(), &seen.never);
}

/// The certificate for programs.
pub fn json(certificate: &Certificate) -> Value {
    let counts = certificate.counts();
    let coverage: serde_json::Map<String, Value> = Area::ALL
        .into_iter()
        .filter_map(|(area, name)| {
            let seen = certificate.coverage.get(&area)?;
            let value = json!({
                "both": seen.both,
                "only_certified": seen.only[0],
                "only_against": seen.only[1],
                "never": seen.never,
            });
            Some((name.replace(' ', "_"), value))
        })
        .collect();
    json!({
        "version": 1,
        "certified": certificate.targets[0],
        "against": certificate.targets[1],
        "holds": certificate.holds(),
        "summary": {
            "equal": counts.equal,
            "listed": counts.listed,
            "differ": counts.differ,
            "skipped": counts.skipped,
            "broken": counts.broken,
        },
        "stale_exceptions": certificate.stale,
        "cases": certificate.cases.iter().map(case_json).collect::<Vec<_>>(),
        "coverage": coverage,
    })
}

fn case_json(verdict: &Verdict) -> Value {
    let (outcome, reason, difference) = match &verdict.outcome {
        Outcome::Equal => ("equal", None, None),
        Outcome::Differs(difference) => ("differs", None, Some(difference)),
        Outcome::Listed(reason, difference) => ("listed", Some(reason), Some(difference)),
        Outcome::Skipped(reason) => ("skipped", Some(reason), None),
        Outcome::Broken(reason) => ("broken", Some(reason), None),
    };
    json!({
        "id": verdict.id,
        "outcome": outcome,
        "again": verdict.again,
        "reason": reason,
        "difference": difference.map(|difference| json!({
            "wire": difference.wire,
            "frame": difference.frame,
            "certified": difference.sides[0],
            "against": difference.sides[1],
        })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Difference;

    fn certificate() -> Certificate {
        let difference = Difference {
            wire: "server",
            frame: 12,
            sides: [
                Some("← turn/completed\n  status: completed\n  items: []".to_owned()),
                Some("← turn/completed\n  status: failed\n  items: []".to_owned()),
            ],
        };
        let verdict = |id: &str, outcome| Verdict {
            id: id.to_owned(),
            outcome,
            again: false,
        };
        Certificate {
            targets: ["mock".to_owned(), "codex@1.2.3".to_owned()],
            cases: vec![
                verdict("a/equal", Outcome::Equal),
                verdict("a/differs", Outcome::Differs(Box::new(difference))),
            ],
            coverage: super::super::both(<[_; 2]>::default(), None),
            stale: vec!["gone/*".to_owned()],
            complete: true,
        }
    }

    #[test]
    fn a_difference_is_shown_side_by_side() {
        let text = text(&certificate());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "differs  a/differs: wire `server`, frame 12");
        assert!(
            lines[1].contains("mock") && lines[1].ends_with("codex@1.2.3"),
            "{text}"
        );
        assert!(lines[3].starts_with("  >   status: completed"), "{text}");
        assert!(lines[3].ends_with("│   status: failed"), "{text}");
        assert!(
            text.contains("the exception `gone/*` explains no difference"),
            "{text}"
        );
        assert!(
            text.ends_with("1 equal, 0 listed, 1 differ, 0 skipped, 0 broken\n"),
            "{text}"
        );
    }

    #[test]
    fn programs_learn_the_same() {
        let json = json(&certificate());
        assert_eq!(json["holds"], false);
        assert_eq!(json["summary"]["differ"], 1);
        assert_eq!(json["cases"][1]["difference"]["frame"], 12);
    }
}
