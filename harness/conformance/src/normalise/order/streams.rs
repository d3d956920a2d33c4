//! The output of commands that a client started itself.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use codex_wire::transcript::{Entry, Event};
use serde_json::Value;

use super::{method, params, replies};

/// The notifications, and the member that names the command.
const DELTAS: &[(&str, &str)] = &[
    ("command/exec/outputDelta", "processId"),
    ("process/outputDelta", "processHandle"),
];

/// The requests about a running command, and the member that names it.
const CONTROLS: &[(&str, &str)] = &[
    ("command/exec/terminate", "processId"),
    ("command/exec/write", "processId"),
    ("process/kill", "processHandle"),
    ("process/writeStdin", "processHandle"),
];

/// A stream: the notification, the command, which of its streams.
type Stream = (String, String, String);

/// The rule `racing-ends`.
pub(super) fn racing_ends(entries: &mut [Entry]) {
    while let Some((end, reply)) = overtaken(entries) {
        entries[end..=reply].rotate_right(1);
    }
}

/// The end of a command, and the reply behind it to what was asked of the command before.
fn overtaken(entries: &[Entry]) -> Option<(usize, usize)> {
    let ends = ends(entries);
    replies(entries).into_iter().find_map(|(reply, request)| {
        let Event::Client(asked) = &entries[request].event else {
            return None;
        };
        let Event::Server(answer) = &entries[reply].event else {
            return None;
        };
        answer.get("result")?;
        let (control, name) = CONTROLS.iter().find(|(of, _)| asked["method"] == *of)?;
        let command = asked["params"][*name].as_str()?;
        let family = control.split_once('/')?.0;
        let end = (request..reply).find(|at| {
            ends.get(at)
                .is_some_and(|(deltas, of)| of == command && deltas.starts_with(family))
        })?;
        Some((end, reply))
    })
}

/// The rule `streamed-output`.
pub(super) fn join(entries: &mut Vec<Entry>) {
    let ends = ends(entries);
    let mut open: Vec<(Stream, Entry, Vec<u8>)> = Vec::new();
    let mut joined = Vec::with_capacity(entries.len());
    for (at, entry) in entries.drain(..).enumerate() {
        if let Some((stream, bytes)) = delta(&entry.event) {
            match open.iter_mut().find(|(known, ..)| *known == stream) {
                Some((_, first, all)) => {
                    all.extend(bytes);
                    if params(&entry.event).is_some_and(|params| params["capReached"] == true) {
                        set(first, "capReached", Value::Bool(true));
                    }
                }
                None => open.push((stream, entry, bytes)),
            }
            continue;
        }
        if let Some(command) = ends.get(&at) {
            joined.extend(close(&mut open, |stream| {
                stream.0 == command.0 && stream.1 == command.1
            }));
        }
        joined.push(entry);
    }
    joined.extend(close(&mut open, |_| true));
    *entries = joined;
}

/// Takes the streams out that `over` names, standard output first.
fn close(
    open: &mut Vec<(Stream, Entry, Vec<u8>)>,
    over: impl Fn(&Stream) -> bool,
) -> impl Iterator<Item = Entry> {
    let mut closed: Vec<_> = open.extract_if(.., |(stream, ..)| over(stream)).collect();
    closed.sort_by(|(a, ..), (b, ..)| (&a.1, &b.2).cmp(&(&b.1, &a.2)));
    closed.into_iter().map(|(_, mut entry, bytes)| {
        set(
            &mut entry,
            "deltaBase64",
            Value::String(STANDARD.encode(bytes)),
        );
        entry
    })
}

fn set(entry: &mut Entry, member: &str, value: Value) {
    if let Event::Server(frame) = &mut entry.event {
        frame["params"][member] = value;
    }
}

fn delta(event: &Event) -> Option<(Stream, Vec<u8>)> {
    let method = method(event)?;
    let (_, name) = DELTAS.iter().find(|(delta, _)| *delta == method)?;
    let params = params(event)?;
    let stream = (
        method.to_owned(),
        params[*name].as_str()?.to_owned(),
        params["stream"].as_str()?.to_owned(),
    );
    let bytes = STANDARD.decode(params["deltaBase64"].as_str()?).ok()?;
    Some((stream, bytes))
}

/// The frames that end a command, by position: the reply to `command/exec`, and `process/exited`.
fn ends(entries: &[Entry]) -> HashMap<usize, (String, String)> {
    let asked = |request: usize| match &entries[request].event {
        Event::Client(frame) if frame["method"] == "command/exec" => {
            frame["params"]["processId"].as_str()
        }
        _ => None,
    };
    let replied = replies(entries).into_iter().filter_map(|(reply, request)| {
        // A reply that refuses the id of a running command is not the end of that one.
        let Event::Server(frame) = &entries[reply].event else {
            return None;
        };
        frame.get("result")?;
        Some((reply, ("command/exec/outputDelta", asked(request)?)))
    });
    let exited = entries.iter().enumerate().filter_map(|(at, entry)| {
        let exited = method(&entry.event)? == "process/exited";
        let handle = params(&entry.event)?["processHandle"].as_str()?;
        exited.then_some((at, ("process/outputDelta", handle)))
    });
    replied
        .chain(exited)
        .map(|(at, (method, command))| (at, (method.to_owned(), command.to_owned())))
        .collect()
}
