//! May a command run, must the client be asked, or is it refused?

use codex_wire::policy::{ApprovalPolicy, ApprovalsReviewer, SandboxPolicy};

use super::launch::Planned;
use super::rejected;
use crate::quirk::Id as Quirk;
use crate::turn::emit::Scope;
use crate::turn::toolcall::Outcome;

const NEVER_ESCALATE: &str = "approval policy is Never; reject command \u{2014} you cannot ask for \
    escalated permissions if the approval policy is Never";

/// What becomes of a command.
#[derive(Debug)]
pub(super) enum Verdict {
    Run,
    Ask,
    Review,
    Refuse(Outcome),
}

/// The verdict on a command of this turn.
pub(super) fn of(scope: &Scope, planned: &Planned, escalated: bool) -> Verdict {
    let (policy, reviewer, sandboxed) = {
        let state = scope.thread.state.borrow();
        let settings = &state.settings;
        let sandboxed = matches!(
            settings.sandbox,
            SandboxPolicy::ReadOnly { .. } | SandboxPolicy::WorkspaceWrite(_)
        );
        (settings.approval_policy, settings.reviewer, sandboxed)
    };
    let approved = scope.thread.approved.borrow().contains(&planned.argv);
    let dangerous = is_dangerous(&planned.cmd)
        && (policy != ApprovalPolicy::Never
            || scope
                .server
                .quirks
                .has(Quirk::NeverRefusesDangerousCommands));
    let ask = match policy {
        _ if approved => false,
        ApprovalPolicy::Never if escalated => {
            return Verdict::Refuse(Outcome::Output(NEVER_ESCALATE.to_owned()));
        }
        ApprovalPolicy::Never if dangerous => {
            return Verdict::Refuse(rejected(&format!(
                "`{}` rejected: rm -f style commands are not permitted. Use a safer approach",
                planned.display
            )));
        }
        ApprovalPolicy::Never => false,
        ApprovalPolicy::Untrusted => true,
        ApprovalPolicy::OnRequest => dangerous || (escalated && sandboxed),
        ApprovalPolicy::Granular(switches) => {
            let needed = dangerous || (escalated && sandboxed);
            if needed && !switches.sandbox_approval {
                return Verdict::Refuse(rejected(
                    "approval policy is granular and rejects prompts to leave the sandbox",
                ));
            }
            needed
        }
    };
    // Under the other policies the client is asked, whoever is named as the reviewer.
    let reviews = reviewer == ApprovalsReviewer::AutoReview && policy == ApprovalPolicy::OnRequest;
    match (ask, reviews) {
        (false, _) => Verdict::Run,
        (true, false) => Verdict::Ask,
        (true, true) => Verdict::Review,
    }
}

/// Does a command line delete by force?
fn is_dangerous(line: &str) -> bool {
    let Some(words) = shlex::split(line) else {
        return false;
    };
    words
        .split(|word| matches!(word.as_str(), "&&" | "||" | ";" | "|" | "&"))
        .any(deletes_by_force)
}

fn deletes_by_force(words: &[String]) -> bool {
    match words.split_first() {
        Some((program, rest)) if program == "sudo" => deletes_by_force(rest),
        Some((program, rest)) => {
            program.rsplit('/').next() == Some("rm")
                && rest.first().is_some_and(|flags| {
                    flags.starts_with('-') && !flags.starts_with("--") && flags.contains('f')
                        || flags == "--force"
                })
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_dangerous;

    #[test]
    fn forced_deletion_is_dangerous_wherever_it_stands() {
        for line in [
            "rm -rf x",
            "rm -f x",
            "cd a && /bin/rm -fr x",
            "sudo rm -rf /",
        ] {
            assert!(is_dangerous(line), "{line}");
        }
        for line in ["rm x", "rm -r x", "echo 'rm -rf x'", "rmdir -f x", "it's"] {
            assert!(!is_dangerous(line), "{line}");
        }
    }
}
