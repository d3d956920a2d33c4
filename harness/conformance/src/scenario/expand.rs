//! Puts a combination of the matrix into a scenario's tree; places stay those of the text.

use serde_json::Value;

use super::matrix::{Choice, Combination, NONE};
use super::problem::{Problem, list};
use super::source::Span;
use super::template::{self, Part, spliced};
use super::yaml::{Key, Kind, Node};

/// The tree with the combination put in; `None` where all of it stands for null.
pub(crate) fn put_in(
    node: &Node,
    combination: &Combination,
    problems: &mut Vec<Problem>,
) -> Option<Node> {
    let span = node.span;
    let kind = match &node.kind {
        Kind::Text(text) => match template::parts(text)[..] {
            [Part::Variable(path)] => match lookup(path, combination, span, problems) {
                None => node.kind.clone(),
                Some(Value::Null) => return None,
                Some(value) => from_json(&value, span).kind,
            },
            _ => Kind::Text(splice(text, combination, span, problems)),
        },
        Kind::List(elements) => Kind::List(
            elements
                .iter()
                .filter_map(|node| put_in(node, combination, problems))
                .collect(),
        ),
        Kind::Map(members) => Kind::Map(
            members
                .iter()
                .filter_map(|(key, node)| {
                    let text = splice(&key.text, combination, key.span, problems);
                    Some((
                        Key {
                            text,
                            span: key.span,
                        },
                        put_in(node, combination, problems)?,
                    ))
                })
                .collect(),
        ),
        other => other.clone(),
    };
    Some(Node { span, kind })
}

/// A text with the dimensions put in; other variables and escapes stay as they are.
fn splice(
    text: &str,
    combination: &Combination,
    span: Span,
    problems: &mut Vec<Problem>,
) -> String {
    let mut out = String::with_capacity(text.len());
    for part in template::parts(text) {
        match part {
            Part::Text(text) | Part::Unclosed(text) => out.push_str(text),
            Part::Escape => out.push_str("$${"),
            Part::Variable(path) => match lookup(path, combination, span, problems) {
                None => out.extend(["${", path, "}"]),
                Some(Value::Null) => out.push_str(NONE),
                Some(value) => out.push_str(&spliced(&value)),
            },
        }
    }
    out
}

/// The value of a variable, if it is one of the matrix.
fn lookup(
    path: &str,
    combination: &Combination,
    span: Span,
    problems: &mut Vec<Problem>,
) -> Option<Value> {
    let name = template::root(path);
    let (_, Choice { value, label }) = combination.0.iter().find(|(n, _)| n == name)?;
    let Some((_, rest)) = path.split_once('.') else {
        return Some(match value {
            Value::Object(_) => Value::String(label.clone()),
            other => other.clone(),
        });
    };
    let found = template::descend(value, rest);
    if found.is_none() {
        let message = format!("`{name}` is `{label}` here, which has no member `{rest}`");
        let members: Vec<&String> = value
            .as_object()
            .map(|members| members.keys().collect())
            .unwrap_or_default();
        let hint = match &members[..] {
            [] => format!("only values that are maps have members: use `${{{name}}}`"),
            members => format!("it has {}; null there removes a member", list(members)),
        };
        problems.push(Problem::new(span, message, "no such member").hint(hint));
    }
    Some(found.cloned().unwrap_or(Value::Null))
}

fn from_json(value: &Value, span: Span) -> Node {
    let kind = match value {
        Value::Null => Kind::Null,
        Value::Bool(value) => Kind::Bool(*value),
        Value::Number(value) => Kind::Number(value.clone()),
        Value::String(value) => Kind::Text(value.clone()),
        Value::Array(elements) => Kind::List(
            elements
                .iter()
                .map(|value| from_json(value, span))
                .collect(),
        ),
        Value::Object(members) => Kind::Map(
            members
                .iter()
                .map(|(key, value)| {
                    (
                        Key {
                            text: key.clone(),
                            span,
                        },
                        from_json(value, span),
                    )
                })
                .collect(),
        ),
    };
    Node { span, kind }
}
