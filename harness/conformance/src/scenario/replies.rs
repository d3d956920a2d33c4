//! The script's replies: `mock_responses` says what is right; here its errors get their place.

use mock_responses::Reply;
use serde_path_to_error::Segment;

use super::problem::Problem;
use super::source::Span;
use super::yaml::Node;

/// Reports each reply that `mock_responses` refuses.
pub(crate) fn check(model: &[Node], problems: &mut Vec<Problem>) {
    for node in model {
        let Err(error) = serde_path_to_error::deserialize::<_, Reply>(node.to_json()) else {
            continue;
        };
        let span = place(node, error.path().iter());
        let message = format!("bad reply: {}", error.inner());
        problems.push(
            Problem::new(span, message, "in this reply")
                .hint("for example `- message: hello`; see the schema for all kinds of reply"),
        );
    }
}

/// The innermost node of a path; the key itself where its name is at fault.
fn place<'p>(node: &Node, path: impl Iterator<Item = &'p Segment>) -> Span {
    let mut node = node;
    let mut span = node.span;
    for segment in path {
        let next = match segment {
            Segment::Seq { index } => node.elements().and_then(|all| all.get(*index)),
            Segment::Map { key } | Segment::Enum { variant: key } => node
                .members()
                .and_then(|members| members.iter().find(|(name, _)| name.text == *key))
                .map(|(_, value)| value),
            Segment::Unknown => None,
        };
        let Some(next) = next else { break };
        (node, span) = (next, next.span);
    }
    span
}
