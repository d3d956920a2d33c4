//! Which part of the protocol was seen on a wire, and which never.
//!
//! `certify` asks it of two sides, `coverage` of a whole suite.

mod look;
pub mod report;

use std::collections::{BTreeMap, BTreeSet};

use codex_wire::schema::{ITEM_TYPE, Kind, Schema};
use codex_wire::transcript::Entry;

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
    /// Members, each with the path of its type.
    Members,
    /// Values of enumerations, each with the path of its type.
    EnumValues,
}

impl Area {
    /// All of them, and what they are called.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::ClientMethods, "client methods"),
        (Self::Notifications, "notifications"),
        (Self::ServerRequests, "server requests"),
        (Self::ItemTypes, "item types"),
        (Self::ErrorCodes, "error codes"),
        (Self::Members, "members"),
        (Self::EnumValues, "enum values"),
    ];
}

/// Names by area.
pub type Names = BTreeMap<Area, BTreeSet<String>>;

/// Looks at transcripts and remembers what of the protocol they have.
#[derive(Clone, Debug)]
pub struct Observer<'a> {
    schema: Option<&'a Schema>,
    seen: Names,
}

impl<'a> Observer<'a> {
    /// Nothing seen yet. Without a schema item types, members and enum values can't be told.
    pub fn new(schema: Option<&'a Schema>) -> Self {
        Self {
            schema,
            seen: Names::new(),
        }
    }

    /// Looks at one transcript.
    pub fn look(&mut self, transcript: &[Entry]) {
        look::at(self.schema, &mut self.seen, transcript);
    }

    /// What was seen.
    pub fn into_names(self) -> Names {
        self.seen
    }
}

/// What of the protocol a suite shows, held against all that there is.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// The version of the protocol.
    pub version: String,
    /// What was seen and what was not, by area.
    pub areas: BTreeMap<Area, Covered>,
}

/// What of one area was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Covered {
    /// Seen.
    pub seen: BTreeSet<String>,
    /// Never seen, though the schema has it.
    pub never: BTreeSet<String>,
}

impl Coverage {
    /// Holds what was seen against a schema. Error codes, of which the schema says nothing, are
    /// left out, and so is what isn't in the schema.
    pub fn of(seen: &Names, schema: &Schema) -> Self {
        let none = BTreeSet::new();
        let all = known(schema);
        let covered = all.iter().map(|(area, all)| {
            let seen = seen.get(area).unwrap_or(&none);
            let covered = Covered {
                seen: all & seen,
                never: all - seen,
            };
            (*area, covered)
        });
        Self {
            version: schema.version().to_owned(),
            areas: covered.collect(),
        }
    }
}

/// Everything that a schema names. Error codes are no part of it.
pub fn known(schema: &Schema) -> Names {
    let methods = |kind| schema.methods(kind).map(str::to_owned).collect();
    let mut names = Names::from([
        (Area::ClientMethods, methods(Kind::ClientRequest)),
        (Area::Notifications, methods(Kind::ServerNotification)),
        (Area::ServerRequests, methods(Kind::ServerRequest)),
    ]);
    for (path, name) in schema.members() {
        add_member(&mut names, &path, &name);
    }
    for (path, value) in schema.values() {
        add_value(&mut names, &path, &value);
    }
    names
}

fn add_member(names: &mut Names, path: &str, name: &str) {
    let name = format!("{path}.{name}");
    names.entry(Area::Members).or_default().insert(name);
}

fn add_value(names: &mut Names, path: &str, value: &str) {
    let (area, name) = if path == ITEM_TYPE {
        (Area::ItemTypes, value.to_owned())
    } else {
        (Area::EnumValues, format!("{path}: {value}"))
    };
    names.entry(area).or_default().insert(name);
}

#[cfg(test)]
mod tests {
    use codex_wire::transcript::Event;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_never_seen_is_told() {
        let definitions = json!({
            "ClientRequest": { "oneOf": [
                { "properties": { "method": { "enum": ["a/do"] }, "params": { "$ref": "#/definitions/AParams" } } },
                { "properties": { "method": { "enum": ["b/do"] } } },
            ] },
            "AParams": { "type": "object", "properties": {
                "mode": { "type": "string", "enum": ["x", "y"] }, "more": true,
            } },
            "Unused": { "type": "object", "properties": { "never": true } },
        });
        let text = json!({ "version": "1", "experimental": [], "definitions": definitions });
        let schema = Schema::parse(&text.to_string()).unwrap();
        let mut observer = Observer::new(Some(&schema));
        let frame = json!({ "id": 1, "method": "a/do", "params": { "mode": "y", "odd": 1 } });
        observer.look(&[Entry {
            t_us: 0,
            event: Event::Client(frame),
        }]);
        let coverage = Coverage::of(&observer.into_names(), &schema);
        let area = |area| {
            let covered: &Covered = &coverage.areas[&area];
            let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>();
            [list(&covered.seen), list(&covered.never)]
        };
        assert_eq!(area(Area::ClientMethods), [["a/do"], ["b/do"]]);
        assert_eq!(area(Area::Members), [["AParams.mode"], ["AParams.more"]]);
        assert_eq!(
            area(Area::EnumValues),
            [["AParams.mode: y"], ["AParams.mode: x"]]
        );
    }
}
