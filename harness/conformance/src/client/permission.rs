//! Permission options as a person writes them, typed before anything is sent.

use codex_wire::preset::{Choice, Method, PresetError, WireSettings};
use serde_json::Value;

use crate::client::failure::Failure;
use crate::scenario::model::Permissions;

/// What the options put on the wire with `method`, the further `params` behind them.
///
/// # Errors
/// Unknown names, wire values in place of names, and options that exclude each other: raised by
/// the client, with nothing sent.
pub fn to_wire(permissions: &Permissions, method: Method) -> Result<WireSettings, Failure> {
    let refused = |error: PresetError| Failure::client(error.to_string());
    let mut choice = Choice::default();
    if let Some(given) = given(permissions.approval_mode.as_ref()) {
        choice.approval_mode = Some(text(given).parse().map_err(refused)?);
    }
    if let Some(given) = given(permissions.sandbox.as_ref()) {
        choice.sandbox = Some(text(given).parse().map_err(refused)?);
    }
    choice.sandbox_policy = given(permissions.sandbox_policy.as_ref()).cloned();
    let mut wire = choice.to_wire(method).map_err(refused)?;
    for (name, value) in &permissions.params {
        wire.insert(name.clone(), value.clone());
    }
    Ok(wire)
}

/// `null` stands for an option that is left out: a matrix can say so.
fn given(option: Option<&Value>) -> Option<&Value> {
    option.filter(|value| !value.is_null())
}

/// A value of another type has no preset's name: its JSON is refused like any unknown name.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::failure::RaisedBy;
    use serde_json::json;

    fn refusal(permissions: &Permissions) -> Failure {
        to_wire(permissions, Method::TurnStart).unwrap_err()
    }

    #[test]
    fn what_a_person_may_not_write_is_refused_by_the_client() {
        let bypass = Some(json!("dangerously_bypass_approvals_and_sandbox"));
        let cases = [
            (
                bypass.clone(),
                Some(json!("read_only")),
                None,
                "combined with sandbox",
            ),
            (
                bypass,
                None,
                Some(json!({"type": "readOnly"})),
                "combined with sandbox_policy",
            ),
            (
                Some(json!("never")),
                None,
                None,
                "must be one of: deny_all, auto_review",
            ),
            (
                None,
                Some(json!("read-only")),
                None,
                "sandbox must be one of: read_only",
            ),
            (
                None,
                Some(json!({"type": "readOnly"})),
                None,
                "sandbox must be one of",
            ),
        ];
        for (approval_mode, sandbox, sandbox_policy, part) in cases {
            let failure = refusal(&Permissions {
                approval_mode,
                sandbox,
                sandbox_policy,
                params: serde_json::Map::new(),
            });
            assert_eq!(failure.raised_by, RaisedBy::Client);
            assert!(failure.message.contains(part), "{failure}");
        }
    }

    #[test]
    fn null_is_no_option_and_params_go_as_they_are() {
        let permissions = Permissions {
            approval_mode: Some(Value::Null),
            sandbox: Some(json!("workspace_write")),
            sandbox_policy: None,
            params: json!({"model": "x"}).as_object().cloned().unwrap(),
        };
        let wire = to_wire(&permissions, Method::ThreadFork).unwrap();
        assert_eq!(
            Value::Object(wire),
            json!({"sandbox": "workspace-write", "model": "x"})
        );
    }
}
