//! Permission options, for SDKs whose options have the wire's values.

use serde_json::{Map, Value, json};

use crate::Failed;

/// The options of a step.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The approval mode's preset.
    pub approval_mode: Option<String>,
    /// The sandbox's preset.
    pub sandbox: Option<String>,
    /// A full policy instead.
    pub sandbox_policy: Option<Value>,
    /// Anything else by its name on the wire.
    pub params: Map<String, Value>,
}

/// What the options are for: threads and turns spell sandboxes differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `thread/start`, `thread/resume`, `thread/fork`
    Thread,
    /// `turn/start`
    Turn,
}

/// Preset, mode of threads, type of a turn's policy.
const SANDBOXES: [(&str, &str, &str); 3] = [
    ("read_only", "read-only", "readOnly"),
    ("workspace_write", "workspace-write", "workspaceWrite"),
    ("full_access", "danger-full-access", "dangerFullAccess"),
];

impl Options {
    /// The options by their names on the wire, presets replaced by what they stand for.
    ///
    /// # Errors
    /// A preset that isn't one of those that were asked for, a policy for a thread.
    pub fn to_wire(&self, call: Call) -> Result<Map<String, Value>, Failed> {
        let mut wire = Map::new();
        match self.approval_mode.as_deref() {
            Some("deny_all") => {
                wire.insert("approvalPolicy".into(), "never".into());
            }
            Some("auto_review") => {
                wire.insert("approvalPolicy".into(), "on-request".into());
                wire.insert("approvalsReviewer".into(), "auto_review".into());
            }
            Some(other) => return Err(unknown("approval mode", other)),
            None => {}
        }
        if let Some(sandbox) = &self.sandbox {
            let (_, mode, policy) = SANDBOXES
                .iter()
                .find(|(name, ..)| name == sandbox)
                .ok_or_else(|| unknown("sandbox", sandbox))?;
            match call {
                Call::Thread => wire.insert("sandbox".into(), (*mode).into()),
                Call::Turn => wire.insert("sandboxPolicy".into(), json!({ "type": policy })),
            };
        }
        if let Some(policy) = &self.sandbox_policy {
            if call == Call::Thread {
                return Err(Failed::unsupported("a thread takes no sandbox policy"));
            }
            wire.insert("sandboxPolicy".into(), policy.clone());
        }
        wire.extend(self.params.clone());
        Ok(wire)
    }

    /// Options where a call has none.
    ///
    /// # Errors
    /// There are some.
    pub fn none(&self, what: &str) -> Result<(), Failed> {
        let given = self.approval_mode.is_some()
            || self.sandbox.is_some()
            || self.sandbox_policy.is_some()
            || !self.params.is_empty();
        if given {
            return Err(Failed::unsupported(format!("{what} takes no options")));
        }
        Ok(())
    }
}

fn unknown(what: &str, name: &str) -> Failed {
    Failed::unsupported(format!("the SDK has no {what} `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(options: Value, call: Call) -> Value {
        let Value::Object(with) = options else {
            unreachable!("tests give maps")
        };
        Value::Object(crate::With(with).options().to_wire(call).unwrap())
    }

    #[test]
    fn presets_are_spelled_by_call() {
        let both = json!({"approval_mode": "auto_review", "sandbox": "read_only"});
        assert_eq!(
            wire(both.clone(), Call::Thread),
            json!({"approvalPolicy": "on-request", "approvalsReviewer": "auto_review", "sandbox": "read-only"})
        );
        assert_eq!(
            wire(both, Call::Turn)["sandboxPolicy"],
            json!({"type": "readOnly"})
        );
    }

    #[test]
    fn what_is_not_given_stays_away() {
        assert_eq!(wire(json!({"thread": "t"}), Call::Thread), json!({}));
        assert_eq!(
            wire(json!({"params": {"model": "m"}}), Call::Turn),
            json!({"model": "m"})
        );
    }
}
