//! The protocol of one codex version, as the version's own generator describes it.
//!
//! `fixtures/schemas/codex-VERSION.json` holds the structure alone (types, members, required ones,
//! enums, methods); descriptive sentences are dropped when it is imported.
//!
//! [`Schema::check`] judges one frame, an [`Exchange`] the frames of a connection, results too:
//!
//! ```no_run
//! use codex_wire::schema::{Exchange, Schema, Sender};
//! let text = std::fs::read_to_string("fixtures/schemas/codex-0.169.0.json")?;
//! let schema = Schema::parse(&text)?;
//! let mut exchange = Exchange::new(&schema);
//! # let frames: Vec<(Sender, serde_json::Value)> = Vec::new();
//! for (sender, frame) in &frames {
//!     for violation in exchange.frame(*sender, frame) {
//!         println!("{sender}, `{}`: {violation}", violation.method);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod check;
mod choice;
mod definitions;
mod inventory;
mod node;
mod reply;
mod violation;
mod visit;
mod walk;

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use definitions::Definitions;
use node::Node;

pub use check::Exchange;
pub use violation::{Fault, Sender, Violation};
pub use walk::Touched;

/// What a prefix of a reference within a schema looks like.
const REFERENCE: &str = "#/definitions/";

/// The definition of the thread items, whose `type` tells them apart.
pub const ITEM_TYPE: &str = "v2/ThreadItem.type";

/// The schema of one version. What it takes to judge frames is made when it is first needed, and
/// kept; one schema can be used by many at once.
#[derive(Debug)]
pub struct Schema {
    version: String,
    sha256: Option<String>,
    definitions: Definitions,
    experimental: BTreeSet<String>,
    experimental_members: BTreeSet<String>,
    /// The parameters of each method.
    params: HashMap<(Kind, String), Option<Node>>,
}

/// Who sends a frame, and whether it wants an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
        let names = |list: &Value| -> Option<BTreeSet<String>> {
            let names = list.as_array()?.iter();
            Some(
                names
                    .filter_map(|name| name.as_str().map(str::to_owned))
                    .collect(),
            )
        };
        let experimental =
            names(&value["experimental"]).ok_or(SchemaError::Missing("experimental"))?;
        let Value::Object(definitions) = value["definitions"].take() else {
            return Err(SchemaError::Missing("definitions"));
        };
        let mut schema = Self {
            version,
            sha256: value["sha256"].as_str().map(str::to_owned),
            definitions: Definitions::new(definitions),
            experimental,
            experimental_members: names(&value["experimental_members"]).unwrap_or_default(),
            params: HashMap::new(),
        };
        schema.params = schema.all_params();
        Ok(schema)
    }

    /// The codex version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The digest of what the generator wrote.
    pub fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// The definition of this name, for example `v2/ThreadItem`.
    pub fn definition(&self, name: &str) -> Option<&Value> {
        self.definitions.schema(name)
    }

    /// What a schema means when its references are followed.
    pub fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        self.definitions.resolved(schema)
    }

    /// The name of the definition that a schema refers to, if it does nothing else.
    pub fn reference(schema: &Value) -> Option<&str> {
        schema.get("$ref")?.as_str()?.strip_prefix(REFERENCE)
    }

    /// The names of all definitions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.definitions.names()
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

    /// Is this member (`v2/Thread.extra`) or definition only for clients that ask for
    /// experimental ones?
    pub fn is_experimental_part(&self, path: &str) -> bool {
        self.experimental_members.contains(path)
    }

    fn variants(&self, kind: Kind) -> impl Iterator<Item = &Value> {
        self.definition(kind.definition())
            .and_then(|definition| definition["oneOf"].as_array())
            .into_iter()
            .flatten()
    }

    fn all_params(&self) -> HashMap<(Kind, String), Option<Node>> {
        let mut all = HashMap::new();
        for kind in Kind::ALL {
            for method in self.methods(kind) {
                let params = self.params(kind, method);
                let node = params.map(|it| Node::compile(it, method, &self.definitions));
                all.insert((kind, method.to_owned()), node);
            }
        }
        all
    }

    /// The definition of this name, made ready.
    fn node(&self, name: &str) -> Option<&Node> {
        self.definitions.named(name)
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
        let reply = schema.reply(Kind::ClientRequest, "a/do").unwrap();
        assert!(reply["properties"]["done"].is_object());
        assert!(schema.is_experimental("b/do") && !schema.is_experimental("a/do"));
    }

    #[test]
    fn what_is_no_schema_says_what_is_missing() {
        let error = Schema::parse("{}").unwrap_err().to_string();
        assert!(error.starts_with("no `version` in it"), "{error}");
    }
}
