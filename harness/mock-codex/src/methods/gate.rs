//! Which methods and members need `experimentalApi`, as observed on codex 0.169.0.

use codex_wire::policy::ApprovalPolicy;

use super::Params;
use crate::protocol::review::ReviewStartParams;
use crate::protocol::{params as p, thread_params as t};

/// Methods that anybody may call with any parameters.
macro_rules! open {
    ($($params:ty)*) => { $(impl Params for $params {})* };
}

/// Methods that need the capability whatever the parameters are.
macro_rules! gated {
    ($($params:ty, $method:literal;)*) => {
        $(impl Params for $params {
            fn experimental(&self) -> Option<&'static str> {
                Some($method)
            }
        })*
    };
}

open! {
    p::InitializeParams
    p::ThreadReadParams p::ThreadLoadedListParams p::ThreadTurnsListParams
    p::ThreadArchiveParams p::ThreadUnarchiveParams p::ThreadSetNameParams
    p::ThreadUnsubscribeParams p::TurnSteerParams p::TurnInterruptParams
    t::ThreadItemsListParams
    t::ThreadGoalSetParams t::ThreadGoalGetParams t::ThreadGoalClearParams t::ThreadDeleteParams
    t::ThreadRevertParams t::ThreadInjectItemsParams t::ThreadShellCommandParams
    t::ThreadCompactStartParams ReviewStartParams
}

gated! {
    p::MockExperimentalMethodParams, "mock/experimentalMethod";
    p::ThreadSettingsUpdateParams, "thread/settings/update";
    p::ThreadBackgroundTerminalsListParams, "thread/backgroundTerminals/list";
    p::ThreadBackgroundTerminalsCleanParams, "thread/backgroundTerminals/clean";
    t::ThreadBackgroundTerminalsTerminateParams, "thread/backgroundTerminals/terminate";
    t::ThreadItemsReadParams, "thread/items/read";
    t::ThreadReadStateUpdateParams, "thread/readState/update";
    t::ThreadMemoryModeSetParams, "thread/memoryMode/set";
    t::ThreadSearchParams, "thread/search";
    t::ThreadSearchOccurrencesParams, "thread/searchOccurrences";
}

impl Params for p::ThreadListParams {
    fn experimental(&self) -> Option<&'static str> {
        first(&[
            (
                self.include_attached_threads,
                "thread/list.includeAttachedThreads",
            ),
            (self.project_id.is_some(), "thread/list.projectId"),
            (
                self.parent_thread_id.is_some(),
                "thread/list.parentThreadId",
            ),
            (
                self.ancestor_thread_id.is_some(),
                "thread/list.ancestorThreadId",
            ),
            (
                self.attached_to_thread_id.is_some(),
                "thread/list.attachedToThreadId",
            ),
        ])
    }
}

impl Params for t::ThreadMetadataUpdateParams {
    fn experimental(&self) -> Option<&'static str> {
        first(&[
            (
                self.daybreak_enabled.is_some(),
                "thread/metadata/update.daybreakEnabled",
            ),
            (
                self.project_id.is_some(),
                "thread/metadata/update.projectId",
            ),
        ])
    }
}

impl Params for p::ThreadStartParams {
    fn experimental(&self) -> Option<&'static str> {
        first(&[
            (
                self.allow_provider_model_fallback,
                "thread/start.allowProviderModelFallback",
            ),
            (
                self.runtime_workspace_roots.is_some(),
                "thread/start.runtimeWorkspaceRoots",
            ),
            (granular(self.approval_policy), "askForApproval.granular"),
            (self.permissions.is_some(), "thread/start.permissions"),
            (
                self.multi_agent_mode.is_some(),
                "thread/start.multiAgentMode",
            ),
            (self.history_mode.is_some(), "thread/start.historyMode"),
            (self.project_id.is_some(), "thread/start.projectId"),
            (
                self.daybreak_enabled.is_some(),
                "thread/start.daybreakEnabled",
            ),
            (self.environments.is_some(), "thread/start.environments"),
            (self.dynamic_tools.is_some(), "thread/start.dynamicTools"),
            (
                self.selected_capability_roots.is_some(),
                "thread/start.selectedCapabilityRoots",
            ),
            (
                self.mock_experimental_field.is_some(),
                "thread/start.mockExperimentalField",
            ),
            (
                self.experimental_raw_events,
                "thread/start.experimentalRawEvents",
            ),
        ])
    }
}

impl Params for p::ThreadResumeParams {
    fn experimental(&self) -> Option<&'static str> {
        first(&[
            (self.history.is_some(), "thread/resume.history"),
            (self.path.is_some(), "thread/resume.path"),
            (
                self.runtime_workspace_roots.is_some(),
                "thread/resume.runtimeWorkspaceRoots",
            ),
            (granular(self.approval_policy), "askForApproval.granular"),
            (self.permissions.is_some(), "thread/resume.permissions"),
            (
                self.initial_turns_page.is_some(),
                "thread/resume.initialTurnsPage",
            ),
        ])
    }
}

impl Params for p::ThreadForkParams {
    fn experimental(&self) -> Option<&'static str> {
        first(&[
            (
                self.experimental_prediction_mode,
                "thread/fork.experimentalPredictionMode",
            ),
            (
                self.experimental_disable_prediction_mcp,
                "thread/fork.experimentalDisablePredictionMcp",
            ),
            (self.before_turn_id.is_some(), "thread/fork.beforeTurnId"),
            (self.path.is_some(), "thread/fork.path"),
            (
                self.runtime_workspace_roots.is_some(),
                "thread/fork.runtimeWorkspaceRoots",
            ),
            (granular(self.approval_policy), "askForApproval.granular"),
            (self.permissions.is_some(), "thread/fork.permissions"),
            (self.attach_to_source, "thread/fork.attachToSource"),
            (
                self.defer_goal_continuation,
                "thread/fork.deferGoalContinuation",
            ),
        ])
    }
}

impl Params for p::TurnStartParams {
    fn experimental(&self) -> Option<&'static str> {
        first(&[
            (
                self.responsesapi_client_metadata.is_some(),
                "turn/start.responsesapiClientMetadata",
            ),
            (
                self.additional_context.is_some(),
                "turn/start.additionalContext",
            ),
            (self.environments.is_some(), "turn/start.environments"),
            (
                self.runtime_workspace_roots.is_some(),
                "turn/start.runtimeWorkspaceRoots",
            ),
            (granular(self.approval_policy), "askForApproval.granular"),
            (self.permissions.is_some(), "turn/start.permissions"),
            (
                self.collaboration_mode.is_some(),
                "turn/start.collaborationMode",
            ),
            (self.multi_agent_mode.is_some(), "turn/start.multiAgentMode"),
        ])
    }
}

fn first(rows: &[(bool, &'static str)]) -> Option<&'static str> {
    rows.iter().find(|(used, _)| *used).map(|(_, what)| *what)
}

fn granular(policy: Option<ApprovalPolicy>) -> bool {
    matches!(policy, Some(ApprovalPolicy::Granular(_)))
}
