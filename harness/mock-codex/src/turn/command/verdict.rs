//! May a command run, must the client be asked, or is it refused?

use codex_wire::policy::{ApprovalPolicy, GranularApproval, SandboxPolicy};

use super::additional::Beyond;
use super::launch::Planned;
use super::{actions, danger, rejected};
use crate::quirk::Id as Quirk;
use crate::rules::{Decision, Match};
use crate::turn::emit::Scope;
use crate::turn::toolcall::Outcome;

/// What becomes of a command.
#[derive(Debug)]
pub(super) enum Verdict {
    Run { sandboxed: bool },
    Ask(Why),
    Refuse(Outcome),
}

/// Why somebody has to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// It wants to leave the sandbox, is dangerous, or not known to be harmless.
    Command,
    /// The same where prompts to leave the sandbox are off: it is dangerous.
    Danger,
    /// A rule says so; no rule can be proposed then.
    Rule,
    /// The sandbox stopped it, and it is to be tried without.
    Denied,
    /// A reviewer decides about everything in this turn.
    Strict,
}

/// The verdict on a command of this turn.
pub(super) fn of(scope: &Scope, planned: &Planned) -> Verdict {
    let (policy, sandboxed) = {
        let settings = &scope.settings;
        let sandboxed = matches!(
            settings.sandbox,
            SandboxPolicy::ReadOnly { .. } | SandboxPolicy::WorkspaceWrite(_)
        );
        (settings.approval_policy, sandboxed)
    };
    let wants_more = planned.beyond.is_asked();
    let found = by_rules(scope, planned);
    match found.iter().flatten().max_by_key(|found| found.decision) {
        Some(found) if found.decision == Decision::Forbidden => {
            return Verdict::Refuse(forbidden(planned, found));
        }
        Some(found) if found.decision == Decision::Prompt => {
            return match policy {
                ApprovalPolicy::Never => Verdict::Refuse(rejected(
                    "approval required by policy, but AskForApproval is set to Never",
                )),
                ApprovalPolicy::Granular(GranularApproval { rules: false, .. }) => {
                    Verdict::Refuse(rejected(
                        "approval required by policy rule, but AskForApproval::Granular.rules is \
                         false",
                    ))
                }
                _ => Verdict::Ask(Why::Rule),
            };
        }
        _ if found.iter().all(Option::is_some) => return Verdict::Run { sandboxed: false },
        _ => {}
    }
    let refuses = policy != ApprovalPolicy::Never
        || scope
            .server
            .quirks
            .has(Quirk::NeverRefusesDangerousCommands);
    let dangerous = refuses && danger::is_dangerous(&planned.cmd);
    let ask = match policy {
        ApprovalPolicy::Never if dangerous => {
            return Verdict::Refuse(rejected(&format!(
                "`{}` rejected: rm -f style commands are not permitted. Use a safer approach",
                planned.display
            )));
        }
        ApprovalPolicy::Never => false,
        ApprovalPolicy::Untrusted => true,
        ApprovalPolicy::OnRequest | ApprovalPolicy::Granular(_) => {
            dangerous || (wants_more && sandboxed)
        }
    };
    let strict = scope.thread.granted.borrow().are_reviewed(&scope.turn);
    match ask {
        _ if strict => Verdict::Ask(Why::Strict),
        true if !planned.is_approved(scope) => match never_escalates(policy) {
            Some(_) => Verdict::Ask(Why::Danger),
            None => Verdict::Ask(Why::Command),
        },
        _ => Verdict::Run {
            sandboxed: planned.beyond != Beyond::Sandbox,
        },
    }
}

/// May a command that its sandbox stopped be tried without one?
pub(super) fn leaves_room(scope: &Scope) -> bool {
    match scope.settings.approval_policy {
        ApprovalPolicy::Untrusted => true,
        ApprovalPolicy::Granular(switches) => switches.sandbox_approval,
        ApprovalPolicy::Never | ApprovalPolicy::OnRequest => false,
    }
}

/// What the model is told where a policy lets no command leave the sandbox.
pub(super) fn never_escalates(policy: ApprovalPolicy) -> Option<String> {
    let name = match policy {
        ApprovalPolicy::Never => named(policy),
        ApprovalPolicy::Granular(switches) if !switches.sandbox_approval => named(policy),
        _ => return None,
    };
    Some(format!(
        "approval policy is {name}; reject command \u{2014} you cannot ask for escalated \
         permissions if the approval policy is {name}"
    ))
}

/// A policy by the name that codex gives it in what it tells the model.
pub(super) fn named(policy: ApprovalPolicy) -> String {
    let GranularApproval {
        sandbox_approval,
        rules,
        skill_approval,
        request_permissions,
        mcp_elicitations,
    } = match policy {
        ApprovalPolicy::Granular(switches) => switches,
        ApprovalPolicy::Never => return "Never".to_owned(),
        ApprovalPolicy::OnRequest => return "OnRequest".to_owned(),
        ApprovalPolicy::Untrusted => return "UnlessTrusted".to_owned(),
    };
    format!(
        "Granular(GranularApprovalConfig {{ sandbox_approval: {sandbox_approval}, rules: {rules}, \
         skill_approval: {skill_approval}, request_permissions: {request_permissions}, \
         mcp_elicitations: {mcp_elicitations} }})"
    )
}

/// What rules say about each simple command of the line.
fn by_rules(scope: &Scope, planned: &Planned) -> Vec<Option<Match>> {
    let about = |words: &Vec<String>| scope.server.rules.about(words);
    parts(planned).iter().map(about).collect()
}

/// The first simple command of the line that no rule is about, which a rule could allow.
pub(super) fn first_without_rule(scope: &Scope, planned: &Planned) -> Vec<String> {
    let mut parts = parts(planned);
    let unknown = |words: &Vec<String>| scope.server.rules.about(words).is_none();
    let first = parts.iter().position(unknown).unwrap_or(0);
    parts.swap_remove(first)
}

/// The simple commands of the line; the whole argv where it has more to it.
fn parts(planned: &Planned) -> Vec<Vec<String>> {
    actions::parts(&planned.cmd).unwrap_or_else(|| vec![planned.argv.clone()])
}

fn forbidden(planned: &Planned, found: &Match) -> Outcome {
    let why = found.justification.clone().unwrap_or_else(|| {
        let prefix = actions::join(&found.prefix);
        format!("policy forbids commands starting with `{prefix}`")
    });
    rejected(&format!("`{}` rejected: {why}", planned.display))
}
