//! Reading the members of a checked map. Whatever is missing or wrong was reported by the check,
//! and then nothing is made of the file, so these fall back to something empty.

use std::time::Duration;

use serde_json::{Map, Value};

use super::matcher;
use super::model::Matcher;
use super::shape::{Record, duration, hex};
use super::yaml::Node;

impl Record<'_> {
    /// A string; empty if it isn't there.
    pub(crate) fn text(&self, name: &str) -> String {
        self.maybe_text(name).unwrap_or_default()
    }

    /// A string.
    pub(crate) fn maybe_text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(Node::text).map(str::to_owned)
    }

    /// A list of strings, or one string.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let Some(node) = self.get(name) else {
            return Vec::new();
        };
        let nodes = node.elements().unwrap_or(std::slice::from_ref(node));
        nodes
            .iter()
            .filter_map(Node::text)
            .map(str::to_owned)
            .collect()
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(|node| node.to_json().as_bool())
    }

    /// A number of things.
    pub(crate) fn count(&self, name: &str) -> Option<usize> {
        let count = self.get(name)?.to_json().as_u64()?;
        usize::try_from(count).ok()
    }

    /// Any value.
    pub(crate) fn any(&self, name: &str) -> Option<Value> {
        self.get(name).map(Node::to_json)
    }

    /// A map; empty if it isn't there.
    pub(crate) fn map(&self, name: &str) -> Map<String, Value> {
        self.get(name).map(Node::to_object).unwrap_or_default()
    }

    /// A matcher.
    pub(crate) fn matcher(&self, name: &str) -> Option<Matcher> {
        self.get(name).map(read_matcher)
    }

    /// A length of time.
    pub(crate) fn duration(&self, name: &str) -> Option<Duration> {
        self.get(name).and_then(duration)
    }

    /// Bytes.
    pub(crate) fn hex(&self, name: &str) -> Option<Vec<u8>> {
        self.get(name).and_then(Node::text).and_then(hex)
    }
}

/// A matcher whose problems were reported already.
pub(crate) fn read_matcher(node: &Node) -> Matcher {
    matcher::parse(node, &mut Vec::new())
}
