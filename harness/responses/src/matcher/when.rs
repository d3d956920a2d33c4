//! Matchers on a whole request.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::lazy;
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

/// Where the body names the conversation.
const THREAD: &str = "/prompt_cache_key";

/// What is known of a request while replies are tried on it: each part is looked for when
/// somebody first asks for it.
#[derive(Debug)]
pub(crate) struct Evidence {
    body: Result<Bytes, String>,
    /// The items of `input`, as places in the body.
    items: Option<Vec<Range<usize>>>,
    pointers: Vec<(String, Result<Option<Value>, String>)>,
}

impl Evidence {
    pub(crate) fn new(request: &Request) -> Self {
        let body = request.plain_body().map_err(|error| error.to_string());
        Self {
            body,
            items: None,
            pointers: Vec::new(),
        }
    }

    /// Looks at everything that replies may ask for.
    pub(crate) fn look(&mut self, interest: &Interest) {
        for pointer in &interest.pointers {
            // What can't be found stays known as such.
            let _ = self.pointer(pointer);
        }
        if interest.items {
            let _ = self.items();
        }
    }

    /// The conversation that a request belongs to: the header `thread-id` or `session-id`, as
    /// codex 0.169.0 sends them, else the body's `prompt_cache_key`, else there is only one.
    pub(crate) fn thread(&mut self, request: &Request) -> String {
        if let Some(thread) = request.thread() {
            return thread.to_owned();
        }
        let key = self.pointer(THREAD).ok().flatten().and_then(Value::as_str);
        key.unwrap_or_default().to_owned()
    }

    /// The value at a JSON pointer.
    fn pointer(&mut self, pointer: &str) -> Result<Option<&Value>, String> {
        let known = self.pointers.iter().position(|(known, _)| known == pointer);
        let index = known.unwrap_or_else(|| {
            let found = self.look_up(pointer);
            self.pointers.push((pointer.to_owned(), found));
            self.pointers.len() - 1
        });
        let (_, found) = &self.pointers[index];
        found.as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    fn look_up(&self, pointer: &str) -> Result<Option<Value>, String> {
        let body = self.body.as_ref().map_err(Clone::clone)?;
        lazy::pointer(body, pointer).map_err(not_json)
    }

    /// The items of `input`; a plain text stands for one user message, and has none.
    fn items(&mut self) -> Result<(&Bytes, &[Range<usize>]), String> {
        let body = self.body.as_ref().map_err(Clone::clone)?;
        if self.items.is_none() {
            let list = lazy::locate(body, "/input").map_err(not_json)?;
            self.items = Some(list.map_or_else(Vec::new, |list| lazy::elements(body, list)));
        }
        Ok((body, self.items.as_deref().unwrap_or_default()))
    }

    /// The newest item that is as wanted; items from there on are parsed.
    fn newest_item(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Option<Value>, String> {
        let (body, items) = self.items()?;
        let parsed = items.iter().rev().filter_map(|item| {
            let item: Value = serde_json::from_slice(&body[item.clone()]).ok()?;
            wanted(&item).then_some(item)
        });
        Ok({ parsed }.next())
    }

    fn newest_user_text(&mut self) -> Result<Option<String>, String> {
        let is_user = |item: &Value| {
            item.get("role").and_then(Value::as_str) == Some("user")
                && item.get("type").is_none_or(|kind| kind == "message")
        };
        let newest = self.newest_item(is_user)?;
        if let Some(item) = newest {
            return Ok(item.get("content").map(text_of));
        }
        let input = self.pointer("/input")?;
        Ok(input.and_then(Value::as_str).map(str::to_owned))
    }

    fn output_of(&mut self, call: &str) -> Result<Option<String>, String> {
        let is_output = |item: &Value| {
            let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
            kind.ends_with("_output") && item.get("call_id").and_then(Value::as_str) == Some(call)
        };
        let item = self.newest_item(is_output)?;
        Ok(item.and_then(|item| item.get("output").map(text_of)))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "an error to be mapped")]
fn not_json(error: serde_json::Error) -> String {
    format!("the body is not JSON as expected: {error}")
}

/// What the replies of a script look at in the bodies of requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interest {
    items: bool,
    pointers: Vec<String>,
}

impl Interest {
    /// How many places are looked up beforehand.
    const MOST: usize = 16;

    /// Adds what a reply looks at.
    pub(crate) fn add(&mut self, when: Option<&When>, threads: bool) {
        let thread = threads.then_some(THREAD);
        let Some(when) = when else {
            if let Some(thread) = thread {
                self.add_pointer(thread);
            }
            return;
        };
        self.items |= when.user_text.is_some() || !when.output_of.is_empty();
        let model = when.model.is_some().then_some("/model");
        let pointers = when.pointer.keys().map(String::as_str);
        for pointer in pointers.chain(model).chain(thread) {
            self.add_pointer(pointer);
        }
    }

    fn add_pointer(&mut self, pointer: &str) {
        if self.pointers.len() < Self::MOST && !self.pointers.iter().any(|known| known == pointer) {
            self.pointers.push(pointer.to_owned());
        }
    }
}

impl When {
    /// Checks a request; the error names the matcher that failed.
    pub(crate) fn check(&self, request: &Request, evidence: &mut Evidence) -> Result<(), String> {
        self.check_head(request)?;
        if self.asks_for_body() {
            self.check_body(evidence)?;
        }
        Ok(())
    }

    /// Whether the body has to be looked at.
    fn asks_for_body(&self) -> bool {
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

    fn check_body(&self, evidence: &mut Evidence) -> Result<(), String> {
        if let Some(model) = &self.model {
            let named = evidence.pointer("/model")?.and_then(Value::as_str);
            model
                .check(named)
                .map_err(|error| format!("`model`: {error}"))?;
        }
        for (pointer, matcher) in &self.pointer {
            matcher
                .check(evidence.pointer(pointer)?)
                .map_err(|error| format!("`pointer` `{pointer}`: {error}"))?;
        }
        if let Some(matcher) = &self.user_text {
            let text = evidence.newest_user_text()?;
            matcher
                .check(text.as_deref())
                .map_err(|error| format!("`user_text`: {error}"))?;
        }
        for (call, matcher) in &self.output_of {
            let text = evidence.output_of(call)?;
            let checked = matcher.check(text.as_deref());
            checked.map_err(|error| format!("`output_of` `{call}`: {error}"))?;
        }
        Ok(())
    }
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
