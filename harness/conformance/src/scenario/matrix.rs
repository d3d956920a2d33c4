//! `matrix`: one case for each combination of the dimensions' values.
//!
//! A value is a scalar, null, or a map with a `name` and further members. `${dim}` is the value
//! (of a map: its `name`), `${dim.member}` a member. Where a whole value is null, the member or
//! element that it stands for is removed; inside a longer text null reads `none`.
//! `{from: approval_modes | sandbox_presets | preset_methods, none: true}` takes the values from
//! `codex_wire::preset`; `exclude` lists combinations that aren't to be.

use codex_wire::preset::{ApprovalMode, Method, SandboxPreset};
use serde_json::{Value, json};

use super::names::is_name;
use super::problem::{Problem, list, suggest};
use super::template::PLACES;
use super::yaml::{Kind, Node};

/// The most cases that one file may expand to.
const MAX_CASES: usize = 5_000;
/// The longest value that an id shows as it is.
const MAX_LABEL: usize = 48;
/// How null reads in ids and inside longer texts.
pub(crate) const NONE: &str = "none";

/// Where `from` takes values: the name, its meaning and the values.
type ValueSource = (&'static str, &'static str, fn() -> Vec<Value>);

/// Every place where `from` takes values.
pub(crate) const SOURCES: [ValueSource; 3] = [
    ("approval_modes", "every approval mode", || {
        ApprovalMode::ALL
            .iter()
            .map(|mode| json!(mode.name()))
            .collect()
    }),
    ("sandbox_presets", "every sandbox preset", || {
        SandboxPreset::ALL
            .iter()
            .map(|preset| json!(preset.name()))
            .collect()
    }),
    (
        "preset_methods",
        "every method with permission settings: {name: verb, method}",
        || {
            let row = |method: &Method| json!({"name": method.verb(), "method": method.name()});
            Method::ALL.iter().map(row).collect()
        },
    ),
];

/// One value of a dimension.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    /// How ids show it; unique in its dimension.
    pub(crate) label: String,
    pub(crate) value: Value,
}

/// One value for each dimension.
#[derive(Clone, Debug, Default)]
pub(crate) struct Combination(pub(crate) Vec<(String, Choice)>);

impl Combination {
    /// What stands behind the scenario in an id: `[dim=value,…]`, or nothing.
    pub(crate) fn suffix(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(name, choice)| format!("{name}={}", choice.label))
            .collect();
        format!("[{}]", pairs.join(","))
    }

    /// The names of the dimensions.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }
}

/// The combinations of a `matrix`, first dimension slowest.
pub(crate) fn combinations(matrix: &Node, problems: &mut Vec<Problem>) -> Vec<Combination> {
    let before = problems.len();
    let Some(members) = matrix.members().filter(|members| !members.is_empty()) else {
        problems.push(
            Problem::new(
                matrix.span,
                "`matrix` is a map with at least one dimension",
                "here",
            )
            .hint("for example `matrix: { mode: [deny_all, auto_review] }`"),
        );
        return Vec::new();
    };
    let mut dimensions = Vec::new();
    for (key, node) in members.iter().filter(|(key, _)| key.text != "exclude") {
        if !is_name(&key.text) || PLACES.iter().any(|(place, _)| *place == key.text) {
            let message = format!("`{}` can't name a dimension", key.text);
            problems.push(Problem::new(key.span, message, "taken, or not a name"));
        }
        dimensions.push((key.text.clone(), choices(node, &key.text, problems)));
    }
    let excludes = matrix
        .get("exclude")
        .map(|node| excludes(node, &dimensions, problems));
    let count = dimensions
        .iter()
        .try_fold(1_usize, |n, (_, all)| n.checked_mul(all.len()));
    if count.is_none_or(|count| count > MAX_CASES) {
        let message = format!("`matrix` makes more than {MAX_CASES} cases");
        problems.push(Problem::new(matrix.span, message, "too many combinations"));
    }
    if problems.len() > before {
        return Vec::new();
    }
    let excludes = excludes.unwrap_or_default();
    let all: Vec<Combination> = product(&dimensions)
        .into_iter()
        .filter(|combination| !excludes.iter().any(|rule| rule.covers(combination)))
        .collect();
    if all.is_empty() {
        problems.push(Problem::new(
            matrix.span,
            "`exclude` leaves no combination",
            "no case left",
        ));
    }
    all
}

fn product(dimensions: &[(String, Vec<Choice>)]) -> Vec<Combination> {
    dimensions
        .iter()
        .fold(vec![Combination::default()], |all, (name, choices)| {
            all.iter()
                .flat_map(|combination| {
                    choices.iter().map(|choice| {
                        let mut longer = combination.clone();
                        longer.0.push((name.clone(), choice.clone()));
                        longer
                    })
                })
                .collect()
        })
}

/// The values of one dimension.
fn choices(node: &Node, dimension: &str, problems: &mut Vec<Problem>) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    let values: Vec<(Node, Value)> = match &node.kind {
        Kind::List(elements) => elements.iter().map(|e| (e.clone(), e.to_json())).collect(),
        Kind::Map(_) => from(node, problems)
            .into_iter()
            .map(|v| (node.clone(), v))
            .collect(),
        _ => {
            let message = format!("dimension `{dimension}` is a list, not {}", node.what());
            let hint = "for example `[a, b]`, or `{ from: approval_modes }`";
            problems.push(Problem::new(node.span, message, "expected a list").hint(hint));
            return choices;
        }
    };
    if values.is_empty() && node.elements().is_some() {
        let message = format!("dimension `{dimension}` has no values");
        problems.push(Problem::new(node.span, message, "empty"));
    }
    for (place, value) in values {
        match label(&value) {
            Err(why) => problems.push(
                Problem::new(place.span, why, "this value")
                    .hint("give it a name for the id: `{ name: short, text: … }`"),
            ),
            Ok(label) if choices.iter().any(|choice| choice.label == label) => {
                let message = format!("dimension `{dimension}` has `{label}` twice");
                problems.push(Problem::new(place.span, message, "again here"));
            }
            Ok(label) => choices.push(Choice { label, value }),
        }
    }
    choices
}

fn from(node: &Node, problems: &mut Vec<Problem>) -> Vec<Value> {
    let names: Vec<&str> = SOURCES.iter().map(|(name, ..)| *name).collect();
    for (key, _) in node.members().unwrap_or_default() {
        if !["from", "none"].contains(&key.text.as_str()) {
            let message = format!("unknown member `{}` in a dimension", key.text);
            let hint = "values are a list; as a map it is `{ from: …, none: true }`";
            problems.push(Problem::new(key.span, message, "not known here").hint(hint));
        }
    }
    let given = node.get("from");
    let source = given.and_then(Node::text);
    let Some((.., values)) = SOURCES.iter().find(|(name, ..)| Some(*name) == source) else {
        let shown = given.map_or(node.span, |from| from.span);
        let message = format!("`from` is one of {}", list(&names));
        problems.push(
            Problem::new(shown, message, "not one of them")
                .maybe_hint(suggest(source.unwrap_or_default(), &names)),
        );
        return Vec::new();
    };
    let with_null = match node.get("none").map(|none| (none, none.to_json())) {
        None => false,
        Some((_, Value::Bool(with_null))) => with_null,
        Some((other, _)) => {
            problems.push(Problem::new(
                other.span,
                "`none` is `true` or `false`",
                "here",
            ));
            false
        }
    };
    with_null
        .then_some(Value::Null)
        .into_iter()
        .chain(values())
        .collect()
}

/// How an id shows a value.
fn label(value: &Value) -> Result<String, String> {
    let label = match value {
        Value::Null => NONE.to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(members) => match members.get("name") {
            Some(Value::String(name)) => name.clone(),
            Some(name @ (Value::Null | Value::Bool(_) | Value::Number(_))) => name.to_string(),
            _ => return Err("a value that is a map needs a `name`".to_owned()),
        },
        Value::Array(_) => return Err("a value can't be a list".to_owned()),
        other => other.to_string(),
    };
    let awkward = |c: char| c.is_whitespace() || c.is_control() || "[],=\\\"".contains(c);
    if label.is_empty() || label.chars().count() > MAX_LABEL || label.contains(awkward) {
        let short: String = label.chars().take(MAX_LABEL).collect();
        return Err(format!("`{short}` can't stand in an id"));
    }
    Ok(label)
}

/// Combinations that aren't to be: for each dimension named, these values.
struct Exclude(Vec<(String, Vec<String>)>);

impl Exclude {
    fn covers(&self, combination: &Combination) -> bool {
        self.0.iter().all(|(name, labels)| {
            combination
                .0
                .iter()
                .any(|(n, choice)| n == name && labels.contains(&choice.label))
        })
    }
}

fn excludes(
    node: &Node,
    dimensions: &[(String, Vec<Choice>)],
    problems: &mut Vec<Problem>,
) -> Vec<Exclude> {
    let wrong = |node: &Node| {
        Problem::new(
            node.span,
            "`exclude` is a list of maps",
            "expected a list of maps",
        )
        .hint("for example `exclude: [{ mode: deny_all, sandbox: [~, read_only] }]`")
    };
    let Some(rules) = node.elements() else {
        problems.push(wrong(node));
        return Vec::new();
    };
    let mut all = Vec::new();
    for rule in rules {
        match rule.members().filter(|members| !members.is_empty()) {
            Some(members) => all.push(Exclude(
                members
                    .iter()
                    .filter_map(|(key, values)| {
                        let known = dimensions.iter().find(|(name, _)| *name == key.text);
                        let Some((name, choices)) = known else {
                            let names: Vec<&str> =
                                dimensions.iter().map(|(name, _)| name.as_str()).collect();
                            let message = format!("unknown dimension `{}`", key.text);
                            problems.push(
                                Problem::new(key.span, message, "not in this matrix")
                                    .maybe_hint(suggest(&key.text, &names)),
                            );
                            return None;
                        };
                        Some((name.clone(), labels(values, name, choices, problems)))
                    })
                    .collect(),
            )),
            None => problems.push(wrong(rule)),
        }
    }
    all
}

fn labels(
    values: &Node,
    dimension: &str,
    choices: &[Choice],
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let mut found = Vec::new();
    for value in values.elements().unwrap_or(std::slice::from_ref(values)) {
        let wanted = label(&value.to_json()).unwrap_or_default();
        if choices.iter().any(|choice| choice.label == wanted) {
            found.push(wanted);
        } else {
            let known: Vec<&str> = choices.iter().map(|choice| choice.label.as_str()).collect();
            let message = format!("dimension `{dimension}` has no value `{wanted}`");
            problems.push(
                Problem::new(value.span, message, "excludes nothing")
                    .maybe_hint(suggest(&wanted, &known)),
            );
        }
    }
    found
}
