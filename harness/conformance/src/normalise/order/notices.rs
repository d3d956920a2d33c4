//! Replies, and the notices around them.

use std::collections::HashMap;
use std::ops::Range;

use codex_wire::transcript::{Entry, Event};

use super::{is_server, method, replies, thread};

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

/// Whether a request can have caused a notice.
type CanCause = fn(&Cause<'_>) -> bool;

/// How the warnings begin that only some requests cause, which tells whose they are where another
/// request of the thread is quicker.
const OWN_CAUSES: &[(&str, CanCause)] = &[
    ("Codex is ignoring ", |cause| cause.opens),
    ("Model metadata for ", |cause| cause.method == "turn/start"),
];

/// The rule `racing-notices`.
pub(super) fn racing_notices(entries: &mut Vec<Entry>) {
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
    method: &'a str,
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
            // What is refused causes nothing.
            if answer.get("error").is_some() {
                return None;
            }
            // A thread that the request makes is named by the reply.
            let made = answer["result"]["thread"]["id"].as_str();
            let method = frame["method"].as_str()?;
            CAUSES.contains(&method).then(|| Cause {
                method,
                opens: made.is_some(),
                thread: made.or_else(|| frame["params"]["threadId"].as_str()),
                request,
                reply,
            })
        })
        .collect()
}

/// The reply that the notice at `at` belongs behind: of a request that alone can cause it, else the
/// one it follows already, else one that is still to come, else the last one if nothing of a turn
/// came since.
fn anchor(entries: &[Entry], causes: &[Cause<'_>], at: usize) -> Option<usize> {
    rank(&entries[at].event)?;
    let thread = thread(&entries[at].event)?;
    let of_thread = || causes.iter().filter(|cause| cause.thread == Some(thread));
    if let Some(can_cause) = own_cause(&entries[at].event) {
        let asked = of_thread().filter(|cause| cause.request < at && can_cause(cause));
        let reply = asked.map(|cause| cause.reply).next_back();
        if let Some(reply) =
            reply.filter(|reply| at < *reply || !of_turn(entries, *reply..at, thread))
        {
            return Some(reply);
        }
    }
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
    (!of_turn(entries, last.reply..at, thread)).then_some(last.reply)
}

/// Is there anything of a turn of the thread among the entries?
fn of_turn(entries: &[Entry], range: Range<usize>, thread: &str) -> bool {
    entries[range].iter().any(|entry| {
        let of_turn = method(&entry.event)
            .is_some_and(|method| method.starts_with("item/") || method == "turn/completed");
        of_turn && self::thread(&entry.event) == Some(thread)
    })
}

fn own_cause(event: &Event) -> Option<CanCause> {
    let Event::Server(frame) = event else {
        return None;
    };
    let message = frame["params"]["message"].as_str()?;
    let row = OWN_CAUSES.iter().find(|row| message.starts_with(row.0))?;
    Some(row.1)
}

/// The replies of the app-server: position of the reply and of its request. An id that is used
/// again is answered in order.
/// The rule `racing-replies`.
pub(super) fn racing_replies(entries: &mut [Entry]) {
    for (reply, request) in replies(entries) {
        let Event::Server(answer) = &entries[reply].event else {
            continue;
        };
        let Some(turn) = answer["result"]["turn"]["id"].as_str() else {
            continue;
        };
        let starts = |at: &usize| {
            let event = &entries[*at].event;
            method(event) == Some("turn/started") && super::turn(event) == Some(turn)
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

/// The rule `late-goals`.
pub(super) fn late_goals(entries: &mut [Entry]) {
    const GOAL: &str = "thread/goal/cleared";
    const USAGE: &str = "thread/tokenUsage/updated";
    let resumes = causes(entries);
    let resumes: Vec<(Option<String>, usize)> = resumes
        .iter()
        .map(|cause| (cause.thread.map(str::to_owned), cause.reply))
        .collect();
    for at in 0..entries.len() {
        if method(&entries[at].event) != Some(GOAL) {
            continue;
        }
        let own = thread(&entries[at].event).map(str::to_owned);
        let Some((_, reply)) = resumes
            .iter()
            .rfind(|(of, reply)| *of == own && *reply < at)
        else {
            continue;
        };
        let usage = |other: &usize| {
            let event = &entries[*other].event;
            method(event) == Some(USAGE) && thread(event) == own.as_deref()
        };
        let next = (reply + 1..at).find(|other| {
            let event = &entries[*other].event;
            is_server(event) && rank(event).is_none()
        });
        let behind = next.filter(usage).unwrap_or(*reply);
        entries[behind + 1..=at].rotate_right(1);
    }
}
