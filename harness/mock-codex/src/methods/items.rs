//! `thread/items/list` and `thread/items/read`: a thread's items, page by page.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::listing::PAGE;
use super::paging::{Page, Place, Scope};
use super::turns_list::cold_turns;
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params::SortDirection;
use crate::protocol::thread_params::{
    ThreadItemsListAnchor, ThreadItemsListCursor, ThreadItemsListParams, ThreadItemsReadParams,
};
use crate::server::parse_id;
use crate::thread::catalog;
use crate::thread::turns::TurnRecord;

/// How many ids one read may name.
const MOST_IDS: usize = 100;

/// An item of a list.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    turn_id: String,
    item: Box<RawValue>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    output_deferred: bool,
    started_at_ms: Value,
    completed_at_ms: Value,
    #[serde(skip)]
    id: String,
    #[serde(skip)]
    line: usize,
}

pub(super) fn list(call: &Call, params: ThreadItemsListParams) -> Result<(), Failure> {
    let id = parse_id("thread", &params.thread_id)?;
    let mut rows = rows(call, &id, "thread/items/list")?;
    if let Some(turn) = &params.turn_id {
        rows.retain(|row| row.turn_id == *turn);
    }
    let place = match params.cursor {
        None => None,
        Some(ThreadItemsListCursor::Cursor(cursor)) => {
            Some(Place::parse(&cursor, &id, Scope::Items)?)
        }
        Some(ThreadItemsListCursor::Anchor(ThreadItemsListAnchor::Item { item_id })) => {
            Some(place_of(&rows, params.turn_id.as_deref(), &item_id)?)
        }
    };
    // codex 0.169.0 leaves outputs out of the items of one turn alone.
    let defer = params
        .defer_output
        .is_some_and(|which| which.command_execution && params.turn_id.is_some());
    if defer {
        rows.iter_mut().for_each(Row::defer_output);
    }
    let ascending = params.sort_direction != Some(SortDirection::Desc);
    let limit = params.limit.map_or(PAGE, |limit| (limit as usize).max(1));
    let page = Page::cut(rows, |row| row.line, place, ascending, limit);
    call.reply(&page.with_cursors(&id, Scope::Items, |row| row.line));
    Ok(())
}

pub(super) fn read(call: &Call, params: ThreadItemsReadParams) -> Result<(), Failure> {
    let id = parse_id("thread", &params.thread_id)?;
    if params.item_ids.is_empty() || params.item_ids.len() > MOST_IDS {
        let text = format!("itemIds must contain 1 to {MOST_IDS} IDs");
        return Err(Failure::invalid(text));
    }
    let mut rows = rows(call, &id, "thread/items/read")?;
    rows.retain(|row| row.turn_id == params.turn_id && params.item_ids.contains(&row.id));
    call.reply(&json!({"data": rows}));
    Ok(())
}

/// All items of a thread that has a file, oldest first.
fn rows(call: &Call, id: &str, method: &str) -> Result<Vec<Row>, Failure> {
    with_turns(call, id, method, |turns| {
        turns.iter().flat_map(of_turn).collect()
    })
}

/// Looks at the turns of a thread that has a file.
pub(super) fn with_turns<T>(
    call: &Call,
    id: &str,
    method: &str,
    look: impl FnOnce(&[TurnRecord]) -> T,
) -> Result<T, Failure> {
    let unsupported = || Failure::unsupported(format!("{method} is not supported yet"));
    if let Some(thread) = call.server.loaded(id) {
        let state = thread.state.borrow();
        if state.rollout.is_none() {
            return Err(unsupported());
        }
        return Ok(look(&state.turns));
    }
    let home = &call.server.home;
    let path = catalog::find(home, id)
        .or_else(|| catalog::find_archived(home, id))
        .ok_or_else(unsupported)?;
    Ok(look(&cold_turns(&path)?))
}

fn of_turn(turn: &TurnRecord) -> impl Iterator<Item = Row> + use<'_> {
    turn.items.iter().map(move |stored| {
        let seen: Value = serde_json::from_str(stored.item.get()).unwrap_or_default();
        Row {
            turn_id: turn.id.clone(),
            item: stored.item.clone(),
            output_deferred: false,
            started_at_ms: seen["startedAtMs"].clone(),
            completed_at_ms: seen["completedAtMs"].clone(),
            id: seen["id"].as_str().unwrap_or_default().to_owned(),
            line: stored.line,
        }
    })
}

fn place_of(rows: &[Row], turn: Option<&str>, item: &str) -> Result<Place, Failure> {
    if turn.is_none() {
        let text = "turnId is required when cursor is an item anchor";
        return Err(Failure::params(text));
    }
    let row = rows.iter().find(|row| row.id == item).ok_or_else(|| {
        let text = "cursor.itemId does not identify an item in the requested history scope";
        Failure::params(text)
    })?;
    Ok(Place {
        line: row.line,
        include: false,
    })
}

impl Row {
    /// Takes the output of a command that was successful out of its item.
    fn defer_output(&mut self) {
        let mut item: Value = serde_json::from_str(self.item.get()).unwrap_or_default();
        let has_output = item["type"] == "commandExecution"
            && item["status"] == "completed"
            && item["aggregatedOutput"].is_string();
        if !has_output {
            return;
        }
        item["aggregatedOutput"] = Value::Null;
        if let Ok(item) = to_raw_value(&item) {
            self.item = item;
            self.output_deferred = true;
        }
    }
}
