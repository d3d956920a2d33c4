//! Matchers on one value.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::{Map, Value};

/// The longest value that a message quotes whole, in characters.
const QUOTED: usize = 120;

/// A matcher on a JSON value.
///
/// In a script a plain value must be equal (of a map: the members it names); a map with one of
/// `contains`, `matches`, `any_of`, `absent` is an operator.
///
/// ```
/// use mock_responses::Matcher;
/// use serde_json::json;
///
/// let matcher: Matcher = serde_saphyr::from_str("any_of: [user, { matches: '^dev' }]")?;
/// assert!(matcher.check(Some(&json!("developer"))).is_ok());
/// assert_eq!(
///     matcher.check(Some(&json!("tool"))).unwrap_err(),
///     r#"expected any of ["user", a match of `^dev`], got "tool""#,
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Matcher {
    /// Equal; of an object, the members named here are equal.
    Equal(Value),
    /// A text that contains this one, or a list that contains it as an element.
    Contains(String),
    /// A text in which the expression matches somewhere.
    Matches(Pattern),
    /// One of these holds.
    AnyOf(Vec<Matcher>),
    /// There is no such value.
    Absent,
}

/// A regular expression (syntax of the `regex` crate, ASCII classes).
#[derive(Clone, Debug)]
pub struct Pattern(regex_lite::Regex);

impl Pattern {
    /// Compiles an expression; the error is a message for the script's author.
    pub fn new(expression: &str) -> Result<Self, String> {
        regex_lite::Regex::new(expression)
            .map(Self)
            .map_err(|error| format!("`{expression}` is not a regular expression: {error}"))
    }
}

/// A matcher on a text; a plain value is a text that must be equal.
#[derive(Clone, Debug)]
pub struct TextMatcher(Matcher);

impl Matcher {
    /// Checks a value; the error says what was expected and what there was.
    pub fn check(&self, value: Option<&Value>) -> Result<(), String> {
        if self.holds(value) {
            return Ok(());
        }
        let got = value.map_or_else(|| "nothing".to_owned(), |value| quote(&value.to_string()));
        Err(format!("expected {}, got {got}", self.describe()))
    }

    fn holds(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Absent, value) => value.is_none(),
            (Self::AnyOf(matchers), value) => matchers.iter().any(|m| m.holds(value)),
            (Self::Equal(expected), Some(value)) => includes(expected, value),
            (Self::Contains(part), Some(Value::String(text))) => text.contains(part.as_str()),
            (Self::Contains(part), Some(Value::Array(list))) => {
                list.iter().any(|element| element.as_str() == Some(part))
            }
            (Self::Matches(Pattern(regex)), Some(Value::String(text))) => regex.is_match(text),
            (_, None) | (Self::Contains(_) | Self::Matches(_), Some(_)) => false,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Equal(value) => quote(&value.to_string()),
            Self::Contains(part) => format!("something that contains `{}`", quote(part)),
            Self::Matches(Pattern(regex)) => format!("a match of `{}`", quote(regex.as_str())),
            Self::AnyOf(matchers) => {
                let parts: Vec<_> = matchers.iter().map(Self::describe).collect();
                format!("any of [{}]", parts.join(", "))
            }
            Self::Absent => "nothing".to_owned(),
        }
    }

    /// Reads the form of a script; the error is a message for its author.
    fn from_value(value: Value) -> Result<Self, String> {
        const OPERATORS: [&str; 4] = ["contains", "matches", "any_of", "absent"];
        let Value::Object(members) = value else {
            return Ok(Self::Equal(value));
        };
        let operators = members
            .keys()
            .filter(|key| OPERATORS.contains(&key.as_str()))
            .count();
        match (operators, members.len()) {
            (0, _) => Ok(Self::Equal(Value::Object(members))),
            (1, 1) => Self::from_operator(members),
            _ => Err(format!(
                "a matcher has one operator and nothing beside it: one of `{}`",
                OPERATORS.join("`, `")
            )),
        }
    }

    fn from_operator(members: Map<String, Value>) -> Result<Self, String> {
        let Some((operator, operand)) = members.into_iter().next() else {
            return Err("a matcher needs an operator".to_owned());
        };
        match (operator.as_str(), operand) {
            ("contains", Value::String(text)) => Ok(Self::Contains(text)),
            ("matches", Value::String(text)) => Pattern::new(&text).map(Self::Matches),
            ("any_of", Value::Array(list)) => list
                .into_iter()
                .map(Self::from_value)
                .collect::<Result<_, _>>()
                .map(Self::AnyOf),
            ("absent", Value::Bool(true)) => Ok(Self::Absent),
            ("absent", _) => Err("`absent` takes `true`".to_owned()),
            ("any_of", _) => Err("`any_of` takes a list".to_owned()),
            (operator, _) => Err(format!("`{operator}` takes a text")),
        }
    }

    /// Refuses what a text can never be; the error is a message for the script's author.
    fn check_text(&self) -> Result<(), String> {
        match self {
            Self::Equal(Value::Object(members)) => {
                let key = members.keys().next().map_or("", String::as_str);
                Err(format!(
                    "unknown matcher `{key}`, expected a text or one of `contains`, `matches`, \
                     `any_of`, `absent`"
                ))
            }
            Self::Equal(Value::String(_)) | Self::Contains(_) | Self::Matches(_) | Self::Absent => {
                Ok(())
            }
            Self::Equal(value) => Err(format!("`{value}` is not a text: put it in quotes")),
            Self::AnyOf(matchers) => matchers.iter().try_for_each(Self::check_text),
        }
    }
}

impl TextMatcher {
    /// A text that must be equal.
    pub fn equal(text: impl Into<String>) -> Self {
        Self(Matcher::Equal(Value::String(text.into())))
    }

    /// A text that must be contained.
    pub fn contains(part: impl Into<String>) -> Self {
        Self(Matcher::Contains(part.into()))
    }

    /// No such text.
    pub fn absent() -> Self {
        Self(Matcher::Absent)
    }

    /// Checks a text; the error says what was expected and what there was.
    pub fn check(&self, text: Option<&str>) -> Result<(), String> {
        let value = text.map(|text| Value::String(text.to_owned()));
        self.0.check(value.as_ref())
    }
}

/// Whether a value is the expected one; of objects, the named members are compared.
fn includes(expected: &Value, value: &Value) -> bool {
    match (expected, value) {
        (Value::Object(expected), Value::Object(value)) => {
            expected.iter().all(|(key, expected)| {
                value
                    .get(key)
                    .is_some_and(|value| includes(expected, value))
            })
        }
        _ => expected == value,
    }
}

/// The beginning of a text that is too long to be quoted whole.
fn quote(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

impl<'de> Deserialize<'de> for Matcher {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for TextMatcher {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let matcher = Matcher::deserialize(deserializer)?;
        matcher.check_text().map_err(D::Error::custom)?;
        Ok(Self(matcher))
    }
}

/// The schema of the operators; `nested` is what `any_of` takes.
fn operators(nested: &Schema) -> Vec<Schema> {
    let operator = |name: &str, operand: &Schema| {
        json_schema!({
            "type": "object",
            "properties": { name: operand },
            "required": [name],
            "additionalProperties": false,
        })
    };
    vec![
        operator("contains", &json_schema!({ "type": "string" })),
        operator(
            "matches",
            &json_schema!({ "type": "string", "format": "regex" }),
        ),
        operator(
            "any_of",
            &json_schema!({ "type": "array", "items": nested }),
        ),
        operator("absent", &json_schema!({ "const": true })),
    ]
}

impl JsonSchema for Matcher {
    fn schema_name() -> Cow<'static, str> {
        "Matcher".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut forms = operators(&generator.subschema_for::<Self>());
        let plain = json_schema!({
            "description": "a plain value must be equal; of a map, the members it names",
            "not": {
                "type": "object",
                "anyOf": [
                    { "required": ["contains"] },
                    { "required": ["matches"] },
                    { "required": ["any_of"] },
                    { "required": ["absent"] },
                ],
            },
        });
        forms.push(plain);
        json_schema!({ "anyOf": forms })
    }
}

impl JsonSchema for TextMatcher {
    fn schema_name() -> Cow<'static, str> {
        "TextMatcher".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut forms = operators(&generator.subschema_for::<Self>());
        forms.push(json_schema!({ "type": "string" }));
        json_schema!({ "anyOf": forms })
    }
}
