//! Gates: what a reply holds, a step must release, and the other way round.

use super::problem::{Problem, list, suggest};
use super::yaml::{Key, Kind, Node};

/// Reports gates that are released but never held, and held but never released.
pub(crate) fn check(model: &[Node], steps: Option<&Node>, problems: &mut Vec<Problem>) {
    let mut held = Vec::new();
    model
        .iter()
        .filter_map(|reply| reply.get("hold"))
        .for_each(|hold| gates(hold, &mut held));
    let steps = steps.and_then(Node::elements).unwrap_or_default();
    let released: Vec<&Node> = steps
        .iter()
        .filter_map(|step| step.get("release"))
        .filter_map(|body| {
            if body.text().is_some() {
                Some(body)
            } else {
                body.get("gate")
            }
        })
        .collect();
    let names = |nodes: &[&Node]| -> Vec<String> {
        nodes
            .iter()
            .filter_map(|node| node.text())
            .map(str::to_owned)
            .collect()
    };
    let (held_names, released_names) = (names(&held), names(&released));
    for (node, name) in released.iter().zip(&released_names) {
        if !held_names.contains(name) {
            let known: Vec<&str> = held_names.iter().map(String::as_str).collect();
            let hint = suggest(name, &known)
                .unwrap_or_else(|| "a reply waits with `hold: { gate: NAME }`".to_owned());
            problems.push(
                Problem::new(
                    node.span,
                    format!("no reply holds the gate `{name}`"),
                    "never held",
                )
                .hint(hint),
            );
        }
    }
    for (node, name) in held.iter().zip(&held_names) {
        if !released_names.contains(name) {
            let hint = if released_names.is_empty() {
                "add a step `release: …`, or use `fault: stall` for a reply that never goes on"
                    .to_owned()
            } else {
                format!("released are {}", list(&released_names))
            };
            problems.push(
                Problem::new(
                    node.span,
                    format!("no step releases the gate `{name}`"),
                    "held here",
                )
                .hint(hint),
            );
        }
    }
}

/// The gates that a `hold` names: as a text, or as `gate` of a map; or of each of a list.
fn gates<'n>(hold: &'n Node, found: &mut Vec<&'n Node>) {
    match &hold.kind {
        Kind::Text(_) => found.push(hold),
        Kind::List(elements) => elements.iter().for_each(|element| gates(element, found)),
        Kind::Map(members) => found.extend(
            members
                .iter()
                .filter(|(Key { text, .. }, node)| text == "gate" && node.text().is_some())
                .map(|(_, node)| node),
        ),
        _ => {}
    }
}
