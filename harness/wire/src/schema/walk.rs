//! Walking a value along its schema: what it uses, and where it departs.

use serde_json::{Map, Value};

use super::choice::{Choice, Meant};
use super::definitions::Definitions;
use super::node::{Node, Object, Rest, Types};
use super::violation::{Fault, shown};

/// Something of the protocol that a value uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched<'a> {
    /// A member: the path of its type and its name.
    Member(&'a str, &'a str),
    /// A value of an enumeration: the path of its type and the value.
    Value(&'a str, &'a str),
}

/// What a walk comes upon.
pub(super) enum Told<'a> {
    /// The value uses this.
    Touched(Touched<'a>),
    /// The value departs from the schema here.
    Departs(Departure<'a>),
}

/// A place where a value departs from its schema.
pub(super) struct Departure<'a> {
    pub(super) fault: Fault,
    /// From the top of the value.
    pub(super) path: &'a [Segment<'a>],
    /// The path of the type.
    pub(super) of: &'a str,
    pub(super) found: String,
    pub(super) expected: Vec<String>,
}

/// One step down.
#[derive(Clone, Copy, Debug)]
pub(super) enum Segment<'a> {
    Member(&'a str),
    Index(usize),
}

/// A walk along one value.
pub(super) struct Walk<'a, 'told> {
    definitions: &'a Definitions,
    path: Vec<Segment<'a>>,
    told: &'told mut dyn FnMut(Told<'_>),
}

/// What of the schema is about the members and the elements of one value.
#[derive(Default)]
struct Parts<'a> {
    objects: Vec<(&'a Node, &'a Object)>,
    items: Option<&'a Node>,
    /// Does some part take anything?
    anything: bool,
}

impl<'a, 'told> Walk<'a, 'told> {
    pub(super) fn new(definitions: &'a Definitions, told: &'told mut dyn FnMut(Told<'_>)) -> Self {
        Self {
            definitions,
            path: Vec::new(),
            told,
        }
    }

    /// Walks along `value`, for which all of `nodes` hold.
    pub(super) fn along(&mut self, nodes: &[&'a Node], value: &'a Value) {
        let mut parts = Parts::default();
        for node in nodes {
            self.gather(node, value, &mut parts);
        }
        match value {
            Value::Object(members) => self.members(&parts, members),
            Value::Array(items) => {
                let Some(node) = parts.items else { return };
                for (index, item) in items.iter().enumerate() {
                    self.below(Segment::Index(index), &[node], item);
                }
            }
            _ => {}
        }
    }

    fn below(&mut self, segment: Segment<'a>, nodes: &[&'a Node], value: &'a Value) {
        self.path.push(segment);
        self.along(nodes, value);
        self.path.pop();
    }

    /// Judges the value itself, and collects what is said of its members.
    fn gather(&mut self, node: &'a Node, value: &'a Value, parts: &mut Parts<'a>) {
        if !node.types.has(Types::of(value)) {
            return self.departs(Fault::WrongType, node, value, vec![node.types.words()]);
        }
        if let Some(values) = &node.values {
            if !values.contains(value) {
                let known = values.iter().map(plain).collect();
                return self.departs(Fault::UnknownValue, node, value, known);
            }
            if let Some(text) = value.as_str() {
                (self.told)(Told::Touched(Touched::Value(&node.path, text)));
            }
        }
        if let (Some(range), Some(number)) = (&node.range, whole(value))
            && !range.contains(&number)
        {
            let between = format!("from {} to {}", range.start(), range.end());
            return self.departs(Fault::OutOfRange, node, value, vec![between]);
        }
        parts.anything |= node.takes_anything();
        parts
            .objects
            .extend(node.object.as_ref().map(|it| (node, it)));
        parts.items = parts.items.or(node.items.as_deref());
        if let Some(at) = node.reference {
            self.gather(self.definitions.at(at), value, parts);
        }
        for part in &node.all {
            self.gather(part, value, parts);
        }
        for choice in &node.choices {
            self.choose(node, choice, value, parts);
        }
    }

    fn choose(
        &mut self,
        node: &'a Node,
        choice: &'a Choice,
        value: &'a Value,
        parts: &mut Parts<'a>,
    ) {
        let known = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
        let meant = choice.meant(value);
        // Where it can't be told what was meant, nothing can be said of its members.
        parts.anything |= !matches!(meant, Meant::Option(_) | Meant::Trial(_));
        match meant {
            Meant::Option(option) => self.gather(option, value, parts),
            Meant::Trial(options) => {
                let best = options
                    .into_iter()
                    .min_by_key(|option| self.trial(option, value));
                if let Some(option) = best {
                    self.gather(option, value, parts);
                }
            }
            Meant::Types(types) => {
                self.departs(Fault::WrongType, node, value, vec![types.words()]);
            }
            Meant::Word(words) => self.departs(Fault::UnknownValue, node, value, known(words)),
            Meant::NoTag(name) => self.at_member(name, |walk| {
                walk.departs(Fault::MissingMember, node, &Value::Null, Vec::new());
            }),
            Meant::Tag(name, tags) => {
                let tag = &value[name];
                self.at_member(name, |walk| {
                    let fault = if tag.is_string() {
                        Fault::UnknownValue
                    } else {
                        Fault::WrongType
                    };
                    let expected = if tag.is_string() {
                        known(tags)
                    } else {
                        vec![Types::STRING.words()]
                    };
                    walk.departs(fault, node, tag, expected);
                });
            }
        }
    }

    fn at_member(&mut self, name: &'a str, then: impl FnOnce(&mut Self)) {
        self.path.push(Segment::Member(name));
        then(self);
        self.path.pop();
    }

    /// How badly an option fits: first by what is wrong, then by members that it doesn't know.
    fn trial(&self, option: &'a Node, value: &'a Value) -> (usize, usize) {
        let (mut wrong, mut unknown) = (0, 0);
        let mut count = |told: Told<'_>| {
            if let Told::Departs(departure) = told {
                match departure.fault {
                    Fault::UnknownMember => unknown += 1,
                    _ => wrong += 1,
                }
            }
        };
        Walk::new(self.definitions, &mut count).along(&[option], value);
        (wrong, unknown)
    }

    fn members(&mut self, parts: &Parts<'a>, members: &'a Map<String, Value>) {
        for &(node, object) in &parts.objects {
            for name in &object.required {
                if !members.contains_key(&**name) {
                    self.at_member(name, |walk| {
                        walk.departs(Fault::MissingMember, node, &Value::Null, Vec::new());
                    });
                }
            }
        }
        for (name, value) in members {
            self.member(parts, name, value);
        }
    }

    fn member(&mut self, parts: &Parts<'a>, name: &'a str, value: &'a Value) {
        let mut is_known = parts.anything || parts.objects.is_empty();
        for &(node, object) in &parts.objects {
            if let Some(member) = object.members.get(name) {
                is_known = true;
                (self.told)(Told::Touched(Touched::Member(&node.path, name)));
                self.below(Segment::Member(name), &[member], value);
            }
        }
        if is_known {
            return;
        }
        for &(_, object) in &parts.objects {
            match &object.rest {
                Rest::None => {}
                Rest::Any => is_known = true,
                Rest::Of(node) => {
                    is_known = true;
                    self.below(Segment::Member(name), &[node], value);
                }
            }
        }
        if !is_known {
            // The last part is the alternative that was meant, if there is one.
            let of = parts.objects.last().map(|(node, _)| *node);
            self.at_member(name, |walk| {
                if let Some(node) = of {
                    walk.departs(Fault::UnknownMember, node, value, Vec::new());
                }
            });
        }
    }

    fn departs(&mut self, fault: Fault, node: &Node, value: &Value, expected: Vec<String>) {
        (self.told)(Told::Departs(Departure {
            fault,
            path: &self.path,
            of: &node.path,
            found: match fault {
                Fault::MissingMember => String::new(),
                _ => shown(value),
            },
            expected,
        }));
    }
}

/// A path as a JSON pointer.
pub(super) fn pointer(path: &[Segment<'_>]) -> String {
    let mut out = String::new();
    for segment in path {
        out.push('/');
        match segment {
            Segment::Member(name) => out.push_str(&name.replace('~', "~0").replace('/', "~1")),
            Segment::Index(index) => out.push_str(&index.to_string()),
        }
    }
    out
}

fn whole(value: &Value) -> Option<i128> {
    let number = value.as_i64().map(i128::from);
    number.or_else(|| value.as_u64().map(i128::from))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
