//! Everything that a schema names.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Kind, Schema};

impl Schema {
    /// Every value of every enumeration that some frame can have, each with the path of its type:
    /// `(v2/ThreadItem.type, agentMessage)`. The methods themselves are left out.
    pub fn values(&self) -> BTreeSet<(String, String)> {
        self.collected(&|schema, path, found| {
            for value in schema["enum"].as_array().into_iter().flatten() {
                if let Some(text) = value.as_str() {
                    found.insert((path.to_owned(), text.to_owned()));
                }
            }
        })
    }

    /// Every member of every object that some frame can have, each with the path of its type:
    /// `(v2/ThreadItem, type)`.
    pub fn members(&self) -> BTreeSet<(String, String)> {
        self.collected(&|schema, path, found| {
            for (name, _) in schema["properties"].as_object().into_iter().flatten() {
                found.insert((path.to_owned(), name.clone()));
            }
        })
    }

    fn collected(&self, take: &Take) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        for name in self.reachable() {
            if let Some(definition) = self.definition(name) {
                collect(definition, name, take, &mut found);
            }
        }
        found
    }

    /// The names of the definitions that some frame can have.
    fn reachable(&self) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for kind in Kind::ALL {
            for method in self.methods(kind) {
                if let Some(params) = self.params(kind, method) {
                    self.reach(params, &mut found);
                }
                if let Some(reply) = self.reply_name(kind, method) {
                    self.enter(&reply, &mut found);
                }
            }
        }
        found
    }

    fn reach<'a>(&'a self, part: &'a Value, found: &mut BTreeSet<&'a str>) {
        if let Some(name) = Self::reference(part) {
            self.enter(name, found);
        }
        match part {
            Value::Object(members) => members.values().for_each(|it| self.reach(it, found)),
            Value::Array(parts) => parts.iter().for_each(|it| self.reach(it, found)),
            _ => {}
        }
    }

    fn enter<'a>(&'a self, name: &str, found: &mut BTreeSet<&'a str>) {
        if let Some((name, definition)) = self.definitions.entry(name)
            && found.insert(name)
        {
            self.reach(definition, found);
        }
    }
}

/// Takes what it wants from a schema with this path.
type Take = dyn Fn(&Value, &str, &mut BTreeSet<(String, String)>);

fn collect(schema: &Value, path: &str, take: &Take, found: &mut BTreeSet<(String, String)>) {
    take(schema, path, found);
    for choice in ["allOf", "oneOf", "anyOf"] {
        for part in schema[choice].as_array().into_iter().flatten() {
            collect(part, path, take, found);
        }
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        collect(member, &format!("{path}.{name}"), take, found);
    }
    for below in ["items", "additionalProperties"] {
        if schema[below].is_object() {
            collect(&schema[below], path, take, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::small;

    #[test]
    fn values_carry_their_path() {
        let all: Vec<String> = small()
            .values()
            .into_iter()
            .map(|(path, value)| format!("{path}={value}"))
            .collect();
        assert_eq!(
            all,
            [
                "v2/AParams.mode=x",
                "v2/AParams.mode=y",
                "v2/Item=none",
                "v2/Item.type=one",
                "v2/Item.type=two",
            ]
        );
    }

    #[test]
    fn members_carry_their_path() {
        let members = small().members();
        let has = |path: &str, name: &str| members.contains(&(path.to_owned(), name.to_owned()));
        assert!(has("v2/AParams", "mode") && has("v2/AResponse", "done") && has("v2/Item", "s"));
        assert!(!members.iter().any(|(path, _)| path == "ClientRequest"));
    }
}
