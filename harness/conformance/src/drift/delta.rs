//! Everything in which two runs of a case differ, in parts small enough to be the same in many cases.

use serde_json::Value;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::gist::gist;
use crate::compare::{Difference, WIRES, Wires};
use crate::normalise::Frame;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delta {
    /// `client`, `server` or `model`.
    pub wire: &'static str,
    /// The frame: `← item/started (agentMessage)`.
    pub kind: String,
    /// Where in its content: `params.thread.turns[].status`; empty for the frame as a whole.
    pub path: String,
    /// What became of it.
    pub change: Change,
}

/// What became of a frame, or of a part of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is there with the second target alone; the gist of its value, none for a frame.
    Added(String),
    /// It is there with the first target alone.
    Gone(String),
    /// It has another value: the gists of both.
    Changed(String, String),
    /// The frame comes at another place.
    Moved,
}

/// A difference, and the positions of the frames in which it is.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// What differs.
    pub(super) delta: Delta,
    /// The wire, as an index.
    wire: usize,
    /// The frames on both sides.
    frames: [Option<usize>; 2],
}

impl Found {
    /// The difference with both frames.
    pub(super) fn shown(&self, sides: [&Wires; 2]) -> Difference {
        let texts = [0, 1].map(|side| {
            let frame = &sides[side][self.wire][self.frames[side]?];
            Some(frame.text.trim_end().to_owned())
        });
        let first = self.frames[0].or(self.frames[1]);
        Difference {
            wire: self.delta.wire,
            frame: first.unwrap_or_default() + 1,
            sides: texts,
        }
    }
}

/// Every difference of two runs, each frame and each of its parts by itself.
pub(super) fn deltas(left: &Wires, right: &Wires) -> Vec<Found> {
    let mut all = Vec::new();
    for (index, (_, name)) in WIRES.iter().enumerate() {
        let mut found = Wire {
            index,
            name,
            sides: [&left[index], &right[index]],
            found: Vec::new(),
        };
        found.align();
        all.append(&mut found.found);
    }
    all
}

/// One wire of two runs.
struct Wire<'a> {
    /// Which of [`WIRES`].
    index: usize,
    name: &'static str,
    sides: [&'a [Frame]; 2],
    found: Vec<Found>,
}

impl Wire<'_> {
    /// Pairs the frames that are of one kind and in one order; what is left is gone, added, or has
    /// moved.
    fn align(&mut self) {
        let [left, right] = self.sides;
        let kinds = [left, right].map(|frames| frames.iter().map(kind).collect::<Vec<_>>());
        let mut lone: [Vec<usize>; 2] = <[Vec<usize>; 2]>::default();
        for part in capture_diff_slices(Algorithm::Myers, &kinds[0], &kinds[1]) {
            if let DiffOp::Equal {
                old_index,
                new_index,
                len,
            } = part
            {
                for at in 0..len {
                    self.pair(&kinds[0][old_index + at], [old_index + at, new_index + at]);
                }
                continue;
            }
            lone[0].extend(part.old_range());
            lone[1].extend(part.new_range());
        }
        for old in std::mem::take(&mut lone[0]) {
            let same = |new: &usize| kinds[1][*new] == kinds[0][old];
            let text = |new: &usize| same(new) && right[*new].text == left[old].text;
            let found = lone[1].iter().position(text);
            let Some(at) = found.or_else(|| lone[1].iter().position(same)) else {
                self.whole(
                    &kinds[0][old],
                    Change::Gone(String::new()),
                    [Some(old), None],
                );
                continue;
            };
            let new = lone[1].remove(at);
            self.whole(&kinds[0][old], Change::Moved, [Some(old), Some(new)]);
            self.pair(&kinds[0][old], [old, new]);
        }
        for new in std::mem::take(&mut lone[1]) {
            self.whole(
                &kinds[1][new],
                Change::Added(String::new()),
                [None, Some(new)],
            );
        }
    }

    fn whole(&mut self, kind: &str, change: Change, frames: [Option<usize>; 2]) {
        self.note(kind, String::new(), change, frames);
    }

    fn note(&mut self, kind: &str, path: String, change: Change, frames: [Option<usize>; 2]) {
        let delta = Delta {
            wire: self.name,
            kind: kind.to_owned(),
            path,
            change,
        };
        self.found.push(Found {
            delta,
            wire: self.index,
            frames,
        });
    }

    /// What differs in two frames that belong together.
    fn pair(&mut self, kind: &str, [old, new]: [usize; 2]) {
        let [left, right] = [&self.sides[0][old], &self.sides[1][new]];
        if left.text == right.text {
            return;
        }
        let mut changes = Vec::new();
        values("", &left.content, &right.content, &mut changes);
        if changes.is_empty() {
            // The header alone differs, as by a request id.
            let first = |frame: &Frame| frame.text.lines().next().unwrap_or_default().to_owned();
            changes.push((String::new(), Change::Changed(first(left), first(right))));
        }
        for (path, change) in changes {
            self.note(kind, path, change, [Some(old), Some(new)]);
        }
    }
}

/// The kind of a frame, and the type of the item that it is about.
fn kind(frame: &Frame) -> String {
    match frame.content["params"]["item"]["type"].as_str() {
        Some(item) => format!("{} ({item})", frame.kind),
        None => frame.kind.clone(),
    }
}

fn values(path: &str, left: &Value, right: &Value, out: &mut Vec<(String, Change)>) {
    match (left, right) {
        (left, right) if left == right => {}
        (Value::Object(old), Value::Object(new)) if left["type"] == right["type"] => {
            for (name, value) in old {
                let path = below(path, name);
                match new.get(name) {
                    Some(other) => values(&path, value, other, out),
                    None => out.push((path.clone(), Change::Gone(gist(&path, value)))),
                }
            }
            for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
                let path = below(path, name);
                out.push((path.clone(), Change::Added(gist(&path, value))));
            }
        }
        (Value::Array(old), Value::Array(new)) => elements(path, old, new, out),
        (left, right) => {
            let change = Change::Changed(gist(path, left), gist(path, right));
            out.push((path.to_owned(), change));
        }
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// Elements that are equal belong together; of what stands between those, the first with the first.
fn elements(path: &str, old: &[Value], new: &[Value], out: &mut Vec<(String, Change)>) {
    let path = format!("{path}[]");
    let texts = [old, new].map(|list| list.iter().map(Value::to_string).collect::<Vec<_>>());
    for part in capture_diff_slices(Algorithm::Myers, &texts[0], &texts[1]) {
        if matches!(part, DiffOp::Equal { .. }) {
            continue;
        }
        let (left, right) = (&old[part.old_range()], &new[part.new_range()]);
        for (left, right) in left.iter().zip(right) {
            values(&path, left, right, out);
        }
        let gone = left.iter().skip(right.len());
        out.extend(gone.map(|value| (path.clone(), Change::Gone(gist(&path, value)))));
        let more = right.iter().skip(left.len());
        out.extend(more.map(|value| (path.clone(), Change::Added(gist(&path, value)))));
    }
}

#[cfg(test)]
#[path = "delta_tests.rs"]
mod tests;
