//! Does a value match? If not: where, what was expected, what is there.

use std::fmt;

use codex_wire::preset::{Choice, Method, WireSettings};
use regex::Regex;
use serde_json::{Map, Value};

use crate::scenario::model::Matcher;

/// The members of a request's params that say what is permitted. `{preset: …}` wants exactly
/// those of its choice and none of the others.
pub const PERMISSION_MEMBERS: [&str; 5] = [
    "approvalPolicy",
    "approvalsReviewer",
    "sandbox",
    "sandboxPolicy",
    "permissions",
];

/// The most characters of a value that a message shows.
const SHOWN: usize = 200;

/// The first place at which a value doesn't match.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}`: expected {expected}, got {actual}")]
pub struct Mismatch {
    /// Where, from the value that was judged: `$.sandbox.type`, `$.items[2]`.
    pub path: String,
    /// What was expected, in words.
    pub expected: String,
    /// What is there, in words.
    pub actual: String,
}

/// Judges a value; `None` is a member that isn't there. Variables must have been put in.
///
/// # Errors
/// The first [`Mismatch`], in the order of the matcher.
///
/// ```
/// use codex_conformance::{check::matcher::evaluate, scenario::model::Matcher};
/// use serde_json::json;
/// let matcher = Matcher::Object(vec![("type".into(), Matcher::Equal(json!("readOnly")))]);
/// assert!(evaluate(&matcher, Some(&json!({"type": "readOnly", "more": 1}))).is_ok());
/// let mismatch = evaluate(&matcher, Some(&json!({"type": "x"}))).unwrap_err();
/// assert_eq!(mismatch.to_string(), "`$.type`: expected `readOnly`, got `x`");
/// ```
pub fn evaluate(matcher: &Matcher, value: Option<&Value>) -> Result<(), Mismatch> {
    judge(matcher, value, &Path::Root)
}

/// A regular expression as matchers use them.
///
/// # Errors
/// What is wrong with it, on one line.
pub fn pattern(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => format!("it needs more than {limit} bytes"),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
    })
}

/// What a `{preset: {method, approval_mode, sandbox}}` puts on the wire.
///
/// # Errors
/// Why it is none: an unknown member, name or method, or a choice that is refused.
pub fn preset(choice: &Value) -> Result<WireSettings, String> {
    let members = choice.as_object().ok_or("a preset is a map")?;
    let known = ["method", "approval_mode", "sandbox"];
    if let Some(unknown) = members.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("a preset has no member `{unknown}`"));
    }
    let name = |key: &str| match members.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => Ok(Some(name.as_str())),
        Some(_) => Err(format!("{key} must be a string")),
    };
    let given = name("method")?.ok_or("a preset needs a `method`")?;
    let method = Method::ALL
        .into_iter()
        .find(|method| [method.name(), method.verb()].contains(&given))
        .ok_or_else(|| format!("`{given}` takes no permission settings"))?;
    let mode = name("approval_mode")?.map(str::parse).transpose();
    let sandbox = name("sandbox")?.map(str::parse).transpose();
    mode.and_then(|mode| Choice::of(mode, sandbox?).to_wire(method))
        .map_err(|refused| refused.to_string())
}

/// Where a value stands, as a list from the innermost outwards.
enum Path<'a> {
    Root,
    Member(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("$"),
            Self::Member(outer, name) if plain(name) => write!(f, "{outer}.{name}"),
            Self::Member(outer, name) => write!(f, "{outer}[{name:?}]"),
            Self::Index(outer, index) => write!(f, "{outer}[{index}]"),
        }
    }
}

fn plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || "_-".contains(c))
}

#[expect(
    clippy::match_same_arms,
    reason = "a member that isn't there fails before the arms that look at values"
)]
fn judge(matcher: &Matcher, value: Option<&Value>, path: &Path<'_>) -> Result<(), Mismatch> {
    let fail = |expected: String| {
        Err(Mismatch {
            path: path.to_string(),
            expected,
            actual: actual(value),
        })
    };
    let holds = match (matcher, value) {
        (Matcher::Absent(absent), _) => *absent == value.is_none(),
        (Matcher::Not(inner), _) => judge(inner, value, path).is_err(),
        (Matcher::AnyOf(inner), _) => inner.iter().any(|m| judge(m, value, path).is_ok()),
        (Matcher::AllOf(inner), _) => {
            return inner
                .iter()
                .try_for_each(|matcher| judge(matcher, value, path));
        }
        (_, None) => false,
        (Matcher::Equal(wanted) | Matcher::SameAs(wanted), Some(value)) => equal(wanted, value),
        (Matcher::Object(members), Some(Value::Object(given))) => {
            return members.iter().try_for_each(|(name, matcher)| {
                judge(matcher, given.get(name), &Path::Member(path, name))
            });
        }
        (Matcher::Array(inner), Some(Value::Array(given))) if inner.len() == given.len() => {
            return inner.iter().zip(given).enumerate().try_for_each(
                |(index, (matcher, value))| judge(matcher, Some(value), &Path::Index(path, index)),
            );
        }
        (Matcher::Each(inner), Some(Value::Array(given))) => {
            return given.iter().enumerate().try_for_each(|(index, value)| {
                judge(inner, Some(value), &Path::Index(path, index))
            });
        }
        (Matcher::Contains(inner), Some(value)) => contains(inner, value),
        (Matcher::Matches(text), Some(Value::String(given))) => match pattern(text) {
            Ok(pattern) => pattern.is_match(given),
            Err(error) => return fail(format!("a match of `{text}`, which is none: {error}")),
        },
        (Matcher::Type(name), Some(value)) => is_type(name, value),
        (Matcher::Length(inner), Some(value)) => match length(value) {
            Some(length) => return judge_length(inner, length, path),
            None => false,
        },
        (Matcher::Preset(choice), Some(Value::Object(given))) => match preset(choice) {
            Ok(wire) => return judge_preset(&wire, given, path),
            Err(refused) => return fail(format!("a preset, which is refused: {refused}")),
        },
        _ => false,
    };
    if holds {
        Ok(())
    } else {
        fail(expected(matcher))
    }
}

fn judge_length(inner: &Matcher, length: usize, path: &Path<'_>) -> Result<(), Mismatch> {
    let value = Value::from(length);
    judge(inner, Some(&value), path).map_err(|mismatch| Mismatch {
        expected: format!("a length of {}", mismatch.expected),
        actual: format!("a length of {length}"),
        ..mismatch
    })
}

fn judge_preset(
    wire: &WireSettings,
    given: &Map<String, Value>,
    path: &Path<'_>,
) -> Result<(), Mismatch> {
    PERMISSION_MEMBERS.iter().try_for_each(|name| {
        let path = Path::Member(path, name);
        match wire.get(*name) {
            Some(wanted) => judge(&Matcher::Equal(wanted.clone()), given.get(*name), &path),
            None => judge(&Matcher::Absent(true), given.get(*name), &path),
        }
    })
}

fn contains(inner: &Matcher, value: &Value) -> bool {
    match (inner, value) {
        (Matcher::Equal(Value::String(part)), Value::String(text)) => text.contains(part),
        (_, Value::Array(elements)) => elements
            .iter()
            .any(|element| evaluate(inner, Some(element)).is_ok()),
        (Matcher::AnyOf(parts), Value::String(_)) => parts.iter().any(|m| contains(m, value)),
        (Matcher::AllOf(parts), Value::String(_)) => parts.iter().all(|m| contains(m, value)),
        _ => false,
    }
}

/// Equality with numbers compared by value, so that `1` and `1.0` are the same.
fn equal(wanted: &Value, given: &Value) -> bool {
    match (wanted, given) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64() && !whole(a, b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same = |(key, a): (&String, &Value)| b.get(key).is_some_and(|b| equal(a, b));
            a.len() == b.len() && a.iter().all(same)
        }
        _ => wanted == given,
    }
}

/// Two integers are compared as such: beyond 2^53 different ones are the same as floats.
fn whole(a: &serde_json::Number, b: &serde_json::Number) -> bool {
    !a.is_f64() && !b.is_f64()
}

/// The names that `{type: …}` knows.
pub const TYPES: [&str; 7] = [
    "null", "boolean", "integer", "number", "string", "array", "object",
];

fn is_type(name: &str, value: &Value) -> bool {
    match value {
        Value::Number(number) => name == "number" || name == "integer" && !number.is_f64(),
        other => name == kind(other),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(elements) => Some(elements.len()),
        Value::Object(members) => Some(members.len()),
        _ => None,
    }
}

/// What a matcher wants, in words.
fn expected(matcher: &Matcher) -> String {
    let all =
        |inner: &[Matcher], word: &str| inner.iter().map(expected).collect::<Vec<_>>().join(word);
    match matcher {
        Matcher::Equal(value) | Matcher::SameAs(value) => show(value),
        Matcher::Object(members) if members.is_empty() => "an object".to_owned(),
        Matcher::Object(members) => {
            let names: Vec<String> = members
                .iter()
                .map(|(name, _)| format!("`{name}`"))
                .collect();
            format!("an object with {}", names.join(", "))
        }
        Matcher::Array(inner) => format!("a list of {}", inner.len()),
        Matcher::Contains(inner) => format!("something that contains {}", expected(inner)),
        Matcher::Matches(pattern) => format!("a string that matches `{pattern}`"),
        Matcher::AnyOf(inner) => all(inner, " or "),
        Matcher::AllOf(inner) => all(inner, " and "),
        Matcher::Not(inner) => format!("anything but {}", expected(inner)),
        Matcher::Absent(true) => "nothing".to_owned(),
        Matcher::Absent(false) => "any value".to_owned(),
        Matcher::Type(name) => match name.as_str() {
            "null" => "null".to_owned(),
            "array" | "object" | "integer" => format!("an {name}"),
            _ => format!("a {name}"),
        },
        Matcher::Length(inner) => format!("a length of {}", expected(inner)),
        Matcher::Each(inner) => format!("a list of {}", expected(inner)),
        Matcher::Preset(choice) => format!("the settings of the preset {choice}"),
    }
}

fn actual(value: Option<&Value>) -> String {
    match value {
        None => "nothing (it isn't there)".to_owned(),
        Some(Value::Array(elements)) => format!("a list of {}: {}", elements.len(), cut(value)),
        Some(value) => show(value),
    }
}

/// A value for people: texts as they are, all in backticks, cut if they are long.
fn show(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "an empty string".to_owned(),
        // A text that would read like another type keeps its quotes.
        Value::String(text) if serde_json::from_str::<Value>(text).is_err() => {
            format!("`{}`", shorten(text))
        }
        value => cut(Some(value)),
    }
}

fn cut(value: Option<&Value>) -> String {
    format!(
        "`{}`",
        shorten(&value.map(Value::to_string).unwrap_or_default())
    )
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => {
            format!("{}… ({} characters)", &text[..end], text.chars().count())
        }
    }
}

#[cfg(test)]
#[path = "matcher_tests.rs"]
mod tests;
