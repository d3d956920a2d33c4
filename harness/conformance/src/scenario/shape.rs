//! The tables that describe a file's maps: which members there are, and what each holds.
//!
//! Decoding, messages and the JSON Schema all read them; nothing about the format is written
//! anywhere else.

use super::matcher;
use super::names::Names;
use super::problem::{Problem, close, list, suggest};
use super::template;
use super::yaml::{Kind, Node};

/// A member of a map.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
    pub(crate) doc: &'static str,
}

/// Groups of members, so that several maps can share one.
pub(crate) type Fields = &'static [&'static [Field]];

/// A member that may be left out.
pub(crate) const fn may(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field {
        name,
        shape,
        required: false,
        doc,
    }
}

/// A member that must be there.
pub(crate) const fn must(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field {
        name,
        shape,
        required: true,
        doc,
    }
}

/// The largest [`Shape::Count`].
pub(crate) const MAX_COUNT: u64 = 1 << 26;

/// What a member holds.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// A string or a list of strings.
    TextOrTexts,
    /// `true` or `false`.
    Flag,
    /// A whole number from 0 to [`MAX_COUNT`].
    Count,
    /// Anything.
    Any,
    /// A map with any members.
    Map,
    /// A map from names to strings.
    TextMap,
    /// A list of anything; it is read elsewhere.
    List,
    /// A matcher.
    Matcher,
    /// A map from names to matchers.
    MatcherMap,
    /// A map from indexes, counted from 0, to matchers.
    MatcherIndex,
    /// The name of an earlier result.
    Result,
    /// Seconds, or a string with a unit: `500ms`, `2s`, `1m`.
    Duration,
    /// Bytes as pairs of hexadecimal digits, blanks between them or not.
    Hex,
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// A list of some of these strings.
    Choices(&'static [&'static str]),
    /// A map with these members.
    Record(Fields),
    /// A list of such maps.
    Records(Fields),
}

impl Shape {
    /// In words, for messages.
    fn wanted(self) -> &'static str {
        match self {
            Self::Text | Self::Choice(_) | Self::Hex => "a string",
            Self::Texts | Self::Choices(_) => "a list of strings",
            Self::TextOrTexts => "a string or a list of strings",
            Self::Flag => "`true` or `false`",
            Self::Count => "a whole number of at most 67108864",
            Self::Any | Self::Matcher => "any value",
            Self::Map | Self::TextMap | Self::MatcherMap | Self::MatcherIndex | Self::Record(_) => {
                "a map"
            }
            Self::List | Self::Records(_) => "a list",
            Self::Result => "the name of an earlier result",
            Self::Duration => "seconds, or a string such as `500ms`",
        }
    }
}

/// A map whose members were checked; reading them back can't fail any more.
pub(crate) struct Record<'n> {
    pub(crate) node: &'n Node,
    members: Vec<(&'static str, &'n Node)>,
}

impl<'n> Record<'n> {
    /// A record with one member, for the short form of a step.
    pub(crate) fn short(name: &'static str, node: &'n Node) -> Self {
        Self {
            node,
            members: vec![(name, node)],
        }
    }

    /// A record without members.
    pub(crate) fn empty(node: &'n Node) -> Self {
        Self {
            node,
            members: Vec::new(),
        }
    }

    /// The value of a member.
    pub(crate) fn get(&self, name: &str) -> Option<&'n Node> {
        self.members
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, node)| *node)
    }
}

/// Collects what is wrong while a file is decoded.
pub(crate) struct Checker<'a> {
    pub(crate) problems: &'a mut Vec<Problem>,
    pub(crate) names: &'a Names,
}

impl Checker<'_> {
    /// Checks a map against its table.
    pub(crate) fn record<'n>(&mut self, node: &'n Node, fields: Fields, of: &str) -> Record<'n> {
        let Some(members) = node.members() else {
            // `home:` with nothing behind it is a map without members.
            if !matches!(node.kind, Kind::Null) {
                self.wrong(node, &format!("{of} is a map"));
                return Record::empty(node);
            }
            return self.missing(Record::empty(node), fields, of, &[]);
        };
        let known = || fields.iter().copied().flatten();
        let mut record = Record::empty(node);
        let mut meant = Vec::new();
        for (key, value) in members {
            let Some(field) = known().find(|field| field.name == key.text) else {
                let names: Vec<&str> = known().map(|field| field.name).collect();
                meant.extend(close(&key.text, &names));
                self.problems.push(
                    Problem::new(
                        key.span,
                        format!("unknown member `{}` in {of}", key.text),
                        "not known here",
                    )
                    .maybe_hint(suggest(&key.text, &names)),
                );
                continue;
            };
            self.shape(value, field.shape, &format!("`{}`", field.name));
            record.members.push((field.name, value));
        }
        self.missing(record, fields, of, &meant)
    }

    /// Reports what must be there and isn't, save for what a misspelt member was meant to be.
    fn missing<'n>(
        &mut self,
        record: Record<'n>,
        fields: Fields,
        of: &str,
        meant: &[&str],
    ) -> Record<'n> {
        for field in fields
            .iter()
            .copied()
            .flatten()
            .filter(|field| field.required)
        {
            if record.get(field.name).is_none() && !meant.contains(&field.name) {
                let message = format!("{of} needs `{}`", field.name);
                let label = format!("no `{}` here", field.name);
                let hint = format!("`{}`: {}", field.name, field.doc);
                self.problems
                    .push(Problem::new(record.node.span, message, label).hint(hint));
            }
        }
        record
    }

    fn wrong(&mut self, node: &Node, what: &str) {
        let message = format!("{what}, not {}", node.what());
        self.problems.push(Problem::new(
            node.span,
            message,
            format!("this is {}", node.what()),
        ));
    }

    /// Checks one value.
    pub(crate) fn shape(&mut self, node: &Node, shape: Shape, of: &str) {
        match (shape, &node.kind) {
            (Shape::Any, _)
            | (Shape::Text | Shape::TextOrTexts, Kind::Text(_))
            | (Shape::Flag, Kind::Bool(_))
            | (Shape::Map, Kind::Map(_))
            | (Shape::List, Kind::List(_)) => {}
            (Shape::Count, Kind::Number(number))
                if number.as_u64().is_some_and(|count| count <= MAX_COUNT) => {}
            (Shape::Texts | Shape::TextOrTexts, Kind::List(elements)) => {
                self.each(elements, Shape::Text, of);
            }
            (Shape::TextMap, Kind::Map(members)) => {
                for (key, node) in members {
                    self.shape(node, Shape::Text, &format!("`{}`", key.text));
                }
            }
            (Shape::Matcher, _) => drop(matcher::parse(node, self.problems)),
            (Shape::MatcherMap | Shape::MatcherIndex, Kind::Map(members)) => {
                for (key, node) in members {
                    if matches!(shape, Shape::MatcherIndex) && key.text.parse::<usize>().is_err() {
                        let message = format!("`{}` is not an index", key.text);
                        let hint = "requests are counted from 0";
                        self.problems
                            .push(Problem::new(key.span, message, "expected a number").hint(hint));
                    }
                    matcher::parse(node, self.problems);
                }
            }
            (Shape::Result, Kind::Text(name)) => self.result(node, name, of),
            (Shape::Duration, _) if duration(node).is_some() => {}
            (Shape::Hex, Kind::Text(text)) if hex(text).is_some() => {}
            (Shape::Hex, Kind::Text(_)) => {
                let message = format!("{of} is pairs of hexadecimal digits");
                self.problems.push(
                    Problem::new(node.span, message, "this isn't").hint("for example `7b ff 0a`"),
                );
            }
            (Shape::Choice(known), Kind::Text(text)) if known.contains(&text.as_str()) => {}
            (Shape::Choice(known), Kind::Text(text)) => {
                let message = format!("{of} is one of {}; got `{text}`", list(known));
                self.problems.push(
                    Problem::new(node.span, message, "not one of them").maybe_hint(
                        close(text, known).map(|name| format!("did you mean `{name}`?")),
                    ),
                );
            }
            (Shape::Choices(known), Kind::List(elements)) => {
                self.each(elements, Shape::Choice(known), of);
            }
            (Shape::Record(fields), _) => drop(self.record(node, fields, of)),
            (Shape::Records(fields), Kind::List(elements)) => {
                self.each(elements, Shape::Record(fields), of);
            }
            (Shape::Text | Shape::Choice(_), Kind::Number(_) | Kind::Bool(_) | Kind::Null) => {
                self.wrong(node, &format!("{of} is a string"));
                if let Some(last) = self.problems.last_mut() {
                    last.hint = Some("put it in quotes".to_owned());
                }
            }
            _ => self.wrong(node, &format!("{of} is {}", shape.wanted())),
        }
    }

    fn each(&mut self, elements: &[Node], shape: Shape, of: &str) {
        for element in elements {
            self.shape(element, shape, &format!("an element of {of}"));
        }
    }

    /// A name must be bound by an earlier step, unless it is put together from variables.
    fn result(&mut self, node: &Node, name: &str, of: &str) {
        let computed = template::parts(name)
            .iter()
            .any(|part| matches!(part, template::Part::Variable(_)));
        if computed || self.names.results().contains(&name) {
            return;
        }
        let earlier = self.names.results();
        let hint = match suggest(name, &earlier) {
            Some(hint) => hint,
            None => "give an earlier step a name with `as`".to_owned(),
        };
        let message = format!("{of} names `{name}`, but no earlier step has this name");
        self.problems
            .push(Problem::new(node.span, message, "not bound before").hint(hint));
    }
}

/// Reads a duration: seconds as a number, or a string with a unit.
pub(crate) fn duration(node: &Node) -> Option<std::time::Duration> {
    let seconds = match &node.kind {
        Kind::Number(number) => number.as_f64()?,
        Kind::Text(text) => {
            let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            let factor = match &text[digits.len()..] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                _ => return None,
            };
            digits.trim().parse::<f64>().ok()? * factor
        }
        _ => return None,
    };
    let duration = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    (!duration.is_zero()).then_some(duration)
}

/// Reads bytes from pairs of hexadecimal digits.
pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16))
        .collect::<Option<_>>()?;
    // Two digits below 16 always fit a byte.
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).ok();
    if digits.len().is_multiple_of(2) {
        digits.chunks(2).map(byte).collect()
    } else {
        None
    }
}
