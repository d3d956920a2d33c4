//! Parameters of the methods that read, describe and change threads.
//!
//! As in [`params`](super::params), names and order are those of codex 0.169.0.
#![allow(
    dead_code,
    reason = "some members are here for the error texts that their types give"
)]

use serde::de::{Deserialize, Deserializer};
use serde_json::Value;

use super::value::{SortDirection, ThreadSearchSortKey, ThreadSourceKind, TurnItemsView};
use crate::thread::goal::GoalStatus;

/// A member that can be left out, be `null`, or have a value.
pub(crate) type Patch<T> = Option<Option<T>>;

/// Reads a member that is there.
pub(super) fn patch<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Patch<T>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

macro_rules! params {
    ($($(#[$doc:meta])* $name:ident { $($(#[$attr:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub(crate) struct $name { $($(#[$attr])* pub(crate) $field: $type,)* }
    )*};
}

params! {
    /// `thread/items/list`.
    ThreadItemsListParams {
        thread_id: String,
        turn_id: Option<String>,
        cursor: Option<ThreadItemsListCursor>,
        limit: Option<u32>,
        sort_direction: Option<SortDirection>,
        defer_output: Option<ThreadItemOutputDeferral>,
    }
    /// Which outputs are left out of a turn's items.
    ThreadItemOutputDeferral {
        #[serde(default)]
        command_execution: bool,
        #[serde(default)]
        mcp_tool_call: bool,
    }
    /// `thread/items/read`.
    ThreadItemsReadParams {
        thread_id: String,
        turn_id: String,
        item_ids: Vec<String>,
    }
    /// `thread/search`.
    ThreadSearchParams {
        #[serde(default)]
        include_attached_threads: bool,
        #[serde(default)]
        current_account_only: bool,
        cursor: Option<String>,
        limit: Option<u32>,
        sort_key: Option<ThreadSearchSortKey>,
        sort_direction: Option<SortDirection>,
        source_kinds: Option<Vec<ThreadSourceKind>>,
        archived: Option<bool>,
        search_term: String,
    }
    /// `thread/searchOccurrences`.
    ThreadSearchOccurrencesParams {
        thread_id: String,
        search_term: String,
        cursor: Option<String>,
        limit: Option<u32>,
    }
    /// `thread/resume.initialTurnsPage`.
    ThreadResumeInitialTurnsPageParams {
        limit: Option<u32>,
        sort_direction: Option<SortDirection>,
        items_view: Option<TurnItemsView>,
    }
    /// `thread/metadata/update`.
    ThreadMetadataUpdateParams {
        thread_id: String,
        git_info: Option<ThreadMetadataGitInfoUpdateParams>,
        daybreak_enabled: Option<bool>,
        project_id: Option<String>,
    }
    /// The git part of it.
    ThreadMetadataGitInfoUpdateParams {
        #[serde(default, deserialize_with = "patch")]
        sha: Patch<String>,
        #[serde(default, deserialize_with = "patch")]
        branch: Patch<String>,
        #[serde(default, deserialize_with = "patch")]
        origin_url: Patch<String>,
    }
    /// `thread/goal/set`.
    ThreadGoalSetParams {
        thread_id: String,
        objective: Option<String>,
        status: Option<GoalStatus>,
        #[serde(default, deserialize_with = "patch")]
        token_budget: Patch<i64>,
        origin: Option<ThreadGoalMutationOrigin>,
    }
    /// `thread/goal/get`.
    ThreadGoalGetParams {
        thread_id: String,
    }
    /// `thread/goal/clear`.
    ThreadGoalClearParams {
        thread_id: String,
        origin: Option<ThreadGoalMutationOrigin>,
    }
    /// `thread/delete`.
    ThreadDeleteParams {
        thread_id: String,
    }
    /// `thread/revert`.
    ThreadRevertParams {
        thread_id: String,
        before_turn_id: String,
    }
    /// `thread/inject_items`.
    ThreadInjectItemsParams {
        thread_id: String,
        items: Vec<Value>,
    }
    /// `thread/shellCommand`.
    ThreadShellCommandParams {
        thread_id: String,
        command: String,
        timeout_ms: Option<i64>,
    }
    /// `thread/compact/start`.
    ThreadCompactStartParams {
        thread_id: String,
    }
    /// `thread/backgroundTerminals/terminate`.
    ThreadBackgroundTerminalsTerminateParams {
        thread_id: String,
        process_id: String,
    }
    /// `thread/readState/update`.
    ThreadReadStateUpdateParams {
        thread_id: String,
        expected_revision: String,
        operation: ThreadReadStateOperation,
    }
    /// `thread/memoryMode/set`.
    ThreadMemoryModeSetParams {
        thread_id: String,
        mode: ThreadMemoryMode,
    }
}

/// A place in a list of items: a cursor, or an item of the turn.
#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
pub(crate) enum ThreadItemsListCursor {
    Cursor(String),
    Anchor(ThreadItemsListAnchor),
}

/// An item, to go on from.
#[derive(Debug, serde::Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum ThreadItemsListAnchor {
    Item { item_id: String },
}

/// Who changes a goal.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ThreadGoalMutationOrigin {
    User,
    Automatic,
}

/// What becomes of a thread's read state.
#[derive(Debug, serde::Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum ThreadReadStateOperation {
    Read,
    Unread,
}

/// Whether a thread is remembered.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ThreadMemoryMode {
    Enabled,
    Disabled,
}
