//! How the client answers what the app-server asks it.

use std::collections::{BTreeMap, BTreeSet};

use codex_wire::frame::{ErrorObject, Frame, Request};
use serde_json::{Map, Value, json};

/// A kind of approval request.
struct Kind {
    /// The name in scenarios.
    name: &'static str,
    method: &'static str,
    /// The result that carries a decision.
    result: fn(&Value) -> Value,
    /// The result of a client with no handler: it declines, and the turn goes on.
    declined: fn() -> Value,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "command",
        method: "item/commandExecution/requestApproval",
        result: decision,
        declined: || decision(&"decline".into()),
    },
    Kind {
        name: "file_change",
        method: "item/fileChange/requestApproval",
        result: decision,
        declined: || decision(&"decline".into()),
    },
    // Here the decision is the permissions themselves: `{permissions, scope}`.
    Kind {
        name: "permissions",
        method: "item/permissions/requestApproval",
        result: Value::clone,
        declined: || json!({ "permissions": {}, "scope": "turn" }),
    },
];

/// The code of the answer to a request that the client doesn't know.
const METHOD_NOT_FOUND: i64 = -32601;

/// The answers, as `approve` steps set them.
#[derive(Clone, Debug, Default)]
pub struct Approvals {
    decisions: BTreeMap<String, Value>,
    by_steps: BTreeSet<String>,
}

impl Approvals {
    /// The default answers; requests with a method in `by_steps` are left to `respond` steps.
    pub fn leaving(by_steps: impl IntoIterator<Item = String>) -> Self {
        Self {
            decisions: BTreeMap::new(),
            by_steps: by_steps.into_iter().collect(),
        }
    }

    /// Sets the decisions of these kinds; `null` leaves such requests unanswered.
    ///
    /// # Errors
    /// A kind that there isn't.
    pub fn set(&mut self, answers: &Map<String, Value>) -> Result<(), String> {
        for (kind, decision) in answers {
            let Some(known) = KINDS.iter().find(|known| known.name == kind) else {
                let names = KINDS.map(|known| format!("`{}`", known.name)).join(", ");
                return Err(format!("unknown kind of approval `{kind}`; one of {names}"));
            };
            self.decisions
                .insert(known.method.to_owned(), decision.clone());
        }
        Ok(())
    }

    /// The answer to a request of the app-server, or `None` to leave it open.
    pub fn answer(&self, request: &Request) -> Option<Frame> {
        let method = &request.method;
        if self.by_steps.contains(method) {
            return None;
        }
        let Some(kind) = KINDS.iter().find(|kind| kind.method == method) else {
            let error = ErrorObject {
                code: METHOD_NOT_FOUND,
                data: None,
                message: format!("the reference client has no answer to `{method}`"),
            };
            return Some(Frame::error(request.id.clone(), error));
        };
        let result = match self.decisions.get(method) {
            Some(Value::Null) => return None,
            Some(decision) => (kind.result)(decision),
            None => (kind.declined)(),
        };
        Some(Frame::response(request.id.clone(), result))
    }
}

fn decision(decision: &Value) -> Value {
    json!({ "decision": decision })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(approvals: &Approvals, method: &str) -> Option<Value> {
        let request = Request {
            id: 7.into(),
            method: method.into(),
            params: None,
        };
        approvals.answer(&request).map(|frame| frame.to_value())
    }

    #[test]
    fn nobody_asked_for_anything_means_decline() {
        let approvals = Approvals::default();
        for method in [
            "item/commandExecution/requestApproval",
            "item/fileChange/requestApproval",
        ] {
            let answer = ask(&approvals, method).unwrap();
            assert_eq!(answer, json!({"id": 7, "result": {"decision": "decline"}}));
        }
        let nothing = ask(&approvals, "item/permissions/requestApproval").unwrap();
        assert_eq!(nothing["result"]["permissions"], json!({}));
        let unknown = ask(&approvals, "item/tool/call").unwrap();
        assert_eq!(unknown["error"]["code"], METHOD_NOT_FOUND);
    }

    #[test]
    fn a_case_decides_leaves_open_or_answers_itself() {
        let mut approvals = Approvals::leaving(["item/fileChange/requestApproval".to_owned()]);
        assert_eq!(ask(&approvals, "item/fileChange/requestApproval"), None);
        approvals
            .set(json!({"command": "accept"}).as_object().unwrap())
            .unwrap();
        let answer = ask(&approvals, "item/commandExecution/requestApproval").unwrap();
        assert_eq!(answer["result"]["decision"], "accept");
        approvals
            .set(json!({"command": null}).as_object().unwrap())
            .unwrap();
        assert_eq!(
            ask(&approvals, "item/commandExecution/requestApproval"),
            None
        );
        let error = approvals
            .set(json!({"comand": 1}).as_object().unwrap())
            .unwrap_err();
        assert!(error.contains("`command`, `file_change`"), "{error}");
    }
}
