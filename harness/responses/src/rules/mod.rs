//! The rules that every request to the model must obey.
//!
//! They are checked when a verdict is asked for, never while a reply is waiting to be sent.

mod grows;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use grows::Conversations;

use crate::journal::Request;

/// Something that the run's requests should not have done, or did not do.
///
/// | rule | what it says |
/// | --- | --- |
/// | `tool-outputs` | every tool output belongs to a call in the same request, and every call has one output |
/// | `unique-call-ids` | no two calls of a request share a call id |
/// | `json-body` | the body is JSON with an `input` as the Responses API takes it |
/// | `input-grows` | a request's `input` is that of the one before in its conversation and then new items, unless codex says that the history was compacted or read back in between |
/// | `no-reply-left` | a request came when every reply was spent |
/// | `no-reply-matches` | a request came that none of the replies left is for |
/// | `unknown-path` | a request for something that this server does not have |
/// | `body-too-large` | a body was longer than the limit |
/// | `reply-left-over` | a reply was not asked for, or not as often as the script says |
/// | `gate-never-released` | a gate of the script was never released |
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The rule's id.
    pub rule: &'static str,
    /// The request it is about: its position in the journal, counted from 0.
    pub request: Option<usize>,
    /// What happened. Requests are counted from 1 here.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`: {}", self.rule, self.message)
    }
}

/// Which output answers which call.
const ANSWERS: [(&str, &str); 3] = [
    ("function_call", "function_call_output"),
    ("custom_tool_call", "custom_tool_call_output"),
    ("local_shell_call", "function_call_output"),
];

type Rule = fn(&[Item<'_>], &mut dyn FnMut(String));

/// The rules on the `input` of one request, by id.
const RULES: [(&str, Rule); 2] = [
    ("tool-outputs", tool_outputs),
    ("unique-call-ids", unique_call_ids),
];

/// Every rule that can be switched off.
const ALL: [&str; 10] = [
    "tool-outputs",
    "unique-call-ids",
    "json-body",
    INPUT_GROWS,
    "no-reply-left",
    "no-reply-matches",
    "unknown-path",
    "body-too-large",
    "reply-left-over",
    "gate-never-released",
];

const INPUT_GROWS: &str = "input-grows";

/// A rule that there isn't.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule `{name}`; the rules: `{}`", ALL.join("`, `"))]
pub struct UnknownRule {
    /// The name that was given.
    pub name: String,
}

/// The rules that are switched off.
#[derive(Clone, Debug, Default)]
pub(crate) struct Off(Vec<&'static str>);

impl Off {
    /// Switches a rule off.
    pub(crate) fn add(&mut self, name: &str) -> Result<(), UnknownRule> {
        let known = ALL.into_iter().find(|rule| *rule == name);
        let name = name.to_owned();
        self.0.push(known.ok_or(UnknownRule { name })?);
        Ok(())
    }

    /// Whether a rule is switched off.
    pub(crate) fn has(&self, rule: &str) -> bool {
        self.0.contains(&rule)
    }
}

/// The rules as far as they have been checked.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    conversations: Conversations,
}

/// What the rules read of a body; everything else is skipped over.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    input: Option<Input<'a>>,
    #[serde(borrow, default)]
    prompt_cache_key: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    previous_response_id: Option<Cow<'a, str>>,
}

/// The `input`: a list of items, or a text, which has none.
struct Input<'a>(Vec<Item<'a>>);

struct Item<'a> {
    raw: &'a RawValue,
    kind: Option<Cow<'a, str>>,
    call_id: Option<Cow<'a, str>>,
}

/// What the rules read of an item.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    call_id: Option<Cow<'a, str>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Input<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputVisitor)
    }
}

struct InputVisitor;

impl<'de> serde::de::Visitor<'de> for InputVisitor {
    type Value = Input<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or a list of items")
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Input<'de>, E> {
        Ok(Input(Vec::new()))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Input<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(raw) = list.next_element::<&RawValue>()? {
            let Members { kind, call_id } =
                serde_json::from_str(raw.get()).map_err(serde::de::Error::custom)?;
            items.push(Item { raw, kind, call_id });
        }
        Ok(Input(items))
    }
}

impl Checker {
    /// What one request breaks; requests come in the journal's order.
    pub(crate) fn check(&mut self, request: &Request) -> Vec<Violation> {
        let number = request.index + 1;
        let violation = |rule, message| Violation {
            rule,
            request: Some(request.index),
            message: format!("request {number}: {message}"),
        };
        let body = request.parse::<Body<'_>>();
        let body = match body {
            Ok(body) => body,
            Err(error) => return vec![violation("json-body", error.to_string())],
        };
        let mut violations = Vec::new();
        if let Err(message) = self.conversations.grows(request, &body) {
            violations.push(violation(INPUT_GROWS, message));
        }
        if body.previous_response_id.is_some() {
            // The calls may be in what the API remembers.
            return violations;
        }
        let items = body.input.map(|input| input.0).unwrap_or_default();
        for (id, rule) in RULES {
            rule(&items, &mut |message| {
                violations.push(violation(id, message));
            });
        }
        violations
    }
}

impl Item<'_> {
    fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    /// The call id; an item without one counts as the empty id.
    fn call(&self) -> &str {
        self.call_id.as_deref().unwrap_or_default()
    }

    /// The kind of output that answers this item, if it is a call.
    fn answered_by(&self) -> Option<&'static str> {
        ANSWERS
            .iter()
            .find(|(call, _)| self.is(call))
            .map(|(_, output)| *output)
    }

    fn is_output(&self) -> bool {
        ANSWERS.iter().any(|(_, output)| self.is(output))
    }

    fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }
}

fn tool_outputs(items: &[Item<'_>], report: &mut dyn FnMut(String)) {
    let mut calls: HashSet<(&str, &str)> = HashSet::new();
    let mut outputs: HashSet<(&str, &str)> = HashSet::new();
    for item in items {
        if let Some(output) = item.answered_by() {
            calls.insert((output, item.call()));
        } else if item.is_output() {
            let (kind, call) = (item.kind(), item.call());
            if !calls.contains(&(kind, call)) {
                report(format!(
                    "the `{kind}` of call `{call}` has no such call before it"
                ));
            }
            if !outputs.insert((kind, call)) {
                report(format!("call `{call}` has more than one `{kind}`"));
            }
        }
    }
    for item in items {
        let Some(output) = item.answered_by() else {
            continue;
        };
        let call = item.call();
        if !outputs.contains(&(output, call)) {
            report(format!(
                "the `{}` with call id `{call}` has no `{output}`",
                item.kind()
            ));
        }
    }
}

fn unique_call_ids(items: &[Item<'_>], report: &mut dyn FnMut(String)) {
    let mut seen = HashSet::new();
    for item in items.iter().filter(|item| item.answered_by().is_some()) {
        if !seen.insert(item.call()) {
            report(format!(
                "call id `{}` is used by more than one call",
                item.call()
            ));
        }
    }
}
