//! What is asked for: by what a way puts on the wire, else by what is configured, else by codex's
//! own defaults.

use codex_wire::policy::{SandboxMode, SandboxPolicy, WorkspaceWrite};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::reach::Reach;
use super::way::{Configured, Way};

/// What is to be in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The sandbox.
    pub sandbox: SandboxPolicy,
    /// `approvalPolicy`.
    pub approval: String,
    /// `approvalsReviewer`.
    pub reviewer: String,
    /// The permission profile, where one is named.
    pub profile: Option<String>,
}

impl Asked {
    /// What a way asks for on top of a default. Without either it is what codex documents: a
    /// read-only sandbox, and to be asked.
    pub fn of(way: &Way, configured: &Configured) -> Self {
        let config = configured.with(way);
        let wire = way.wire();
        let text = |members: &Map<String, Value>, name: &str| {
            members.get(name).and_then(Value::as_str).map(str::to_owned)
        };
        let by_config = || of_config(&config);
        let profile = text(&wire, "permissions");
        let on_wire = read(wire.get("sandboxPolicy"))
            .or_else(|| Some(read::<SandboxMode>(wire.get("sandbox"))?.to_policy()))
            .or_else(|| of_profile(profile.as_deref()?));
        let profile = match on_wire {
            Some(_) => profile,
            None => text(&config, "default_permissions"),
        };
        Self {
            sandbox: on_wire.unwrap_or_else(by_config),
            approval: text(&wire, "approvalPolicy")
                .or_else(|| text(&config, "approval_policy"))
                .unwrap_or_else(|| "on-request".to_owned()),
            reviewer: text(&wire, "approvalsReviewer").unwrap_or_else(|| "user".to_owned()),
            profile,
        }
    }

    /// What commands may do then.
    pub fn reach(&self) -> Reach {
        Reach::of_policy(&self.sandbox)
    }
}

/// `default_permissions` wins over `sandbox_mode` (seen with codex 0.169.0).
fn of_config(config: &Map<String, Value>) -> SandboxPolicy {
    let named = config.get("default_permissions").and_then(Value::as_str);
    if let Some(policy) = named.and_then(of_profile) {
        return policy;
    }
    let mode = read(config.get("sandbox_mode")).unwrap_or(SandboxMode::ReadOnly);
    match mode.to_policy() {
        SandboxPolicy::WorkspaceWrite(_) => {
            let details = config.get("sandbox_workspace_write");
            let is = |name: &str| details.is_some_and(|details| details[name] == true);
            SandboxPolicy::WorkspaceWrite(WorkspaceWrite {
                network_access: is("network_access"),
                exclude_slash_tmp: is("exclude_slash_tmp"),
                exclude_tmpdir_env_var: is("exclude_tmpdir_env_var"),
                ..WorkspaceWrite::default()
            })
        }
        other => other,
    }
}

/// What a built-in profile stands for.
fn of_profile(id: &str) -> Option<SandboxPolicy> {
    let mode = match id {
        ":read-only" => SandboxMode::ReadOnly,
        ":workspace" => SandboxMode::WorkspaceWrite,
        ":danger-full-access" => SandboxMode::DangerFullAccess,
        _ => return None,
    };
    Some(mode.to_policy())
}

fn read<T: DeserializeOwned>(value: Option<&Value>) -> Option<T> {
    serde_json::from_value(value?.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(way: &str, configured: &str) -> (String, String) {
        let way = Way::all().into_iter().find(|it| it.name == way).unwrap();
        let mut all = Configured::all().into_iter();
        let configured = all.find(|it| it.name == configured).unwrap();
        let asked = Asked::of(&way, &configured);
        let label = format!("{} {}", asked.sandbox.mode_name(), asked.reach().names());
        (label, format!("{} {}", asked.approval, asked.reviewer))
    }

    #[test]
    fn what_is_set_wins_over_what_is_configured_and_that_over_codexs_own() {
        let rows = [
            ("defaults", "none", "read-only nothing", "on-request user"),
            (
                "defaults",
                "full-access",
                "danger-full-access inside, outside, tmp, connect",
                "never user",
            ),
            (
                "defaults",
                "none-then-full-access",
                "read-only nothing",
                "on-request user",
            ),
            (
                "start-auto-review",
                "full-access",
                "danger-full-access inside, outside, tmp, connect",
                "on-request auto_review",
            ),
            (
                "sandbox-workspace-write",
                "full-access",
                "workspace-write inside, tmp",
                "never user",
            ),
            (
                "permissions-workspace",
                "none",
                "workspace-write inside, tmp",
                "on-request user",
            ),
            (
                "turn-policy-workspace-write-network",
                "none",
                "workspace-write inside, connect",
                "on-request user",
            ),
            (
                "turn-policy-external",
                "none",
                "external-sandbox inside, outside, tmp, connect",
                "on-request user",
            ),
            (
                "config-permissions-read-only",
                "full-access",
                "read-only nothing",
                "never user",
            ),
            (
                "config-workspace-write-network",
                "full-access",
                "workspace-write inside, connect",
                "never user",
            ),
            (
                "config-of-the-command-line",
                "none",
                "workspace-write inside, tmp",
                "on-request user",
            ),
            (
                "update-approval-never",
                "workspace-write",
                "workspace-write inside, tmp",
                "never user",
            ),
        ];
        for (way, configured, sandbox, approvals) in rows {
            let expected = (sandbox.to_owned(), approvals.to_owned());
            assert_eq!(asked(way, configured), expected, "{way} on {configured}");
        }
    }

    #[test]
    fn four_ways_ask_for_what_is_the_default_anyway() {
        let mut all = Configured::all().into_iter();
        let none = all.find(|it| it.name == "none").unwrap();
        let plain: Vec<String> = Way::all()
            .into_iter()
            .filter(|way| Asked::of(way, &none) == Asked::of(&Way::all()[0], &none))
            .map(|way| way.name)
            .collect();
        assert_eq!(
            plain,
            [
                "defaults",
                "sandbox-read-only",
                "turn-read-only",
                "update-read-only"
            ]
        );
    }
}
