//! `include`: parts that several scenarios share.
//!
//! A part has only members that can be put together: `tags`, `requires`, `model` and `steps` come
//! before the scenario's own; `home` and `files` are merged, the scenario's own on top.

use std::path::{Path, PathBuf};

use super::format::PART;
use super::problem::{Problem, suggest};
use super::source::Sources;
use super::yaml::{self, Key, Kind, Node};

/// Reads the text of a file, or says why it can't.
pub(crate) type Reader<'a> = &'a dyn Fn(&Path) -> Result<String, String>;

/// Puts what `root` includes into it and takes the member `include` out.
pub(crate) fn resolve(
    root: Node,
    file: &Path,
    read: Reader<'_>,
    sources: &mut Sources,
    problems: &mut Vec<Problem>,
) -> Node {
    let mut including = Including {
        read,
        sources,
        problems,
        seen: vec![normal(file)],
    };
    including.resolve(root, file)
}

struct Including<'a> {
    read: Reader<'a>,
    sources: &'a mut Sources,
    problems: &'a mut Vec<Problem>,
    /// Every file so far; none is taken twice, which rules cycles out.
    seen: Vec<PathBuf>,
}

impl Including<'_> {
    fn resolve(&mut self, mut node: Node, file: &Path) -> Node {
        let Kind::Map(members) = &mut node.kind else {
            return node;
        };
        let Some(at) = members.iter().position(|(key, _)| key.text == "include") else {
            return node;
        };
        let (_, include) = members.remove(at);
        let names = include
            .elements()
            .unwrap_or(std::slice::from_ref(&include))
            .to_vec();
        let mut whole = Node {
            span: node.span,
            kind: Kind::Map(Vec::new()),
        };
        for name in &names {
            if let Some(part) = self.part(name, file) {
                whole = merge(whole, part);
            }
        }
        let span = node.span;
        Node {
            span,
            ..merge(whole, node)
        }
    }

    fn part(&mut self, name: &Node, from: &Path) -> Option<Node> {
        let Some(text) = name.text() else {
            let message = format!("`include` names files, not {}", name.what());
            self.problems
                .push(Problem::new(name.span, message, "expected a string"));
            return None;
        };
        let path = normal(&from.parent().unwrap_or(Path::new("")).join(text));
        if self.seen.contains(&path) {
            let message = format!("`{text}` is included twice, or includes itself");
            self.problems.push(Problem::new(
                name.span,
                message,
                "already part of this scenario",
            ));
            return None;
        }
        self.seen.push(path.clone());
        let content = match (self.read)(&path) {
            Ok(content) => content,
            Err(why) => {
                let message = format!("can't include `{text}`: {why}");
                self.problems.push(
                    Problem::new(name.span, message, "named here")
                        .hint("paths are relative to the file that includes"),
                );
                return None;
            }
        };
        let source = self.sources.add(&path, &content);
        match yaml::parse(self.sources, source) {
            Ok(mut node) => {
                self.check(&mut node);
                let node = self.resolve(node, &path);
                node.members().is_some().then_some(node)
            }
            Err(found) => {
                self.problems.extend(found);
                None
            }
        }
    }

    /// A part has only members that parts may have; others are reported and dropped.
    fn check(&mut self, node: &mut Node) {
        let fields = PART.iter().copied().flatten();
        let known: Vec<&str> = fields.map(|field| field.name).collect();
        let (span, what) = (node.span, node.what());
        let Kind::Map(members) = &mut node.kind else {
            let message = format!("an included file is a map, not {what}");
            self.problems
                .push(Problem::new(span, message, "expected a map"));
            return;
        };
        members.retain(|(key, _)| {
            let allowed = known.contains(&key.text.as_str());
            if !allowed {
                let message = format!("an included file can't have `{}`", key.text);
                self.problems.push(
                    Problem::new(key.span, message, "not here")
                        .maybe_hint(suggest(&key.text, &known)),
                );
            }
            allowed
        });
    }
}

/// Puts `over` on top of `under`, member by member; lists of the same name are joined.
fn merge(under: Node, over: Node) -> Node {
    put_all(under, over, &|under, over| match (under.kind, over.kind) {
        (Kind::List(mut elements), Kind::List(more)) => {
            elements.extend(more);
            Node {
                span: over.span,
                kind: Kind::List(elements),
            }
        }
        (under_kind, kind) => overlay(
            Node {
                span: under.span,
                kind: under_kind,
            },
            Node {
                span: over.span,
                kind,
            },
        ),
    })
}

/// Likewise for the members of members: there a list replaces a list.
fn overlay(under: Node, over: Node) -> Node {
    put_all(under, over, &overlay)
}

fn put_all(under: Node, over: Node, combine: &dyn Fn(Node, Node) -> Node) -> Node {
    let kind = match (under.kind, over.kind) {
        (Kind::Map(mut members), Kind::Map(more)) => {
            for (key, node) in more {
                put(&mut members, key, node, combine);
            }
            Kind::Map(members)
        }
        (_, over) => over,
    };
    Node {
        span: over.span,
        kind,
    }
}

fn put(members: &mut Vec<(Key, Node)>, key: Key, node: Node, combine: &dyn Fn(Node, Node) -> Node) {
    match members.iter().position(|(name, _)| name.text == key.text) {
        None => members.push((key, node)),
        Some(at) => {
            let (_, under) = members.remove(at);
            members.insert(at, (key, combine(under, node)));
        }
    }
}

/// The path without `.` and `..`, as far as names alone can tell.
fn normal(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(out.components().next_back(), Some(Component::Normal(_))) =>
            {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
