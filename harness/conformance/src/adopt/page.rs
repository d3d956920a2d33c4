//! The page that tells what changed with a version, for the documents.

use super::Plan;
use crate::schema::diff::{Diff, report};

/// The page: the protocol, then what the scenarios showed.
pub(super) fn page(plan: &Plan<'_>, diff: &Diff, drift: &str) -> String {
    let Plan { old, new, .. } = plan;
    format!(
        "# codex {new}, compared with {old}\n\nWritten by `codex-conformance adopt codex@{new} --from \
         codex@{old}` ([drift.md](../drift.md)).\n\n{}\n{}",
        lowered(&report::markdown(diff)),
        lowered(drift)
    )
}

/// With each heading a level lower; what looks like one in a block of code is none.
fn lowered(markdown: &str) -> String {
    let mut code = false;
    let lines = markdown.lines().map(|line| {
        code ^= line.starts_with("```");
        let deeper = !code && line.starts_with('#');
        format!("{}{line}\n", if deeper { "#" } else { "" })
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_lowered_and_steps_are_no_headings() {
        let text = "# A\n\n```text\n# step 1\n```\n## B\n";
        assert_eq!(lowered(text), "## A\n\n```text\n# step 1\n```\n### B\n");
    }
}
