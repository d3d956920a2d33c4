//! `thread/turns/list`, and the cursors into a thread's turns.

use serde::Serialize;
use serde_json::json;

use super::listing::{PAGE, invalid_cursor, not_loaded};
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params::{SortDirection, ThreadTurnsListParams, TurnItemsView};
use crate::protocol::reply::TurnView;
use crate::server::parse_id;
use crate::thread::state::State;
use crate::thread::turns::{ItemsView, TurnRecord};
use crate::thread::{Settings, Thread, catalog, store};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
    backwards_cursor: Option<String>,
}

pub(super) fn list(call: &Call, params: ThreadTurnsListParams) -> Result<(), Failure> {
    let id = parse_id("thread", &params.thread_id)?;
    let view = match params.items_view {
        Some(TurnItemsView::Full) => ItemsView::Full,
        Some(TurnItemsView::NotLoaded) => ItemsView::NotLoaded,
        Some(TurnItemsView::Summary) | None => ItemsView::Summary,
    };
    let mut turns: Vec<(usize, TurnView)> = match call.server.loaded(&id) {
        Some(thread) if thread.ephemeral => {
            return Err(Failure::invalid(
                "ephemeral threads do not support thread/turns/list",
            ));
        }
        Some(thread) if thread.state.borrow().rollout.is_none() => {
            return Err(Failure::invalid(format!(
                "thread {id} is not materialized yet; thread/turns/list is unavailable before \
                 first user message"
            )));
        }
        Some(thread) => thread
            .state
            .borrow()
            .turns
            .iter()
            .map(|turn| (turn.line, turn.view(view)))
            .collect(),
        None => {
            let home = &call.server.home;
            let path = catalog::find(home, &id)
                .or_else(|| catalog::find_archived(home, &id))
                .ok_or_else(|| not_loaded(&id))?;
            cold_turns(&path)?
                .iter()
                .map(|turn| (turn.line, turn.view(view)))
                .collect()
        }
    };
    let ascending = params.sort_direction == Some(SortDirection::Asc);
    if let Some(cursor) = &params.cursor {
        let (at, include) = parse_turn_cursor(cursor)?;
        turns.retain(|(line, _)| match (ascending, include) {
            (true, true) => *line >= at,
            (true, false) => *line > at,
            (false, true) => *line <= at,
            (false, false) => *line < at,
        });
    }
    if !ascending {
        turns.reverse();
    }
    let limit = params.limit.map_or(PAGE, |limit| (limit as usize).max(1));
    let more = turns.len() > limit;
    turns.truncate(limit);
    let edge = |turn: Option<&(usize, TurnView)>, include| {
        turn.map(|(line, _)| turn_cursor(&id, *line, include))
    };
    call.reply(&Page {
        next_cursor: edge(turns.last().filter(|_| more), false),
        backwards_cursor: edge(turns.first(), true),
        data: turns.into_iter().map(|(_, turn)| turn).collect(),
    });
    Ok(())
}

/// The cursor that `thread/resume` gives for the turns before the newest.
pub(super) fn turns_cursor(thread: &Thread) -> Option<String> {
    let line = thread.state.borrow().turns.last()?.line;
    Some(turn_cursor(thread.id(), line, true))
}

/// The cursor that `thread/resume` gives for the items before the newest.
pub(super) fn items_cursor(thread: &Thread) -> Option<String> {
    let line = thread.state.borrow().ordinals.last_item()?;
    Some(cursor(thread.id(), line, true, "itemsByCreatedAtOrdinal"))
}

/// Cursors are opaque; like codex's they name a line, see [`crate::thread::ordinals`].
fn turn_cursor(thread: &str, line: usize, include: bool) -> String {
    cursor(thread, line, include, "turns")
}

fn cursor(thread: &str, ordinal: usize, include: bool, kind: &str) -> String {
    json!({
        "requestedThreadId": thread,
        "rolloutOrdinal": ordinal,
        "includeAnchor": include,
        "scope": {"kind": kind},
    })
    .to_string()
}

fn parse_turn_cursor(cursor: &str) -> Result<(usize, bool), Failure> {
    let value: serde_json::Value =
        serde_json::from_str(cursor).map_err(|_| invalid_cursor(cursor))?;
    let ordinal = value["rolloutOrdinal"]
        .as_u64()
        .and_then(|at| usize::try_from(at).ok());
    match (ordinal, value["includeAnchor"].as_bool()) {
        (Some(line), Some(include)) => Ok((line, include)),
        _ => Err(invalid_cursor(cursor)),
    }
}

pub(super) fn cold_turns(path: &std::path::Path) -> Result<Vec<TurnRecord>, Failure> {
    let Some(loaded) = store::load(path)? else {
        return Ok(Vec::new());
    };
    let mut state = State::new(blank_settings(), loaded.meta.created_ms);
    for record in loaded.records {
        state.replay(record);
    }
    state.close_cut_turn();
    Ok(state.turns)
}

/// Settings for a replay that only looks at turns.
fn blank_settings() -> Settings {
    Settings {
        cwd: std::path::PathBuf::new(),
        workspace_roots: Vec::new(),
        model: String::new(),
        provider: String::new(),
        service_tier: None,
        approval_policy: codex_wire::policy::ApprovalPolicy::OnRequest,
        reviewer: codex_wire::policy::ApprovalsReviewer::User,
        sandbox: codex_wire::policy::SandboxPolicy::ReadOnly {
            network_access: false,
        },
        profile: None,
        effort: None,
        summary: None,
        personality: None,
        base_instructions: None,
        developer_instructions: None,
        collaboration: crate::thread::settings::Collaboration::default(),
        dynamic_tools: Vec::new(),
    }
}
