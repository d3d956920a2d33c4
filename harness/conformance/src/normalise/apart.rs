//! Frames of threads that run at once, thread by thread.

use std::collections::{HashMap, HashSet};

use codex_wire::transcript::{Entry, Event, ModelRequest};
use serde_json::Value;

use super::order;

/// The rule `threads-apart`: the entries of each thread together, in their order, behind those of
/// none; `None` where no two threads were at work at once. Takes what
/// [`normalise`](super::normalise) made.
pub fn threads_apart(entries: &[Entry]) -> Option<Vec<Entry>> {
    if !runs_at_once(entries) {
        return None;
    }
    let threads = threads(entries);
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|at| threads[*at].as_deref());
    Some(order.into_iter().map(|at| entries[at].clone()).collect())
}

/// The positions of the entries, thread by thread in the order of their first appearance where
/// two were at work at once, else as they are: what races must not decide about names.
pub(super) fn steady_order(entries: &[Entry]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    if runs_at_once(entries) {
        let threads = threads(entries);
        let mut ranks: HashMap<&str, usize> = HashMap::new();
        for thread in threads.iter().flatten() {
            let next = ranks.len();
            ranks.entry(thread).or_insert(next);
        }
        order.sort_by_key(|at| threads[*at].as_deref().map(|thread| ranks[thread]));
    }
    order
}

/// Did two threads have a turn at once, or did a helper work for one?
fn runs_at_once(entries: &[Entry]) -> bool {
    let mut running: HashSet<&str> = HashSet::new();
    for entry in entries {
        let (thread, event) = match &entry.event {
            Event::ModelRequest(request) if header(request, HELPER).is_some() => return true,
            Event::Client(frame) if frame["method"] == "turn/start" => {
                (frame["params"]["threadId"].as_str(), &entry.event)
            }
            event => (order::thread(event), event),
        };
        let Some(thread) = thread else { continue };
        match (order::method(event), event) {
            (Some("turn/started"), _) | (None, Event::Client(_)) => {
                running.insert(thread);
            }
            (Some("turn/completed"), _) => {
                running.remove(thread);
            }
            _ => {}
        }
        if running.len() > 1 {
            return true;
        }
    }
    false
}

const HELPER: &str = "x-openai-subagent";

fn header<'a>(request: &'a ModelRequest, name: &str) -> Option<&'a str> {
    let found = request.headers.iter().find(|(header, _)| header == name);
    found.map(|(_, value)| value.as_str())
}

/// The thread that each entry is about.
fn threads(entries: &[Entry]) -> Vec<Option<String>> {
    let mut threads: Vec<Option<String>> = entries.iter().map(|entry| own(&entry.event)).collect();
    for (reply, request) in order::replies(entries) {
        // A new thread is named by the reply alone, any other by the request.
        let thread = threads[reply].take().or_else(|| threads[request].clone());
        if threads[request].is_none() {
            threads[request].clone_from(&thread);
        }
        threads[reply] = thread;
    }
    let asked: HashMap<String, Option<String>> = entries
        .iter()
        .zip(&threads)
        .filter_map(|(entry, thread)| match &entry.event {
            Event::Server(frame) if frame.get("method").is_some() => {
                Some((frame.get("id")?.to_string(), thread.clone()))
            }
            _ => None,
        })
        .collect();
    for (entry, thread) in entries.iter().zip(&mut threads) {
        if let Event::Client(frame) = &entry.event
            && frame.get("method").is_none()
            && let Some(id) = frame.get("id")
        {
            *thread = asked.get(&id.to_string()).cloned().flatten();
        }
    }
    threads
}

fn own(event: &Event) -> Option<String> {
    let named = |value: &Value| value.as_str().map(str::to_owned);
    match event {
        Event::Client(frame) | Event::Server(frame) => named(&frame["params"]["threadId"])
            .or_else(|| named(&frame["params"]["thread"]["id"]))
            .or_else(|| named(&frame["result"]["thread"]["id"])),
        Event::ModelRequest(request) => header(request, "thread-id").map(str::to_owned),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entries(frames: &[(bool, Value)]) -> Vec<Entry> {
        let entry = |(at, (client, frame)): (usize, &(bool, Value))| Entry {
            t_us: at as u64,
            event: if *client {
                Event::Client(frame.clone())
            } else {
                Event::Server(frame.clone())
            },
        };
        frames.iter().enumerate().map(entry).collect()
    }

    fn start(id: u64, thread: &str) -> (bool, Value) {
        (
            true,
            json!({"id": id, "method": "turn/start", "params": {"threadId": thread}}),
        )
    }

    fn told(method: &str, thread: &str) -> (bool, Value) {
        (
            false,
            json!({"method": method, "params": {"threadId": thread}}),
        )
    }

    fn reply(id: u64) -> (bool, Value) {
        (false, json!({"id": id, "result": {}}))
    }

    #[test]
    fn threads_that_run_at_once_are_told_apart() {
        let one = [
            start(1, "a"),
            reply(1),
            start(2, "b"),
            told("turn/started", "a"),
            reply(2),
            told("turn/started", "b"),
            told("turn/completed", "a"),
        ];
        let mut other = one.clone();
        other.swap(3, 4);
        let [one, other] = [one, other].map(|frames| {
            let apart = threads_apart(&entries(&frames)).unwrap();
            apart.into_iter().map(|entry| format!("{:?}", entry.event))
        });
        assert_eq!(one.collect::<Vec<_>>(), other.collect::<Vec<_>>());
    }

    #[test]
    fn one_turn_after_the_other_stays_as_it_is() {
        let frames = [
            start(1, "a"),
            told("turn/completed", "a"),
            start(2, "b"),
            told("turn/completed", "b"),
        ];
        assert_eq!(threads_apart(&entries(&frames)), None);
    }
}
