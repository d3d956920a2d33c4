//! The definitions of a schema, by name and by position, each compiled when it is first needed.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::REFERENCE;
use super::node::Node;

/// All definitions.
#[derive(Debug)]
pub(super) struct Definitions {
    all: Vec<Definition>,
    positions: HashMap<String, usize>,
}

#[derive(Debug)]
struct Definition {
    name: String,
    schema: Value,
    node: OnceLock<Node>,
}

impl Definitions {
    pub(super) fn new(definitions: Map<String, Value>) -> Self {
        let all: Vec<Definition> = definitions
            .into_iter()
            .map(|(name, schema)| Definition {
                name,
                schema,
                node: OnceLock::new(),
            })
            .collect();
        let named = all.iter().enumerate();
        Self {
            positions: named.map(|(at, it)| (it.name.clone(), at)).collect(),
            all,
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|definition| definition.name.as_str())
    }

    /// The schema as it was written.
    pub(super) fn schema(&self, name: &str) -> Option<&Value> {
        let at = *self.positions.get(name)?;
        Some(&self.all[at].schema)
    }

    /// The definition of this name, with the name as it is kept here.
    pub(super) fn entry(&self, name: &str) -> Option<(&str, &Value)> {
        let definition = &self.all[*self.positions.get(name)?];
        Some((&definition.name, &definition.schema))
    }

    pub(super) fn position_of_reference(&self, reference: &str) -> Option<usize> {
        let name = reference.strip_prefix(REFERENCE)?;
        self.positions.get(name).copied()
    }

    /// What a schema means when its references are followed.
    pub(super) fn resolved<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        // No cycle consists of references alone; the bound is for files that are wrong.
        for _ in 0..self.all.len() {
            let reference = schema["$ref"].as_str();
            match reference.and_then(|reference| self.position_of_reference(reference)) {
                Some(at) => schema = &self.all[at].schema,
                None => break,
            }
        }
        schema
    }

    /// The definition of this name, made ready.
    pub(super) fn named(&self, name: &str) -> Option<&Node> {
        Some(self.at(*self.positions.get(name)?))
    }

    /// The definition at a position, made ready.
    pub(super) fn at(&self, position: usize) -> &Node {
        let definition = &self.all[position];
        definition
            .node
            .get_or_init(|| Node::compile(&definition.schema, &definition.name, self))
    }
}
