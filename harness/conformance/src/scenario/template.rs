//! `${variables}` in strings.
//!
//! `${workspace}/a` puts the variable's text in; a string that is exactly one `${x.y.0}` takes
//! the value with its type. `$${` is a literal `${`. A path goes into objects by member and into
//! lists by index.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::model::Matcher;
use super::problem::list;

/// The directories of a run, which are bound before its first step: name and meaning.
pub const PLACES: [(&str, &str); 5] = [
    ("workspace", "the app-server's working directory"),
    ("outside", "a directory that no sandbox may write to"),
    ("home", "`HOME` of the app-server"),
    ("codex_home", "`CODEX_HOME` of the app-server"),
    ("tmpdir", "`TMPDIR` of the app-server"),
];

/// A piece of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// Text as it is.
    Text(&'a str),
    /// `$${`: stands for `${`.
    Escape,
    /// `${path}`.
    Variable(&'a str),
    /// `${` with no `}` behind it; taken as text when put in.
    Unclosed(&'a str),
}

/// The pieces of a string, in order.
pub(crate) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let escaped = rest[..at].ends_with('$');
        let before = &rest[..at - usize::from(escaped)];
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        let after = &rest[at + 2..];
        if escaped {
            parts.push(Part::Escape);
            rest = after;
        } else if let Some(end) = after.find('}') {
            parts.push(Part::Variable(&after[..end]));
            rest = &after[end + 1..];
        } else {
            parts.push(Part::Unclosed(&rest[at..]));
            rest = "";
        }
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

/// The first segment of a variable's path.
pub(crate) fn root(path: &str) -> &str {
    path.split('.').next().unwrap_or_default()
}

/// The value at a dotted path below `value`.
pub(crate) fn descend<'v>(value: &'v Value, segments: &str) -> Option<&'v Value> {
    segments
        .split('.')
        .try_fold(value, |value, segment| match value {
            Value::Object(members) => members.get(segment),
            Value::Array(elements) => elements.get(segment.parse::<usize>().ok()?),
            _ => None,
        })
}

/// The text that a value leaves inside a longer string.
pub(crate) fn spliced(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// A variable that has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`${{{path}}}` has no value: {reason}")]
pub struct Unbound {
    /// The variable's path, as written.
    pub path: String,
    reason: String,
}

/// The variables of a run and their values, in the order in which they were first set.
#[derive(Clone, Debug, Default)]
pub struct Bindings(Map<String, Value>);

impl Bindings {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a variable its value; a later value replaces an earlier one.
    pub fn set(&mut self, name: impl Into<String>, value: Value) {
        self.0.insert(name.into(), value);
    }

    /// The value of a variable, by its name alone.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Puts the variables into every string of a value, keys included.
    ///
    /// # Errors
    /// [`Unbound`] for the first variable that has no value; it names what there is.
    ///
    /// ```
    /// use codex_conformance::scenario::template::Bindings;
    /// use serde_json::json;
    /// let mut bindings = Bindings::new();
    /// bindings.set("a", json!({"n": [7]}));
    /// assert_eq!(bindings.resolve(&json!(["${a.n.0}", "no ${a.n.0}"]))?, json!([7, "no 7"]));
    /// # Ok::<(), codex_conformance::scenario::template::Unbound>(())
    /// ```
    pub fn resolve(&self, value: &Value) -> Result<Value, Unbound> {
        Ok(match value {
            Value::String(text) => match parts(text)[..] {
                [Part::Variable(path)] => self.lookup(path)?.clone(),
                _ => Value::String(self.resolve_str(text)?),
            },
            Value::Array(elements) => Value::Array(
                elements
                    .iter()
                    .map(|v| self.resolve(v))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(key, value)| Ok((self.resolve_str(key)?, self.resolve(value)?)))
                    .collect::<Result<_, Unbound>>()?,
            ),
            other => other.clone(),
        })
    }

    /// Puts the variables into a text; values that aren't texts go in as JSON.
    ///
    /// # Errors
    /// As [`Bindings::resolve`].
    pub fn resolve_str(&self, text: &str) -> Result<String, Unbound> {
        let mut out = String::with_capacity(text.len());
        for part in parts(text) {
            match part {
                Part::Text(text) | Part::Unclosed(text) => out.push_str(text),
                Part::Escape => out.push_str("${"),
                Part::Variable(path) => out.push_str(&spliced(self.lookup(path)?)),
            }
        }
        Ok(out)
    }

    /// Puts the variables into a matcher, at any depth.
    ///
    /// # Errors
    /// As [`Bindings::resolve`].
    pub fn resolve_matcher(&self, matcher: &Matcher) -> Result<Matcher, Unbound> {
        let one = |inner: &Matcher| self.resolve_matcher(inner).map(Box::new);
        let all = |inner: &[Matcher]| {
            inner
                .iter()
                .map(|m| self.resolve_matcher(m))
                .collect::<Result<_, Unbound>>()
        };
        Ok(match matcher {
            Matcher::Equal(value) => Matcher::Equal(self.resolve(value)?),
            Matcher::Object(members) => Matcher::Object(
                members
                    .iter()
                    .map(|(key, inner)| Ok((self.resolve_str(key)?, self.resolve_matcher(inner)?)))
                    .collect::<Result<_, Unbound>>()?,
            ),
            Matcher::Array(inner) => Matcher::Array(all(inner)?),
            Matcher::Contains(inner) => Matcher::Contains(one(inner)?),
            Matcher::Matches(pattern) => Matcher::Matches(self.resolve_pattern(pattern)?),
            Matcher::AnyOf(inner) => Matcher::AnyOf(all(inner)?),
            Matcher::AllOf(inner) => Matcher::AllOf(all(inner)?),
            Matcher::Not(inner) => Matcher::Not(one(inner)?),
            Matcher::Absent(absent) => Matcher::Absent(*absent),
            Matcher::Type(name) => Matcher::Type(name.clone()),
            Matcher::Length(inner) => Matcher::Length(one(inner)?),
            Matcher::Each(inner) => Matcher::Each(one(inner)?),
            Matcher::SameAs(value) => Matcher::SameAs(self.resolve(value)?),
            Matcher::Preset(choice) => Matcher::Preset(self.resolve(choice)?),
        })
    }

    /// As [`Bindings::resolve_str`] for a regular expression: a value stands for itself there,
    /// so `${workspace}` matches the path and not what its dots might mean.
    fn resolve_pattern(&self, pattern: &str) -> Result<String, Unbound> {
        let mut out = String::with_capacity(pattern.len());
        for part in parts(pattern) {
            match part {
                Part::Text(text) | Part::Unclosed(text) => out.push_str(text),
                Part::Escape => out.push_str("${"),
                Part::Variable(path) => {
                    out.push_str(&regex::escape(&spliced(self.lookup(path)?)));
                }
            }
        }
        Ok(out)
    }

    fn lookup(&self, path: &str) -> Result<&Value, Unbound> {
        let unbound = |reason| Unbound {
            path: path.to_owned(),
            reason,
        };
        let name = root(path);
        let Some(value) = self.0.get(name) else {
            let bound: Vec<&String> = self.0.keys().collect();
            return Err(unbound(if bound.is_empty() {
                "nothing is bound yet".to_owned()
            } else {
                format!("bound are {}", list(&bound))
            }));
        };
        let Some((_, rest)) = path.split_once('.') else {
            return Ok(value);
        };
        descend(value, rest).ok_or_else(|| {
            let shown = value.to_string();
            let short: String = shown.chars().take(200).collect();
            let dots = if short.len() < shown.len() { "…" } else { "" };
            unbound(format!("`{name}` is {short}{dots}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn bindings() -> Bindings {
        let mut bindings = Bindings::new();
        bindings.set("workspace", json!("/w.d"));
        bindings.set("denied", json!({"thread": {"id": "t-1"}, "n": [1, null]}));
        bindings
    }

    #[test]
    fn a_whole_value_keeps_its_type_and_the_rest_is_spliced_in() {
        let value = json!({"a": "${denied.n.0}", "b": "n=${denied.n}", "${workspace}/c": "$${x}"});
        assert_eq!(
            bindings().resolve(&value).unwrap(),
            json!({"a": 1, "b": "n=[1,null]", "/w.d/c": "${x}"})
        );
    }

    #[test]
    fn a_variable_without_a_value_says_what_there_is() {
        let say = |text| bindings().resolve_str(text).unwrap_err().to_string();
        assert_eq!(
            say("x ${nope.a}"),
            "`${nope.a}` has no value: bound are `workspace`, `denied`"
        );
        assert_eq!(
            say("${denied.thread.name}"),
            "`${denied.thread.name}` has no value: `denied` is {\"thread\":{\"id\":\"t-1\"},\"n\":[1,null]}"
        );
        let empty = Bindings::new().resolve(&json!("${a}")).unwrap_err();
        assert_eq!(
            empty.to_string(),
            "`${a}` has no value: nothing is bound yet"
        );
    }

    #[test]
    fn values_stand_for_themselves_in_regular_expressions() {
        let matcher = Matcher::Matches("^${workspace}$".into());
        let resolved = bindings().resolve_matcher(&matcher).unwrap();
        assert_eq!(resolved, Matcher::Matches(r"^/w\.d$".into()));
    }

    #[test]
    fn escapes_and_unclosed_braces_are_text() {
        let all = parts("a$${b}${c.d}$e${f");
        assert_eq!(
            all,
            [
                Part::Text("a"),
                Part::Escape,
                Part::Text("b}"),
                Part::Variable("c.d"),
                Part::Text("$e"),
                Part::Unclosed("${f"),
            ]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_cut_into_parts_that_make_it_up(text in "[a$ {}.]{0,40}|.*") {
            let again: String = parts(&text)
                .into_iter()
                .map(|part| match part {
                    Part::Text(text) | Part::Unclosed(text) => text.to_owned(),
                    Part::Escape => "$${".to_owned(),
                    Part::Variable(path) => format!("${{{path}}}"),
                })
                .collect();
            prop_assert_eq!(again, text);
        }

        #[test]
        fn any_text_resolves_or_names_its_variable(text in "[a$ {}.]{0,40}|.*") {
            match bindings().resolve(&json!(text)) {
                Ok(value) => {
                    let whole = text.starts_with("${");
                    prop_assert!(whole || value.is_string());
                }
                Err(unbound) => {
                    let written = format!("${{{}}}", unbound.path);
                    prop_assert!(text.contains(&written));
                }
            }
        }

        #[test]
        fn escaped_text_comes_out_as_it_was(text in ".*") {
            prop_assume!(!text.contains("$${"));
            let escaped = text.replace("${", "$${");
            prop_assert_eq!(bindings().resolve_str(&escaped).unwrap(), text);
        }
    }
}
