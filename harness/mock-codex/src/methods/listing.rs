//! `thread/read`, `thread/list`, `thread/loaded/list`.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::json;

use super::turns_list;
use crate::clock;
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params::{
    SortDirection, ThreadListParams, ThreadLoadedListParams, ThreadReadParams, ThreadSortKey,
};
use crate::protocol::reply::{ReadState, ThreadView};
use crate::server::parse_id;
use crate::thread::Thread;
use crate::thread::catalog::{self, Entry};
use crate::thread::turns::ItemsView;

const HYDRATION: &str = "Full-history hydration is deprecated for paginated threads; omit \
    `includeTurns` or set it to `false`, then page with `thread/turns/list` and \
    `thread/items/list`.";

/// How many threads or turns a page has unless told otherwise.
pub(super) const PAGE: usize = 25;

/// A thread of a list, with the times that it is sorted by in milliseconds.
struct Row {
    created_ms: i64,
    updated_ms: i64,
    view: ThreadView,
    read_state: Option<ReadState>,
}

pub(super) fn read(call: &Call, params: ThreadReadParams) -> Result<(), Failure> {
    let id = parse_id("thread", &params.thread_id)?;
    if let Some(thread) = call.server.loaded(&id) {
        return read_loaded(call, &thread, params.include_turns);
    }
    let home = &call.server.home;
    let path = catalog::find(home, &id)
        .or_else(|| catalog::find_archived(home, &id))
        .ok_or_else(|| not_loaded(&id))?;
    let glance = catalog::glance(&path)?.ok_or_else(|| not_loaded(&id))?;
    let mut view = glance.view(&path);
    if params.include_turns {
        notice(call);
        view.turns = turns_list::cold_turns(&path)?
            .iter()
            .map(|turn| turn.view(ItemsView::Full))
            .collect();
    }
    let read_state = Some(glance.read_state());
    call.reply(&json!({"thread": view, "readState": read_state}));
    Ok(())
}

fn read_loaded(call: &Call, thread: &Rc<Thread>, include_turns: bool) -> Result<(), Failure> {
    if include_turns {
        if thread.ephemeral {
            return Err(Failure::invalid(
                "ephemeral threads do not support includeTurns",
            ));
        }
        if thread.state.borrow().rollout.is_none() {
            return Err(Failure::unsupported("list_turns is not supported yet"));
        }
        notice(call);
    }
    let view = thread.view(include_turns.then_some(ItemsView::Full));
    let read_state = thread.state.borrow().read_state(thread.id());
    call.reply(&json!({"thread": view, "readState": read_state}));
    Ok(())
}

pub(super) fn list(call: &Call, params: ThreadListParams) -> Result<(), Failure> {
    let key = params.sort_key.unwrap_or(ThreadSortKey::CreatedAt);
    let cursor = params.cursor.as_deref().map(parse_cursor).transpose()?;
    let home = &call.server.home;
    let entries = if params.archived == Some(true) {
        catalog::archived(home)
    } else {
        catalog::sessions(home)
    };
    let ascending = params.sort_direction == Some(SortDirection::Asc);
    let limit = params.limit.map_or(PAGE, |limit| (limit as usize).max(1));
    let by_creation = key == ThreadSortKey::CreatedAt && !ascending;
    let mut rows: Vec<Row> = Vec::new();
    for entry in entries {
        let Some(row) = row(call, &entry) else {
            continue;
        };
        // A thread without a first message shows among the archived alone.
        let hidden = row.view.preview.is_empty() && params.archived != Some(true);
        if hidden || !admits(&params, &row.view) {
            continue;
        }
        if by_creation
            && cursor
                .as_ref()
                .is_some_and(|cursor| cursor.is_before(row.created_ms, &row.view.id))
        {
            continue;
        }
        rows.push(row);
        // The entries come newest first; one more than a page tells that there is more.
        if by_creation && rows.len() > limit {
            break;
        }
    }
    if !by_creation {
        let time = |row: &Row| match key {
            ThreadSortKey::CreatedAt => row.created_ms,
            _ => row.updated_ms,
        };
        rows.sort_by(|a, b| (time(b), &b.view.id).cmp(&(time(a), &a.view.id)));
        if ascending {
            rows.reverse();
        }
        if let Some(cursor) = &cursor {
            rows.retain(|row| {
                let before = cursor.is_before(time(row), &row.view.id);
                if ascending { before } else { !before }
            });
        }
    }
    reply_with_rows(call, rows, limit, key);
    Ok(())
}

fn reply_with_rows(call: &Call, mut rows: Vec<Row>, limit: usize, key: ThreadSortKey) {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let time = |row: &Row| match key {
        ThreadSortKey::CreatedAt => row.created_ms,
        _ => row.updated_ms,
    };
    let next = rows
        .last()
        .filter(|_| more)
        .map(|row| format!("{}|{}", clock::seconds(time(row)), row.view.id));
    let backwards = rows.first().map(|row| clock::millis(time(row)));
    let read_states: BTreeMap<String, ReadState> = rows
        .iter()
        .filter_map(|row| Some((row.view.id.clone(), row.read_state.clone()?)))
        .collect();
    let data: Vec<ThreadView> = rows.into_iter().map(|row| row.view).collect();
    call.reply(&json!({
        "data": data,
        "readStates": read_states,
        "nextCursor": next,
        "backwardsCursor": backwards,
    }));
}

fn row(call: &Call, entry: &Entry) -> Option<Row> {
    if let Some(thread) = call.server.loaded(&entry.id) {
        let view = ThreadView {
            can_accept_direct_input: None,
            forked_from_id: None,
            ..thread.view(None)
        };
        let state = thread.state.borrow();
        return Some(Row {
            created_ms: thread.meta.created_ms,
            updated_ms: state.updated_ms,
            view,
            read_state: state.read_state(thread.id()),
        });
    }
    let glance = catalog::glance(&entry.path).ok().flatten()?;
    Some(Row {
        created_ms: glance.meta.created_ms,
        updated_ms: glance
            .summary
            .as_ref()
            .map_or(glance.meta.created_ms, |s| s.updated_ms),
        view: ThreadView {
            forked_from_id: None,
            ..glance.view(&entry.path)
        },
        read_state: Some(glance.read_state()),
    })
}

fn admits(params: &ThreadListParams, view: &ThreadView) -> bool {
    let providers = params.model_providers.as_deref().unwrap_or_default();
    let kinds = params.source_kinds.as_deref().unwrap_or_default();
    let originators = params.originators.as_deref().unwrap_or_default();
    let excluded = params.excluded_thread_ids.as_deref().unwrap_or_default();
    (providers.is_empty() || providers.contains(&view.model_provider))
        && (kinds.is_empty() || kinds.iter().any(|kind| kind == view.source))
        && (originators.is_empty() || originators.contains(&view.originator))
        && !excluded.contains(&view.id)
        && params
            .cwd
            .as_ref()
            .is_none_or(|filter| filter.admits(&view.cwd))
        && params.search_term.as_ref().is_none_or(|term| {
            let term = term.to_lowercase();
            view.preview.to_lowercase().contains(&term)
                || view
                    .name
                    .as_ref()
                    .is_some_and(|name| name.to_lowercase().contains(&term))
        })
}

/// A place in a list: a time, and the thread after which the next page begins.
struct Cursor {
    text: String,
    id: Option<String>,
}

impl Cursor {
    /// Does the row lie before this place or on it, newest first?
    fn is_before(&self, ms: i64, id: &str) -> bool {
        match &self.id {
            Some(at) => {
                let row = clock::seconds(ms);
                (row.as_str(), id) >= (self.text.as_str(), at.as_str())
            }
            None => clock::millis(ms) >= self.text,
        }
    }
}

fn parse_cursor(cursor: &str) -> Result<Cursor, Failure> {
    let (text, id) = match cursor.split_once('|') {
        Some((text, id)) => (text, Some(id.to_owned())),
        None => (cursor, None),
    };
    if text.parse::<jiff::Timestamp>().is_err() {
        return Err(invalid_cursor(cursor));
    }
    Ok(Cursor {
        text: text.to_owned(),
        id,
    })
}

pub(super) fn loaded_list(call: &Call, params: ThreadLoadedListParams) -> Result<(), Failure> {
    let mut ids = call.server.loaded_ids();
    if let Some(cursor) = &params.cursor {
        let cursor = parse_id("cursor", cursor).map_err(|_| invalid_cursor(cursor))?;
        ids.retain(|id| *id > cursor);
    }
    let limit = params
        .limit
        .map_or(ids.len(), |limit| (limit as usize).max(1));
    let more = ids.len() > limit;
    ids.truncate(limit);
    let next = ids.last().filter(|_| more).cloned();
    call.reply(&json!({"data": ids, "nextCursor": next}));
    Ok(())
}

fn notice(call: &Call) {
    call.client.notify(
        "deprecationNotice",
        &json!({"summary": HYDRATION, "details": null}),
    );
}

pub(super) fn not_loaded(id: &str) -> Failure {
    Failure::invalid(format!("thread not loaded: {id}"))
}

pub(super) fn invalid_cursor(cursor: &str) -> Failure {
    Failure::invalid(format!("invalid cursor: {cursor}"))
}
