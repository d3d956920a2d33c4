//! Frames about the status of a thread.

use std::collections::{HashMap, HashSet};

use codex_wire::transcript::Entry;
use serde_json::Value;

use super::{is_server, method, params, thread};

const STATUS: &str = "thread/status/changed";

/// The rule `repeated-status`.
pub(super) fn repeated(entries: &mut Vec<Entry>) {
    let mut last: HashMap<String, Value> = HashMap::new();
    entries.retain(|entry| {
        if method(&entry.event) != Some(STATUS) {
            return true;
        }
        let (Some(thread), Some(params)) = (thread(&entry.event), params(&entry.event)) else {
            return true;
        };
        let status = &params["status"];
        let before = last.insert(thread.to_owned(), status.clone());
        status["type"] != "notLoaded" || before.as_ref() != Some(status)
    });
}

/// The rule `approval-status`.
pub(super) fn of_approvals(entries: &mut [Entry]) {
    let mut waiting: HashSet<String> = HashSet::new();
    let mut completed: Option<usize> = None;
    for at in 0..entries.len() {
        if !is_server(&entries[at].event) {
            continue;
        }
        match (
            method(&entries[at].event),
            thread(&entries[at].event).map(str::to_owned),
        ) {
            (Some(STATUS), Some(thread)) => {
                let flags = params(&entries[at].event).map(|p| &p["status"]["activeFlags"]);
                let waits = flags.is_some_and(|f| f.as_array().is_some_and(|f| !f.is_empty()));
                let over = !waits && waiting.remove(&thread);
                if waits {
                    waiting.insert(thread);
                } else if over && let Some(item) = completed {
                    entries[item..=at].rotate_right(1);
                }
                completed = None;
            }
            (Some("item/completed"), _) => completed = completed.or(Some(at)),
            _ => completed = None,
        }
    }
}
