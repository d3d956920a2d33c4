//! YAML as a tree in which every node knows where it stands.
//!
//! Built on the event parser that `serde-saphyr` uses. Nothing is decoded here; what JSON can't
//! say (tags, keys that aren't text, not-a-number) is refused, as are documents that would grow
//! without bound through their aliases.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Tag};
use serde_json::{Map, Number, Value};

use super::problem::Problem;
use super::source::{Sources, Span};

/// The most nodes a document may have, with its aliases written out.
const MAX_NODES: usize = 100_000;
/// The deepest nesting.
const MAX_DEPTH: usize = 64;

/// A value and the stretch of text that it was read from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// The key of a map's member.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) span: Span,
}

impl Node {
    /// What kind of value it is, with its article, for messages.
    pub(crate) fn what(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a string",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The members, if it is a map.
    pub(crate) fn members(&self) -> Option<&[(Key, Node)]> {
        match &self.kind {
            Kind::Map(members) => Some(members),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub(crate) fn elements(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// A member of a map.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.members()?
            .iter()
            .find(|(name, _)| name.text == key)
            .map(|(_, node)| node)
    }

    /// The same as JSON, without places.
    pub(crate) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(value) => Value::Number(value.clone()),
            Kind::Text(value) => Value::String(value.clone()),
            Kind::List(elements) => elements.iter().map(Node::to_json).collect(),
            Kind::Map(_) => Value::Object(self.to_object()),
        }
    }

    /// The members as JSON; empty unless it is a map.
    pub(crate) fn to_object(&self) -> Map<String, Value> {
        let members = self.members().unwrap_or_default();
        members
            .iter()
            .map(|(key, node)| (key.text.clone(), node.to_json()))
            .collect()
    }

    fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::List(elements) => elements.iter().map(Node::size).sum(),
            Kind::Map(members) => members.iter().map(|(_, node)| node.size()).sum::<usize>(),
            _ => 0,
        }
    }

    fn depth(&self) -> usize {
        1 + match &self.kind {
            Kind::List(elements) => elements.iter().map(Node::depth).max().unwrap_or(0),
            Kind::Map(members) => members
                .iter()
                .map(|(_, node)| node.depth())
                .max()
                .unwrap_or(0),
            _ => 0,
        }
    }
}

/// Reads the one document of a source.
///
/// # Errors
/// Everything that is wrong with it as YAML; a syntax error ends the reading, the rest is
/// collected.
pub(crate) fn parse(sources: &Sources, source: usize) -> Result<Node, Vec<Problem>> {
    let text = &sources.get(source).text;
    let mut builder = Builder {
        source,
        ..Builder::default()
    };
    let mut options = Options::default();
    options.emit_unresolved_aliases = true;
    for next in Parser::new_from_str_with_options(text, options) {
        let step = match next {
            Ok((event, span)) => {
                let range = span.byte_range().unwrap_or(0..0);
                builder.event(
                    event,
                    Span {
                        source,
                        start: range.start,
                        end: range.end,
                    },
                )
            }
            Err(error) => Err(Box::new(syntax(&error, text, source))),
        };
        if let Err(problem) = step {
            builder.problems.push(*problem);
            return Err(builder.problems);
        }
    }
    let Some(root) = builder.root else {
        let at = Span {
            source,
            start: 0,
            end: 0,
        };
        let problem = Problem::new(at, "the file is empty", "a scenario goes here")
            .hint("give at least `name` and `steps`");
        return Err(vec![problem]);
    };
    if builder.problems.is_empty() {
        Ok(root)
    } else {
        Err(builder.problems)
    }
}

fn syntax(error: &ScanError, text: &str, source: usize) -> Problem {
    let start = error.marker().byte_offset().unwrap_or(0).min(text.len());
    let begin = text[..text.floor_char_boundary(start)]
        .rfind('\n')
        .map_or(0, |at| at + 1);
    let line = text[begin..].lines().next().unwrap_or_default();
    let indent = line.len() - line.trim_start().len();
    if let Some(tab) = line[..indent].find('\t') {
        let at = Span {
            source,
            start: begin + tab,
            end: begin + tab + 1,
        };
        return Problem::new(at, "a tab can't indent yaml", "tab here").hint("indent with spaces");
    }
    let at = Span {
        source,
        start,
        end: start + 1,
    };
    let problem = Problem::new(at, format!("not yaml: {}", error.info()), "here");
    if line.contains("${") {
        problem.hint("inside `{…}` and `[…]` a `${variable}` must be in quotes")
    } else {
        problem
    }
}

/// A list or map whose end has not come yet.
struct Open {
    span: Span,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map(Vec<(Key, Node)>, Option<Key>),
}

#[derive(Default)]
struct Builder {
    source: usize,
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    problems: Vec<Problem>,
}

impl Builder {
    /// Takes the next event; an error ends the reading.
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Box<Problem>> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                let problem = Problem::new(span, "several documents in one file", "a second one");
                return Err(Box::new(
                    problem.hint("one scenario per file; use `matrix` for variants"),
                ));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let kind = self.scalar(&text, style, tag.as_deref(), span);
                self.done(Node { span, kind }, anchor)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse(tag.as_deref(), span);
                self.start(Open {
                    span,
                    anchor,
                    content: Content::List(Vec::new()),
                })?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse(tag.as_deref(), span);
                self.start(Open {
                    span,
                    anchor,
                    content: Content::Map(Vec::new(), None),
                })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span)?,
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    let message = "an alias inside its own anchor";
                    return Err(Box::new(Problem::new(span, message, "here")));
                };
                self.nodes += node.size();
                if self.open.len() + node.depth() > MAX_DEPTH {
                    return Err(Box::new(too_deep(span)));
                }
                self.done(node, 0)?;
            }
            Event::UnresolvedAlias(name) => {
                let message = format!("unknown alias `*{name}`");
                self.problems.push(
                    Problem::new(span, message, "no anchor of this name before")
                        .hint("put the text in quotes if no alias was meant"),
                );
                self.done(
                    Node {
                        span,
                        kind: Kind::Null,
                    },
                    0,
                )?;
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, open: Open) -> Result<(), Box<Problem>> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Box::new(too_deep(open.span)));
        }
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self, span: Span) -> Result<(), Box<Problem>> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let kind = match open.content {
            Content::List(elements) => Kind::List(elements),
            Content::Map(members, _) => Kind::Map(members),
        };
        let span = Span {
            end: span.end.max(open.span.end),
            ..open.span
        };
        self.done(Node { span, kind }, open.anchor)
    }

    /// Puts a finished node where it belongs.
    fn done(&mut self, node: Node, anchor: usize) -> Result<(), Box<Problem>> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("more than {MAX_NODES} values, with the aliases written out");
            let label = "too much from here on";
            return Err(Box::new(Problem::new(node.span, message, label)));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(elements)) => elements.push(node),
            Some(Content::Map(members, pending)) => match pending.take() {
                Some(key) => members.push((key, node)),
                None => *pending = Some(key(members, &node, self.source, &mut self.problems)),
            },
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Kind {
        let string = tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
        if !string {
            self.refuse(tag, span);
        }
        if string || style != ScalarStyle::Plain {
            return Kind::Text(text.to_owned());
        }
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
            "true" | "True" | "TRUE" => Kind::Bool(true),
            "false" | "False" | "FALSE" => Kind::Bool(false),
            _ => number(text).map_or_else(|| Kind::Text(text.to_owned()), Kind::Number),
        }
    }

    fn refuse(&mut self, tag: Option<&Tag>, span: Span) {
        if let Some(tag) = tag {
            let message = format!("tag `{}` isn't supported", tag.original());
            self.problems
                .push(Problem::new(span, message, "tagged").hint("leave the tag out"));
        }
    }
}

fn too_deep(span: Span) -> Problem {
    Problem::new(
        span,
        format!("nested deeper than {MAX_DEPTH} levels"),
        "too deep from here on",
    )
}

/// A map's key from the node in its place.
fn key(members: &[(Key, Node)], node: &Node, source: usize, problems: &mut Vec<Problem>) -> Key {
    let text = match &node.kind {
        Kind::Text(text) => text.clone(),
        Kind::Number(number) => number.to_string(),
        Kind::Bool(value) => value.to_string(),
        Kind::Null => "~".to_owned(),
        Kind::List(_) | Kind::Map(_) => {
            let message = format!("{} can't be a key", node.what());
            let problem = Problem::new(node.span, message, "must be text");
            problems.push(problem.hint("put `${…}` in quotes: `{` begins a map otherwise"));
            String::new()
        }
    };
    let span = Span {
        source,
        ..node.span
    };
    if text == "<<" {
        let problem = Problem::new(span, "merge keys aren't supported", "here");
        problems.push(problem.hint("`include` takes parts from another file"));
    } else if let Some((first, _)) = members.iter().find(|(key, _)| key.text == text) {
        let problem = Problem::new(span, format!("key `{text}` is given twice"), "again here");
        problems.push(problem.also(first.span, "first here"));
    }
    Key { text, span }
}

/// A number of YAML's core schema, unless JSON has none like it (infinity).
fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return u64::from_str_radix(rest, radix).ok().map(Number::from);
        }
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        || !digits
            .chars()
            .all(|c| c.is_ascii_digit() || "+-.eE".contains(c))
    {
        return None;
    }
    let plain = text.strip_prefix('+').unwrap_or(text);
    plain
        .parse::<i64>()
        .map(Number::from)
        .or_else(|_| plain.parse::<u64>().map(Number::from))
        .ok()
        .or_else(|| plain.parse::<f64>().ok().and_then(Number::from_f64))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Node, Vec<Problem>> {
        let mut sources = Sources::default();
        let source = sources.add(Path::new("x.yaml"), text);
        parse(&sources, source)
    }

    fn messages(text: &str) -> Vec<String> {
        read(text)
            .unwrap_err()
            .into_iter()
            .map(|problem| problem.message)
            .collect()
    }

    #[test]
    fn scalars_follow_the_core_schema_of_yaml_1_2() {
        let text = "[1, -2, +3, 0x1f, 0o17, 1.5, 1e3, .5, ~, null, true, yes, no, on, 1.2.3, \
                    1-2, '1', \"a\\u00e9\", 18446744073709551615, .inf, 0xzz, '']";
        let want = json!([
            1,
            -2,
            3,
            31,
            15,
            1.5,
            1000.0,
            0.5,
            null,
            null,
            true,
            "yes",
            "no",
            "on",
            "1.2.3",
            "1-2",
            "1",
            "a\u{e9}",
            18_446_744_073_709_551_615_u64,
            ".inf",
            "0xzz",
            ""
        ]);
        assert_eq!(read(text).unwrap().to_json(), want);
    }

    #[test]
    fn aliases_are_copies_of_their_anchors() {
        let node = read("a: &x {k: [1]}\nb: *x\n").unwrap();
        assert_eq!(node.to_json(), json!({"a": {"k": [1]}, "b": {"k": [1]}}));
    }

    #[test]
    fn what_json_cannot_say_is_refused_all_at_once() {
        let text = "a: !x 1\na: 2\n? [k]\n: 3\n<<: {}\nb: *none\nc: !!str 5\n";
        assert_eq!(
            messages(text),
            [
                "tag `!x` isn't supported",
                "key `a` is given twice",
                "a list can't be a key",
                "merge keys aren't supported",
                "unknown alias `*none`",
            ]
        );
    }

    #[test]
    fn documents_that_grow_without_bound_are_refused() {
        use std::fmt::Write as _;
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let alias = format!("*a{}", level - 1);
            let _ = writeln!(bomb, "a{level}: &a{level} [{}]", vec![alias; 10].join(", "));
        }
        assert!(messages(&bomb)[0].starts_with("more than 100000 values"));
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(
            messages(&nested(MAX_DEPTH + 1)),
            ["nested deeper than 64 levels"]
        );
        assert_eq!(messages(&nested(100_000)).len(), 1);
        assert_eq!(messages("a: &a [*a]\n"), ["an alias inside its own anchor"]);
    }

    #[test]
    fn no_document_two_documents_and_tabs_say_so() {
        assert_eq!(messages(""), ["the file is empty"]);
        assert_eq!(messages("# nothing\n"), ["the file is empty"]);
        assert_eq!(
            messages("a: 1\n---\nb: 2\n"),
            ["several documents in one file"]
        );
        assert_eq!(messages("a:\n\tb: 1\n"), ["a tab can't indent yaml"]);
    }
}
