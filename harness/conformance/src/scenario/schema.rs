//! The JSON Schema of scenario files, for editors: made from the tables that decode them.
//!
//! Editors see the file before variables are put in, so wherever something else than a string is
//! wanted, a string with a `${variable}` is allowed too.

use mock_responses::Reply;
use serde_json::{Map, Value, json};

use super::format::{PART, SCENARIO, STEP};
use super::matcher::{OPERATORS, Operand};
use super::matrix::SOURCES;
use super::shape::{Fields, MAX_COUNT, Shape};
use super::steps::{Body, Group, STEPS, StepKind};
use crate::check::matcher::TYPES;

/// Where editors find the schema, from the root of the repository.
pub const SCHEMA_FILE: &str = "fixtures/scenario.schema.json";

/// The schema, as it stands in [`SCHEMA_FILE`].
pub fn schema() -> Value {
    let mut root = record(SCENARIO);
    let properties = &mut root["properties"];
    properties["matrix"] = json!({ "$ref": "#/definitions/matrix" });
    properties["model"]["items"] = json!({ "$ref": "#/definitions/reply" });
    properties["steps"]["items"] = json!({ "$ref": "#/definitions/step" });
    let mut schema = Map::new();
    schema.insert(
        "$schema".into(),
        "http://json-schema.org/draft-07/schema#".into(),
    );
    schema.insert("title".into(), "a conformance scenario".into());
    if let Value::Object(root) = root {
        schema.extend(root);
    }
    // `steps` may come from a part, so the schema can't ask for it.
    schema.insert("definitions".into(), definitions());
    Value::Object(schema)
}

fn definitions() -> Value {
    let mut reply = schemars::generate::SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<Reply>()
        .to_value();
    let mut definitions = json!({
        "matcher": matcher(),
        "matrix": matrix(),
        "step": step(),
        "part": record(PART),
        "variable": { "type": "string", "pattern": "\\$\\{[^}]+\\}" },
    });
    // The reply's own definitions move up to ours: its references say `#/definitions/…`.
    if let Some(members) = reply.as_object_mut() {
        members.remove("$schema");
        if let Some(Value::Object(inner)) = members.remove("definitions") {
            for (name, definition) in inner {
                definitions[name] = definition;
            }
        }
    }
    definitions["reply"] = json!({ "anyOf": [reply, { "$ref": "#/definitions/variable" }] });
    definitions
}

/// A map with the members of a table.
fn record(fields: Fields) -> Value {
    let all = || fields.iter().copied().flatten();
    let properties: Map<String, Value> = all()
        .map(|field| {
            let mut schema = shape(field.shape);
            schema["description"] = field.doc.into();
            (field.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = all()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn shape(shape: Shape) -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let matcher = json!({ "$ref": "#/definitions/matcher" });
    match shape {
        Shape::Text | Shape::Result | Shape::Hex => json!({ "type": "string" }),
        Shape::Texts => texts,
        Shape::TextOrTexts => json!({ "anyOf": [{ "type": "string" }, texts] }),
        Shape::Flag => or_variable(&json!({ "type": "boolean" })),
        Shape::Count => {
            or_variable(&json!({ "type": "integer", "minimum": 0, "maximum": MAX_COUNT }))
        }
        Shape::Any => json!({}),
        Shape::Map => json!({ "type": ["object", "string"] }),
        Shape::TextMap => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Shape::List => json!({ "type": "array" }),
        // A description beside a reference is ignored, inside of `allOf` it isn't.
        Shape::Matcher => json!({ "allOf": [matcher] }),
        Shape::MatcherMap => json!({ "type": "object", "additionalProperties": matcher }),
        Shape::MatcherIndex => json!({
            "type": "object",
            "patternProperties": { "^[0-9]+$": matcher },
            "additionalProperties": false,
        }),
        Shape::Duration => json!({ "type": ["number", "string"] }),
        Shape::Choice(names) => or_variable(&json!({ "enum": names })),
        Shape::Choices(names) => json!({ "type": "array", "items": { "enum": names } }),
        Shape::Record(fields) => record(fields),
        Shape::Records(fields) => json!({ "type": "array", "items": record(fields) }),
    }
}

fn or_variable(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "$ref": "#/definitions/variable" }] })
}

/// A matcher is anything; what an operator's operand may be is said where it is the only member.
fn matcher() -> Value {
    let operators: Map<String, Value> = OPERATORS
        .iter()
        .map(|operator| {
            let inner = json!({ "$ref": "#/definitions/matcher" });
            let mut operand = match operator.operand {
                Operand::One(_) => json!({ "allOf": [inner] }),
                Operand::Many(_) => json!({ "type": "array", "items": inner, "minItems": 1 }),
                Operand::Flag(_) => or_variable(&json!({ "type": "boolean" })),
                Operand::Pattern => json!({ "type": "string" }),
                Operand::Type => json!({ "type": "string", "examples": TYPES }),
                Operand::Preset => json!({ "type": "object" }),
                Operand::Any(_) => json!({}),
            };
            operand["description"] = operator.doc.into();
            (operator.name.to_owned(), operand)
        })
        .collect();
    json!({
        "description": "a plain value must be equal, a map's members must match; \
                        a map with one operator applies it",
        "if": { "type": "object", "minProperties": 1, "maxProperties": 1 },
        "then": { "properties": operators },
    })
}

fn matrix() -> Value {
    let names: Vec<&str> = SOURCES.iter().map(|(name, ..)| *name).collect();
    let docs: Vec<String> = SOURCES
        .iter()
        .map(|(name, doc, _)| format!("{name}: {doc}"))
        .collect();
    let scalar = json!({ "type": ["string", "number", "boolean", "null"] });
    let with_name = json!({ "type": "object", "required": ["name"] });
    let from = json!({
        "type": "object",
        "properties": {
            "from": { "enum": names, "description": docs.join("; ") },
            "none": { "type": "boolean", "description": "with null as the first value" },
        },
        "required": ["from"],
        "additionalProperties": false,
    });
    let values =
        json!({ "type": "array", "minItems": 1, "items": { "anyOf": [scalar, with_name] } });
    let exclude = json!({
        "type": "array",
        "items": { "type": "object", "minProperties": 1 },
        "description": "combinations that aren't to be: dimension → value or values",
    });
    json!({
        "type": "object",
        "minProperties": 1,
        "properties": { "exclude": exclude },
        "additionalProperties": { "anyOf": [values, from] },
    })
}

/// A step: exactly one of the kinds, and what any step may carry.
fn step() -> Value {
    let mut properties: Map<String, Value> = STEPS
        .iter()
        .map(|kind| (kind.name.to_owned(), step_body(kind)))
        .collect();
    let names: Vec<Value> = STEPS
        .iter()
        .map(|kind| json!({ "required": [kind.name] }))
        .collect();
    if let Value::Object(own) = record(STEP)["properties"].take() {
        properties.extend(own);
    }
    json!({
        "type": "object",
        "properties": properties,
        "patternProperties": { "^\\$\\{": {} },
        "additionalProperties": false,
        "anyOf": [{ "oneOf": names }, { "patternProperties": { "^\\$\\{": {} }, "minProperties": 1,
            "not": { "anyOf": names } }],
    })
}

fn step_body(kind: &StepKind) -> Value {
    let who = match kind.group {
        Group::Verb => "every client",
        Group::Wire => "the reference client alone",
        Group::World => "the runner, for every client",
    };
    let mut body = match kind.body {
        Body::Nothing => json!({ "type": "null" }),
        Body::Open => json!({ "type": ["object", "null"] }),
        Body::Fields(fields) => {
            let mut body = record(fields);
            if body.get("required").is_none() {
                body["type"] = json!(["object", "null"]);
            }
            body
        }
        Body::Short(fields) => json!({ "anyOf": [shape(fields[0][0].shape), record(fields)] }),
    };
    body["description"] = format!("{} ({who})", kind.doc).into();
    body
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Rewrite it with `codex-conformance check --schema > fixtures/scenario.schema.json`.
    #[test]
    fn the_file_for_editors_is_current() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let file = std::fs::read_to_string(root.join(SCHEMA_FILE)).unwrap();
        let current = format!("{:#}\n", schema());
        assert!(
            file == current,
            "{SCHEMA_FILE} is stale: `check --schema` prints it"
        );
    }
}
