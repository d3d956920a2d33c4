//! Values of parameters: paths, names and policies, with the error texts of codex 0.169.0.

use std::path::PathBuf;

use codex_wire::policy::{
    ApprovalPolicy, ExternalNetwork, GranularApproval, SandboxPolicy, WorkspaceWrite,
};
use serde::Deserialize;
use serde::de::{self, Deserializer};
use serde_json::Value;

use crate::model::response_item;

/// Items of the Responses API, checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ResponseItems(pub(crate) Vec<Value>);

impl<'de> Deserialize<'de> for ResponseItems {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<Value>::deserialize(deserializer)?;
        let items = items.into_iter().map(response_item::checked);
        let items: Result<Vec<_>, _> = items.filter_map(Result::transpose).collect();
        items.map(Self).map_err(de::Error::custom)
    }
}

/// A path that must be absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AbsolutePath(PathBuf);

impl AbsolutePath {
    pub(crate) fn into_path(self) -> PathBuf {
        self.0
    }
}

/// Roots in their shortest form, once each, as codex 0.169.0 takes them.
pub(crate) fn roots(paths: Vec<AbsolutePath>) -> Vec<PathBuf> {
    let mut roots = Vec::with_capacity(paths.len());
    for root in paths.into_iter().map(|path| crate::config::plain(&path.0)) {
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    roots
}

impl<'de> Deserialize<'de> for AbsolutePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = PathBuf::deserialize(deserializer)?;
        if path.is_absolute() {
            Ok(Self(crate::config::plain(&path)))
        } else {
            Err(de::Error::custom(
                "AbsolutePathBuf deserialized without a base path",
            ))
        }
    }
}

/// When the client is asked, as a request says it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AskForApproval {
    Untrusted,
    OnRequest,
    #[serde(rename_all = "snake_case")]
    Granular {
        sandbox_approval: bool,
        rules: bool,
        #[serde(default)]
        skill_approval: bool,
        #[serde(default)]
        request_permissions: bool,
        mcp_elicitations: bool,
    },
    Never,
}

impl From<AskForApproval> for ApprovalPolicy {
    fn from(asked: AskForApproval) -> Self {
        match asked {
            AskForApproval::Untrusted => Self::Untrusted,
            AskForApproval::OnRequest => Self::OnRequest,
            AskForApproval::Granular {
                sandbox_approval,
                rules,
                skill_approval,
                request_permissions,
                mcp_elicitations,
            } => Self::Granular(GranularApproval {
                sandbox_approval,
                rules,
                skill_approval,
                request_permissions,
                mcp_elicitations,
            }),
            AskForApproval::Never => Self::Never,
        }
    }
}

/// Reads an approval policy as requests have it.
pub(super) fn approval_policy<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ApprovalPolicy>, D::Error> {
    let asked = Option::<AskForApproval>::deserialize(deserializer)?;
    Ok(asked.map(Into::into))
}

/// Any text but the empty one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReasoningEffort(pub(crate) String);

impl<'de> Deserialize<'de> for ReasoningEffort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Err(de::Error::custom("reasoning_effort must not be empty"));
        }
        Ok(Self(text))
    }
}

/// How reasoning is summarised.
#[derive(Debug, Clone, Copy, Deserialize, serde::Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReasoningSummary {
    Auto,
    Concise,
    Detailed,
    None,
}

/// The tone of the answers.
#[derive(Debug, Clone, Copy, Deserialize, serde::Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Personality {
    None,
    Friendly,
    Pragmatic,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SortDirection {
    Asc,
    Desc,
}

/// How a thread's history is given out.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ThreadHistoryMode {
    Legacy,
    Paginated,
}

/// What a list of threads is ordered by.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ThreadSortKey {
    CreatedAt,
    UpdatedAt,
    RecencyAt,
    SectionPosition,
}

/// What the threads of a search are ordered by.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::enum_variant_names, reason = "they are named as on the wire")]
pub(crate) enum ThreadSearchSortKey {
    CreatedAt,
    UpdatedAt,
    RecencyAt,
}

impl From<ThreadSearchSortKey> for ThreadSortKey {
    fn from(key: ThreadSearchSortKey) -> Self {
        match key {
            ThreadSearchSortKey::CreatedAt => Self::CreatedAt,
            ThreadSearchSortKey::UpdatedAt => Self::UpdatedAt,
            ThreadSearchSortKey::RecencyAt => Self::RecencyAt,
        }
    }
}

/// Where a thread comes from. The mock's threads all come from `vscode`, which is what codex calls
/// those of app-servers.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ThreadSourceKind {
    Cli,
    #[serde(rename = "vscode")]
    VsCode,
    Exec,
    AppServer,
    SubAgent,
    SubAgentReview,
    SubAgentCompact,
    SubAgentThreadSpawn,
    SubAgentOther,
    Unknown,
}

/// How much of a turn a list shows.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum TurnItemsView {
    NotLoaded,
    Summary,
    Full,
}

/// The sandbox of a turn as it is read: the text of its errors names this type.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
enum SandboxPolicyDeserialize {
    DangerFullAccess,
    ReadOnly {
        #[serde(default)]
        network_access: bool,
        #[serde(default, rename = "access", deserialize_with = "read_only_access")]
        _access: (),
    },
    ExternalSandbox {
        #[serde(default)]
        network_access: ExternalNetwork,
    },
    WorkspaceWrite {
        #[serde(default)]
        writable_roots: Vec<AbsolutePath>,
        #[serde(default)]
        network_access: bool,
        #[serde(default)]
        exclude_tmpdir_env_var: bool,
        #[serde(default)]
        exclude_slash_tmp: bool,
        #[serde(
            default,
            rename = "readOnlyAccess",
            deserialize_with = "workspace_write_access"
        )]
        _read_only_access: (),
    },
}

/// A member that once said what may be read; codex 0.169.0 still takes `fullAccess`.
fn read_only_access<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    full_access(deserializer, "readOnly.access")
}

fn workspace_write_access<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    full_access(deserializer, "workspaceWrite.readOnlyAccess")
}

fn full_access<'de, D: Deserializer<'de>>(deserializer: D, member: &str) -> Result<(), D::Error> {
    match LegacyReadOnlyAccess::deserialize(deserializer)? {
        LegacyReadOnlyAccess::FullAccess {} => Ok(()),
        LegacyReadOnlyAccess::Restricted {} => Err(de::Error::custom(format!(
            "{member} is no longer supported; use permissionProfile for restricted reads"
        ))),
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum LegacyReadOnlyAccess {
    FullAccess {},
    Restricted {},
}

/// The names of [`SandboxPolicyDeserialize`]'s variants, by their numbers.
const SANDBOX_POLICIES: [&str; 4] = [
    "dangerFullAccess",
    "readOnly",
    "externalSandbox",
    "workspaceWrite",
];

/// A sandbox policy of a request; its writable roots are absolute.
#[derive(Debug, Clone)]
pub(crate) struct RequestedSandbox(pub(crate) SandboxPolicy);

impl<'de> Deserialize<'de> for RequestedSandbox {
    /// codex 0.169.0 takes the number of a variant for its name.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut policy = serde_json::Value::deserialize(deserializer)?;
        if let Some(number) = policy.get("type").and_then(serde_json::Value::as_u64) {
            let name = usize::try_from(number)
                .ok()
                .and_then(|number| SANDBOX_POLICIES.get(number));
            let name = name.ok_or_else(|| {
                de::Error::invalid_value(
                    de::Unexpected::Unsigned(number),
                    &"variant index 0 <= i < 4",
                )
            })?;
            policy["type"] = (*name).into();
        }
        let policy: SandboxPolicyDeserialize =
            serde_json::from_value(policy).map_err(de::Error::custom)?;
        Ok(policy.into())
    }
}

impl From<SandboxPolicyDeserialize> for RequestedSandbox {
    fn from(policy: SandboxPolicyDeserialize) -> Self {
        Self(match policy {
            SandboxPolicyDeserialize::DangerFullAccess => SandboxPolicy::DangerFullAccess,
            SandboxPolicyDeserialize::ReadOnly { network_access, .. } => {
                SandboxPolicy::ReadOnly { network_access }
            }
            SandboxPolicyDeserialize::ExternalSandbox { network_access } => {
                SandboxPolicy::ExternalSandbox { network_access }
            }
            SandboxPolicyDeserialize::WorkspaceWrite {
                writable_roots,
                network_access,
                exclude_tmpdir_env_var,
                exclude_slash_tmp,
                ..
            } => SandboxPolicy::WorkspaceWrite(WorkspaceWrite {
                writable_roots: roots(writable_roots),
                network_access,
                exclude_tmpdir_env_var,
                exclude_slash_tmp,
            }),
        })
    }
}
