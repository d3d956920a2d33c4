//! Frames about items: output in pieces, late ones, and those of calls side by side.

use std::collections::HashMap;

use codex_wire::transcript::{Entry, Event};
use serde_json::Value;

use super::{is_request, is_server, item, method, params, turn};

const OUTPUT_DELTA: &str = "item/commandExecution/outputDelta";
/// Items that come one after the other, as the model's stream has them.
const SEQUENTIAL: &[&str] = &[
    "userMessage",
    "agentMessage",
    "reasoning",
    "plan",
    "contextCompaction",
    "enteredReviewMode",
    "exitedReviewMode",
];

/// The rule `output-deltas`.
pub(super) fn output_deltas(entries: &mut Vec<Entry>) {
    let outputs = outputs(entries);
    let mut open: Vec<(usize, Told)> = Vec::new();
    let mut kept: Vec<(usize, Entry)> = Vec::with_capacity(entries.len());
    for (at, entry) in entries.drain(..).enumerate() {
        let Some(item) = item(&entry.event).map(str::to_owned) else {
            kept.push((at, entry));
            continue;
        };
        let known = open.iter().position(|(_, told)| told.item == item);
        if method(&entry.event) == Some(OUTPUT_DELTA) {
            match known {
                Some(index) => open[index].1.add(&entry),
                None => open.push((at, Told::new(item, entry))),
            }
            continue;
        }
        if let Some(index) = known {
            let (at, told) = open.remove(index);
            if !told.is_in(outputs.get(&told.item)) {
                kept.push((at, told.delta));
            }
        }
        kept.push((at, entry));
    }
    entries.extend(kept.iter().map(|(_, entry)| entry.clone()));
    for (first, told) in open {
        if told.is_in(outputs.get(&told.item)) {
            continue;
        }
        let delta = told.delta;
        let end = entries.iter().position(|entry| ends_turn_of(entry, &delta));
        let place = end.map_or_else(
            || kept.iter().take_while(|(at, _)| *at < first).count(),
            |end| end + 1,
        );
        entries.insert(place.min(entries.len()), delta);
    }
}

/// What each command printed in all, by item.
fn outputs(entries: &[Entry]) -> HashMap<String, String> {
    entries
        .iter()
        .filter(|entry| method(&entry.event) == Some("item/completed"))
        .filter_map(|entry| {
            let output = params(&entry.event)?["item"]["aggregatedOutput"].as_str()?;
            Some((item(&entry.event)?.to_owned(), output.to_owned()))
        })
        .collect()
}

/// What the deltas of one command told.
struct Told {
    item: String,
    /// The first one, with the text of all.
    delta: Entry,
    pieces: Vec<String>,
}

impl Told {
    fn new(item: String, delta: Entry) -> Self {
        let pieces = piece(&delta).into_iter().collect();
        Self {
            item,
            delta,
            pieces,
        }
    }

    fn add(&mut self, next: &Entry) {
        let more = piece(next);
        if let (Some(text), Some(more)) = (delta_text(&mut self.delta), &more) {
            *text = Value::String(format!("{}{more}", text.as_str().unwrap_or_default()));
        }
        self.pieces.extend(more);
    }

    /// Is everything that was told in pieces told as a whole too? Piece by piece: where stdout and
    /// stderr are two pipes, the pieces come in another order than in the whole.
    fn is_in(&self, output: Option<&String>) -> bool {
        output.is_some_and(|output| self.pieces.iter().all(|piece| output.contains(piece)))
    }
}

fn piece(delta: &Entry) -> Option<String> {
    let text = params(&delta.event)?["delta"].as_str()?;
    Some(text.to_owned())
}

fn delta_text(delta: &mut Entry) -> Option<&mut Value> {
    match &mut delta.event {
        Event::Server(frame) => frame.get_mut("params")?.get_mut("delta"),
        _ => None,
    }
}

fn ends_turn_of(entry: &Entry, frame: &Entry) -> bool {
    method(&entry.event) == Some("turn/completed") && turn(&entry.event) == turn(&frame.event)
}

/// The rule `late-items`.
pub(super) fn late(entries: &mut Vec<Entry>) {
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries.drain(..) {
        let late = method(&entry.event).is_some_and(|method| method.starts_with("item/"))
            && params(&entry.event).is_some_and(|_| !is_request(&entry.event));
        let end = late
            .then(|| {
                kept.iter()
                    .position(|earlier| ends_turn_of(earlier, &entry))
            })
            .flatten();
        match end {
            Some(end) => {
                let same_turn = |other: &&Entry| {
                    method(&other.event).is_some_and(|method| method.starts_with("item/"))
                        && turn(&other.event) == turn(&entry.event)
                };
                let earlier = kept[end + 1..].iter().take_while(same_turn).count();
                kept.insert(end + 1 + earlier, entry);
            }
            None => kept.push(entry),
        }
    }
    *entries = kept;
}

/// The rule `parallel-items`.
pub(super) fn parallel(entries: &mut [Entry]) {
    let kinds: HashMap<String, bool> = entries
        .iter()
        .filter_map(|entry| {
            let kind = params(&entry.event)?["item"]["type"].as_str()?;
            Some((item(&entry.event)?.to_owned(), SEQUENTIAL.contains(&kind)))
        })
        .collect();
    let of_call = |event: &Event| {
        !is_request(event) && item(event).is_some_and(|item| kinds.get(item) == Some(&false))
    };
    let mut run: Vec<usize> = Vec::new();
    for at in 0..=entries.len() {
        let server = entries.get(at).is_none_or(|entry| is_server(&entry.event));
        if !server {
            continue;
        }
        let goes_on = entries.get(at).is_some_and(|entry| {
            of_call(&entry.event)
                && run
                    .first()
                    .is_none_or(|first| turn(&entries[*first].event) == turn(&entry.event))
        });
        if !goes_on {
            sort_run(entries, &run);
            run.clear();
        }
        if entries.get(at).is_some_and(|entry| of_call(&entry.event)) {
            run.push(at);
        }
    }
}

fn sort_run(entries: &mut [Entry], run: &[usize]) {
    let mut sorted: Vec<Entry> = run.iter().map(|at| entries[*at].clone()).collect();
    sorted.sort_by_key(|entry| {
        let started = method(&entry.event) == Some("item/started");
        (!started, item(&entry.event).map(str::to_owned))
    });
    for (at, entry) in run.iter().zip(sorted) {
        entries[*at] = entry;
    }
}
