//! Replacing values, member by member.

use serde_json::{Map, Value};

use super::names::{Names, PROCESS};
use super::{places, reviews, scan};
use crate::run::outcome::Places;

/// Replaces what differs from run to run in the values of a transcript.
pub(super) struct Replacer<'a> {
    names: Names,
    /// Directories and what is written for them, the deepest first.
    places: Vec<(&'a str, &'static str)>,
    /// The directory that all others are below.
    root: Option<&'a str>,
}

/// What a member's value becomes; `None`: it stays.
type Replace = fn(&Value) -> Option<String>;

/// Members whose values are replaced, whatever they are part of.
const MEMBERS: &[(&str, Replace)] = &[
    ("createdAt", moment),
    ("updatedAt", moment),
    ("recencyAt", moment),
    ("sectionEnteredAt", moment),
    ("startedAt", moment),
    ("completedAt", moment),
    ("archivedAt", moment),
    ("emittedAtMs", moment),
    ("startedAtMs", moment),
    ("completedAtMs", moment),
    ("createdAtMs", moment),
    ("modifiedAtMs", moment),
    ("turn_started_at_unix_ms", moment),
    ("x-codex-ws-stream-request-start-ms", written_moment),
    ("cursor", cursor),
    ("backwardsCursor", cursor),
    ("nextCursor", cursor),
    ("durationMs", duration),
    ("timeUsedSeconds", duration),
    ("userAgent", agent),
    ("user-agent", agent),
    ("cliVersion", version),
    ("serverName", host),
    ("platformFamily", platform),
    ("platformOs", platform),
    ("current_date", date),
    ("timezone", timezone),
];

/// The rule `estimates`: tokens that are neither input nor output were not counted, where others
/// were.
fn estimate(usage: &mut Value) {
    let counted = |tokens: &Value, kind: &str| tokens[kind].as_i64().is_some_and(|n| n > 0);
    let last = &usage["last"];
    let uncounted = counted(last, "totalTokens")
        && !counted(last, "inputTokens")
        && !counted(last, "outputTokens");
    if uncounted && counted(&usage["total"], "inputTokens") {
        usage["last"]["totalTokens"] = Value::from("<estimate>");
    }
}

impl<'a> Replacer<'a> {
    /// A replacer for one transcript.
    pub(super) fn new(names: Names, places: &'a Places) -> Self {
        Self {
            names,
            places: places::names(places),
            root: places.root.to_str().filter(|root| !root.is_empty()),
        }
    }

    /// A frame: a request's id is its sender's choice and stays.
    pub(super) fn frame(&mut self, frame: &mut Value) {
        let Value::Object(members) = frame else {
            return self.value(frame);
        };
        for (member, value) in members {
            if member != "id" {
                self.member(member, value);
            }
        }
    }

    /// Any value.
    pub(super) fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => self.text_in_place(text),
            Value::Array(elements) => elements.iter_mut().for_each(|e| self.value(e)),
            Value::Object(members) => {
                if members
                    .keys()
                    .any(|key| key.contains('/') || scan::uuids(key, |_| String::new()).is_some())
                {
                    self.keys(members);
                }
                for (member, value) in members {
                    self.member(member, value);
                }
            }
            _ => {}
        }
    }

    /// Ids and paths that are keys: replaced, and the members sorted, as such a map has no order.
    fn keys(&mut self, members: &mut Map<String, Value>) {
        for (mut key, value) in std::mem::take(members) {
            self.text_in_place(&mut key);
            members.insert(key, value);
        }
        members.sort_keys();
    }

    /// The value of a member or header.
    pub(super) fn member(&mut self, member: &str, value: &mut Value) {
        if member == "tokenUsage" {
            estimate(value);
        }
        let replace = MEMBERS.iter().find(|(name, _)| *name == member);
        if let Some(mut put) = replace.and_then(|(_, replace)| replace(value)) {
            self.text_in_place(&mut put);
            *value = Value::String(put);
            return;
        }
        if let ("processId", Value::String(id)) = (member, &*value)
            && let Some(name) = self.names.process(id)
        {
            *value = Value::String(name.clone());
            return;
        }
        if let ("session_id", Value::Number(id)) = (member, &*value)
            && let Some(name) = self.names.process(&id.to_string())
        {
            *value = Value::String(name.clone());
            return;
        }
        self.value(value);
    }

    /// Any text.
    pub(super) fn text_in_place(&mut self, text: &mut String) {
        if self.root.is_none_or(|root| text.contains(root)) {
            for (path, name) in &self.places {
                if text.contains(path) {
                    *text = text.replace(path, name);
                }
            }
        }
        if let Some(put) = reviews::question(text) {
            *text = put;
        }
        if let Some(put) = scan::uuids(text, |id| self.names.of(id, scan::UNKNOWN)) {
            *text = put;
        }
        if let Some(put) = scan::digests(text, |digest| self.names.of(digest, scan::CONFIG)) {
            *text = put;
        }
        if let Some(put) = scan::marked(text, |id| self.names.of(id, PROCESS)) {
            *text = put;
        }
        for (id, name) in self.names.odd() {
            if text.contains(id) {
                *text = text.replace(id, name);
            }
        }
    }
}

/// A point in time of this century, by its unit.
fn moment(value: &Value) -> Option<String> {
    const SECONDS: std::ops::Range<f64> = 1e9..4.2e9;
    let number = value.as_f64()?;
    let unit = if SECONDS.contains(&number) {
        "s"
    } else if SECONDS.contains(&(number / 1000.0)) {
        "ms"
    } else {
        return None;
    };
    Some(format!("<time {unit}>"))
}

/// A point in time as a string.
fn written_moment(value: &Value) -> Option<String> {
    moment(&value.as_str()?.parse::<f64>().ok()?.into())
}

/// A place in a list, where it is given as a moment, with or without the thread that stands there:
/// `2026-11-21T07:52:37.885Z`, `2026-11-21T07:52:37Z|<id>`.
fn cursor(value: &Value) -> Option<String> {
    let (moment, thread) = match value.as_str()?.split_once('|') {
        Some((moment, thread)) => (moment, Some(thread)),
        None => (value.as_str()?, None),
    };
    let (date, time) = moment.split_once('T')?;
    let digits = |text: &str, between: &[u8]| {
        text.bytes()
            .all(|b| b.is_ascii_digit() || between.contains(&b))
    };
    let is_moment = digits(date, b"-") && digits(time.strip_suffix('Z')?, b":.");
    is_moment.then(|| thread.map_or("<time>".into(), |thread| format!("<time>|{thread}")))
}

fn duration(value: &Value) -> Option<String> {
    value
        .as_f64()
        .filter(|n| *n >= 0.0)
        .map(|_| "<duration>".into())
}

fn agent(value: &Value) -> Option<String> {
    scan::user_agent(value.as_str()?)
}

fn version(value: &Value) -> Option<String> {
    value.as_str().map(|_| "<version>".into())
}

fn host(value: &Value) -> Option<String> {
    value.as_str().map(|_| "<host>".into())
}

fn platform(value: &Value) -> Option<String> {
    value.as_str().map(|_| "<platform>".into())
}

fn date(value: &Value) -> Option<String> {
    value.as_str().map(|_| "<date>".into())
}

fn timezone(value: &Value) -> Option<String> {
    value.as_str().map(|_| "<timezone>".into())
}
