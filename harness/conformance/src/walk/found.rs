//! Differences that sessions showed, the same ones together.

use std::path::PathBuf;

use crate::compare::Difference;

/// A difference that repeats, with the smallest session that shows it.
#[derive(Clone, Debug)]
pub struct Found {
    /// The difference, in the smallest session.
    pub difference: Difference,
    /// The sessions that showed it first of all, by their numbers.
    pub sessions: Vec<u64>,
    /// The smallest one, as a scenario file.
    pub text: String,
    /// How many steps it has.
    pub steps: usize,
    /// Where it was written.
    pub file: Option<PathBuf>,
}

/// What makes two differences the same: the wire, what kind of frames differ, and the first lines
/// in which they do, whatever their numbers are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(String);

impl Signature {
    /// Of a difference.
    pub fn of(difference: &Difference) -> Self {
        let sides = difference.sides.each_ref().map(|side| {
            let lines = side.as_deref().unwrap_or("(nothing more)").lines();
            lines.collect::<Vec<_>>()
        });
        let longest = sides[0].len().max(sides[1].len());
        let line = (0..longest).find(|&at| sides[0].get(at) != sides[1].get(at));
        let mut text = difference.wire.to_owned();
        for side in &sides {
            let head = side.first().copied().unwrap_or_default();
            let first = line.and_then(|at| side.get(at)).copied();
            // Of frames of two kinds it doesn't matter what is in them.
            let first = first.filter(|_| line != Some(0)).unwrap_or_default();
            text.push('\n');
            text.push_str(&masked(head));
            text.push('\n');
            text.push_str(&masked(first));
        }
        Self(text)
    }
}

/// A text with `0` in place of each number.
fn masked(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if !c.is_ascii_digit() {
            out.push(c);
        } else if !out.ends_with('0') {
            out.push('0');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(sides: [Option<&str>; 2]) -> Signature {
        Signature::of(&Difference {
            wire: "server",
            frame: 3,
            sides: sides.map(|side| side.map(str::to_owned)),
        })
    }

    #[test]
    fn numbers_and_what_is_equal_dont_matter() {
        let one = signature([
            Some("← reply #3 thread/fork\n  a: 1\n  name: x1"),
            Some("← reply #3 thread/fork\n  a: 1\n  name: null"),
        ]);
        let other = signature([
            Some("← reply #12 thread/fork\n  a: 2\n  b: 3\n  name: x22"),
            Some("← reply #12 thread/fork\n  a: 2\n  b: 3\n  name: null"),
        ]);
        assert_eq!(one, other);
    }

    #[test]
    fn another_frame_or_another_line_is_another_difference() {
        let one = signature([Some("← a\n  x: 1"), Some("← a\n  x: y")]);
        assert_ne!(one, signature([Some("← a\n  x: 1"), Some("← a\n  z: y")]));
        assert_ne!(one, signature([Some("← b\n  x: 1"), Some("← b\n  x: y")]));
        assert_ne!(one, signature([Some("← a\n  x: 1"), None]));
    }
}
