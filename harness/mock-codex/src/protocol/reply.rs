//! Threads, turns and the replies that carry them.

use std::path::{Path, PathBuf};

use codex_wire::policy::{ApprovalPolicy, ApprovalsReviewer, SandboxPolicy};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// A member that is always `null` here.
pub(crate) type Null = Option<()>;

/// A thread. Times are seconds since the Unix epoch.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThreadView {
    pub(crate) id: String,
    /// Known of loaded threads only.
    pub(crate) environments: Option<Vec<Environment>>,
    pub(crate) extra: Null,
    pub(crate) session_id: String,
    pub(crate) forked_from_id: Option<String>,
    pub(crate) attached_to_thread_id: Null,
    pub(crate) parent_thread_id: Null,
    pub(crate) preview: String,
    pub(crate) ephemeral: bool,
    pub(crate) section: Null,
    pub(crate) section_entered_at: Null,
    pub(crate) project_id: Null,
    pub(crate) history_mode: &'static str,
    pub(crate) model_provider: String,
    pub(crate) model: Option<String>,
    pub(crate) reasoning_effort: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) recency_at: i64,
    pub(crate) status: ThreadStatus,
    pub(crate) path: Option<PathBuf>,
    pub(crate) cwd: PathBuf,
    pub(crate) cli_version: &'static str,
    pub(crate) originator: Option<String>,
    pub(crate) source: &'static str,
    pub(crate) can_accept_direct_input: Option<bool>,
    pub(crate) thread_source: Option<String>,
    pub(crate) agent_nickname: Null,
    pub(crate) agent_role: Null,
    pub(crate) git_info: Option<GitInfo>,
    pub(crate) name: Option<String>,
    pub(crate) daybreak_enabled: Option<bool>,
    pub(crate) turns: Vec<TurnView>,
}

impl ThreadView {
    /// A view with nothing in it but the id and what all threads share.
    pub(crate) fn blank(id: String) -> Self {
        Self {
            id,
            environments: None,
            extra: None,
            session_id: String::new(),
            forked_from_id: None,
            attached_to_thread_id: None,
            parent_thread_id: None,
            preview: String::new(),
            ephemeral: false,
            section: None,
            section_entered_at: None,
            project_id: None,
            history_mode: "paginated",
            model_provider: String::new(),
            model: None,
            reasoning_effort: None,
            created_at: 0,
            updated_at: 0,
            recency_at: 0,
            status: ThreadStatus::NotLoaded,
            path: None,
            cwd: PathBuf::new(),
            cli_version: crate::CODEX_VERSION,
            originator: None,
            source: "vscode",
            can_accept_direct_input: None,
            thread_source: None,
            agent_nickname: None,
            agent_role: None,
            git_info: None,
            name: None,
            daybreak_enabled: None,
            turns: Vec::new(),
        }
    }
}

/// Where a thread's work is in its repository, as the client has told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GitInfo {
    pub(crate) sha: Option<String>,
    pub(crate) branch: Option<String>,
    pub(crate) origin_url: Option<String>,
}

/// Where a thread's commands run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Environment {
    environment_id: &'static str,
    cwd: PathBuf,
    runtime_workspace_roots: Vec<PathBuf>,
}

impl Environment {
    /// The machine itself.
    pub(crate) fn local(cwd: &Path, roots: &[PathBuf]) -> Self {
        Self {
            environment_id: "local",
            cwd: cwd.to_owned(),
            runtime_workspace_roots: roots.to_vec(),
        }
    }
}

/// What a thread is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum ThreadStatus {
    NotLoaded,
    Idle,
    SystemError,
    Active { active_flags: Vec<&'static str> },
}

/// A turn. Times are seconds since the Unix epoch, the duration is milliseconds.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TurnView {
    pub(crate) id: String,
    pub(crate) root_turn_id: String,
    pub(crate) items: Vec<Box<RawValue>>,
    pub(crate) items_view: &'static str,
    pub(crate) status: TurnStatus,
    pub(crate) error: Option<TurnError>,
    pub(crate) started_at: Option<i64>,
    pub(crate) completed_at: Option<i64>,
    pub(crate) duration_ms: Option<i64>,
}

/// How a turn stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum TurnStatus {
    Completed,
    Interrupted,
    Failed,
    InProgress,
}

/// Why a turn failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TurnError {
    pub(crate) message: String,
    pub(crate) codex_error_info: Value,
    pub(crate) additional_details: Option<String>,
    pub(crate) misalignment: Null,
}

/// The reply of `thread/start` and `thread/fork`, and the first members of that of
/// `thread/resume`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThreadReply {
    pub(crate) thread: ThreadView,
    pub(crate) model: String,
    pub(crate) model_provider: String,
    pub(crate) service_tier: Option<String>,
    pub(crate) disabled_plugin_ids: Vec<String>,
    pub(crate) cwd: PathBuf,
    pub(crate) runtime_workspace_roots: Vec<PathBuf>,
    pub(crate) instruction_sources: Vec<PathBuf>,
    pub(crate) approval_policy: ApprovalPolicy,
    pub(crate) approvals_reviewer: ApprovalsReviewer,
    pub(crate) sandbox: SandboxPolicy,
    pub(crate) active_permission_profile: Option<PermissionProfile>,
    pub(crate) reasoning_effort: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) collaboration_mode: Option<Value>,
    pub(crate) multi_agent_mode: &'static str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<ResumePage>,
}

/// The last members of the reply of `thread/resume`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResumePage {
    pub(crate) initial_turns_page: Option<Value>,
    pub(crate) turns_backwards_cursor: Option<String>,
    pub(crate) items_backwards_cursor: Option<String>,
}

/// A named permission profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PermissionProfile {
    id: String,
    extends: Option<String>,
}

impl PermissionProfile {
    /// The profile called `id`, and the one that it extends.
    pub(crate) fn new(id: &str, extends: Option<&str>) -> Self {
        Self {
            id: id.to_owned(),
            extends: extends.map(str::to_owned),
        }
    }
}

/// The settings of a thread, as `thread/settings/updated` tells them.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThreadSettings {
    pub(crate) disabled_plugin_ids: Vec<String>,
    pub(crate) cwd: PathBuf,
    pub(crate) environments: Vec<Environment>,
    pub(crate) approval_policy: ApprovalPolicy,
    pub(crate) approvals_reviewer: ApprovalsReviewer,
    pub(crate) sandbox_policy: SandboxPolicy,
    pub(crate) active_permission_profile: Option<PermissionProfile>,
    pub(crate) model: String,
    pub(crate) model_provider: String,
    pub(crate) service_tier: Option<String>,
    pub(crate) effort: Option<String>,
    pub(crate) summary: Option<super::params::ReasoningSummary>,
    pub(crate) collaboration_mode: Value,
    pub(crate) multi_agent_mode: &'static str,
    pub(crate) personality: Option<super::params::Personality>,
}

/// What is unread in a thread.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadState {
    pub(crate) first_unread: Option<UnreadPosition>,
    pub(crate) revision: String,
}

/// The first thing that is unread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum UnreadPosition {
    Turn {
        turn_id: String,
    },
    /// Everything.
    ThreadStart,
}

/// How many tokens were used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenUsage {
    pub(crate) total_tokens: i64,
    pub(crate) input_tokens: i64,
    pub(crate) cached_input_tokens: i64,
    pub(crate) cache_write_input_tokens: i64,
    pub(crate) output_tokens: i64,
    pub(crate) reasoning_output_tokens: i64,
}

impl std::ops::AddAssign for TokenUsage {
    fn add_assign(&mut self, other: Self) {
        self.total_tokens += other.total_tokens;
        self.input_tokens += other.input_tokens;
        self.cached_input_tokens += other.cached_input_tokens;
        self.cache_write_input_tokens += other.cache_write_input_tokens;
        self.output_tokens += other.output_tokens;
        self.reasoning_output_tokens += other.reasoning_output_tokens;
    }
}
