//! `thread/list`: the threads on disk, narrowed, ordered, page by page.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::json;

use super::listing::{PAGE, invalid_cursor};
use crate::clock;
use crate::config::{self, Requested};
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params::{SortDirection, ThreadListParams, ThreadSortKey, ThreadSourceKind};
use crate::protocol::reply::{ReadState, ThreadView};
use crate::quirk::Id as Quirk;
use crate::server::parse_id;
use crate::thread::Thread;
use crate::thread::catalog::{self, Entry};

/// A thread of a list, with the times that it is sorted by in milliseconds.
struct Row {
    created_ms: i64,
    updated_ms: i64,
    recency_ms: i64,
    view: ThreadView,
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

/// Which threads are wanted.
struct Filter {
    providers: Vec<String>,
    kinds: Vec<ThreadSourceKind>,
    excluded: Vec<String>,
    directories: Option<Vec<PathBuf>>,
    term: Option<String>,
    archived: bool,
    /// Does the list ask for what the mock's threads never are: in a section, or children?
    nothing: bool,
}

pub(super) fn list(call: &Call, params: ThreadListParams) -> Result<(), Failure> {
    let order = Order {
        key: params.sort_key.unwrap_or(ThreadSortKey::CreatedAt),
        ascending: params.sort_direction == Some(SortDirection::Asc),
        from_database: params.search_term.is_some() || params.use_state_db_only,
    };
    let cursor = params.cursor.as_deref().map(Cursor::parse).transpose()?;
    let limit = params.limit.map_or(PAGE, |limit| (limit as usize).max(1));
    if order.key == ThreadSortKey::SectionPosition && params.section_id.is_none() {
        return Err(Failure::invalid(
            "section-position sorting requires a section filter",
        ));
    }
    let filter = Filter::new(call, params)?;
    let home = &call.server.home;
    let entries = match (filter.nothing, filter.archived) {
        (true, _) => Vec::new(),
        (false, true) => catalog::archived(home),
        (false, false) => catalog::sessions(home),
    };
    let entries = if server_keeps_old(call) {
        entries
    } else {
        catalog::newest_of_each(entries)
    };
    // The entries come in this order already, so that one row more than a page is enough.
    let sorted = order.key == ThreadSortKey::CreatedAt && !order.ascending;
    let mut rows: Vec<Row> = Vec::new();
    for entry in entries {
        let Some(row) = row(call, &entry).filter(|row| filter.admits(&row.view)) else {
            continue;
        };
        if cursor.as_ref().is_some_and(|at| !at.admits(&row, order)) {
            continue;
        }
        rows.push(row);
        if sorted && rows.len() > limit {
            break;
        }
    }
    if !sorted {
        rows.sort_by(|a, b| {
            let (a, b) = (order.place(a), order.place(b));
            if order.ascending {
                a.cmp(&b)
            } else {
                b.cmp(&a)
            }
        });
    }
    reply(call, rows, limit, order);
    Ok(())
}

/// Are the files that reverts have left listed, too?
fn server_keeps_old(call: &Call) -> bool {
    call.server.quirks.has(Quirk::RevertLeavesOldListing)
}

fn reply(call: &Call, mut rows: Vec<Row>, limit: usize, order: Order) {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| {
        let (ms, id) = order.place(row);
        format!("{}|{id}", clock::short(ms))
    });
    // A millisecond before the first row, so that reading back shows it again if it changes.
    let back = if order.ascending { 1 } else { -1 };
    let backwards = rows
        .first()
        .map(|row| clock::millis(order.exact_ms(row) + back));
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
    let loaded = call.server.loaded(&entry.id);
    if let Some(thread) = loaded
        .as_ref()
        .filter(|it| it.path.as_ref() == Some(&entry.path))
    {
        return Some(row_in_memory(thread, server_keeps_old(call)));
    }
    let glance = catalog::glance(&entry.path).ok().flatten()?;
    let created_ms = glance.meta.created_ms;
    let summary = glance.summary.as_ref();
    let mut view = ThreadView {
        forked_from_id: None,
        thread_source: None,
        ..glance.view(&entry.path)
    };
    if let Some(said) = summary.and_then(|summary| summary.since_revert.clone())
        && server_keeps_old(call)
    {
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

fn row_in_memory(thread: &Thread, keeps_old: bool) -> Row {
    let view = thread.view(None);
    let state = thread.state.borrow();
    Row {
        created_ms: thread.meta.created_ms,
        updated_ms: state.updated_ms,
        recency_ms: state.recency_ms,
        view: ThreadView {
            cwd: state.began.cwd.clone(),
            thread_source: None,
            preview: match &state.since_revert {
                Some(said) if keeps_old => said.clone(),
                _ => view.preview,
            },
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

impl Filter {
    fn new(call: &Call, params: ThreadListParams) -> Result<Self, Failure> {
        if params.originators.is_some_and(|names| !names.is_empty()) {
            return Err(Failure::params(
                "originator filtering is not supported by the local app-server",
            ));
        }
        let excluded = params.excluded_thread_ids.unwrap_or_default();
        let relatives = [
            ("parent thread", params.parent_thread_id),
            ("ancestor thread", params.ancestor_thread_id),
            ("attached thread parent", params.attached_to_thread_id),
        ];
        let mut nothing = params.section_id.is_some();
        for (what, id) in relatives {
            nothing |= id.is_some();
            id.map(|id| parse_id(what, &id)).transpose()?;
        }
        let has_term = params.search_term.as_ref().is_some_and(|t| !t.is_empty());
        if params.include_attached_threads && !has_term {
            return Err(Failure::invalid(
                "includeAttachedThreads requires a non-empty searchTerm",
            ));
        }
        match params.project_id.as_deref() {
            None => {}
            Some("") => return Err(Failure::params("projectId must not be empty")),
            Some(project) => {
                return Err(Failure::params(format!("project not found: {project}")));
            }
        }
        let server = &call.server;
        Ok(Self {
            providers: match params.model_providers {
                Some(providers) => providers,
                None => vec![default_provider(call)],
            },
            kinds: params.source_kinds.unwrap_or_default(),
            excluded: excluded
                .iter()
                .map(|id| parse("excluded thread", id))
                .collect::<Result<_, _>>()?,
            directories: params.cwd.map(|cwd| cwd.directories(&server.started_in)),
            term: params.search_term,
            archived: params.archived == Some(true),
            nothing,
        })
    }

    fn admits(&self, view: &ThreadView) -> bool {
        let Self {
            providers, kinds, ..
        } = self;
        // A thread without a first message shows among the archived alone.
        (self.archived || !view.preview.is_empty())
            && (providers.is_empty() || providers.contains(&view.model_provider))
            && (kinds.is_empty() || kinds.contains(&ThreadSourceKind::VsCode))
            && !self.excluded.contains(&view.id)
            && self
                .directories
                .as_ref()
                .is_none_or(|directories| directories.contains(&view.cwd))
            && self.term.as_ref().is_none_or(|term| {
                view.preview.contains(term)
                    || view.name.as_ref().is_some_and(|name| name.contains(term))
            })
    }
}

/// The provider that a list is narrowed to unless it names some: the one of a new thread, and
/// codex's own where the configuration can't be read.
fn default_provider(call: &Call) -> String {
    let configured = call.server.config().and_then(|config| {
        config::resolve(&config, &Requested::default(), &call.server.started_in)
    });
    configured.map_or_else(|_| "openai".to_owned(), |settings| settings.provider)
}

fn parse(what: &str, id: &str) -> Result<String, Failure> {
    parse_id(what, id).map_err(|failure| Failure::params(failure.into_object().message))
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
