//! Decoding the list of steps.

use super::format::STEP;
use super::model::{Located, Step};
use super::names::Names;
use super::problem::{Problem, list, suggest};
use super::record::read_matcher;
use super::shape::{Checker, Record};
use super::source::Sources;
use super::steps::{Body, STEPS, StepKind, find};
use super::yaml::{Key, Kind, Node};

/// The steps of a case, and every name that is bound when they are done.
pub(crate) struct Steps {
    pub(crate) steps: Vec<Step>,
    pub(crate) names: Names,
}

/// Decodes the steps in order: each may use the names of those before it.
pub(crate) fn decode_steps(
    list: Option<&Node>,
    sources: &Sources,
    mut names: Names,
    problems: &mut Vec<Problem>,
) -> Steps {
    let nodes = list.and_then(Node::elements).unwrap_or_default();
    let mut steps = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        names.check(node, problems);
        steps.extend(decode(node, index + 1, sources, &names, problems));
        if let Some(bound) = node.get("as")
            && let Some(name) = bound.text()
        {
            problems.extend(names.bind(bound, name));
        }
    }
    if list.is_some_and(|list| list.elements().is_some_and(<[Node]>::is_empty)) {
        let at = list.map_or(
            super::source::Span {
                source: 0,
                start: 0,
                end: 0,
            },
            |l| l.span,
        );
        problems.push(Problem::new(
            at,
            "a scenario without steps checks nothing",
            "empty",
        ));
    }
    Steps { steps, names }
}

fn decode(
    node: &Node,
    index: usize,
    sources: &Sources,
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Option<Step> {
    let Some(members) = node.members() else {
        problems.push(not_a_map(node));
        return None;
    };
    let own = |key: &Key| STEP[0].iter().any(|field| field.name == key.text);
    for (key, value) in members {
        if let Some(field) = STEP[0].iter().find(|field| field.name == key.text) {
            Checker { problems, names }.shape(value, field.shape, &format!("`{}`", field.name));
        }
    }
    let said: Vec<&(Key, Node)> = members.iter().filter(|(key, _)| !own(key)).collect();
    let (kind, body) = the_one(node, &said, problems)?;
    let record = checked(kind, body, names, problems);
    problems.extend(incomplete(kind, &record));
    if kind.name == "connect" && node.get("as").is_none() {
        let problem = Problem::new(node.span, "`connect` needs `as`", "no name for the client");
        problems.push(problem.hint("`as`: the name by which later steps mean this client"));
    }
    let at = |node: &Node| sources.locate(node.span);
    let matcher = |name| {
        let node = node.get(name)?;
        Some(Located {
            value: read_matcher(node),
            at: at(node),
        })
    };
    Some(Step {
        index,
        at: at(node),
        action: (kind.build)(&record),
        client: node.get("client").and_then(Node::text).map(str::to_owned),
        bind: node.get("as").and_then(Node::text).map(str::to_owned),
        expect: matcher("expect"),
        error: matcher("error"),
    })
}

fn not_a_map(node: &Node) -> Problem {
    let message = format!("a step is a map, not {}", node.what());
    let problem = Problem::new(node.span, message, "this isn't a step");
    match node.text().and_then(find) {
        Some(kind) => problem.hint(format!("write `{}:`", kind.name)),
        None => problem.hint("for example `- thread_start: { approval_mode: deny_all }`"),
    }
}

/// The one member that says what is done.
fn the_one<'n>(
    node: &Node,
    said: &[&'n (Key, Node)],
    problems: &mut Vec<Problem>,
) -> Option<(&'static StepKind, &'n Node)> {
    let known: Vec<_> = said
        .iter()
        .filter_map(|(key, body)| Some((key, find(&key.text)?, body)))
        .collect();
    match (&known[..], said) {
        ([(_, kind, body)], [_]) => return Some((kind, body)),
        (_, []) => {
            let hint = "for example `run: { thread: main, input: hello }`";
            problems.push(
                Problem::new(node.span, "this step does nothing", "says nothing to do").hint(hint),
            );
        }
        ([], _) => {
            let names: Vec<&str> = STEPS.iter().map(|kind| kind.name).collect();
            for (key, _) in said {
                let message = format!("unknown step `{}`", key.text);
                problems.push(
                    Problem::new(key.span, message, "no such step")
                        .maybe_hint(suggest(&key.text, &names)),
                );
            }
        }
        ([_, ..], _) if known.len() == 1 => unknown_beside(known[0].1, said, problems),
        ([(first, ..), (second, ..), ..], _) => {
            let names: Vec<&str> = known.iter().map(|(key, ..)| key.text.as_str()).collect();
            problems.push(
                Problem::new(
                    second.span,
                    format!("one step does {}", list(&names)),
                    "a second one",
                )
                .also(first.span, "the first one")
                .hint("begin a step of its own with `- `"),
            );
        }
        _ => {}
    }
    None
}

/// A known step with something beside it that belongs elsewhere, mostly into its body.
fn unknown_beside(kind: &StepKind, said: &[&(Key, Node)], problems: &mut Vec<Problem>) {
    let own: Vec<&str> = STEP[0].iter().map(|field| field.name).collect();
    for (key, _) in said.iter().filter(|(key, _)| key.text != kind.name) {
        let inside = kind
            .fields()
            .iter()
            .copied()
            .flatten()
            .any(|f| f.name == key.text);
        let hint = if inside {
            Some(format!(
                "`{}` goes inside `{}`: indent it further",
                key.text, kind.name
            ))
        } else {
            suggest(&key.text, &own)
        };
        let message = format!("unknown member `{}` in a step", key.text);
        problems.push(Problem::new(key.span, message, "not known here").maybe_hint(hint));
    }
}

fn checked<'n>(
    kind: &'static StepKind,
    body: &'n Node,
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Record<'n> {
    let of = format!("`{}`", kind.name);
    let mut checker = Checker { problems, names };
    let plain = !matches!(body.kind, Kind::Map(_) | Kind::Null | Kind::List(_));
    match kind.body {
        Body::Short(fields) if plain => {
            // Every short form has a first member, which a test of the table checks.
            let field = &fields[0][0];
            checker.shape(body, field.shape, &of);
            Record::short(field.name, body)
        }
        Body::Fields(fields) | Body::Short(fields) => checker.record(body, fields, &of),
        Body::Open => match body.kind {
            Kind::Map(_) => Record::empty(body),
            _ => checker.record(body, &[], &of),
        },
        Body::Nothing => checker.record(body, &[], &of),
    }
}

/// What the members' own rules can't say: one of two must be there, or not both.
fn incomplete(kind: &StepKind, record: &Record<'_>) -> Option<Problem> {
    let one_of: &[&str] = match kind.name {
        "send_line" => &["text", "hex"],
        "respond" => &["result", "error"],
        "await" => &["method", "where"],
        "file" => &["exists", "text", "kind"],
        _ => return None,
    };
    let given = one_of
        .iter()
        .filter(|name| record.get(name).is_some())
        .count();
    let both = matches!(kind.name, "send_line" | "respond");
    let message = match given {
        0 => format!("`{}` needs one of {}", kind.name, list(one_of)),
        2.. if both => format!("`{}` takes only one of {}", kind.name, list(one_of)),
        _ => return None,
    };
    Some(Problem::new(record.node.span, message, "here"))
}
