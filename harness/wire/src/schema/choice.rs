//! Alternatives, and which of them a value means.
//!
//! To say what is wrong with a value it has to be known first what it was meant to be. The
//! alternatives of codex are told apart by a tag (`type`, `mode`, …), by their only member, or by
//! being words; few of them take a trial.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::definitions::Definitions;
use super::node::{Node, Types};

/// The positions of options, by what tells them.
type Positions = HashMap<Box<str>, usize>;

/// `oneOf` or `anyOf`.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) options: Box<[Node]>,
    /// The kinds of values that each option takes.
    types: Box<[Types]>,
    objects: Objects,
    /// The option of each word, where all strings are words of a list.
    words: Option<Positions>,
}

/// How the objects among the options are told apart.
#[derive(Debug)]
enum Objects {
    /// By the value of this member.
    Tag(Box<str>, Positions),
    /// By the member that is there.
    Key(Positions),
    /// In no such way.
    Trial,
}

/// Which option a value means.
#[derive(Debug)]
pub(super) enum Meant<'s> {
    /// This one.
    Option(&'s Node),
    /// One of these, whichever fits best.
    Trial(Vec<&'s Node>),
    /// None: no option takes values of its kind, only of these.
    Types(Types),
    /// None: the member that tells is missing.
    NoTag(&'s str),
    /// None: the member that tells has no such value.
    Tag(&'s str, Vec<&'s str>),
    /// None: it is no such word, and no object with one of these members.
    Word(Vec<&'s str>),
}

impl Choice {
    pub(super) fn compile(options: &[Value], path: &str, definitions: &Definitions) -> Self {
        let resolved: Vec<&Value> = options
            .iter()
            .map(|option| definitions.resolved(option))
            .collect();
        let types: Box<[Types]> = resolved
            .iter()
            .map(|option| types_of(option, definitions, 0))
            .collect();
        let of = |kind: Types| {
            let all = resolved.iter().enumerate();
            all.filter(|(at, _)| types[*at].has(kind))
                .map(|(at, option)| (at, *option))
                .collect::<Vec<_>>()
        };
        Self {
            objects: objects(&of(Types::OBJECT)),
            words: words(&of(Types::STRING)),
            options: options
                .iter()
                .map(|option| Node::compile(option, path, definitions))
                .collect(),
            types,
        }
    }

    /// Which option does a value mean?
    pub(super) fn meant<'s>(&'s self, value: &Value) -> Meant<'s> {
        let kind = Types::of(value);
        let mut fitting = (0..self.options.len()).filter(|at| self.types[*at].has(kind));
        let (first, second) = (fitting.next(), fitting.next());
        let Some(first) = first else {
            let all = self.types.iter().fold(Types::NONE, |all, it| all.or(*it));
            return Meant::Types(all);
        };
        if let (Value::String(word), Some(words)) = (value, &self.words) {
            return words.get(word.as_str()).map_or_else(
                || Meant::Word(sorted(words)),
                |at| Meant::Option(&self.options[*at]),
            );
        }
        match (value, &self.objects) {
            (Value::Object(members), Objects::Tag(name, options)) => {
                return self.tagged(members, name, options);
            }
            (Value::Object(members), Objects::Key(options)) => {
                let found = members.keys().find_map(|name| options.get(name.as_str()));
                return found.map_or_else(
                    || Meant::Word(sorted(options)),
                    |at| Meant::Option(&self.options[*at]),
                );
            }
            _ => {}
        }
        let Some(second) = second else {
            return Meant::Option(&self.options[first]);
        };
        let all = [first, second].into_iter().chain(fitting);
        Meant::Trial(all.map(|at| &self.options[at]).collect())
    }

    fn tagged<'s>(
        &'s self,
        members: &Map<String, Value>,
        name: &'s str,
        options: &'s Positions,
    ) -> Meant<'s> {
        let Some(tag) = members.get(name) else {
            return Meant::NoTag(name);
        };
        let at = tag.as_str().and_then(|tag| options.get(tag));
        at.map_or_else(
            || Meant::Tag(name, sorted(options)),
            |at| Meant::Option(&self.options[*at]),
        )
    }
}

/// The names of options, in an order that doesn't change.
fn sorted(options: &Positions) -> Vec<&str> {
    let mut names: Vec<(usize, &str)> = options.iter().map(|(name, at)| (*at, &**name)).collect();
    names.sort_unstable();
    names.into_iter().map(|(_, name)| name).collect()
}

/// The kinds of values that a schema takes, through its alternatives.
fn types_of(schema: &Value, definitions: &Definitions, depth: usize) -> Types {
    /// Deeper than any alternatives within alternatives of codex.
    const DEEP: usize = 16;
    if depth > DEEP {
        return Types::ANY;
    }
    let schema = definitions.resolved(schema);
    let mut types = Types::named(&schema["type"]);
    for keyword in ["oneOf", "anyOf"] {
        if let Some(options) = schema[keyword].as_array() {
            let any = options.iter().fold(Types::NONE, |all, option| {
                all.or(types_of(option, definitions, depth + 1))
            });
            types = types.and(any);
        }
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        types = types.and(types_of(part, definitions, depth + 1));
    }
    types
}

fn objects(options: &[(usize, &Value)]) -> Objects {
    if let [_, _, ..] = options {
        if let Some((name, tags)) = tag(options) {
            return Objects::Tag(name, tags);
        }
        let only = |option: &Value| match option["required"].as_array()?.as_slice() {
            [name] if option["additionalProperties"] == false => Some(name.as_str()?.into()),
            _ => None,
        };
        let keys: Option<Positions> = options
            .iter()
            .map(|(at, option)| Some((only(option)?, *at)))
            .collect();
        if let Some(keys) = keys.filter(|keys| keys.len() == options.len()) {
            return Objects::Key(keys);
        }
    }
    Objects::Trial
}

/// The member that has one value in each option, another one in each.
fn tag(options: &[(usize, &Value)]) -> Option<(Box<str>, Positions)> {
    let (_, first) = options.first()?;
    let mut names = first["properties"].as_object()?.keys();
    names.find_map(|name| {
        let tags: Positions = options
            .iter()
            .map(|(at, option)| Some((constant(&option["properties"][name])?.into(), *at)))
            .collect::<Option<_>>()?;
        (tags.len() == options.len()).then(|| (name.as_str().into(), tags))
    })
}

/// The only value of a member.
fn constant(schema: &Value) -> Option<&str> {
    match schema["enum"].as_array()?.as_slice() {
        [only] => only.as_str(),
        _ => None,
    }
}

fn words(options: &[(usize, &Value)]) -> Option<Positions> {
    let mut words = HashMap::new();
    for (at, option) in options {
        for word in option["enum"].as_array()? {
            words.insert(word.as_str()?.into(), *at);
        }
    }
    Some(words)
}
