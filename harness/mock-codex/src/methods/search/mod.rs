//! `thread/search` and `thread/searchOccurrences`: what was said, found again.
//!
//! As observed on codex 0.169.0: the first looks for threads by what their own files hold, which is
//! all that the model and the user have said and what the model was told in the user's name; the
//! second for the places in one thread, in what its turns show.

mod passage;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::items::with_turns;
use super::list::{Part, Query};
use super::listing::invalid_cursor;
use super::paging::{Place, Scope};
use crate::connection::Call;
use crate::failure::Failure;
use crate::model::context::SUMMARY;
use crate::protocol::reply::ThreadView;
use crate::protocol::thread_params::{ThreadSearchOccurrencesParams, ThreadSearchParams};
use crate::server::parse_id;
use crate::thread::record::{ItemKind, Record};
use crate::thread::store;
use crate::thread::turns::TurnRecord;
use passage::Passage;

/// How many places a page has unless told otherwise, and at the most.
const OCCURRENCES: usize = 50;
const MOST_OCCURRENCES: usize = 250;

/// A thread in which something was found.
#[derive(Debug, Serialize)]
struct Found<'a> {
    thread: &'a ThreadView,
    snippet: &'a str,
}

pub(super) fn threads(call: &Call, params: ThreadSearchParams) -> Result<(), Failure> {
    let term = params.search_term.trim();
    check(term, "thread/search")?;
    let Part {
        rows,
        next_cursor,
        backwards_cursor,
    } = Query::of_search(&params)?.part(call, |row| {
        let loaded = store::load(row.view.path.as_ref()?).ok()??;
        messages(&loaded.records).find_map(|text| snippet(&text, term))
    });
    let data: Vec<Found> = rows
        .iter()
        .map(|(row, snippet)| Found {
            thread: &row.view,
            snippet,
        })
        .collect();
    call.reply(&json!({
        "data": data,
        "nextCursor": next_cursor,
        "backwardsCursor": backwards_cursor,
    }));
    Ok(())
}

fn check(term: &str, method: &str) -> Result<(), Failure> {
    if term.trim().is_empty() {
        let text = format!("{method} requires a non-empty searchTerm");
        return Err(Failure::invalid(text));
    }
    Ok(())
}

/// The messages that a file holds beyond what was copied into it, oldest first.
fn messages(records: &[Record]) -> impl Iterator<Item = String> {
    let copied = records
        .iter()
        .rposition(|record| matches!(record, Record::Copied));
    let own = &records[copied.map_or(0, |at| at + 1)..];
    own.iter().filter_map(|record| match record {
        Record::Input(item) | Record::Context(item) => said(item.get()),
        // The summary alone: the rest was said before.
        Record::Compacted(items) => {
            let summary = said(items.last()?.get())?;
            let summary = summary.strip_prefix(SUMMARY)?.trim_start();
            Some(summary.to_owned())
        }
        _ => None,
    })
}

/// What a message of the user or the model says, a line for each of its parts.
fn said(item: &str) -> Option<String> {
    let item: Value = serde_json::from_str(item).ok()?;
    let by = item["role"].as_str()?;
    let texts = item["content"].as_array()?.iter();
    let texts: Vec<&str> = texts.filter_map(|part| part["text"].as_str()).collect();
    (by != "developer").then(|| texts.join("\n"))
}

/// The first place of a term in a text, where the words stand in the text as in the term.
fn snippet(text: &str, term: &str) -> Option<String> {
    Passage::of(text, passage::same_letters).first(term)?;
    let spaced = Passage::spaced(text, passage::same_letters);
    let place = spaced.first(term)?;
    Some(spaced.excerpt(&place).trimmed())
}

/// A place in what a thread's turns show.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Occurrence {
    turn_id: String,
    item_id: String,
    snippet: String,
    snippet_match_range: Range,
    turn_cursor: String,
    #[serde(skip)]
    at: Position,
}

/// A part of a snippet, in UTF-16 units.
#[derive(Debug, Serialize)]
struct Range {
    start: usize,
    end: usize,
}

/// A place among all: the line of its item, and which one in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    line: usize,
    index: usize,
}

/// Where a page begins.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cursor {
    thread_id: String,
    search_term: String,
    next_rollout_ordinal: usize,
    next_occurrence_index: usize,
}

pub(super) fn occurrences(
    call: &Call,
    params: ThreadSearchOccurrencesParams,
) -> Result<(), Failure> {
    const METHOD: &str = "thread/searchOccurrences";
    let id = parse_id("thread", &params.thread_id)?;
    let term = params.search_term;
    check(&term, METHOD)?;
    let mut found = with_turns(call, &id, METHOD, |turns| {
        let all = turns.iter().flat_map(|turn| in_turn(&id, turn, &term));
        all.collect::<Vec<_>>()
    })?;
    if let Some(cursor) = &params.cursor {
        let from = Cursor::parse(cursor, &id, &term)?;
        found.retain(|occurrence| occurrence.at >= from);
    }
    let limit = params.limit.map_or(OCCURRENCES, |limit| limit as usize);
    let next = found.get(limit.clamp(1, MOST_OCCURRENCES)).map(|next| {
        let cursor = Cursor {
            thread_id: id,
            search_term: term,
            next_rollout_ordinal: next.at.line,
            next_occurrence_index: next.at.index,
        };
        // Strings and numbers only: this can't fail.
        serde_json::to_string(&cursor).unwrap_or_default()
    });
    found.truncate(limit.clamp(1, MOST_OCCURRENCES));
    call.reply(&json!({"data": found, "nextCursor": next}));
    Ok(())
}

impl Cursor {
    /// The position of a cursor for this search.
    fn parse(cursor: &str, thread: &str, term: &str) -> Result<Position, Failure> {
        let parsed: Self = serde_json::from_str(cursor).map_err(|_| invalid_cursor(cursor))?;
        if parsed.thread_id != thread || parsed.search_term != term {
            return Err(invalid_cursor(cursor));
        }
        // The first line of a file tells of the thread, and belongs to no turn.
        if parsed.next_rollout_ordinal == 0 {
            return Err(invalid_cursor("position outside thread lineage"));
        }
        Ok(Position {
            line: parsed.next_rollout_ordinal,
            index: parsed.next_occurrence_index,
        })
    }
}

/// The places of a term in a turn: in what the user said, and in the model's last message.
fn in_turn(thread: &str, turn: &TurnRecord, term: &str) -> Vec<Occurrence> {
    let place = Place {
        line: turn.line,
        include: true,
    };
    let turn_cursor = place.cursor(thread, Scope::Turns);
    let mut found = Vec::new();
    let last = turn.items.iter().rposition(|it| it.kind == ItemKind::Agent);
    for (index, stored) in turn.items.iter().enumerate() {
        if stored.kind != ItemKind::User && Some(index) != last {
            continue;
        }
        let item: Value = serde_json::from_str(stored.item.get()).unwrap_or_default();
        let Some(text) = shown(&item) else {
            continue;
        };
        let passage = Passage::spaced(&text, passage::same_words);
        for (index, place) in passage.all(term).into_iter().enumerate() {
            let excerpt = passage.excerpt(&place);
            found.push(Occurrence {
                turn_id: turn.id.clone(),
                item_id: item["id"].as_str().unwrap_or_default().to_owned(),
                snippet_match_range: Range {
                    start: excerpt.start,
                    end: excerpt.end,
                },
                snippet: excerpt.text,
                turn_cursor: turn_cursor.clone(),
                at: Position {
                    line: stored.line,
                    index,
                },
            });
        }
    }
    found
}

/// What a message says.
fn shown(item: &Value) -> Option<String> {
    if let Some(text) = item["text"].as_str() {
        return Some(text.to_owned());
    }
    let parts = item["content"].as_array()?.iter();
    Some(parts.filter_map(|part| part["text"].as_str()).collect())
}
