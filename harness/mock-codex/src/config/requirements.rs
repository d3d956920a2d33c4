//! What an administrator allows: a machine's `requirements.toml`.
//!
//! codex reads `/etc/codex/requirements.toml`. So that no machine changes what the mock does, it
//! reads the file that `MOCK_CODEX_REQUIREMENTS` names in that one's place, and speaks of it as
//! codex 0.169.0 was observed to speak of its own: what a request of a thread or the configuration
//! asks for and is not allowed falls back to what is, with a warning; what a turn or an update asks
//! for is refused.

use std::path::{Path, PathBuf};

use codex_wire::policy::{ApprovalPolicy, ApprovalsReviewer, SandboxPolicy};
use serde::Deserialize;
use serde_json::{Value, json};

use super::file::{ConfiguredApproval, Problem};
use crate::permission::{Profile, ProfilePlace};
use crate::thread::Settings;

/// The variable that names a file of requirements.
const VARIABLE: &str = "MOCK_CODEX_REQUIREMENTS";

/// Where codex looks for it.
const PLACE: &str = "/etc/codex/requirements.toml";

/// What a sandbox falls back to, as codex writes it.
const READ_ONLY: &str = "Managed { file_system: Restricted { entries: [FileSystemSandboxEntry { \
    path: Special { value: Root }, access: Read, missing_path_behavior: None }], \
    glob_scan_max_depth: None }, network: Restricted }";

/// The members of a `configRequirements/read` reply.
const MEMBERS: &[&str] = &[
    "modelProvider",
    "modelProviders",
    "allowedLoginMethods",
    "cliAuthCredentialsStore",
    "chatgptBaseUrl",
    "additionalDeveloperInstructions",
    "allowedApprovalPolicies",
    "allowedApprovalsReviewers",
    "allowedSandboxModes",
    "allowedWindowsSandboxImplementations",
    "allowedPermissionProfiles",
    "defaultPermissions",
    "allowedWebSearchModes",
    "allowManagedHooksOnly",
    "allowBrowserAndComputerUse",
    "allowAppshots",
    "allowRemoteControl",
    "computerUse",
    "browserUse",
    "inAppBrowser",
    "featureRequirements",
    "hooks",
    "enforceResidency",
    "network",
    "application",
    "autoReview",
    "models",
    "sqliteHome",
    "logDir",
    "modelCatalogJson",
    "checkForUpdateOnStartup",
    "allowLoginShell",
    "feedback",
    "otel",
];

/// What is allowed; `None`: everything.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Requirements {
    sandboxes: Option<Vec<Kind>>,
    approvals: Option<Vec<ApprovalPolicy>>,
    reviewers: Option<Vec<ApprovalsReviewer>>,
}

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    allowed_sandbox_modes: Option<Vec<Kind>>,
    allowed_approval_policies: Option<Vec<ConfiguredApproval>>,
    allowed_approvals_reviewers: Option<Vec<ApprovalsReviewer>>,
}

/// A sandbox without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    ReadOnly,
    WorkspaceWrite,
    DangerFullAccess,
    ExternalSandbox,
}

/// Why requirements can't be used.
#[derive(Debug, PartialEq)]
pub(crate) enum Unusable {
    /// No configuration can be loaded.
    NoToml(Problem),
    /// The server does not start.
    Refused(String),
}

impl Requirements {
    /// Those of the file that the environment names, if it names one.
    pub(crate) fn find() -> Result<Self, Unusable> {
        let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) else {
            return Ok(Self::default());
        };
        let path = PathBuf::from(path);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let path = path.display();
            Unusable::Refused(format!(
                "can't read `{path}`, which {VARIABLE} names: {error}"
            ))
        })?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, Unusable> {
        let layer =
            |error: toml::de::Error| format!("failed to parse requirements layer {PLACE}: {error}");
        let table: toml::Table =
            toml::from_str(text).map_err(|error| Unusable::NoToml(Problem::plain(layer(error))))?;
        let file = File::deserialize(table).map_err(|error| Unusable::Refused(layer(error)))?;
        file.checked().map_err(Unusable::Refused)
    }

    /// Is everything allowed?
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Puts what is allowed in the place of what is not; gives a sentence on each.
    pub(crate) fn settle(&self, settings: &mut Settings) -> Vec<String> {
        let mut told = Vec::new();
        if let Err(details) = self.check_approval(settings.approval_policy) {
            settings.approval_policy = self.default_approval(settings.approval_policy);
            let now = approval_name(settings.approval_policy);
            told.push(fallback("approval_policy", &now, &details));
        }
        if let Err(details) = self.check_reviewer(settings.reviewer) {
            settings.reviewer = self.default_reviewer(settings.reviewer);
            let now = format!("{:?}", settings.reviewer);
            told.push(fallback("approvals_reviewer", &now, &details));
        }
        if let Err(sentence) = self.check_profile(&settings.sandbox) {
            settings.sandbox = codex_wire::policy::SandboxMode::ReadOnly.to_policy();
            settings.profile = None;
            told.push(sentence);
        }
        told
    }

    /// What a thread gets that nobody chose an approval policy for.
    pub(crate) fn default_approval(&self, usual: ApprovalPolicy) -> ApprovalPolicy {
        first_allowed(usual, self.approvals.as_deref())
    }

    /// What a thread gets that nobody chose a reviewer for.
    pub(crate) fn default_reviewer(&self, usual: ApprovalsReviewer) -> ApprovalsReviewer {
        first_allowed(usual, self.reviewers.as_deref())
    }

    pub(crate) fn check_approval(&self, policy: ApprovalPolicy) -> Result<(), String> {
        let name = |policy: &ApprovalPolicy| approval_name(*policy);
        check("approval_policy", &policy, self.approvals.as_deref(), name)
    }

    pub(crate) fn check_reviewer(&self, reviewer: ApprovalsReviewer) -> Result<(), String> {
        let name = |reviewer: &ApprovalsReviewer| format!("{reviewer:?}");
        check(
            "approvals_reviewer",
            &reviewer,
            self.reviewers.as_deref(),
            name,
        )
    }

    pub(crate) fn check_sandbox(&self, policy: &SandboxPolicy) -> Result<(), String> {
        let name = |kind: &Kind| format!("{kind:?}");
        check(
            "sandbox_mode",
            &Kind::of(policy),
            self.sandboxes.as_deref(),
            name,
        )
    }

    /// The same, of a sandbox that a permission profile stands for.
    pub(crate) fn check_profile(&self, policy: &SandboxPolicy) -> Result<(), String> {
        self.check_sandbox(policy)
            .map_err(|details| fallback("permission_profile", READ_ONLY, &details))
    }

    /// May this permission profile be chosen?
    pub(crate) fn allows_profile(&self, profile: &Profile) -> bool {
        let nowhere = ProfilePlace {
            cwd: Path::new("/"),
            roots: &[],
        };
        self.check_sandbox(&profile.policy(nowhere)).is_ok()
    }

    /// As `configRequirements/read` shows them.
    pub(crate) fn view(&self) -> Value {
        if self.is_empty() {
            return Value::Null;
        }
        let mut view: serde_json::Map<_, _> = MEMBERS
            .iter()
            .map(|name| ((*name).to_owned(), Value::Null))
            .collect();
        // codex leaves the external sandbox out (observed).
        let sandboxes = self.sandboxes.as_ref().map(|kinds| {
            let named = kinds.iter().filter_map(|kind| kind.mode());
            named.collect::<Vec<_>>()
        });
        view.insert("allowedLoginMethods".into(), json!(["api", "chatgpt"]));
        view.insert("allowedApprovalPolicies".into(), json!(self.approvals));
        view.insert("allowedApprovalsReviewers".into(), json!(self.reviewers));
        view.insert("allowedSandboxModes".into(), json!(sandboxes));
        view.into()
    }
}

impl File {
    fn checked(self) -> Result<Requirements, String> {
        let empty = |name| Err(format!("field `{name}` cannot be empty"));
        if self
            .allowed_approval_policies
            .as_ref()
            .is_some_and(Vec::is_empty)
        {
            return empty("allowed_approval_policies");
        }
        if self
            .allowed_approvals_reviewers
            .as_ref()
            .is_some_and(Vec::is_empty)
        {
            return empty("allowed_approvals_reviewers");
        }
        if let Some(kinds) = &self.allowed_sandbox_modes
            && !kinds.contains(&Kind::ReadOnly)
        {
            return Err(format!(
                "invalid value for `allowed_sandbox_modes`: `{kinds:?}` is not in the allowed set \
                 must include 'read-only' to allow any PermissionProfile (set by {PLACE})"
            ));
        }
        let approvals = |named: Vec<ConfiguredApproval>| named.into_iter().map(Into::into);
        Ok(Requirements {
            sandboxes: self.allowed_sandbox_modes,
            approvals: self
                .allowed_approval_policies
                .map(|it| approvals(it).collect()),
            reviewers: self.allowed_approvals_reviewers,
        })
    }
}

impl Kind {
    fn of(policy: &SandboxPolicy) -> Self {
        match policy {
            SandboxPolicy::ReadOnly { .. } => Self::ReadOnly,
            SandboxPolicy::WorkspaceWrite(_) => Self::WorkspaceWrite,
            SandboxPolicy::DangerFullAccess => Self::DangerFullAccess,
            SandboxPolicy::ExternalSandbox { .. } => Self::ExternalSandbox,
        }
    }

    /// What threads call it.
    fn mode(self) -> Option<&'static str> {
        match self {
            Self::ReadOnly => Some("read-only"),
            Self::WorkspaceWrite => Some("workspace-write"),
            Self::DangerFullAccess => Some("danger-full-access"),
            Self::ExternalSandbox => None,
        }
    }
}

fn first_allowed<T: Copy + PartialEq>(usual: T, allowed: Option<&[T]>) -> T {
    match allowed {
        Some(allowed) if !allowed.contains(&usual) => allowed.first().copied().unwrap_or(usual),
        _ => usual,
    }
}

fn check<T: PartialEq>(
    setting: &str,
    value: &T,
    allowed: Option<&[T]>,
    name: impl Fn(&T) -> String,
) -> Result<(), String> {
    let Some(allowed) = allowed.filter(|allowed| !allowed.contains(value)) else {
        return Ok(());
    };
    let names: Vec<String> = allowed.iter().map(&name).collect();
    Err(format!(
        "invalid value for `{setting}`: `{}` is not in the allowed set [{}] (set by {PLACE})",
        name(value),
        names.join(", ")
    ))
}

fn fallback(setting: &str, now: &str, details: &str) -> String {
    format!(
        "Configured value for `{setting}` is disallowed by requirements; falling back to required \
         value {now}. Details: {details}"
    )
}

/// An approval policy as codex writes it in these sentences.
fn approval_name(policy: ApprovalPolicy) -> String {
    match policy {
        ApprovalPolicy::Untrusted => "UnlessTrusted".to_owned(),
        ApprovalPolicy::OnRequest => "OnRequest".to_owned(),
        ApprovalPolicy::Never => "Never".to_owned(),
        ApprovalPolicy::Granular(switches) => format!(
            "Granular(GranularApprovalConfig {{ sandbox_approval: {}, rules: {}, skill_approval: {}, \
             request_permissions: {}, mcp_elicitations: {} }})",
            switches.sandbox_approval,
            switches.rules,
            switches.skill_approval,
            switches.request_permissions,
            switches.mcp_elicitations
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        match Requirements::parse(text) {
            Err(Unusable::Refused(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_codex_refuses_is_refused() {
        assert_eq!(
            refused("allowed_sandbox_modes = []"),
            "invalid value for `allowed_sandbox_modes`: `[]` is not in the allowed set must include \
             'read-only' to allow any PermissionProfile (set by /etc/codex/requirements.toml)"
        );
        assert_eq!(
            refused("allowed_approval_policies = []"),
            "field `allowed_approval_policies` cannot be empty"
        );
        assert_eq!(
            refused("allowed_sandbox_modes = [\"bogus\"]"),
            "failed to parse requirements layer /etc/codex/requirements.toml: unknown variant \
             `bogus`, expected one of `read-only`, `workspace-write`, `danger-full-access`, \
             `external-sandbox`\nin `allowed_sandbox_modes`\n"
        );
        assert!(refused("allowed_web_search_modes = []").contains("unknown field"));
        let broken = Requirements::parse("allowed_sandbox_modes = [");
        assert!(matches!(broken, Err(Unusable::NoToml(_))), "{broken:?}");
    }

    #[test]
    fn without_requirements_everything_is_allowed() {
        let free = Requirements::default();
        assert!(free.check_sandbox(&SandboxPolicy::DangerFullAccess).is_ok());
        assert!(free.check_approval(ApprovalPolicy::Never).is_ok());
        assert_eq!(free.view(), Value::Null);
    }

    #[test]
    fn what_nobody_chose_is_the_first_that_is_allowed() {
        let text = "allowed_approval_policies = [\"never\"]";
        let strict = Requirements::parse(text).unwrap();
        let usual = ApprovalPolicy::OnRequest;
        assert_eq!(strict.default_approval(usual), ApprovalPolicy::Never);
        assert_eq!(Requirements::default().default_approval(usual), usual);
    }
}
