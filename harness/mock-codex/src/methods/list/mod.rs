//! `thread/list`: the threads on disk, narrowed, ordered, page by page.

mod filter;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::listing::{PAGE, invalid_cursor};
use crate::clock;
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params::{SortDirection, ThreadListParams, ThreadSortKey};
use crate::protocol::reply::{ReadState, ThreadView};
use crate::protocol::thread_params::ThreadSearchParams;
use crate::protocol::value::ThreadSearchSortKey;
use crate::quirk::Id as Quirk;
use crate::server::parse_id;
use crate::thread::Thread;
use crate::thread::catalog::{self, Entry};
use crate::thread::store;
use filter::Filter;

/// A thread of a list, with the times that it is sorted by in milliseconds.
pub(super) struct Row {
    created_ms: i64,
    updated_ms: i64,
    recency_ms: i64,
    pub(super) view: ThreadView,
    read_state: Option<ReadState>,
}

/// How the rows are ordered.
#[derive(Clone, Copy)]
struct Order {
    key: ThreadSortKey,
    ascending: bool,
    /// Are the times of creation those of codex's database, which has whole seconds?
    from_database: bool,
}

/// Which threads are looked for, in which order, and which part of them is shown.
pub(super) struct Query {
    order: Order,
    cursor: Option<Cursor>,
    limit: usize,
    filter: Filter,
    /// Are the files that reverts have left listed, too?
    keeps_old: bool,
    previews: Previews,
}

/// When a reverted thread is shown with what was said first since then.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Previews {
    Never,
    /// Once something was said.
    OnceSaid,
    Always,
}

/// A part of a list, with what was found in each thread.
pub(super) struct Part<T> {
    pub(super) rows: Vec<(Row, T)>,
    pub(super) next_cursor: Option<String>,
    pub(super) backwards_cursor: Option<String>,
}

pub(super) fn list(call: &Call, params: ThreadListParams) -> Result<(), Failure> {
    let part = Query::of_list(call, params)?.part(call, |_| Some(()));
    let rows = || part.rows.iter().map(|(row, ())| row);
    let read_states: BTreeMap<&str, &ReadState> = rows()
        .filter_map(|row| Some((row.view.id.as_str(), row.read_state.as_ref()?)))
        .collect();
    call.reply(&json!({
        "data": rows().map(|row| &row.view).collect::<Vec<_>>(),
        "readStates": read_states,
        "nextCursor": part.next_cursor,
        "backwardsCursor": part.backwards_cursor,
    }));
    Ok(())
}

impl Query {
    fn of_list(call: &Call, params: ThreadListParams) -> Result<Self, Failure> {
        let order = Order {
            key: params.sort_key.unwrap_or(ThreadSortKey::CreatedAt),
            ascending: params.sort_direction == Some(SortDirection::Asc),
            from_database: params.search_term.is_some() || params.use_state_db_only,
        };
        if order.key == ThreadSortKey::SectionPosition && params.section_id.is_none() {
            return Err(Failure::invalid(
                "section-position sorting requires a section filter",
            ));
        }
        let (cursor, limit) = (params.cursor.clone(), limit(params.limit));
        // What the members mean together is looked at before the cursor.
        let filter = Filter::new(call, params)?;
        Ok(Self {
            order,
            cursor: cursor.as_deref().map(Cursor::parse).transpose()?,
            limit,
            filter,
            keeps_old: server_keeps_old(call) && !order.from_database,
            previews: match (server_keeps_old(call), order.from_database) {
                (false, _) => Previews::Never,
                // The database goes on with what it knows until something is said.
                (true, true) => Previews::OnceSaid,
                (true, false) => Previews::Always,
            },
        })
    }

    /// The threads that a search goes through: those of all providers, as they go on now.
    pub(super) fn of_search(params: &ThreadSearchParams) -> Result<Self, Failure> {
        let cursor = params.cursor.as_deref().map(Cursor::parse).transpose()?;
        let key = params.sort_key.unwrap_or(ThreadSearchSortKey::CreatedAt);
        Ok(Self {
            order: Order {
                key: key.into(),
                ascending: params.sort_direction == Some(SortDirection::Asc),
                from_database: true,
            },
            cursor,
            limit: limit(params.limit),
            filter: Filter {
                providers: Vec::new(),
                kinds: params.source_kinds.clone().unwrap_or_default(),
                excluded: Vec::new(),
                directories: None,
                term: None,
                archived: params.archived == Some(true),
                nothing: false,
            },
            keeps_old: false,
            previews: Previews::Never,
        })
    }

    /// Collects the threads that `look` finds something in.
    pub(super) fn part<T>(&self, call: &Call, look: impl Fn(&Row) -> Option<T>) -> Part<T> {
        let order = self.order;
        let entries = self.entries(call);
        // The entries come in this order already, so that one row more than a page is enough;
        // unless some of them are as old as a revert.
        let sorted = order.key == ThreadSortKey::CreatedAt
            && !order.ascending
            && !entries.iter().any(|entry| store::is_of_revert(&entry.path));
        let mut rows: Vec<(Row, T)> = Vec::new();
        for entry in entries {
            let row = row(call, &entry, self.previews);
            let Some(row) = row.filter(|row| self.admits(row)) else {
                continue;
            };
            let Some(found) = look(&row) else {
                continue;
            };
            rows.push((row, found));
            if sorted && rows.len() > self.limit {
                break;
            }
        }
        if !sorted {
            rows.sort_by(|(a, _), (b, _)| {
                let (a, b) = (order.place(a), order.place(b));
                if order.ascending {
                    a.cmp(&b)
                } else {
                    b.cmp(&a)
                }
            });
        }
        self.cut(rows)
    }

    fn entries(&self, call: &Call) -> Vec<Entry> {
        let home = &call.server.home;
        let entries = match (self.filter.nothing, self.filter.archived) {
            (true, _) => Vec::new(),
            (false, true) => catalog::archived(home),
            (false, false) => catalog::sessions(home),
        };
        if self.keeps_old {
            entries
        } else {
            catalog::newest_of_each(entries)
        }
    }

    fn admits(&self, row: &Row) -> bool {
        let beyond = |cursor: &Cursor| cursor.admits(row, self.order);
        self.filter.admits(&row.view) && self.cursor.as_ref().is_none_or(beyond)
    }

    fn cut<T>(&self, mut rows: Vec<(Row, T)>) -> Part<T> {
        let order = self.order;
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let next_cursor = rows.last().filter(|_| more).map(|(row, _)| {
            let (ms, id) = order.place(row);
            format!("{}|{id}", clock::short(ms))
        });
        // A millisecond before the first row, so that reading back shows it again if it changes.
        let back = if order.ascending { 1 } else { -1 };
        let backwards_cursor = rows
            .first()
            .map(|(row, _)| clock::millis(order.exact_ms(row) + back));
        Part {
            rows,
            next_cursor,
            backwards_cursor,
        }
    }
}

fn limit(asked: Option<u32>) -> usize {
    asked.map_or(PAGE, |limit| (limit as usize).max(1))
}

/// Are the files that reverts have left listed, too?
fn server_keeps_old(call: &Call) -> bool {
    call.server.quirks.has(Quirk::RevertLeavesOldListing)
}

fn row(call: &Call, entry: &Entry, previews: Previews) -> Option<Row> {
    let since = |said: &Option<String>| {
        let said = said.clone().filter(|_| previews != Previews::Never)?;
        (!said.is_empty() || previews == Previews::Always).then_some(said)
    };
    let loaded = call.server.loaded(&entry.id);
    if let Some(thread) = loaded
        .as_ref()
        .filter(|it| it.path.as_ref() == Some(&entry.path))
    {
        return Some(row_in_memory(thread, since));
    }
    let glance = catalog::glance(&entry.path).ok().flatten()?;
    let created_ms = glance.meta.created_ms;
    let summary = glance.summary.as_ref();
    let mut view = ThreadView {
        forked_from_id: None,
        thread_source: None,
        ..glance.view(&entry.path)
    };
    if let Some(said) = summary.and_then(|summary| since(&summary.since_revert)) {
        view.preview = said;
    }
    let mut read_state = Some(glance.read_state());
    if let Some(thread) = loaded {
        // A file that a revert has left: what is known of the thread now, beside what it holds.
        let now = thread.view(None);
        view.environments = now.environments;
        view.status = now.status;
        view.name = now.name;
        read_state = thread.state.borrow().read_state(thread.id());
    }
    Some(Row {
        created_ms,
        updated_ms: summary.map_or(created_ms, |summary| summary.updated_ms),
        recency_ms: summary.map_or(created_ms, |summary| summary.recency_ms),
        view,
        read_state,
    })
}

fn row_in_memory(thread: &Thread, since: impl Fn(&Option<String>) -> Option<String>) -> Row {
    let view = thread.view(None);
    let state = thread.state.borrow();
    Row {
        created_ms: thread.meta.created_ms,
        updated_ms: state.updated_ms,
        recency_ms: state.recency_ms,
        view: ThreadView {
            cwd: state.began.cwd.clone(),
            thread_source: None,
            preview: since(&state.since_revert).unwrap_or(view.preview),
            can_accept_direct_input: None,
            forked_from_id: None,
            ..view
        },
        read_state: state.read_state(thread.id()),
    }
}

impl Order {
    /// The time that a row is compared by. Those of creation have whole seconds.
    fn ms(self, row: &Row) -> i64 {
        match self.key {
            ThreadSortKey::CreatedAt | ThreadSortKey::SectionPosition => {
                row.created_ms / 1000 * 1000
            }
            ThreadSortKey::UpdatedAt => row.updated_ms,
            ThreadSortKey::RecencyAt => row.recency_ms,
        }
    }

    fn place(self, row: &Row) -> (i64, &str) {
        (self.ms(row), row.view.id.as_str())
    }

    /// The same as exactly as it is known.
    fn exact_ms(self, row: &Row) -> i64 {
        match self.key {
            ThreadSortKey::CreatedAt if !self.from_database => row.created_ms,
            _ => self.ms(row),
        }
    }
}

/// A place in a list: a time, and the thread behind which the next page begins.
struct Cursor {
    at: Timestamp,
    id: Option<String>,
}

impl Cursor {
    fn parse(cursor: &str) -> Result<Self, Failure> {
        let (text, id) = match cursor.split_once('|') {
            Some((text, id)) => (text, Some(id)),
            None => (cursor, None),
        };
        let id = id
            .map(|id| parse_id("thread", id))
            .transpose()
            .map_err(|_| invalid_cursor(cursor))?;
        let at = text.parse().map_err(|_| invalid_cursor(cursor))?;
        Ok(Self { at, id })
    }

    /// Does the row come behind this place?
    fn admits(&self, row: &Row, order: Order) -> bool {
        let (ms, id) = order.place(row);
        let time = Timestamp::from_millisecond(ms).unwrap_or_default();
        let at = self.at;
        match (&self.id, order.ascending) {
            (Some(from), true) => (time, id) > (at, from.as_str()),
            (Some(from), false) => (time, id) < (at, from.as_str()),
            (None, true) => time > at,
            (None, false) => time < at,
        }
    }
}
