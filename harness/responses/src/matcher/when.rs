//! Matchers on a whole request.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::value::{Matcher, TextMatcher};
use crate::journal::{Request, is_secret};

/// What a request must be like for a reply to be for it; all of it must hold.
///
/// ```
/// use mock_responses::When;
///
/// let when: When = serde_saphyr::from_str(
///     "{ user_text: { contains: weather }, pointer: { /input/0/role: developer } }",
/// )?;
/// assert!(when.user_text.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// Headers, by name (in any case). Of a header that comes twice the first one counts.
    pub header: BTreeMap<String, TextMatcher>,
    /// The path, e.g. `/v1/responses`.
    pub path: Option<TextMatcher>,
    /// The body's `model`.
    pub model: Option<TextMatcher>,
    /// Values in the body, by JSON pointer.
    pub pointer: BTreeMap<String, Matcher>,
    /// The text of the newest user message.
    pub user_text: Option<TextMatcher>,
    /// The text of a tool's output, by call id.
    pub output_of: BTreeMap<String, TextMatcher>,
    /// The subagent that asks: the header `x-openai-subagent`.
    pub subagent: Option<String>,
}

/// What is known of a request while replies are tried on it: its body, once anybody asked.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    body: Option<Result<Value, String>>,
}

impl Evidence {
    /// The request's body; it is parsed the first time.
    pub(crate) fn body(&mut self, request: &Request) -> Result<&Value, String> {
        let parse = || request.json().map_err(|error| error.to_string());
        self.body
            .get_or_insert_with(parse)
            .as_ref()
            .map_err(Clone::clone)
    }
}

impl When {
    /// Checks a request; the error names the matcher that failed.
    pub(crate) fn check(&self, request: &Request, evidence: &mut Evidence) -> Result<(), String> {
        self.check_head(request)?;
        if self.asks_for_body() {
            self.check_body(evidence.body(request)?)?;
        }
        Ok(())
    }

    /// Whether the body has to be parsed.
    pub(crate) fn asks_for_body(&self) -> bool {
        self.model.is_some()
            || self.user_text.is_some()
            || !self.pointer.is_empty()
            || !self.output_of.is_empty()
    }

    fn check_head(&self, request: &Request) -> Result<(), String> {
        if let Some(expected) = &self.subagent
            && request.subagent() != Some(expected)
        {
            let got = request
                .subagent()
                .map_or("none".to_owned(), |name| format!("`{name}`"));
            return Err(format!("`subagent`: expected `{expected}`, got {got}"));
        }
        if let Some(path) = &self.path {
            path.check(Some(&request.path))
                .map_err(|error| format!("`path`: {error}"))?;
        }
        for (name, matcher) in &self.header {
            matcher.check(request.header(name)).map_err(|error| {
                let error = if is_secret(name) {
                    "does not match (values masked)"
                } else {
                    &error
                };
                format!("`header` `{name}`: {error}")
            })?;
        }
        Ok(())
    }

    fn check_body(&self, body: &Value) -> Result<(), String> {
        if let Some(model) = &self.model {
            let named = body.get("model").and_then(Value::as_str);
            model
                .check(named)
                .map_err(|error| format!("`model`: {error}"))?;
        }
        for (pointer, matcher) in &self.pointer {
            let value = body.pointer(pointer);
            matcher
                .check(value)
                .map_err(|error| format!("`pointer` `{pointer}`: {error}"))?;
        }
        if let Some(matcher) = &self.user_text {
            let text = newest_user_text(body);
            matcher
                .check(text.as_deref())
                .map_err(|error| format!("`user_text`: {error}"))?;
        }
        for (call, matcher) in &self.output_of {
            let text = output_of(body, call);
            let checked = matcher.check(text.as_deref());
            checked.map_err(|error| format!("`output_of` `{call}`: {error}"))?;
        }
        Ok(())
    }
}

/// The items of a request's `input`; a plain text stands for one user message, and has none.
fn items(body: &Value) -> impl DoubleEndedIterator<Item = &Value> {
    body.get("input")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn newest_user_text(body: &Value) -> Option<String> {
    if let Some(text) = body.get("input").and_then(Value::as_str) {
        return Some(text.to_owned());
    }
    let is_user = |item: &&Value| {
        item.get("role").and_then(Value::as_str) == Some("user")
            && item.get("type").is_none_or(|kind| kind == "message")
    };
    items(body).rev().find(is_user)?.get("content").map(text_of)
}

fn output_of(body: &Value, call: &str) -> Option<String> {
    let is_output = |item: &&Value| {
        let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
        kind.ends_with("_output") && item.get("call_id").and_then(Value::as_str) == Some(call)
    };
    items(body)
        .rev()
        .find(is_output)?
        .get("output")
        .map(text_of)
}

/// The text of a content: a text, or the texts of its parts; other values as JSON.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part.get("text").and_then(Value::as_str))
            .collect(),
        other => other.to_string(),
    }
}
