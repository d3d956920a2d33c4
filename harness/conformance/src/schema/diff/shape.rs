//! What a schema means, in a form in which two of them can be compared.

use std::collections::{BTreeMap, BTreeSet};

use codex_wire::schema::Schema;
use serde_json::Value;

/// The meaning of one schema, one level deep: what is below is still a schema.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape<'a> {
    /// The kinds of JSON values, with the format of numbers: `string`, `integer (int64)`.
    pub(super) kinds: BTreeSet<String>,
    /// The words that it takes, where strings are words of a list.
    pub(super) words: BTreeSet<&'a str>,
    /// Does it take any string?
    pub(super) any_string: bool,
    /// Objects that are told apart, by what tells them.
    pub(super) variants: BTreeMap<String, &'a Value>,
    /// Members of a plain object, and whether they are required.
    pub(super) members: BTreeMap<&'a str, (&'a Value, bool)>,
    /// What is in a list.
    pub(super) items: Option<&'a Value>,
    /// What further members are.
    pub(super) rest: Option<&'a Value>,
}

/// All kinds of JSON values, for a schema that says nothing.
const KINDS: [&str; 6] = ["array", "boolean", "null", "number", "object", "string"];

/// The most references and alternatives that are followed in one place.
const DEEP: usize = 24;

impl<'a> Shape<'a> {
    pub(super) fn of(schema: &'a Schema, part: &'a Value) -> Self {
        let mut shape = Self::default();
        shape.add(schema, part, DEEP);
        shape
    }

    /// Adds an alternative, or a part that holds beside the others.
    fn add(&mut self, schema: &'a Schema, part: &'a Value, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        let part = schema.resolved(part);
        let mut says_nothing = true;
        for keyword in ["oneOf", "anyOf"] {
            if let Some(options) = part[keyword].as_array() {
                says_nothing = false;
                self.alternatives(schema, options, depth);
            }
        }
        for beside in part["allOf"].as_array().into_iter().flatten() {
            says_nothing = false;
            self.add(schema, beside, depth);
        }
        if let Some(words) = part["enum"].as_array() {
            let named = kinds(part);
            let kinds = if named.is_empty() {
                vec!["string"]
            } else {
                named
            };
            self.kinds.extend(kinds.into_iter().map(str::to_owned));
            self.words.extend(words.iter().filter_map(Value::as_str));
            return;
        }
        let has_choice = part.get("oneOf").or_else(|| part.get("anyOf")).is_some();
        for kind in kinds(part) {
            says_nothing = false;
            // The alternatives of an object say which objects it takes.
            if kind == "string" && !has_choice {
                self.any_string = true;
            }
            self.kinds.insert(with_format(kind, part));
        }
        self.object(part);
        if says_nothing && part.get("properties").is_none() {
            self.any_string = true;
            self.kinds.extend(KINDS.map(str::to_owned));
        }
    }

    /// Makes alternatives members of one object: required is what all of them require. A plain
    /// object and one with alternatives can be compared then.
    pub(super) fn flatten(&mut self, schema: &'a Schema) {
        let variants = std::mem::take(&mut self.variants);
        let count = variants.len();
        let mut found: BTreeMap<&'a str, (&'a Value, usize)> = BTreeMap::new();
        for variant in variants.into_values() {
            let mut shape = Self::of(schema, variant);
            shape.flatten(schema);
            for (name, (member, required)) in shape.members {
                found.entry(name).or_insert((member, 0)).1 += usize::from(required);
            }
        }
        for (name, (member, required)) in found {
            self.members
                .entry(name)
                .or_insert((member, required == count));
        }
    }

    fn object(&mut self, part: &'a Value) {
        let required: BTreeSet<&str> = part["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (name, member) in part["properties"].as_object().into_iter().flatten() {
            let is_required = required.contains(name.as_str());
            self.members.insert(name, (member, is_required));
        }
        self.items = self.items.or_else(|| part.get("items"));
        let rest = part.get("additionalProperties");
        self.rest = self
            .rest
            .or_else(|| rest.filter(|rest| **rest != Value::Bool(false)));
    }

    fn alternatives(&mut self, schema: &'a Schema, options: &'a [Value], depth: usize) {
        let resolved: Vec<&Value> = options.iter().map(|it| schema.resolved(it)).collect();
        let objects: Vec<&Value> = resolved
            .iter()
            .copied()
            .filter(|option| is_object(option))
            .collect();
        for option in &resolved {
            if objects.len() > 1 && is_object(option) {
                self.kinds.insert("object".to_owned());
                self.variants.insert(label(option, &objects), option);
            } else if let [key] = only_key(option).as_slice() {
                self.kinds.insert("object".to_owned());
                self.variants.insert((*key).to_owned(), option);
            } else {
                self.add(schema, option, depth);
            }
        }
    }
}

fn kinds(part: &Value) -> Vec<&str> {
    match &part["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn with_format(kind: &str, part: &Value) -> String {
    match (kind, part["format"].as_str()) {
        ("integer" | "number", Some(format)) => format!("{kind} ({format})"),
        _ => kind.to_owned(),
    }
}

fn is_object(option: &Value) -> bool {
    option["type"] == "object" && option.get("properties").is_some()
}

/// The member of an object that has no other.
fn only_key(option: &Value) -> Vec<&str> {
    if option["additionalProperties"] != false {
        return Vec::new();
    }
    let required = option["required"].as_array().into_iter().flatten();
    required.filter_map(Value::as_str).collect()
}

/// What tells an object from the others: the value of its tag, its only member, or the members
/// that it requires.
fn label(option: &Value, objects: &[&Value]) -> String {
    let constant = |option: &Value, name: &str| {
        let values = option["properties"][name]["enum"].as_array()?;
        match values.as_slice() {
            [Value::String(only)] => Some(only.clone()),
            _ => None,
        }
    };
    let names = option["properties"].as_object();
    let mut tags = names.into_iter().flat_map(serde_json::Map::keys);
    let tag = tags.find(|name| objects.iter().all(|it| constant(it, name).is_some()));
    if let Some(value) = tag.and_then(|name| constant(option, name)) {
        return value;
    }
    let required = option["required"].as_array().into_iter().flatten();
    let names: Vec<&str> = required.filter_map(Value::as_str).collect();
    match names.as_slice() {
        [only] => (*only).to_owned(),
        names => format!("{{{}}}", names.join(", ")),
    }
}
