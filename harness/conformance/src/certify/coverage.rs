//! Which part of the protocol was seen, and on which side.

use std::collections::{BTreeMap, BTreeSet};

use codex_wire::schema::{ITEM_TYPE, Kind, Schema, Touched};
use codex_wire::transcript::{Entry, Event};
use serde_json::Value;

use crate::run::outcome::CaseRun;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// Methods that the client calls.
    ClientMethods,
    /// Notifications of the app-server.
    Notifications,
    /// Requests of the app-server.
    ServerRequests,
    /// Types of thread items.
    ItemTypes,
    /// Codes of error replies.
    ErrorCodes,
    /// Values of enumerations, each with the path of its type.
    EnumValues,
}

impl Area {
    /// All of them, and what they are called.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::ClientMethods, "client methods"),
        (Self::Notifications, "notifications"),
        (Self::ServerRequests, "server requests"),
        (Self::ItemTypes, "item types"),
        (Self::ErrorCodes, "error codes"),
        (Self::EnumValues, "enum values"),
    ];
}

/// What of one area was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// On both sides.
    pub both: BTreeSet<String>,
    /// Only on the side that is certified, and only on the other.
    pub only: [BTreeSet<String>; 2],
    /// On neither, though the schema has it.
    pub never: BTreeSet<String>,
}

/// What was seen of every area.
pub type Coverage = BTreeMap<Area, Seen>;

/// Names of one side, by area.
type Names = BTreeMap<Area, BTreeSet<String>>;

/// Looks at transcripts and remembers.
#[derive(Debug)]
pub struct Observer<'a> {
    schema: Option<&'a Schema>,
    sides: [Names; 2],
}

impl<'a> Observer<'a> {
    /// Nothing seen yet. Without a schema item types and enum values can't be told.
    pub fn new(schema: Option<&'a Schema>) -> Self {
        Self {
            schema,
            sides: [Names::new(), Names::new()],
        }
    }

    /// Looks at both runs of a case.
    pub fn pair(&mut self, pair: &[CaseRun; 2]) {
        for (side, run) in self.sides.iter_mut().zip(pair) {
            let mut look = Look {
                schema: self.schema,
                names: side,
                asked: BTreeMap::new(),
            };
            for entry in &run.transcript {
                look.at(entry);
            }
        }
    }

    /// What was seen.
    pub fn coverage(self) -> Coverage {
        let known = self.schema.map(known).unwrap_or_default();
        let [left, right] = self.sides;
        let none = BTreeSet::new();
        Area::ALL
            .into_iter()
            .map(|(area, _)| {
                let of = |names: &Names| names.get(&area).unwrap_or(&none).clone();
                let (left, right, known) = (of(&left), of(&right), of(&known));
                let seen = Seen {
                    both: &left & &right,
                    only: [&left - &right, &right - &left],
                    never: &known - &(&left | &right),
                };
                (area, seen)
            })
            .collect()
    }
}

/// Everything that a schema names. Error codes are no part of it.
fn known(schema: &Schema) -> Names {
    let methods = |kind| schema.methods(kind).map(str::to_owned).collect();
    let mut names = Names::from([
        (Area::ClientMethods, methods(Kind::ClientRequest)),
        (Area::Notifications, methods(Kind::ServerNotification)),
        (Area::ServerRequests, methods(Kind::ServerRequest)),
    ]);
    for (path, value) in schema.values() {
        add(&mut names, &path, &value);
    }
    names
}

fn add(names: &mut Names, path: &str, value: &str) {
    let (area, name) = if path == ITEM_TYPE {
        (Area::ItemTypes, value.to_owned())
    } else {
        (Area::EnumValues, format!("{path}: {value}"))
    };
    names.entry(area).or_default().insert(name);
}

/// A look at one transcript.
struct Look<'a> {
    schema: Option<&'a Schema>,
    names: &'a mut Names,
    /// The methods of the client's requests, by id.
    asked: BTreeMap<String, String>,
}

impl Look<'_> {
    fn at(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Client(frame) => self.client(frame),
            Event::Server(frame) => self.server(frame),
            _ => {}
        }
    }

    fn client(&mut self, frame: &Value) {
        let Some(method) = frame["method"].as_str() else {
            return;
        };
        let kind = match frame.get("id") {
            Some(id) => {
                self.asked.insert(id.to_string(), method.to_owned());
                Kind::ClientRequest
            }
            None => Kind::ClientNotification,
        };
        // What a scenario sends wrong on purpose is nothing of the protocol.
        let is_known = |schema: &Schema| schema.methods(kind).any(|known| known == method);
        if kind == Kind::ClientRequest && self.schema.is_none_or(is_known) {
            self.name(Area::ClientMethods, method);
        }
        self.params(kind, method, &frame["params"]);
    }

    fn server(&mut self, frame: &Value) {
        if let Some(method) = frame["method"].as_str() {
            let (kind, area) = match frame.get("id") {
                Some(_) => (Kind::ServerRequest, Area::ServerRequests),
                None => (Kind::ServerNotification, Area::Notifications),
            };
            self.name(area, method);
            self.params(kind, method, &frame["params"]);
            return;
        }
        if let Some(code) = frame["error"]["code"].as_i64() {
            self.name(Area::ErrorCodes, &code.to_string());
        }
        let method = self.asked.get(&frame["id"].to_string());
        if let (Some(method), Some(schema)) = (method, self.schema) {
            let names = &mut *self.names;
            schema.visit_reply(
                Kind::ClientRequest,
                method,
                &frame["result"],
                &mut |touched| {
                    note(names, touched);
                },
            );
        }
    }

    fn params(&mut self, kind: Kind, method: &str, params: &Value) {
        if let Some(schema) = self.schema {
            let names = &mut *self.names;
            schema.visit_params(kind, method, params, &mut |touched| note(names, touched));
        }
    }

    fn name(&mut self, area: Area, name: &str) {
        self.names.entry(area).or_default().insert(name.to_owned());
    }
}

fn note(names: &mut Names, touched: Touched<'_>) {
    if let Touched::Value(path, value) = touched {
        add(names, path, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(frames: &[(bool, Value)]) -> Names {
        let mut names = Names::new();
        let mut look = Look {
            schema: None,
            names: &mut names,
            asked: BTreeMap::new(),
        };
        for (from_client, frame) in frames {
            let event = if *from_client {
                Event::Client(frame.clone())
            } else {
                Event::Server(frame.clone())
            };
            look.at(&Entry { t_us: 0, event });
        }
        names
    }

    #[test]
    fn frames_are_told_apart() {
        let names = seen(&[
            (true, json!({ "id": 1, "method": "thread/start" })),
            (false, json!({ "id": 1, "error": { "code": -32600 } })),
            (false, json!({ "id": 7, "method": "item/tool/call" })),
            (false, json!({ "method": "turn/started" })),
            (true, json!({ "method": "initialized" })),
        ]);
        let one = |area| names[&area].iter().cloned().collect::<Vec<_>>();
        assert_eq!(one(Area::ClientMethods), ["thread/start"]);
        assert_eq!(one(Area::ErrorCodes), ["-32600"]);
        assert_eq!(one(Area::ServerRequests), ["item/tool/call"]);
        assert_eq!(one(Area::Notifications), ["turn/started"]);
    }

    #[test]
    fn sides_are_held_against_each_other() {
        let mut observer = Observer::new(None);
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        observer.sides = [
            Names::from([(Area::Notifications, set(&["a", "b"]))]),
            Names::from([(Area::Notifications, set(&["b", "c"]))]),
        ];
        let seen = &observer.coverage()[&Area::Notifications];
        assert_eq!(seen.both, set(&["b"]));
        assert_eq!(seen.only, [set(&["a"]), set(&["c"])]);
    }
}
