//! The checks of a run while they are made.

use crate::check::expect;
use crate::client::failure::{Failure, RaisedBy};
use crate::client::reference::Answer;
use crate::run::outcome::Check;
use crate::scenario::model::{Located, Location, Matcher, Step};
use crate::scenario::template::Bindings;

use serde_json::Value;

/// The id of the check that fails when a case's time is up.
pub(crate) const DEADLINE: &str = "deadline";

/// What a step came to.
pub(super) type Outcome = Result<Done, Failure>;

/// A step that was done.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Done {
    /// Its result.
    pub(super) value: Value,
    /// The entry of the transcript that shows it.
    pub(super) entry: Option<usize>,
}

impl Done {
    pub(super) fn with(value: Value) -> Self {
        Self { value, entry: None }
    }

    /// An answer of the client, and the entry that shows it.
    pub(super) fn of(answer: Answer) -> Outcome {
        let (value, entry) = answer?;
        Ok(Self {
            value,
            entry: Some(entry),
        })
    }
}

/// A check that holds.
pub(crate) fn passed(id: impl Into<String>, at: Option<&Location>) -> Check {
    Check {
        id: id.into(),
        passed: true,
        message: String::new(),
        at: at.cloned(),
        entry: None,
    }
}

/// A check that doesn't.
pub(crate) fn failed(
    id: impl Into<String>,
    message: impl Into<String>,
    at: Option<&Location>,
    entry: Option<usize>,
) -> Check {
    Check {
        id: id.into(),
        passed: false,
        message: message.into(),
        at: at.cloned(),
        entry,
    }
}

/// Judges a step. Further steps make sense only if every check passed.
pub(super) fn of_step(
    step: &Step,
    verb: &str,
    outcome: &Outcome,
    bindings: &Bindings,
) -> Vec<Check> {
    let id = |what: &str| format!("step-{}.{what}", step.index);
    match (outcome, &step.error) {
        (Err(failure), Some(matcher)) if failure.raised_by != RaisedBy::Harness => {
            vec![judge(
                id("error"),
                &format!("the error of `{verb}`"),
                matcher,
                Some(&failure.to_value()),
                failure.entry,
                bindings,
            )]
        }
        (Err(failure), _) => {
            let message = format!("`{verb}` failed: {}", failure.describe());
            vec![failed(id("done"), message, Some(&step.at), failure.entry)]
        }
        (Ok(done), Some(matcher)) => {
            let message = format!(
                "`{verb}` should have failed, but was done: {}",
                short(&done.value)
            );
            vec![failed(id("error"), message, Some(&matcher.at), done.entry)]
        }
        (Ok(done), None) => {
            let mut checks = vec![passed(id("done"), Some(&step.at))];
            checks.extend(step.expect.as_ref().map(|matcher| {
                judge(
                    id("expect"),
                    &format!("the result of `{verb}`"),
                    matcher,
                    Some(&done.value),
                    done.entry,
                    bindings,
                )
            }));
            checks
        }
    }
}

/// Judges one value.
pub(super) fn judge(
    id: String,
    subject: &str,
    matcher: &Located<Matcher>,
    value: Option<&Value>,
    entry: Option<usize>,
    bindings: &Bindings,
) -> Check {
    Check {
        entry,
        ..expect::check(id, subject, (&matcher.value, &matcher.at), value, bindings)
    }
}

/// A value as a message shows it.
pub(super) fn short(value: &Value) -> String {
    /// The most characters of it.
    const SHOWN: usize = 160;
    let text = value.to_string();
    if text.chars().count() <= SHOWN {
        return text;
    }
    let shown: String = text.chars().take(SHOWN).collect();
    format!("{shown}…")
}
