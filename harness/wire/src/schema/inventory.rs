//! Everything that a schema names.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Kind, Schema};

impl Schema {
    /// Every value of every enumeration, each with the path of its type: `(v2/ThreadItem.type,
    /// agentMessage)`. The methods themselves are left out.
    pub fn values(&self) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        let lists = Kind::ALL.map(Kind::definition);
        for name in self.names().filter(|name| !lists.contains(name)) {
            if let Some(definition) = self.definition(name) {
                values(definition, name, &mut found);
            }
        }
        found
    }
}

fn values(schema: &Value, path: &str, found: &mut BTreeSet<(String, String)>) {
    for value in schema["enum"].as_array().into_iter().flatten() {
        if let Some(text) = value.as_str() {
            found.insert((path.to_owned(), text.to_owned()));
        }
    }
    for choice in ["allOf", "oneOf", "anyOf"] {
        for part in schema[choice].as_array().into_iter().flatten() {
            values(part, path, found);
        }
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        values(member, &format!("{path}.{name}"), found);
    }
    for below in ["items", "additionalProperties"] {
        if schema[below].is_object() {
            values(&schema[below], path, found);
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
}
