//! Walking a value along its schema.

use serde_json::{Map, Value};

use super::{Kind, Schema};

/// Something of the protocol that a value uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched<'a> {
    /// A member: the path of its type and its name.
    Member(&'a str, &'a str),
    /// A value of an enumeration: the path of its type and the value.
    Value(&'a str, &'a str),
}

impl Schema {
    /// Tells what the parameters of `method` use.
    pub fn visit_params(
        &self,
        kind: Kind,
        method: &str,
        params: &Value,
        told: &mut impl FnMut(Touched<'_>),
    ) {
        if let Some(schema) = self.params(kind, method) {
            self.visit(schema, method, params, told);
        }
    }

    /// Tells what the reply to `method` uses.
    pub fn visit_reply(&self, method: &str, result: &Value, told: &mut impl FnMut(Touched<'_>)) {
        if let Some(schema) = self.reply(method) {
            self.visit(schema, method, result, told);
        }
    }

    /// Tells what `value` uses of `schema`, whose path is `path`: the name of the definition, and
    /// members below it that have no definition of their own.
    fn visit(&self, schema: &Value, path: &str, value: &Value, told: &mut impl FnMut(Touched<'_>)) {
        if let Some((name, definition)) = self.resolve(schema) {
            return self.visit(definition, name, value, told);
        }
        if let (Some(values), Some(text)) = (schema["enum"].as_array(), value.as_str())
            && values.iter().any(|known| known == text)
        {
            told(Touched::Value(path, text));
        }
        for part in alternatives(schema, "allOf") {
            self.visit(part, path, value, told);
        }
        for choice in ["oneOf", "anyOf"] {
            let fitting = alternatives(schema, choice).find(|part| self.fits(part, value));
            if let Some(part) = fitting {
                self.visit(part, path, value, told);
            }
        }
        match value {
            Value::Object(members) => self.visit_members(schema, path, members, told),
            Value::Array(items) => {
                for item in items {
                    self.visit(&schema["items"], path, item, told);
                }
            }
            _ => {}
        }
    }

    fn visit_members(
        &self,
        schema: &Value,
        path: &str,
        members: &Map<String, Value>,
        told: &mut impl FnMut(Touched<'_>),
    ) {
        for (name, value) in members {
            if let Some(member) = schema["properties"].get(name) {
                told(Touched::Member(path, name));
                self.visit(member, &format!("{path}.{name}"), value, told);
            } else {
                self.visit(&schema["additionalProperties"], path, value, told);
            }
        }
    }

    /// Could `value` be of `schema`? Enough to tell the variants of a tagged type apart.
    fn fits(&self, schema: &Value, value: &Value) -> bool {
        if let Some((_, definition)) = self.resolve(schema) {
            return self.fits(definition, value);
        }
        if let Some(values) = schema["enum"].as_array() {
            return values.contains(value);
        }
        if !alternatives(schema, "allOf").all(|part| self.fits(part, value)) {
            return false;
        }
        let mut choices = ["oneOf", "anyOf"]
            .into_iter()
            .flat_map(|choice| alternatives(schema, choice))
            .peekable();
        if choices.peek().is_some() {
            return choices.any(|part| self.fits(part, value));
        }
        is_of_type(&schema["type"], value) && self.members_fit(schema, value)
    }

    fn members_fit(&self, schema: &Value, value: &Value) -> bool {
        let Value::Object(members) = value else {
            return true;
        };
        let required = schema["required"].as_array().into_iter().flatten();
        let mut required = required.filter_map(Value::as_str);
        required.all(|name| members.contains_key(name))
            && members.iter().all(|(name, value)| {
                let member = &schema["properties"][name];
                member["enum"].is_null() || self.fits(member, value)
            })
    }
}

fn alternatives<'a>(schema: &'a Value, choice: &str) -> impl Iterator<Item = &'a Value> {
    schema[choice].as_array().into_iter().flatten()
}

fn is_of_type(wanted: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    match wanted {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::small;
    use super::*;

    fn touched(params: &Value) -> Vec<String> {
        let mut all = Vec::new();
        small().visit_params(Kind::ClientRequest, "a/do", params, &mut |it| {
            all.push(match it {
                Touched::Member(path, name) => format!("{path}/{name}"),
                Touched::Value(path, value) => format!("{path}={value}"),
            });
        });
        all
    }

    #[test]
    fn members_and_values_are_told() {
        assert_eq!(
            touched(&json!({ "mode": "y", "unknown": 1 })),
            ["v2/AParams/mode", "v2/AParams.mode=y"]
        );
    }

    #[test]
    fn the_fitting_variant_is_taken() {
        assert_eq!(
            touched(&json!({ "item": { "type": "two", "s": "" } })),
            [
                "v2/AParams/item",
                "v2/Item/type",
                "v2/Item.type=two",
                "v2/Item/s"
            ]
        );
        assert_eq!(
            touched(&json!({ "list": ["none"] })),
            ["v2/AParams/list", "v2/Item=none"]
        );
    }

    #[test]
    fn a_value_that_fits_nothing_is_passed_over() {
        assert_eq!(touched(&json!({ "item": 7 })), ["v2/AParams/item"]);
        assert_eq!(touched(&json!("text")), [""; 0]);
    }
}
