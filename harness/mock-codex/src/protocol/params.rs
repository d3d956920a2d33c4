//! Parameters of the methods.
//!
//! Names, order and number of members are those of codex 0.169.0, since its error texts carry
//! them (``expected struct ThreadListParams with 19 elements``).
#![allow(
    dead_code,
    reason = "some members are here for the error texts that their types give"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use codex_wire::policy::{ApprovalPolicy, ApprovalsReviewer, SandboxMode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

pub(crate) use super::dynamic_tool::Definitions;
use super::environment::{
    CyberAccessProgram, MultiAgentMode, SelectedCapabilityRoot, ThreadStartSource,
    TurnEnvironmentParams,
};
use super::input::{AdditionalContext, TurnToolOutput, UserInput};
use super::thread_params::patch;
pub(crate) use super::thread_params::{Patch, ThreadResumeInitialTurnsPageParams};
use super::value::approval_policy;
pub(crate) use super::value::{
    AbsolutePath, Personality, ReasoningEffort, ReasoningSummary, RequestedSandbox, ResponseItems,
    SortDirection, ThreadHistoryMode, ThreadSortKey, ThreadSourceKind, TurnItemsView, roots,
};

/// A member that is accepted, whatever it is.
pub(crate) type Unused = Option<IgnoredAny>;

/// `initialize`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InitializeParams {
    pub(crate) client_info: ClientInfo,
    pub(crate) capabilities: Option<InitializeCapabilities>,
}

/// Who the client is.
#[derive(Debug, Deserialize)]
pub(crate) struct ClientInfo {
    pub(crate) name: String,
    pub(crate) title: Option<String>,
    pub(crate) version: String,
}

/// What the client can take.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools, reason = "the protocol has them")]
pub(crate) struct InitializeCapabilities {
    #[serde(default)]
    pub(crate) experimental_api: bool,
    #[serde(default)]
    pub(crate) request_attestation: bool,
    #[serde(default)]
    pub(crate) required_human_approval: bool,
    #[serde(default)]
    pub(crate) mcp_server_openai_form_elicitation: bool,
    #[serde(default)]
    pub(crate) explicit_gateway_oauth: bool,
    pub(crate) opt_out_notification_methods: Option<Vec<String>>,
    pub(crate) extensions: Option<Map<String, Value>>,
}

/// `thread/start`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThreadStartParams {
    pub(crate) model: Option<String>,
    pub(crate) model_provider: Option<String>,
    #[serde(default)]
    pub(crate) allow_provider_model_fallback: bool,
    pub(crate) service_tier: Option<String>,
    pub(crate) cwd: Option<String>,
    pub(crate) runtime_workspace_roots: Option<Vec<AbsolutePath>>,
    #[serde(default, deserialize_with = "approval_policy")]
    pub(crate) approval_policy: Option<ApprovalPolicy>,
    pub(crate) approvals_reviewer: Option<ApprovalsReviewer>,
    pub(crate) sandbox: Option<SandboxMode>,
    pub(crate) permissions: Option<String>,
    pub(crate) config: Option<Map<String, Value>>,
    pub(crate) service_name: Option<String>,
    pub(crate) base_instructions: Option<String>,
    pub(crate) developer_instructions: Option<String>,
    pub(crate) personality: Option<Personality>,
    pub(crate) multi_agent_mode: Option<MultiAgentMode>,
    pub(crate) ephemeral: Option<bool>,
    pub(crate) history_mode: Option<ThreadHistoryMode>,
    pub(crate) session_start_source: Option<ThreadStartSource>,
    pub(crate) thread_source: Option<String>,
    pub(crate) project_id: Option<String>,
    pub(crate) daybreak_enabled: Option<bool>,
    pub(crate) environments: Option<Vec<TurnEnvironmentParams>>,
    pub(crate) dynamic_tools: Option<Definitions>,
    pub(crate) selected_capability_roots: Option<Vec<SelectedCapabilityRoot>>,
    pub(crate) mock_experimental_field: Option<String>,
    #[serde(default)]
    pub(crate) experimental_raw_events: bool,
}

/// `thread/resume`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThreadResumeParams {
    pub(crate) thread_id: String,
    pub(crate) history: Option<ResponseItems>,
    pub(crate) path: Option<PathBuf>,
    pub(crate) model: Option<String>,
    pub(crate) model_provider: Option<String>,
    pub(crate) service_tier: Option<String>,
    pub(crate) cwd: Option<String>,
    pub(crate) runtime_workspace_roots: Option<Vec<AbsolutePath>>,
    #[serde(default, deserialize_with = "approval_policy")]
    pub(crate) approval_policy: Option<ApprovalPolicy>,
    pub(crate) approvals_reviewer: Option<ApprovalsReviewer>,
    pub(crate) sandbox: Option<SandboxMode>,
    pub(crate) permissions: Option<String>,
    pub(crate) config: Option<Map<String, Value>>,
    pub(crate) base_instructions: Option<String>,
    pub(crate) developer_instructions: Option<String>,
    pub(crate) personality: Option<Personality>,
    #[serde(default)]
    pub(crate) exclude_turns: bool,
    pub(crate) initial_turns_page: Option<ThreadResumeInitialTurnsPageParams>,
}

/// `thread/fork`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools, reason = "the protocol has them")]
pub(crate) struct ThreadForkParams {
    pub(crate) thread_id: String,
    #[serde(default)]
    pub(crate) experimental_prediction_mode: bool,
    #[serde(default)]
    pub(crate) experimental_disable_prediction_mcp: bool,
    pub(crate) last_turn_id: Option<String>,
    pub(crate) before_turn_id: Option<String>,
    pub(crate) path: Option<PathBuf>,
    pub(crate) model: Option<String>,
    pub(crate) model_provider: Option<String>,
    pub(crate) service_tier: Option<String>,
    pub(crate) cwd: Option<String>,
    pub(crate) runtime_workspace_roots: Option<Vec<AbsolutePath>>,
    #[serde(default, deserialize_with = "approval_policy")]
    pub(crate) approval_policy: Option<ApprovalPolicy>,
    pub(crate) approvals_reviewer: Option<ApprovalsReviewer>,
    pub(crate) sandbox: Option<SandboxMode>,
    pub(crate) permissions: Option<String>,
    pub(crate) config: Option<Map<String, Value>>,
    pub(crate) base_instructions: Option<String>,
    pub(crate) developer_instructions: Option<String>,
    #[serde(default)]
    pub(crate) ephemeral: bool,
    #[serde(default)]
    pub(crate) attach_to_source: bool,
    pub(crate) thread_source: Option<String>,
    #[serde(default)]
    pub(crate) exclude_turns: bool,
    #[serde(default)]
    pub(crate) defer_goal_continuation: bool,
}

/// `thread/read`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThreadReadParams {
    pub(crate) thread_id: String,
    #[serde(default)]
    pub(crate) include_turns: bool,
}

/// `thread/list`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThreadListParams {
    #[serde(default)]
    pub(crate) include_attached_threads: bool,
    #[serde(default)]
    pub(crate) current_account_only: bool,
    pub(crate) cursor: Option<String>,
    pub(crate) limit: Option<u32>,
    pub(crate) excluded_thread_ids: Option<Vec<String>>,
    pub(crate) sort_key: Option<ThreadSortKey>,
    pub(crate) sort_direction: Option<SortDirection>,
    pub(crate) model_providers: Option<Vec<String>>,
    pub(crate) source_kinds: Option<Vec<ThreadSourceKind>>,
    pub(crate) originators: Option<Vec<String>>,
    pub(crate) archived: Option<bool>,
    pub(crate) section_id: Option<String>,
    pub(crate) project_id: Option<String>,
    pub(crate) cwd: Option<ThreadListCwdFilter>,
    #[serde(default)]
    pub(crate) use_state_db_only: bool,
    pub(crate) search_term: Option<String>,
    pub(crate) parent_thread_id: Option<String>,
    pub(crate) ancestor_thread_id: Option<String>,
    pub(crate) attached_to_thread_id: Option<String>,
}

/// One directory or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum ThreadListCwdFilter {
    One(PathBuf),
    Many(Vec<PathBuf>),
}

impl ThreadListCwdFilter {
    /// The directories, where relative ones begin in `base`.
    pub(crate) fn directories(self, base: &Path) -> Vec<PathBuf> {
        let paths = match self {
            Self::One(path) => vec![path],
            Self::Many(paths) => paths,
        };
        let absolute = paths.into_iter().map(|path| base.join(path));
        absolute.map(|path| crate::config::plain(&path)).collect()
    }
}

/// `thread/loaded/list`.
#[derive(Debug, Deserialize)]
pub(crate) struct ThreadLoadedListParams {
    pub(crate) cursor: Option<String>,
    pub(crate) limit: Option<u32>,
}

macro_rules! thread_id_only {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub(crate) struct $name {
            pub(crate) thread_id: String,
        }
    )*};
}

thread_id_only! {
    /// `thread/archive`.
    ThreadArchiveParams;
    /// `thread/unarchive`.
    ThreadUnarchiveParams;
    /// `thread/unsubscribe`.
    ThreadUnsubscribeParams;
    /// `thread/backgroundTerminals/clean`.
    ThreadBackgroundTerminalsCleanParams;
}

/// `thread/name/set`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThreadSetNameParams {
    pub(crate) thread_id: String,
    pub(crate) name: String,
}

/// `thread/turns/list`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThreadTurnsListParams {
    pub(crate) thread_id: String,
    pub(crate) cursor: Option<String>,
    pub(crate) limit: Option<u32>,
    pub(crate) sort_direction: Option<SortDirection>,
    pub(crate) items_view: Option<TurnItemsView>,
}

/// `thread/backgroundTerminals/list`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThreadBackgroundTerminalsListParams {
    pub(crate) thread_id: String,
    pub(crate) cursor: Option<String>,
    pub(crate) limit: Option<u32>,
}

/// `thread/settings/update`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThreadSettingsUpdateParams {
    pub(crate) thread_id: String,
    pub(crate) disabled_plugin_ids: Option<Vec<String>>,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) environments: Option<Vec<TurnEnvironmentParams>>,
    #[serde(default, deserialize_with = "approval_policy")]
    pub(crate) approval_policy: Option<ApprovalPolicy>,
    pub(crate) approvals_reviewer: Option<ApprovalsReviewer>,
    pub(crate) sandbox_policy: Option<RequestedSandbox>,
    pub(crate) permissions: Option<String>,
    pub(crate) model: Option<String>,
    #[serde(default, deserialize_with = "patch")]
    pub(crate) service_tier: Patch<String>,
    pub(crate) effort: Option<ReasoningEffort>,
    pub(crate) summary: Option<ReasoningSummary>,
    pub(crate) collaboration_mode: Option<CollaborationMode>,
    pub(crate) multi_agent_mode: Option<MultiAgentMode>,
    pub(crate) personality: Option<Personality>,
}

/// `turn/start`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TurnStartParams {
    pub(crate) thread_id: String,
    pub(crate) disabled_plugin_ids: Option<Vec<String>>,
    pub(crate) client_user_message_id: Option<String>,
    pub(crate) input: Vec<UserInput>,
    pub(crate) turn_trigger: Option<String>,
    pub(crate) parent_turn_id: Option<String>,
    pub(crate) root_turn_id: Option<String>,
    pub(crate) tool_output: Option<TurnToolOutput>,
    pub(crate) responsesapi_client_metadata: Option<BTreeMap<String, String>>,
    pub(crate) responsesapi_client_metadata_patch: Option<BTreeMap<String, String>>,
    pub(crate) additional_context: Option<AdditionalContext>,
    pub(crate) environments: Option<Vec<TurnEnvironmentParams>>,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) runtime_workspace_roots: Option<Vec<AbsolutePath>>,
    #[serde(default, deserialize_with = "approval_policy")]
    pub(crate) approval_policy: Option<ApprovalPolicy>,
    pub(crate) approvals_reviewer: Option<ApprovalsReviewer>,
    pub(crate) sandbox_policy: Option<RequestedSandbox>,
    pub(crate) permissions: Option<String>,
    pub(crate) model: Option<String>,
    #[serde(default, deserialize_with = "patch")]
    pub(crate) service_tier: Patch<String>,
    pub(crate) service_tier_for_turn: Option<String>,
    pub(crate) effort: Option<ReasoningEffort>,
    pub(crate) summary: Option<ReasoningSummary>,
    pub(crate) personality: Option<Personality>,
    pub(crate) output_schema: Option<Value>,
    pub(crate) collaboration_mode: Option<CollaborationMode>,
    pub(crate) multi_agent_mode: Option<MultiAgentMode>,
    pub(crate) cyber_access_program: Option<CyberAccessProgram>,
}

/// How the user and the model work together.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct CollaborationMode {
    pub(crate) mode: ModeKind,
    pub(crate) settings: Settings,
}

/// The modes that codex 0.169.0 knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ModeKind {
    Plan,
    Code,
    Custom,
    Default,
    Execute,
    PairProgramming,
}

/// What comes with a mode.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Settings {
    pub(crate) model: String,
    pub(crate) reasoning_effort: Option<ReasoningEffort>,
    pub(crate) developer_instructions: Option<String>,
}

/// `turn/steer`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TurnSteerParams {
    pub(crate) thread_id: String,
    pub(crate) client_user_message_id: Option<String>,
    pub(crate) input: Vec<UserInput>,
    pub(crate) responsesapi_client_metadata: Option<BTreeMap<String, String>>,
    pub(crate) responsesapi_client_metadata_patch: Option<BTreeMap<String, String>>,
    pub(crate) additional_context: Option<AdditionalContext>,
    pub(crate) expected_turn_id: String,
}

/// `turn/interrupt`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TurnInterruptParams {
    pub(crate) thread_id: String,
    pub(crate) turn_id: String,
}

/// `mock/experimentalMethod`.
#[derive(Debug, Deserialize)]
pub(crate) struct MockExperimentalMethodParams {
    pub(crate) value: Option<String>,
}
