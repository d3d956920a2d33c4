//! Putting frames that race each other in one order.
//!
//! Each rule moves frames of the server among the entries and leaves everything else in its order.
//! Which races there are is documented by `rules`.

use std::collections::{HashMap, HashSet, VecDeque};

use codex_wire::transcript::{Entry, Event};
use serde_json::Value;

/// Applies the rules about order.
pub(super) fn settle(entries: &mut Vec<Entry>) {
    racing_replies(entries);
    racing_notices(entries);
    approval_status(entries);
    output_deltas(entries);
    late_items(entries);
    parallel_items(entries);
}

/// The requests that make the app-server send notices.
const CAUSES: &[&str] = &[
    "thread/start",
    "thread/resume",
    "thread/fork",
    "turn/start",
    "thread/settings/update",
];
/// The notices that race the reply, in the order in which they are put.
const NOTICES: &[&str] = &["thread/settings/updated", "warning"];
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

/// The rule `racing-notices`.
fn racing_notices(entries: &mut Vec<Entry>) {
    let anchors: Vec<Option<usize>> = {
        let causes = causes(entries);
        (0..entries.len())
            .map(|at| anchor(entries, &causes, at))
            .collect()
    };
    let mut behind: HashMap<usize, Vec<Entry>> = HashMap::new();
    let mut stay = Vec::with_capacity(entries.len());
    for (at, entry) in entries.drain(..).enumerate() {
        match anchors[at] {
            Some(reply) => behind.entry(reply).or_default().push(entry),
            None => stay.push((at, entry)),
        }
    }
    for (at, entry) in stay {
        entries.push(entry);
        if let Some(mut notices) = behind.remove(&at) {
            notices.sort_by_key(|notice| rank(&notice.event));
            entries.append(&mut notices);
        }
    }
}

fn rank(event: &Event) -> Option<usize> {
    NOTICES
        .iter()
        .position(|notice| Some(*notice) == method(event))
}

/// A request that may have caused a notice: of which thread, and where it and its reply are.
struct Cause<'a> {
    thread: Option<&'a str>,
    /// Does it bring the thread into memory?
    opens: bool,
    request: usize,
    reply: usize,
}

fn causes(entries: &[Entry]) -> Vec<Cause<'_>> {
    replies(entries)
        .into_iter()
        .filter_map(|(reply, request)| {
            let Event::Client(frame) = &entries[request].event else {
                return None;
            };
            let Event::Server(answer) = &entries[reply].event else {
                return None;
            };
            // A thread that the request makes is named by the reply.
            let made = answer["result"]["thread"]["id"].as_str();
            CAUSES.contains(&frame["method"].as_str()?).then(|| Cause {
                opens: made.is_some(),
                thread: made.or_else(|| frame["params"]["threadId"].as_str()),
                request,
                reply,
            })
        })
        .collect()
}

/// The reply that the notice at `at` belongs behind: the one it follows already, else one that is
/// still to come, else the last one if nothing of a turn came since.
fn anchor(entries: &[Entry], causes: &[Cause<'_>], at: usize) -> Option<usize> {
    rank(&entries[at].event)?;
    let thread = thread(&entries[at].event)?;
    let of_thread = || causes.iter().filter(|cause| cause.thread == Some(thread));
    let before = (0..at)
        .rev()
        .find(|index| is_server(&entries[*index].event) && rank(&entries[*index].event).is_none());
    // A new thread's reply is often the last thing before a notice that the next request causes.
    if let Some(cause) = of_thread().find(|cause| !cause.opens && Some(cause.reply) == before) {
        return Some(cause.reply);
    }
    if let Some(cause) = of_thread().find(|cause| cause.request < at && at < cause.reply) {
        return Some(cause.reply);
    }
    let last = of_thread().rfind(|cause| cause.reply < at)?;
    let in_between = entries[last.reply..at].iter().any(|entry| {
        let of_turn = method(&entry.event)
            .is_some_and(|method| method.starts_with("item/") || method == "turn/completed");
        of_turn && self::thread(&entry.event) == Some(thread)
    });
    (!in_between).then_some(last.reply)
}

/// The replies of the app-server: position of the reply and of its request. An id that is used
/// again is answered in order.
pub(super) fn replies(entries: &[Entry]) -> Vec<(usize, usize)> {
    let mut open: HashMap<String, VecDeque<usize>> = HashMap::new();
    let mut replies = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        match &entry.event {
            Event::Client(frame) if frame.get("method").is_some() => {
                if let Some(id) = frame.get("id") {
                    open.entry(id.to_string()).or_default().push_back(at);
                }
            }
            Event::Server(frame) if frame.get("method").is_none() => {
                let request = frame
                    .get("id")
                    .and_then(|id| open.get_mut(&id.to_string()))
                    .and_then(VecDeque::pop_front);
                replies.extend(request.map(|request| (at, request)));
            }
            _ => {}
        }
    }
    replies
}

/// The rule `racing-replies`.
fn racing_replies(entries: &mut [Entry]) {
    for (reply, request) in replies(entries) {
        let Event::Server(answer) = &entries[reply].event else {
            continue;
        };
        let Some(turn) = answer["result"]["turn"]["id"].as_str() else {
            continue;
        };
        let starts = |at: &usize| {
            let event = &entries[*at].event;
            method(event) == Some("turn/started") && self::turn(event) == Some(turn)
        };
        let Some(started) = (request..reply).find(starts) else {
            continue;
        };
        let thread = thread(&entries[started].event);
        let active = |at: &usize| {
            let event = &entries[*at].event;
            method(event) == Some("thread/status/changed") && self::thread(event) == thread
        };
        let first = (request..started).rfind(active).unwrap_or(started);
        entries[first..=reply].rotate_right(1);
    }
}

/// The rule `approval-status`.
fn approval_status(entries: &mut [Entry]) {
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
            (Some("thread/status/changed"), Some(thread)) => {
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

/// The rule `output-deltas`.
fn output_deltas(entries: &mut Vec<Entry>) {
    let outputs = outputs(entries);
    let mut open: Vec<(String, usize, Entry)> = Vec::new();
    let mut kept: Vec<(usize, Entry)> = Vec::with_capacity(entries.len());
    for (at, entry) in entries.drain(..).enumerate() {
        let Some(item) = item(&entry.event).map(str::to_owned) else {
            kept.push((at, entry));
            continue;
        };
        let known = open.iter().position(|(open, ..)| *open == item);
        if method(&entry.event) == Some(OUTPUT_DELTA) {
            match known {
                Some(index) => join(&mut open[index].2, &entry),
                None => open.push((item, at, entry)),
            }
            continue;
        }
        if let Some(index) = known {
            let (item, at, mut delta) = open.remove(index);
            abbreviate(&mut delta, outputs.get(&item));
            kept.push((at, delta));
        }
        kept.push((at, entry));
    }
    entries.extend(kept.iter().map(|(_, entry)| entry.clone()));
    for (item, first, mut delta) in open {
        abbreviate(&mut delta, outputs.get(&item));
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

fn join(delta: &mut Entry, next: &Entry) {
    let more = params(&next.event).and_then(|params| params["delta"].as_str());
    if let (Some(text), Some(more)) = (delta_text(delta), more) {
        *text = Value::String(format!("{}{more}", text.as_str().unwrap_or_default()));
    }
}

fn abbreviate(delta: &mut Entry, output: Option<&String>) {
    if let (Some(text), Some(output)) = (delta_text(delta), output)
        && text.as_str().is_some_and(|text| output.contains(text))
    {
        *text = "<part of aggregatedOutput>".into();
    }
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
fn late_items(entries: &mut Vec<Entry>) {
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
fn parallel_items(entries: &mut [Entry]) {
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

fn is_server(event: &Event) -> bool {
    matches!(event, Event::Server(_))
}

fn is_request(event: &Event) -> bool {
    matches!(event, Event::Server(frame) if frame.get("id").is_some())
}

fn method(event: &Event) -> Option<&str> {
    match event {
        Event::Server(frame) => frame["method"].as_str(),
        _ => None,
    }
}

fn params(event: &Event) -> Option<&Value> {
    match event {
        Event::Server(frame) if frame.get("method").is_some() => frame.get("params"),
        _ => None,
    }
}

fn thread(event: &Event) -> Option<&str> {
    params(event)?["threadId"].as_str()
}

fn turn(event: &Event) -> Option<&str> {
    let params = params(event)?;
    params["turnId"]
        .as_str()
        .or_else(|| params["turn"]["id"].as_str())
}

fn item(event: &Event) -> Option<&str> {
    if !method(event)?.starts_with("item/") {
        return None;
    }
    let params = params(event)?;
    params["itemId"]
        .as_str()
        .or_else(|| params["item"]["id"].as_str())
}
