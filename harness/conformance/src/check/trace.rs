//! The trace rules, as checks of a case.

use codex_wire::trace;
use codex_wire::transcript::Entry;

use crate::run::outcome::Check;

/// What the rules say of a run: one check that holds, or one for each rule that is broken, with
/// the first frame that shows it. What codex is known to break is no failure.
pub fn judge(transcript: &[Entry]) -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::new();
    for finding in trace::judge(transcript) {
        let id = format!("trace.{}", finding.rule.id);
        let known = finding.exception.is_some() || checks.iter().any(|check| check.id == id);
        if !known {
            checks.push(Check {
                id,
                passed: false,
                message: format!("{}\n{}", finding.message, finding.rule.says),
                at: None,
                entry: finding.number.checked_sub(1),
            });
        }
    }
    if checks.is_empty() {
        checks.push(Check {
            id: "trace".into(),
            passed: true,
            message: String::new(),
            at: None,
            entry: None,
        });
    }
    checks
}
