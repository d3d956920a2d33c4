//! What of a schema a value uses.

use serde_json::Value;

use super::node::Node;
use super::walk::{Told, Touched, Walk};
use super::{Kind, Schema};

impl Schema {
    /// Tells what the parameters of `method` use.
    pub fn visit_params(
        &self,
        kind: Kind,
        method: &str,
        params: &Value,
        told: &mut impl FnMut(Touched<'_>),
    ) {
        if let Some(Some(node)) = self.params.get(&(kind, method.to_owned())) {
            self.visit(node, params, told);
        }
    }

    /// Tells what the result of a reply to `method` uses.
    pub fn visit_reply(
        &self,
        kind: Kind,
        method: &str,
        result: &Value,
        told: &mut impl FnMut(Touched<'_>),
    ) {
        let name = self.reply_name(kind, method);
        if let Some(node) = name.and_then(|name| self.node(&name)) {
            self.visit(node, result, told);
        }
    }

    fn visit(&self, node: &Node, value: &Value, told: &mut impl FnMut(Touched<'_>)) {
        let mut tell = |it: Told<'_>| {
            if let Told::Touched(touched) = it {
                told(touched);
            }
        };
        Walk::new(&self.definitions, &mut tell).along(&[node], value);
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
