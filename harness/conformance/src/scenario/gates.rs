//! Gates: what a reply holds, a step must release, and the other way round.

use super::problem::{Problem, list, suggest};
use super::yaml::Node;

/// Reports gates that are released but never held, and held but never released.
pub(crate) fn check(model: &[Node], steps: Option<&Node>, problems: &mut Vec<Problem>) {
    let mut held = Vec::new();
    for reply in model {
        if let Some(hold) = reply.get("hold") {
            gates(hold, &mut held);
        }
        let refused = reply.get("fault").and_then(|fault| fault.get("refuse"));
        held.extend(refused.and_then(|refuse| named(refuse, Opens::Released)));
    }
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
    let held_nodes: Vec<&Node> = held.iter().map(|gate| gate.name).collect();
    let (held_names, released_names) = (names(&held_nodes), names(&released));
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
    // One `until` is enough: the replies that name the gate share it.
    let opens_by_itself: Vec<&str> = held
        .iter()
        .filter(|gate| gate.opens == Opens::ByItself)
        .filter_map(|gate| gate.name.text())
        .collect();
    for (node, name) in held_nodes.iter().zip(&held_names) {
        if !released_names.contains(name) && !opens_by_itself.contains(&name.as_str()) {
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

/// A gate that a reply names.
struct Held<'n> {
    name: &'n Node,
    opens: Opens,
}

/// What opens a gate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opens {
    /// A step.
    Released,
    /// What `until` waits for, if no step does before.
    ByItself,
}

/// The gates that a `hold` names: a map, or each of a list. One with `until` alone has no name.
fn gates<'n>(hold: &'n Node, found: &mut Vec<Held<'n>>) {
    if let Some(elements) = hold.elements() {
        for element in elements {
            gates(element, found);
        }
        return;
    }
    let opens = if hold.get("until").is_some() {
        Opens::ByItself
    } else {
        Opens::Released
    };
    found.extend(named(hold, opens));
}

/// The gate that a map names with `gate`.
fn named(map: &Node, opens: Opens) -> Option<Held<'_>> {
    let name = map.get("gate").filter(|name| name.text().is_some())?;
    Some(Held { name, opens })
}
