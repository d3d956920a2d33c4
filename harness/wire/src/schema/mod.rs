//! The protocol of one codex version, as the version's own generator describes it.
//!
//! `fixtures/schemas/codex-VERSION.json` holds the structure alone (types, members, required ones,
//! enums, methods); descriptive sentences are dropped when it is imported.

mod inventory;
mod visit;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

pub use visit::Touched;

/// What a prefix of a reference within a schema looks like.
const REFERENCE: &str = "#/definitions/";

/// The definition of the thread items, whose `type` tells them apart.
pub const ITEM_TYPE: &str = "v2/ThreadItem.type";

/// The schema of one version.
#[derive(Clone, Debug)]
pub struct Schema {
    version: String,
    definitions: Map<String, Value>,
    experimental: BTreeSet<String>,
}

/// Who sends a frame, and whether it wants an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The client asks.
    ClientRequest,
    /// The client tells.
    ClientNotification,
    /// The app-server tells.
    ServerNotification,
    /// The app-server asks.
    ServerRequest,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::ClientRequest,
        Self::ClientNotification,
        Self::ServerNotification,
        Self::ServerRequest,
    ];

    /// The definition that lists its methods.
    pub fn definition(self) -> &'static str {
        match self {
            Self::ClientRequest => "ClientRequest",
            Self::ClientNotification => "ClientNotification",
            Self::ServerNotification => "ServerNotification",
            Self::ServerRequest => "ServerRequest",
        }
    }
}

/// A fixture that is no schema.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It is not JSON.
    #[error("not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A member is missing.
    #[error("no `{0}` in it; import it again with `codex-conformance schema import`")]
    Missing(&'static str),
}

impl Schema {
    /// Reads a fixture.
    ///
    /// # Errors
    /// [`SchemaError`] when it is not one.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let mut value: Value = serde_json::from_str(text)?;
        let version = value["version"]
            .as_str()
            .ok_or(SchemaError::Missing("version"))?
            .to_owned();
        let experimental = value["experimental"]
            .as_array()
            .ok_or(SchemaError::Missing("experimental"))?
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        let Value::Object(definitions) = value["definitions"].take() else {
            return Err(SchemaError::Missing("definitions"));
        };
        Ok(Self {
            version,
            definitions,
            experimental,
        })
    }

    /// The codex version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The definition of this name, for example `v2/ThreadItem`.
    pub fn definition(&self, name: &str) -> Option<&Value> {
        self.definitions.get(name)
    }

    /// The names of all definitions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.definitions.keys().map(String::as_str)
    }

    /// Is the method only for clients that ask for experimental ones?
    pub fn is_experimental(&self, method: &str) -> bool {
        self.experimental.contains(method)
    }

    /// The methods of a kind, in the order of the schema.
    pub fn methods(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.variants(kind).filter_map(method_of)
    }

    /// The schema of a method's parameters; `None` where it has none.
    pub fn params(&self, kind: Kind, method: &str) -> Option<&Value> {
        self.variants(kind)
            .find(|variant| method_of(variant) == Some(method))
            .and_then(|variant| variant.pointer("/properties/params"))
    }

    /// The schema of the reply to a request of the client, where its name follows from that of the
    /// parameters; the generator ties them together in no other way.
    pub fn reply(&self, method: &str) -> Option<&Value> {
        let reference = self.params(Kind::ClientRequest, method)?.get("$ref")?;
        let name = reference.as_str()?.strip_prefix(REFERENCE)?;
        self.definition(&format!("{}Response", name.strip_suffix("Params")?))
    }

    fn variants(&self, kind: Kind) -> impl Iterator<Item = &Value> {
        self.definition(kind.definition())
            .and_then(|definition| definition["oneOf"].as_array())
            .into_iter()
            .flatten()
    }

    /// What a reference leads to, with the name of its definition.
    fn resolve<'a>(&'a self, schema: &'a Value) -> Option<(&'a str, &'a Value)> {
        let name = schema.get("$ref")?.as_str()?.strip_prefix(REFERENCE)?;
        Some((name, self.definition(name)?))
    }
}

fn method_of(variant: &Value) -> Option<&str> {
    let method = variant.pointer("/properties/method")?;
    method
        .get("const")
        .or_else(|| method.pointer("/enum/0"))
        .and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A protocol of two methods.
    pub(super) fn small() -> Schema {
        let text = json!({
            "version": "0.0.1",
            "experimental": ["b/do"],
            "definitions": {
                "ClientRequest": { "oneOf": [
                    { "properties": { "method": { "enum": ["a/do"] }, "params": { "$ref": "#/definitions/v2/AParams" } } },
                    { "properties": { "method": { "enum": ["b/do"] } } },
                ] },
                "v2/AParams": {
                    "type": "object",
                    "properties": {
                        "mode": { "type": "string", "enum": ["x", "y"] },
                        "item": { "$ref": "#/definitions/v2/Item" },
                        "list": { "type": "array", "items": { "$ref": "#/definitions/v2/Item" } },
                    },
                },
                "v2/AResponse": { "type": "object", "properties": { "done": { "type": "boolean" } } },
                "v2/Item": { "oneOf": [
                    { "type": "object", "required": ["type"],
                      "properties": { "type": { "type": "string", "enum": ["one"] }, "n": { "type": "integer" } } },
                    { "type": "object", "required": ["type"],
                      "properties": { "type": { "type": "string", "enum": ["two"] }, "s": { "type": "string" } } },
                    { "type": "string", "enum": ["none"] },
                ] },
            },
        });
        Schema::parse(&text.to_string()).unwrap()
    }

    #[test]
    fn methods_and_their_shapes_are_found() {
        let schema = small();
        let methods: Vec<_> = schema.methods(Kind::ClientRequest).collect();
        assert_eq!(methods, ["a/do", "b/do"]);
        assert!(schema.params(Kind::ClientRequest, "b/do").is_none());
        assert!(schema.reply("a/do").unwrap()["properties"]["done"].is_object());
        assert!(schema.is_experimental("b/do") && !schema.is_experimental("a/do"));
    }

    #[test]
    fn what_is_no_schema_says_what_is_missing() {
        let error = Schema::parse("{}").unwrap_err().to_string();
        assert!(error.starts_with("no `version` in it"), "{error}");
    }
}
