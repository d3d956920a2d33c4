//! What a thread runs with.

use std::collections::BTreeSet;
use std::path::PathBuf;

use codex_wire::policy::{ApprovalPolicy, ApprovalsReviewer, SandboxPolicy};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::config::{Documents, ShellEnvironment};
use crate::permission::{OwnProfile, Profile, ProfilePlace};
use crate::protocol::dynamic_tool::DynamicTool;
use crate::protocol::params::{Personality, ReasoningSummary};
use crate::protocol::reply::{Environment, PermissionProfile, ThreadSettings};
use crate::sandbox::Sandbox;

/// The settings of a thread; overrides of a turn change them for all later turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) cwd: PathBuf,
    pub(crate) workspace_roots: Vec<PathBuf>,
    pub(crate) model: String,
    pub(crate) provider: String,
    /// The ids of plugins that are switched off.
    #[serde(default)]
    pub(crate) plugins: Vec<String>,
    pub(crate) service_tier: Option<String>,
    pub(crate) approval_policy: ApprovalPolicy,
    pub(crate) reviewer: ApprovalsReviewer,
    pub(crate) sandbox: SandboxPolicy,
    /// The thread's directory when a client gave the sandbox as a policy. Its `.codex` stays
    /// protected, as codex 0.169.0 does it.
    #[serde(default)]
    pub(crate) policy_directory: Option<PathBuf>,
    /// The permission profile that the sandbox was chosen by, if it was.
    pub(crate) profile: Option<Profile>,
    pub(crate) effort: Option<String>,
    pub(crate) summary: Option<ReasoningSummary>,
    pub(crate) personality: Option<Personality>,
    pub(crate) base_instructions: Option<String>,
    pub(crate) developer_instructions: Option<String>,
    #[serde(default)]
    pub(crate) collaboration: Collaboration,
    /// The tools that the client brought.
    #[serde(default)]
    pub(crate) dynamic_tools: Vec<DynamicTool>,
    /// How the model may ask for permissions.
    #[serde(default)]
    pub(crate) permission_tools: PermissionTools,
    /// What `AGENTS.md` says where the thread works.
    #[serde(default)]
    pub(crate) documents: Documents,
    /// The variables that commands get.
    #[serde(default)]
    pub(crate) shell_environment: ShellEnvironment,
    /// How many tokens the model's context holds, and when it is compacted.
    #[serde(default)]
    pub(crate) window: ContextWindow,
}

/// The model's context: what configuration says of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContextWindow {
    /// `model_context_window`, in tokens.
    pub(crate) size: Option<i64>,
    /// `model_auto_compact_token_limit`, in tokens.
    pub(crate) compact_at: Option<i64>,
}

impl ContextWindow {
    /// The size that is taken where nothing is known of a model (codex 0.169.0).
    const USUAL: i64 = 272_000;

    fn size(self) -> i64 {
        self.size.unwrap_or(Self::USUAL)
    }

    /// What of it is used, as clients are told: 95 %.
    pub(crate) fn usable(self) -> i64 {
        self.size().saturating_mul(95) / 100
    }

    /// From how many tokens on it is compacted: 90 % of it, or fewer.
    pub(crate) fn limit(self) -> i64 {
        let most = self.size().saturating_mul(9) / 10;
        self.compact_at.map_or(most, |limit| limit.min(most))
    }
}

/// How the model may ask for permissions beyond its sandbox; a feature each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PermissionTools {
    /// With `request_permissions`.
    pub(crate) alone: bool,
    /// With a command that needs them.
    pub(crate) with_commands: bool,
}

/// How the user and the model work together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Collaboration {
    pub(crate) plan: bool,
    pub(crate) instructions: Option<String>,
}

/// What the model is told in plan mode, unless the client says something else.
const PLAN: &str =
    "Plan what is to be done, and ask the user what you need to know. Change nothing.";

/// What it is told where the client goes back to the usual mode.
const DEFAULT: &str = "Do what the user asks. Ask only where the answer matters.";

impl Collaboration {
    /// The mode that a client chooses, maybe with instructions of its own.
    pub(crate) fn chosen(plan: bool, instructions: Option<String>) -> Self {
        let usual = (!plan).then(|| DEFAULT.to_owned());
        Self {
            plan,
            instructions: instructions.or(usual),
        }
    }

    /// What the mode is called for people.
    pub(crate) fn title(&self) -> &'static str {
        if self.plan { "Plan" } else { "Default" }
    }

    /// What the model is told.
    pub(crate) fn instructions(&self) -> Option<&str> {
        let usual = self.plan.then_some(PLAN);
        self.instructions.as_deref().or(usual)
    }
}

impl Settings {
    /// Where a profile holds for this thread.
    pub(crate) fn place(&self) -> ProfilePlace<'_> {
        ProfilePlace {
            cwd: &self.cwd,
            roots: &self.workspace_roots,
        }
    }

    /// The profile of one's own that it is under, if it is.
    pub(crate) fn own_profile(&self) -> Option<&OwnProfile> {
        self.profile.as_ref()?.as_own()
    }

    /// Puts it under a profile of permissions.
    pub(crate) fn choose(&mut self, profile: Profile) {
        let profile = profile.chosen_in(&self.cwd);
        self.sandbox = profile.policy(self.place());
        self.policy_directory = None;
        self.profile = Some(profile);
    }

    /// The same with the instructions of other settings.
    pub(crate) fn instructed_like(&self, other: &Self) -> Self {
        Self {
            base_instructions: other.base_instructions.clone(),
            developer_instructions: other.developer_instructions.clone(),
            ..self.clone()
        }
    }

    /// What commands may do, without what the client has granted.
    pub(crate) fn sandbox(&self) -> Sandbox {
        match self.own_profile() {
            Some(own) => own.sandbox(self.place()),
            None => Sandbox::of(&self.sandbox, &self.workspace_roots),
        }
    }

    /// Tells the sandbox anew where it follows from a profile and the thread has moved.
    pub(crate) fn settle(mut self) -> Self {
        if self.own_profile().is_some()
            && let Some(profile) = self.profile.take()
        {
            self.choose(profile);
        }
        self
    }

    /// The profile as replies show it.
    pub(crate) fn profile_view(&self) -> Option<PermissionProfile> {
        let profile = self.profile.as_ref()?;
        Some(PermissionProfile::new(&profile.id, profile.extends()))
    }

    /// The collaboration mode as replies show it.
    pub(crate) fn collaboration_mode(&self) -> serde_json::Value {
        json!({
            "mode": if self.collaboration.plan { "plan" } else { "default" },
            "settings": {
                "model": self.model,
                "reasoning_effort": self.effort,
                "developer_instructions": self.collaboration.instructions(),
            },
        })
    }

    /// The settings as `thread/settings/updated` tells them.
    pub(crate) fn view(&self) -> ThreadSettings {
        ThreadSettings {
            disabled_plugin_ids: self.plugins.clone(),
            cwd: self.cwd.clone(),
            environments: vec![Environment::local(&self.cwd, &self.workspace_roots)],
            approval_policy: self.approval_policy,
            approvals_reviewer: self.reviewer,
            sandbox_policy: self.told_sandbox(),
            active_permission_profile: self.profile_view(),
            model: self.model.clone(),
            model_provider: self.provider.clone(),
            service_tier: self.service_tier.clone(),
            effort: self.effort.clone(),
            summary: self.summary,
            collaboration_mode: self.collaboration_mode(),
            multi_agent_mode: "explicitRequestOnly",
            personality: self.personality,
        }
    }

    /// What is protected because the sandbox was given as a policy.
    pub(crate) fn protected_of_policy(&self) -> Option<PathBuf> {
        let of_workspace = matches!(self.sandbox, SandboxPolicy::WorkspaceWrite(_));
        let directory = self.policy_directory.as_deref();
        Some(directory.filter(|_| of_workspace)?.join(".codex"))
    }

    /// The sandbox as clients are told it: workspace roots beside the directory itself show up among
    /// the writable roots. Where the directory isn't one of them, so do the temporary directories.
    pub(crate) fn told_sandbox(&self) -> SandboxPolicy {
        if self.own_profile().is_some() {
            return self.sandbox.clone();
        }
        let SandboxPolicy::WorkspaceWrite(mut details) = self.sandbox.clone() else {
            return self.sandbox.clone();
        };
        let roots = &self.workspace_roots;
        let beside = roots.iter().filter(|root| **root != self.cwd);
        let mut writable: Vec<PathBuf> = beside.cloned().collect();
        if !roots.contains(&self.cwd) {
            if !details.exclude_slash_tmp {
                writable.push(PathBuf::from("/tmp"));
            }
            let temporary = std::env::var_os("TMPDIR").filter(|it| !it.is_empty());
            match temporary.filter(|_| !details.exclude_tmpdir_env_var) {
                Some(temporary) => writable.push(temporary.into()),
                None => details.exclude_tmpdir_env_var = true,
            }
        }
        writable.append(&mut details.writable_roots);
        let mut seen = BTreeSet::new();
        writable.retain(|root| *root != self.cwd && seen.insert(root.clone()));
        details.writable_roots = writable;
        SandboxPolicy::WorkspaceWrite(details)
    }

    /// Does a reviewer decide about requests to leave the sandbox?
    pub(crate) fn has_reviewer(&self) -> bool {
        self.reviewer == ApprovalsReviewer::AutoReview
            && matches!(
                self.approval_policy,
                ApprovalPolicy::OnRequest | ApprovalPolicy::Granular(_)
            )
    }

    /// Was the sandbox chosen through the fields that codex 0.169.0 doesn't remember?
    pub(crate) fn sandbox_is_forgettable(&self) -> bool {
        self.profile.is_none()
            && matches!(
                self.sandbox,
                SandboxPolicy::WorkspaceWrite(_) | SandboxPolicy::ExternalSandbox { .. }
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_limit_counts_and_no_size_is_too_large() {
        let window = |size, compact_at| ContextWindow { size, compact_at };
        assert_eq!(window(None, None).usable(), 258_400);
        assert_eq!(window(None, None).limit(), 244_800);
        assert_eq!(window(Some(1000), Some(5000)).limit(), 900);
        assert_eq!(window(Some(1000), Some(5)).limit(), 5);
        assert!(window(Some(i64::MAX), None).limit() > 0);
        assert!(window(Some(i64::MAX), None).usable() > 0);
    }
}
