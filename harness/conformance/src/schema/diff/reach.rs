//! Which frames have a definition in them, and whether clients read or write those.

use std::collections::{BTreeMap, BTreeSet};

use codex_wire::schema::{Kind, Schema};
use serde_json::Value;

/// Who has to do with a definition.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    /// Do clients read it?
    pub(super) read: bool,
    /// Do clients write it?
    pub(super) written: bool,
    /// The methods whose frames have it.
    pub(super) methods: BTreeSet<String>,
}

impl Reach {
    pub(super) fn or(mut self, other: &Self) -> Self {
        self.read |= other.read;
        self.written |= other.written;
        self.methods.extend(other.methods.iter().cloned());
        self
    }
}

/// Who writes the parameters of a kind of method: the client, or the app-server?
pub(super) fn client_writes(kind: Kind) -> bool {
    matches!(kind, Kind::ClientRequest | Kind::ClientNotification)
}

/// The reach of every definition that some frame has.
pub(super) fn of(schema: &Schema) -> BTreeMap<String, Reach> {
    let mut all = BTreeMap::new();
    for kind in Kind::ALL {
        for method in schema.methods(kind) {
            let writes = client_writes(kind);
            if let Some(params) = schema.params(kind, method) {
                spread(schema, params, (writes, method), &mut all);
            }
            if let Some(reply) = schema.reply_name(kind, method) {
                enter(schema, &reply, (!writes, method), &mut all);
            }
        }
    }
    all
}

/// Marks everything that `part` refers to.
fn spread(schema: &Schema, part: &Value, by: (bool, &str), all: &mut BTreeMap<String, Reach>) {
    if let Some(name) = Schema::reference(part) {
        enter(schema, name, by, all);
    }
    match part {
        Value::Object(members) => members
            .values()
            .for_each(|below| spread(schema, below, by, all)),
        Value::Array(parts) => parts
            .iter()
            .for_each(|below| spread(schema, below, by, all)),
        _ => {}
    }
}

fn enter(
    schema: &Schema,
    name: &str,
    (writes, method): (bool, &str),
    all: &mut BTreeMap<String, Reach>,
) {
    let reach = all.entry(name.to_owned()).or_default();
    let side = if writes {
        &mut reach.written
    } else {
        &mut reach.read
    };
    let was_there = *side && reach.methods.contains(method);
    *side = true;
    reach.methods.insert(method.to_owned());
    if was_there {
        return;
    }
    if let Some(definition) = schema.definition(name) {
        spread(schema, definition, (writes, method), all);
    }
}
