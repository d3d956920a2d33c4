//! `thread/read` and `thread/loaded/list`.

use std::rc::Rc;

use serde_json::json;

use super::turns_list;
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params::{ThreadLoadedListParams, ThreadReadParams};
use crate::server::parse_id;
use crate::thread::Thread;
use crate::thread::catalog;
use crate::thread::turns::ItemsView;

const HYDRATION: &str = "Full-history hydration is deprecated for paginated threads; omit \
    `includeTurns` or set it to `false`, then page with `thread/turns/list` and \
    `thread/items/list`.";

/// How many threads or turns a page has unless told otherwise.
pub(super) const PAGE: usize = 25;

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
    let read_state = glance.meta.has_reader().then(|| glance.read_state());
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
    let read_state = thread.read_state();
    call.reply(&json!({"thread": view, "readState": read_state}));
    Ok(())
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
