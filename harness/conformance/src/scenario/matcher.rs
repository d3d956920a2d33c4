//! Matchers, as scenario files write them.
//!
//! A map with exactly one member whose name is in [`OPERATORS`] is an operator; any other map
//! names members that must match. Since objects of the protocol have a `type`, `{type: x}` is an
//! operator only for the names of JSON's types. `{equals: …}` takes anything as it is.

use serde_json::Value;

use super::model::Matcher;
use super::problem::Problem;
use super::template::{self, Part};
use super::yaml::{Kind, Node};
use crate::check::matcher::{TYPES, pattern, preset};

/// An operator: its name, how its operand is read, and what it means.
pub(crate) struct Operator {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    /// The operand's JSON Schema; `matcher` and `matchers` stand for the recursive ones.
    pub(crate) operand: Operand,
}

/// How an operand is read.
#[derive(Clone, Copy)]
pub(crate) enum Operand {
    One(fn(Box<Matcher>) -> Matcher),
    Many(fn(Vec<Matcher>) -> Matcher),
    Flag(fn(bool) -> Matcher),
    Pattern,
    Type,
    Preset,
    Any(fn(Value) -> Matcher),
}

const fn op(name: &'static str, operand: Operand, doc: &'static str) -> Operator {
    Operator { name, doc, operand }
}

/// Every operator: the one table behind parsing, messages and the schema.
pub(crate) const OPERATORS: [Operator; 12] = [
    op(
        "equals",
        Operand::Any(Matcher::Equal),
        "equal as a whole: no further members",
    ),
    op(
        "contains",
        Operand::One(Matcher::Contains),
        "a string with this part, or a list with an element that matches",
    ),
    op(
        "matches",
        Operand::Pattern,
        "a string that this regular expression finds something in",
    ),
    op(
        "any_of",
        Operand::Many(Matcher::AnyOf),
        "at least one of these matches",
    ),
    op(
        "all_of",
        Operand::Many(Matcher::AllOf),
        "all of these match",
    ),
    op("not", Operand::One(Matcher::Not), "this doesn't match"),
    op(
        "absent",
        Operand::Flag(Matcher::Absent),
        "true: the member isn't there; false: it is",
    ),
    op("type", Operand::Type, "a value of this JSON type"),
    op(
        "length",
        Operand::One(Matcher::Length),
        "characters, elements or members",
    ),
    op(
        "each",
        Operand::One(Matcher::Each),
        "every element of the list matches",
    ),
    op(
        "same_as",
        Operand::Any(Matcher::SameAs),
        "equal to an earlier result or a part of it",
    ),
    op(
        "preset",
        Operand::Preset,
        "exactly the permission members of {method, approval_mode, sandbox}",
    ),
];

/// The operator that a map is, if it is one, and its operand.
fn operator(node: &Node) -> Option<(&'static Operator, &Node)> {
    let [(key, operand)] = node.members()? else {
        return None;
    };
    let operator = OPERATORS
        .iter()
        .find(|operator| operator.name == key.text)?;
    let is_type = matches!(operator.operand, Operand::Type);
    let names_type = operand.text().is_some_and(|name| TYPES.contains(&name));
    (!is_type || names_type).then_some((operator, operand))
}

/// Reads a matcher; what is wrong goes to `problems` and any matcher is returned then.
pub(crate) fn parse(node: &Node, problems: &mut Vec<Problem>) -> Matcher {
    if let Some((operator, operand)) = operator(node) {
        return apply(operator, operand, problems);
    }
    match &node.kind {
        Kind::Map(members) => Matcher::Object(
            members
                .iter()
                .map(|(key, node)| (key.text.clone(), parse(node, problems)))
                .collect(),
        ),
        Kind::List(elements) => {
            Matcher::Array(elements.iter().map(|node| parse(node, problems)).collect())
        }
        _ => Matcher::Equal(node.to_json()),
    }
}

fn apply(operator: &Operator, operand: &Node, problems: &mut Vec<Problem>) -> Matcher {
    let wanted = |what: &str| {
        let message = format!("`{}` takes {what}, not {}", operator.name, operand.what());
        let hint = "`{equals: …}` compares a map as it is, if no operator was meant";
        Problem::new(operand.span, message, format!("expected {what}")).hint(hint)
    };
    match (operator.operand, &operand.kind) {
        (Operand::One(make), _) => make(Box::new(parse(operand, problems))),
        (Operand::Any(make), _) => make(operand.to_json()),
        (Operand::Many(make), Kind::List(elements)) => {
            if elements.is_empty() {
                let message = format!("`{}` has nothing to choose from", operator.name);
                problems.push(Problem::new(operand.span, message, "an empty list"));
            }
            make(elements.iter().map(|node| parse(node, problems)).collect())
        }
        (Operand::Flag(make), Kind::Bool(flag)) => make(*flag),
        (Operand::Pattern, Kind::Text(text)) => {
            // With variables in it, it is only known when the case runs.
            let fixed = !template::parts(text)
                .iter()
                .any(|p| matches!(p, Part::Variable(_)));
            if let Some(error) = pattern(text).err().filter(|_| fixed) {
                let message = format!("not a regular expression: {error}");
                problems.push(Problem::new(operand.span, message, "this pattern"));
            }
            Matcher::Matches(text.clone())
        }
        (Operand::Type, Kind::Text(name)) => Matcher::Type(name.clone()),
        (Operand::Preset, Kind::Map(_)) => {
            let choice = operand.to_json();
            if let Err(why) = preset(&choice) {
                let hint = "`presets` prints every choice and what it puts on the wire";
                problems.push(
                    Problem::new(operand.span, format!("not a preset: {why}"), "this choice")
                        .hint(hint),
                );
            }
            Matcher::Preset(choice)
        }
        (Operand::Many(_), _) => failed(problems, wanted("a list")),
        (Operand::Flag(_), _) => failed(problems, wanted("`true` or `false`")),
        (Operand::Pattern | Operand::Type, _) => failed(problems, wanted("a string")),
        (Operand::Preset, _) => failed(problems, wanted("a map")),
    }
}

/// Notes the problem; the matcher is never used then.
fn failed(problems: &mut Vec<Problem>, problem: Problem) -> Matcher {
    problems.push(problem);
    Matcher::Equal(Value::Null)
}
