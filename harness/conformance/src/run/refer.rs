//! What a step's words refer to: variables, threads and turns of earlier results.

use codex_wire::frame::Id;
use serde_json::{Map, Value};

use crate::client::failure::Failure;
use crate::scenario::model::{Matcher, Permissions};
use crate::scenario::template::{Bindings, Unbound};

/// Puts earlier results in, as failures of a step.
pub(crate) struct Refer<'a>(pub(crate) &'a Bindings);

/// Where the id of a thread is in a result: of a verb on threads, of a notification, of a turn.
const THREAD_IDS: [&str; 4] = ["/thread/id", "/params/thread/id", "/thread_id", "/id"];

/// Where the id of a turn is: of `turn`, of `run`, of a notification.
const TURN_IDS: [&str; 3] = ["/turn/id", "/params/turn/id", "/id"];

impl Refer<'_> {
    pub(crate) fn value(&self, value: &Value) -> Result<Value, Failure> {
        self.0.resolve(value).map_err(unbound)
    }

    pub(crate) fn maybe(&self, value: Option<&Value>) -> Result<Option<Value>, Failure> {
        value.map(|value| self.value(value)).transpose()
    }

    pub(crate) fn text(&self, text: &str) -> Result<String, Failure> {
        self.0.resolve_str(text).map_err(unbound)
    }

    pub(crate) fn map(&self, map: &Map<String, Value>) -> Result<Map<String, Value>, Failure> {
        map.iter()
            .map(|(key, value)| Ok((self.text(key)?, self.value(value)?)))
            .collect()
    }

    pub(crate) fn matcher(&self, matcher: &Matcher) -> Result<Matcher, Failure> {
        self.0.resolve_matcher(matcher).map_err(unbound)
    }

    pub(crate) fn permissions(&self, given: &Permissions) -> Result<Permissions, Failure> {
        Ok(Permissions {
            approval_mode: self.maybe(given.approval_mode.as_ref())?,
            sandbox: self.maybe(given.sandbox.as_ref())?,
            sandbox_policy: self.maybe(given.sandbox_policy.as_ref())?,
            params: self.map(&given.params)?,
        })
    }

    /// The id of the thread that `name` stands for.
    pub(crate) fn thread(&self, name: &str) -> Result<String, Failure> {
        self.id(name, "thread", &THREAD_IDS)
    }

    /// The id of the turn that `name` stands for.
    pub(crate) fn turn(&self, name: &str) -> Result<String, Failure> {
        self.id(name, "turn", &TURN_IDS)
    }

    /// The id of the request in the frame that an `await` bound as `name`.
    pub(crate) fn request(&self, name: &str) -> Result<Id, Failure> {
        let id = self.result(name)?.get("id").cloned().unwrap_or_default();
        serde_json::from_value(id)
            .map_err(|_| Failure::harness(format!("`{name}` is no request: it has no id")))
    }

    /// A text with variables is the id itself; a plain one names a result.
    fn id(&self, name: &str, what: &str, places: &[&str]) -> Result<String, Failure> {
        if name.contains("${") {
            return self.text(name);
        }
        let result = self.result(name)?;
        let found = places
            .iter()
            .find_map(|place| result.pointer(place)?.as_str());
        found
            .or(result.as_str())
            .map(str::to_owned)
            .ok_or_else(|| Failure::harness(format!("the result `{name}` has no {what}")))
    }

    fn result(&self, name: &str) -> Result<&Value, Failure> {
        self.0
            .get(name)
            .ok_or_else(|| Failure::harness(format!("no step before has bound `{name}`")))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn unbound(unbound: Unbound) -> Failure {
    Failure::harness(unbound.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn threads_and_turns_are_found_in_every_kind_of_result() {
        let mut bindings = Bindings::new();
        bindings.set("start", json!({"thread": {"id": "t"}, "model": "m"}));
        bindings.set(
            "turn",
            json!({"id": "u", "thread_id": "t", "turn": {"id": "u"}}),
        );
        bindings.set("run", json!({"status": "completed", "turn": {"id": "u"}}));
        bindings.set(
            "frame",
            json!({"method": "x", "id": 3, "params": {"turn": {"id": "u"}}}),
        );
        bindings.set("text", json!("t"));
        bindings.set("none", json!({}));
        let refer = Refer(&bindings);
        for name in ["start", "text", "${start.thread.id}", "turn"] {
            assert_eq!(refer.thread(name).unwrap(), "t", "{name}");
        }
        for name in ["turn", "run", "frame", "${turn.id}"] {
            assert_eq!(refer.turn(name).unwrap(), "u", "{name}");
        }
        assert_eq!(refer.request("frame").unwrap(), Id::Integer(3));
        assert!(
            refer
                .thread("none")
                .unwrap_err()
                .message
                .contains("has no thread")
        );
        assert!(
            refer
                .thread("else")
                .unwrap_err()
                .message
                .contains("no step before")
        );
    }
}
