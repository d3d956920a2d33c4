//! Holding frames against the schema.

use std::collections::HashMap;

use serde_json::Value;

use super::node::Node;
use super::violation::{Fault, Sender, Violation};
use super::walk::{Told, Walk, pointer};
use super::{Kind, Schema};

/// The definitions of what all frames of a form have in common.
const REQUEST: &str = "JSONRPCRequest";
const NOTIFICATION: &str = "JSONRPCNotification";
const RESPONSE: &str = "JSONRPCResponse";
const ERROR: &str = "JSONRPCError";

impl Schema {
    /// What is wrong with one frame, by itself; nothing when it is as the schema says.
    ///
    /// Which method a reply answers can't be told from the reply, so that of a result nothing is
    /// said here: an [`Exchange`] knows it.
    ///
    /// ```
    /// use codex_wire::schema::{Fault, Schema, Sender};
    /// use serde_json::json;
    /// # let text = json!({ "version": "0.0.1", "experimental": [], "definitions": {
    /// #     "ClientRequest": { "oneOf": [{ "type": "object", "properties": {
    /// #         "id": {}, "method": { "enum": ["thread/start"] },
    /// #         "params": { "type": "object", "properties": {
    /// #             "approvalPolicy": { "type": "string", "enum": ["never", "on-request"] } } } } }] },
    /// # } }).to_string();
    /// let schema = Schema::parse(&text)?;
    /// let frame = json!({ "id": 1, "method": "thread/start", "params": { "approvalPolicy": "ever" } });
    /// let violations = schema.check(Sender::Client, &frame);
    /// assert_eq!(violations[0].fault, Fault::UnknownValue);
    /// assert_eq!(violations[0].path, "/params/approvalPolicy");
    /// # Ok::<(), codex_wire::schema::SchemaError>(())
    /// ```
    pub fn check(&self, sender: Sender, frame: &Value) -> Vec<Violation> {
        let form = Form::of(frame);
        let method = frame["method"].as_str().unwrap_or_default();
        let (common, kind) = match (form, sender) {
            (Form::Request, Sender::Client) => (REQUEST, Some(Kind::ClientRequest)),
            (Form::Request, Sender::Server) => (REQUEST, Some(Kind::ServerRequest)),
            (Form::Notification, Sender::Client) => (NOTIFICATION, Some(Kind::ClientNotification)),
            (Form::Notification, Sender::Server) => (NOTIFICATION, Some(Kind::ServerNotification)),
            (Form::Error, _) => (ERROR, None),
            (Form::Response, _) => (RESPONSE, None),
        };
        let names = [Some(common), kind.map(Kind::definition)];
        let nodes = names.into_iter().flatten();
        let nodes: Vec<&Node> = nodes.filter_map(|name| self.node(name)).collect();
        let mut violations = self.violations((sender, method), &nodes, frame);
        for violation in &mut violations {
            if violation.path == "/method" && violation.fault == Fault::UnknownValue {
                violation.fault = Fault::UnknownMethod;
                if let Some(kind) = kind {
                    kind.definition().clone_into(&mut violation.of);
                }
            }
        }
        violations
    }

    /// What is wrong with the result of a reply to `method`, which `replier` gives. Nothing where
    /// the schema doesn't say what is replied.
    pub fn check_result(&self, replier: Sender, method: &str, result: &Value) -> Vec<Violation> {
        let kind = match replier {
            Sender::Server => Kind::ClientRequest,
            Sender::Client => Kind::ServerRequest,
        };
        let Some(node) = self.reply_name(kind, method).and_then(|it| self.node(&it)) else {
            return Vec::new();
        };
        let mut violations = self.violations((replier, method), &[node], result);
        for violation in &mut violations {
            violation.path.insert_str(0, "/result");
        }
        violations
    }

    fn violations(
        &self,
        (sender, method): (Sender, &str),
        nodes: &[&Node],
        value: &Value,
    ) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut told = |told: Told<'_>| {
            if let Told::Departs(departure) = told {
                violations.push(Violation {
                    sender,
                    method: method.to_owned(),
                    fault: departure.fault,
                    path: pointer(departure.path),
                    of: departure.of.to_owned(),
                    found: departure.found,
                    expected: departure.expected,
                });
            }
        };
        Walk::new(&self.definitions, &mut told).along(nodes, value);
        violations
    }
}

/// What a frame is, told from the members that it has.
#[derive(Clone, Copy)]
enum Form {
    Request,
    Notification,
    Response,
    Error,
}

impl Form {
    fn of(frame: &Value) -> Self {
        match (frame.get("method"), frame.get("id"), frame.get("error")) {
            (Some(_), Some(_), _) => Self::Request,
            (Some(_), None, _) => Self::Notification,
            (None, _, Some(_)) => Self::Error,
            (None, _, None) => Self::Response,
        }
    }
}

/// The frames of one connection, held against the schema in their order.
///
/// It remembers which method was asked under which id, so that results are judged too. One
/// connection has one `Exchange`; ids of different connections have nothing to do with each other.
#[derive(Debug)]
pub struct Exchange<'s> {
    schema: &'s Schema,
    /// The methods that each side has asked for, by the JSON text of the id.
    asked: HashMap<(Sender, String), String>,
}

impl<'s> Exchange<'s> {
    /// A connection on which nothing was sent yet.
    pub fn new(schema: &'s Schema) -> Self {
        Self {
            schema,
            asked: HashMap::new(),
        }
    }

    /// What is wrong with the next frame.
    pub fn frame(&mut self, sender: Sender, frame: &Value) -> Vec<Violation> {
        let mut violations = self.schema.check(sender, frame);
        let Some(id) = frame.get("id").map(Value::to_string) else {
            return violations;
        };
        if let Some(method) = frame["method"].as_str() {
            self.asked.insert((sender, id), method.to_owned());
            return violations;
        }
        let asker = match sender {
            Sender::Client => Sender::Server,
            Sender::Server => Sender::Client,
        };
        let Some(method) = self.asked.remove(&(asker, id)) else {
            return violations;
        };
        for violation in &mut violations {
            violation.method.clone_from(&method);
        }
        if let Some(result) = frame.get("result") {
            violations.extend(self.schema.check_result(sender, &method, result));
        }
        violations
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A schema with one of each form that the generator writes.
    fn schema() -> Schema {
        let method = |name: &str, params: Value| {
            json!({
                "type": "object",
                "required": ["id", "method", "params"],
                "properties": { "id": {}, "method": { "enum": [name] }, "params": params },
            })
        };
        let reference = |name: &str| json!({ "$ref": format!("#/definitions/{name}") });
        let tagged = |tag: &str, more: Value| {
            let mut properties = json!({ "type": { "type": "string", "enum": [tag] } });
            for (name, schema) in more.as_object().unwrap() {
                properties[name] = schema.clone();
            }
            json!({ "type": "object", "required": ["type"], "properties": properties })
        };
        let definitions = json!({
            "JSONRPCRequest": {
                "type": "object", "required": ["id", "method"],
                "properties": { "id": {}, "method": { "type": "string" }, "params": true, "trace": true },
            },
            "JSONRPCResponse": {
                "type": "object", "required": ["id", "result"],
                "properties": { "id": {}, "result": true },
            },
            "ClientRequest": { "oneOf": [
                method("a/do", reference("AParams")),
                method("b/do", json!({ "type": "null" })),
            ] },
            "ServerRequest": { "oneOf": [method("may/i", reference("MayParams"))] },
            "AParams": { "type": "object", "required": ["count"], "properties": {
                "count": { "type": "integer", "format": "uint16", "minimum": 0.0 },
                "mode": { "anyOf": [reference("Mode"), { "type": "null" }] },
                "policy": reference("Policy"),
                "list": { "type": "array", "items": reference("Policy") },
                "rest": { "type": "object", "additionalProperties": { "type": "string" } },
                "any": true,
                "none": { "type": "object" },
                "body": { "anyOf": [
                    { "type": "object", "required": ["url"], "properties": { "url": { "type": "string" } } },
                    { "type": "object", "required": ["file"], "properties": { "file": { "type": "string" } } },
                ] },
            } },
            "AResponse": { "type": "object", "required": ["done"],
                "properties": { "done": { "type": "boolean" } } },
            "MayParams": { "type": "object" },
            "MayResponse": { "type": "object", "required": ["decision"], "properties": {
                "decision": { "oneOf": [
                    { "type": "string", "enum": ["yes"] },
                    { "type": "string", "enum": ["no"] },
                    { "type": "object", "required": ["but"], "additionalProperties": false,
                      "properties": { "but": { "type": "string" } } },
                ] },
            } },
            "Mode": { "type": "string", "enum": ["x", "y"] },
            "Policy": {
                "oneOf": [tagged("open", json!({})), tagged("shut", json!({ "key": { "type": "string" } }))],
                "properties": { "note": { "type": ["string", "null"] } },
            },
        });
        let text = json!({ "version": "0.0.1", "experimental": [], "definitions": definitions });
        Schema::parse(&text.to_string()).unwrap()
    }

    /// What is wrong with these parameters, as `fault path`.
    fn params(params: &Value) -> Vec<String> {
        let frame = json!({ "id": 1, "method": "a/do", "params": params });
        faults(&schema().check(Sender::Client, &frame))
    }

    fn faults(violations: &[Violation]) -> Vec<String> {
        let lines = violations.iter();
        lines
            .map(|it| format!("{} {}", it.fault.name(), it.path))
            .collect()
    }

    #[test]
    fn what_is_right_is_passed_over() {
        let all = json!({
            "count": 3, "mode": "x", "list": [{ "type": "open" }, { "type": "shut", "key": "k", "note": null }],
            "rest": { "a": "b" }, "any": [{ "what": 1 }], "none": {}, "body": { "file": "f" },
        });
        assert_eq!(params(&all), [""; 0]);
        assert_eq!(params(&json!({ "count": 0, "mode": null })), [""; 0]);
    }

    #[test]
    fn faults_are_told_apart() {
        assert_eq!(params(&json!({})), ["missing-member /params/count"]);
        assert_eq!(
            params(&json!({ "count": 1, "colour": 2, "none": { "a": 1 } })),
            [
                "unknown-member /params/colour",
                "unknown-member /params/none/a"
            ]
        );
        assert_eq!(
            params(&json!({ "count": "1" })),
            ["wrong-type /params/count"]
        );
        assert_eq!(
            params(&json!({ "count": 1.5 })),
            ["wrong-type /params/count"]
        );
        assert_eq!(
            params(&json!({ "count": 65536 })),
            ["out-of-range /params/count"]
        );
        assert_eq!(
            params(&json!({ "count": -1 })),
            ["out-of-range /params/count"]
        );
        assert_eq!(
            params(&json!({ "count": 1, "mode": "z" })),
            ["unknown-value /params/mode"]
        );
        assert_eq!(
            params(&json!({ "count": 1, "rest": { "a/b": 1 } })),
            ["wrong-type /params/rest/a~1b"]
        );
    }

    #[test]
    fn a_tag_tells_what_was_meant() {
        let policy = |policy: Value| params(&json!({ "count": 1, "list": [policy] }));
        assert_eq!(policy(json!({})), ["missing-member /params/list/0/type"]);
        assert_eq!(
            policy(json!({ "type": "ajar", "key": "k" })),
            ["unknown-value /params/list/0/type"]
        );
        assert_eq!(
            policy(json!({ "type": 1 })),
            ["wrong-type /params/list/0/type"]
        );
        assert_eq!(
            policy(json!({ "type": "open", "key": "k" })),
            ["unknown-member /params/list/0/key"]
        );
        assert_eq!(policy(json!("open")), ["wrong-type /params/list/0"]);
    }

    #[test]
    fn without_a_tag_what_fits_best_was_meant() {
        let body = |body: Value| params(&json!({ "count": 1, "body": body }));
        assert_eq!(
            body(json!({ "file": "f", "more": 1 })),
            ["unknown-member /params/body/more"]
        );
        assert_eq!(body(json!({ "url": 1 })), ["wrong-type /params/body/url"]);
    }

    #[test]
    fn the_frame_itself_is_judged_too() {
        let check = |frame: Value| faults(&schema().check(Sender::Client, &frame));
        assert_eq!(
            check(json!({ "id": 1, "method": "c/do", "params": {} })),
            ["unknown-method /method"]
        );
        assert_eq!(
            check(json!({ "id": 1, "method": "a/do" })),
            ["missing-member /params"]
        );
        let unknown = json!({ "id": 1, "method": "may/we", "params": {} });
        let said = schema().check(Sender::Server, &unknown)[0].to_string();
        assert_eq!(said, "/method: `ServerRequest` has no method `may/we`");
        let more = json!({ "jsonrpc": "2.0", "id": 1, "method": "b/do", "params": null });
        assert_eq!(check(more), ["unknown-member /jsonrpc"]);
        let traced = json!({ "id": 1, "method": "b/do", "params": null, "trace": {} });
        assert_eq!(check(traced), [""; 0]);
    }

    #[test]
    fn results_are_judged_by_what_was_asked() {
        let schema = schema();
        let mut exchange = Exchange::new(&schema);
        let mut told = |sender, frame: Value| faults(&exchange.frame(sender, &frame));
        let (client, server) = (Sender::Client, Sender::Server);
        // The same id in both directions names two requests.
        told(
            client,
            json!({ "id": 1, "method": "a/do", "params": { "count": 1 } }),
        );
        told(server, json!({ "id": 1, "method": "may/i", "params": {} }));
        assert_eq!(
            told(
                client,
                json!({ "id": 1, "result": { "decision": "perhaps" } })
            ),
            ["unknown-value /result/decision"]
        );
        assert_eq!(
            told(server, json!({ "id": 1, "result": {} })),
            ["missing-member /result/done"]
        );
        assert_eq!(told(server, json!({ "id": 1, "result": {} })), [""; 0]);
    }

    #[test]
    fn a_violation_says_where_what_and_what_else() {
        let say = |result: Value| {
            let violations = schema().check_result(Sender::Client, "may/i", &result);
            violations
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            say(json!({ "decision": "perhaps" })),
            [
                "/result/decision: `perhaps` is no value of `MayResponse.decision`, which has `yes`, `no`"
            ]
        );
        assert_eq!(
            say(json!({ "decision": 7 })),
            ["/result/decision: `7` should be an object or a string (`MayResponse.decision`)"]
        );
        assert_eq!(
            say(json!({})),
            ["/result/decision: `MayResponse` requires this member"]
        );
        assert_eq!(
            say(json!({ "decision": { "but": "b", "and": 1 } })),
            ["/result/decision/and: `MayResponse.decision` has no such member"]
        );
    }
}
