//! The script's replies: `mock_responses` says what is right; here its errors get their place.

use mock_responses::Reply;
use serde_path_to_error::Segment;

use super::problem::{Problem, suggest};
use super::source::Span;
use super::yaml::Node;

/// Reports each reply that `mock_responses` refuses.
pub(crate) fn check(model: &[Node], problems: &mut Vec<Problem>) {
    for node in model {
        let Err(error) = serde_path_to_error::deserialize::<_, Reply>(node.to_json()) else {
            continue;
        };
        let text = error.inner().to_string();
        let place = place(node, error.path().iter());
        problems.push(unknown_member(&text, &place).unwrap_or_else(|| {
            Problem::new(place.value, format!("bad reply: {text}"), "in this reply")
        }));
    }
}

/// The error for a misspelt member, out of serde's "unknown field `x`, expected one of `y`, …".
fn unknown_member(text: &str, place: &Place) -> Option<Problem> {
    let fields = text.strip_prefix("unknown field ")?;
    let mut quoted = fields.split('`').skip(1).step_by(2);
    let given = quoted.next()?;
    let known: Vec<&str> = quoted.collect();
    let message = format!("unknown member `{given}` in a reply");
    let problem = Problem::new(place.key, message, "not known here");
    Some(problem.maybe_hint(suggest(given, &known)))
}

/// Where an error is: the innermost value, and its key (or the value again).
struct Place {
    key: Span,
    value: Span,
}

/// The innermost node of a path.
fn place<'p>(node: &Node, path: impl Iterator<Item = &'p Segment>) -> Place {
    let mut node = node;
    let mut place = Place {
        key: node.span,
        value: node.span,
    };
    for segment in path {
        let next = match segment {
            Segment::Seq { index } => node
                .elements()
                .and_then(|all| all.get(*index))
                .map(|element| (element.span, element)),
            Segment::Map { key } | Segment::Enum { variant: key } => node
                .members()
                .and_then(|members| members.iter().find(|(name, _)| name.text == *key))
                .map(|(name, value)| (name.span, value)),
            Segment::Unknown => None,
        };
        let Some((key, value)) = next else { break };
        place = Place {
            key,
            value: value.span,
        };
        node = value;
    }
    place
}
