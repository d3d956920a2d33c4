//! Permissions that a command asks for beside its sandbox, or was granted before.

use codex_wire::policy::ApprovalPolicy;

use super::verdict::{named, never_escalates};
use super::{ExecArgs, SandboxPermissions};
use crate::permission::Permissions;
use crate::turn::emit::Scope;
use crate::turn::toolcall::Outcome;

const DISABLED: &str = "additional permissions are disabled; enable \
    `features.exec_permission_approvals` before using `with_additional_permissions`";

const MISSING: &str = "missing `additional_permissions`; provide at least one of `network` or \
    `file_system` when using `with_additional_permissions`";

const EMPTY: &str = "`additional_permissions` must include at least one requested permission in \
    `network` or `file_system`";

const CONTRADICTION: &str = "`additional_permissions` requires `sandbox_permissions` set to \
    `with_additional_permissions`";

/// How a command's limits differ from those of its thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Beyond {
    /// Not at all.
    Nothing,
    /// It wants to leave the sandbox.
    Sandbox,
    /// Permissions inside the sandbox, all of which the client has granted before.
    Granted(Permissions),
    /// The same, but somebody has to be asked.
    Asked(Permissions),
}

impl Beyond {
    /// The permissions inside the sandbox.
    pub(super) fn permissions(&self) -> Option<&Permissions> {
        match self {
            Self::Granted(permissions) | Self::Asked(permissions) => Some(permissions),
            Self::Nothing | Self::Sandbox => None,
        }
    }

    /// Does it want something that it hasn't got yet?
    pub(super) fn is_asked(&self) -> bool {
        matches!(self, Self::Sandbox | Self::Asked(_))
    }
}

/// What the arguments ask for, with what the turn was granted; or why they can't be had.
pub(super) fn of(scope: &Scope, args: &ExecArgs, cwd: &std::path::Path) -> Result<Beyond, Outcome> {
    let wants = wants(args);
    let told = |text: &str| Outcome::Output(text.to_owned());
    let granted = scope.thread.granted.borrow().of(&scope.turn);
    let asked = match &args.additional_permissions {
        Some(asked) => Some(asked.resolve(cwd).map_err(told)?),
        None => None,
    };
    let known = |asked: &Permissions| !asked.is_empty() && asked.within(&granted) == *asked;
    if wants != Wants::Escalation && asked.as_ref().is_some_and(known) {
        return Ok(Beyond::Granted(asked.unwrap_or_default().and(&granted)));
    }
    let policy = scope.settings.approval_policy;
    let enabled = scope.settings.permission_tools.with_commands;
    if wants != Wants::Nothing
        && let Some(refusal) = never_escalates(policy)
    {
        return Err(Outcome::Output(refusal));
    }
    if !enabled && (wants == Wants::Permissions || asked.is_some()) {
        return Err(told(DISABLED));
    }
    match (wants, asked) {
        (Wants::Permissions, _) if policy != ApprovalPolicy::OnRequest => {
            Err(Outcome::Output(format!(
                "approval policy is {}; reject command \u{2014} you cannot request additional \
                 permissions unless the approval policy is OnRequest",
                named(policy)
            )))
        }
        (Wants::Permissions, None) => Err(told(MISSING)),
        (Wants::Permissions, Some(asked)) if asked.is_empty() => Err(told(EMPTY)),
        (Wants::Permissions, Some(asked)) => Ok(Beyond::Asked(asked.and(&granted))),
        (_, Some(_)) => Err(told(CONTRADICTION)),
        (Wants::Escalation, None) => Ok(Beyond::Sandbox),
        (Wants::Nothing, None) if granted.is_empty() => Ok(Beyond::Nothing),
        (Wants::Nothing, None) => Ok(Beyond::Granted(granted)),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    Nothing,
    Permissions,
    Escalation,
}

/// Permissions are wanted also where they are only listed.
fn wants(args: &ExecArgs) -> Wants {
    match args.sandbox_permissions {
        Some(SandboxPermissions::RequireEscalated) => Wants::Escalation,
        Some(SandboxPermissions::WithAdditionalPermissions) => Wants::Permissions,
        _ if args.additional_permissions.is_some() => Wants::Permissions,
        _ => Wants::Nothing,
    }
}
