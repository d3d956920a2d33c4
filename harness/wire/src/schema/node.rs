//! A schema made ready to be walked: each definition is compiled once, when it is first needed.
//!
//! The generator of codex writes a small part of JSON Schema: `type`, `enum`, `properties`,
//! `required`, `items`, `additionalProperties`, `oneOf`, `anyOf`, `allOf`, `$ref`, `format` and
//! `minimum` (counted over 0.133.0 to 0.169.0). This is all that is understood here.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::choice::Choice;
use super::definitions::Definitions;

/// One schema.
#[derive(Debug)]
pub(super) struct Node {
    /// The name of its definition, with the members below it that have no definition of their own.
    pub(super) path: Box<str>,
    /// What kinds of JSON values it takes.
    pub(super) types: Types,
    /// The only values that it takes.
    pub(super) values: Option<Box<[Value]>>,
    /// The definition that it refers to.
    pub(super) reference: Option<usize>,
    /// What must hold beside it.
    pub(super) all: Box<[Node]>,
    /// Alternatives.
    pub(super) choices: Box<[Choice]>,
    /// Members, where it is about objects.
    pub(super) object: Option<Object>,
    /// What is in a list.
    pub(super) items: Option<Box<Node>>,
    /// The numbers that it takes.
    pub(super) range: Option<RangeInclusive<i128>>,
}

/// The members of an object.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) members: HashMap<Box<str>, Node>,
    pub(super) required: Box<[Box<str>]>,
    pub(super) rest: Rest,
}

/// What members may be there beside the named ones.
#[derive(Debug)]
pub(super) enum Rest {
    /// None. The generator doesn't say so, as older clients shall ignore what they don't know; it
    /// says `additionalProperties: true` where there may be any.
    None,
    /// Any.
    Any,
    /// Any, of this kind.
    Of(Box<Node>),
}

impl Node {
    /// Makes a schema ready. A boolean, and what is no schema, takes anything.
    pub(super) fn compile(schema: &Value, path: &str, definitions: &Definitions) -> Self {
        let below = |part: &Value| Self::compile(part, path, definitions);
        let list = |keyword: &str| schema[keyword].as_array().into_iter().flatten();
        Self {
            path: path.into(),
            types: Types::named(&schema["type"]),
            values: schema["enum"].as_array().map(|all| all[..].into()),
            reference: schema["$ref"]
                .as_str()
                .and_then(|reference| definitions.position_of_reference(reference)),
            all: list("allOf").map(below).collect(),
            choices: ["oneOf", "anyOf"]
                .iter()
                .filter_map(|keyword| schema[*keyword].as_array())
                .map(|options| Choice::compile(options, path, definitions))
                .collect(),
            object: object(schema, path, definitions),
            items: schema
                .get("items")
                .filter(|items| items.is_object())
                .map(|items| Box::new(below(items))),
            range: range(schema),
        }
    }

    /// Does it say nothing at all?
    pub(super) fn takes_anything(&self) -> bool {
        self.types == Types::ANY
            && self.values.is_none()
            && self.reference.is_none()
            && self.all.is_empty()
            && self.choices.is_empty()
            && self.object.is_none()
    }
}

fn object(schema: &Value, path: &str, definitions: &Definitions) -> Option<Object> {
    let properties = schema["properties"].as_object();
    let additional = schema.get("additionalProperties");
    let is_object = Types::named(&schema["type"]);
    let about_objects = is_object != Types::ANY && is_object.has(Types::OBJECT);
    if properties.is_none() && additional.is_none() && !about_objects {
        return None;
    }
    let empty = Map::new();
    let members = properties.unwrap_or(&empty).iter().map(|(name, member)| {
        let node = Node::compile(member, &format!("{path}.{name}"), definitions);
        (name.as_str().into(), node)
    });
    let required = schema["required"].as_array().into_iter().flatten();
    Some(Object {
        members: members.collect(),
        required: required
            .filter_map(|name| name.as_str().map(Into::into))
            .collect(),
        rest: match additional {
            None | Some(Value::Bool(false)) => Rest::None,
            Some(Value::Object(_)) => {
                let of = Node::compile(&schema["additionalProperties"], path, definitions);
                Rest::Of(Box::new(of))
            }
            Some(_) => Rest::Any,
        },
    })
}

/// The whole numbers that a schema takes, where it says so.
fn range(schema: &Value) -> Option<RangeInclusive<i128>> {
    let of_format = match schema["format"].as_str() {
        Some("int32") => Some(i128::from(i32::MIN)..=i128::from(i32::MAX)),
        Some("int64") => Some(i128::from(i64::MIN)..=i128::from(i64::MAX)),
        Some("uint8") => Some(0..=i128::from(u8::MAX)),
        Some("uint16") => Some(0..=i128::from(u16::MAX)),
        Some("uint32") => Some(0..=i128::from(u32::MAX)),
        Some("uint" | "uint64") => Some(0..=i128::from(u64::MAX)),
        _ => None,
    };
    let Some(minimum) = schema["minimum"].as_f64() else {
        return of_format;
    };
    // The minima of the generator are small whole numbers.
    #[allow(clippy::cast_possible_truncation)]
    let minimum = minimum as i128;
    let most = of_format.map_or(i128::MAX, |range| *range.end());
    Some(minimum..=most)
}

/// A set of kinds of JSON values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Types(u8);

/// The kinds by their names in JSON Schema, and as a message names them.
const KINDS: [(Types, &str, &str); 7] = [
    (Types(1), "null", "null"),
    (Types(2), "boolean", "a boolean"),
    (Types(4), "integer", "an integer"),
    (Types(8), "number", "a number"),
    (Types::STRING, "string", "a string"),
    (Types(32), "array", "an array"),
    (Types::OBJECT, "object", "an object"),
];

impl Types {
    pub(super) const STRING: Self = Self(16);
    pub(super) const OBJECT: Self = Self(64);
    pub(super) const ANY: Self = Self(127);
    pub(super) const NONE: Self = Self(0);

    /// What the keyword `type` says.
    pub(super) fn named(keyword: &Value) -> Self {
        let of = |name: &str| {
            let known = KINDS.iter().find(|(_, known, _)| *known == name);
            known.map_or(Self::ANY, |(kind, ..)| *kind)
        };
        match keyword {
            Value::String(name) => of(name),
            Value::Array(names) => names
                .iter()
                .filter_map(Value::as_str)
                .fold(Self::NONE, |all, name| all.or(of(name))),
            _ => Self::ANY,
        }
    }

    /// The kind of a value; a whole number is a number too.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self(1),
            Value::Bool(_) => Self(2),
            Value::Number(number) if number.is_f64() => Self(8),
            Value::Number(_) => Self(4 | 8),
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self(32),
            Value::Object(_) => Self::OBJECT,
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Have the two a kind in common?
    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// In words: `a string or null`.
    pub(super) fn words(self) -> String {
        let names: Vec<&str> = KINDS
            .iter()
            .rev()
            .filter(|(kind, ..)| self.has(*kind))
            .map(|(.., words)| *words)
            .collect();
        names.join(" or ")
    }
}
