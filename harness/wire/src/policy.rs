//! Wire settings: who approves, and what a command may touch.
//!
//! The protocol spells the sandbox twice: thread methods take a kebab-case *mode*
//! (`sandbox: "workspace-write"`), turns take a camelCase *policy*
//! (`sandboxPolicy: {"type": "workspaceWrite", …}`), and replies report the policy.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// When the app-server asks before it runs a command (`approvalPolicy`).
///
/// `on-failure` was deprecated and then removed; 0.169.0 refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalPolicy {
    /// Ask before every command that no rule allows.
    Untrusted,
    /// The model may ask to leave the sandbox; the app-server then asks the client.
    OnRequest,
    /// Each kind of prompt may surface or is rejected; needs `experimentalApi`.
    Granular(GranularApproval),
    /// Never ask: what would need an approval is refused.
    Never,
}

/// The switches of [`ApprovalPolicy::Granular`]: `true` lets the prompt surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the protocol has five independent switches"
)]
pub struct GranularApproval {
    /// Prompts to leave the sandbox.
    pub sandbox_approval: bool,
    /// Prompts that come from execpolicy rules.
    pub rules: bool,
    /// Prompts of skills.
    #[serde(default)]
    pub skill_approval: bool,
    /// Prompts of the `request_permissions` tool.
    #[serde(default)]
    pub request_permissions: bool,
    /// Elicitations of MCP servers.
    pub mcp_elicitations: bool,
}

/// Who answers an approval request (`approvalsReviewer`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalsReviewer {
    /// The client.
    User,
    /// A second model call decides. `guardian_subagent` is its former name, still accepted.
    #[serde(alias = "guardian_subagent")]
    AutoReview,
}

/// The sandbox as thread methods spell it (`sandbox`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxMode {
    /// Read everything, write nothing, no network.
    ReadOnly,
    /// As read-only, and write below the workspace and the temporary directories.
    WorkspaceWrite,
    /// No sandbox.
    DangerFullAccess,
}

impl SandboxMode {
    /// The spelling on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::WorkspaceWrite => "workspace-write",
            Self::DangerFullAccess => "danger-full-access",
        }
    }

    /// The policy that stands for this mode with nothing else asked for.
    pub fn to_policy(self) -> SandboxPolicy {
        match self {
            Self::ReadOnly => SandboxPolicy::ReadOnly {
                network_access: false,
            },
            Self::WorkspaceWrite => SandboxPolicy::WorkspaceWrite(WorkspaceWrite::default()),
            Self::DangerFullAccess => SandboxPolicy::DangerFullAccess,
        }
    }
}

impl fmt::Display for SandboxMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The sandbox as turns take it and replies report it (`sandboxPolicy`, `sandbox`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum SandboxPolicy {
    /// No sandbox.
    DangerFullAccess,
    /// Read everything, write nothing.
    ReadOnly {
        /// May a command open network sockets?
        #[serde(default)]
        network_access: bool,
    },
    /// Somebody else encloses the app-server; it adds no sandbox of its own.
    ExternalSandbox {
        /// What the model is told about the network.
        #[serde(default)]
        network_access: ExternalNetwork,
    },
    /// Write below the workspace, the listed roots and the temporary directories.
    WorkspaceWrite(WorkspaceWrite),
}

/// The members of [`SandboxPolicy::WorkspaceWrite`]; all may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkspaceWrite {
    /// Absolute paths beside the workspace itself.
    pub writable_roots: Vec<PathBuf>,
    /// May a command open network sockets?
    pub network_access: bool,
    /// Take `$TMPDIR` out of the writable places.
    pub exclude_tmpdir_env_var: bool,
    /// Take `/tmp` out of the writable places.
    pub exclude_slash_tmp: bool,
}

/// The network of an external sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExternalNetwork {
    /// The model is told that there is none.
    #[default]
    Restricted,
    /// The model is told that there is one.
    Enabled,
}

impl SandboxPolicy {
    /// The mode in kebab-case, as the model is told it (`sandbox_mode`).
    pub const fn mode_name(&self) -> &'static str {
        match self {
            Self::DangerFullAccess => "danger-full-access",
            Self::ReadOnly { .. } => "read-only",
            Self::ExternalSandbox { .. } => "external-sandbox",
            Self::WorkspaceWrite(_) => "workspace-write",
        }
    }
}
