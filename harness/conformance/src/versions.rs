//! Versions of codex, and ranges of them as lists write them.
//!
//! A list holds for a version when one of its ranges does: `["0.133.0", ">=0.160.0 <0.169.0"]`.
//! The parts of a range must all hold. A version without an operator is that version alone.

use std::cmp::Ordering;
use std::fmt;

/// Ranges of versions; none means all versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<Vec<Bound>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Bound {
    /// The orders, of a version to `version`, that it takes.
    takes: &'static [Ordering],
    version: Version,
}

/// A text that is no range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no range of versions; write for example `0.169.0` or `>=0.160.0 <0.169.0`")]
pub struct NotARange(String);

/// The operators, longer ones first.
const OPERATORS: [(&str, &[Ordering]); 5] = [
    (">=", &[Ordering::Greater, Ordering::Equal]),
    ("<=", &[Ordering::Less, Ordering::Equal]),
    (">", &[Ordering::Greater]),
    ("<", &[Ordering::Less]),
    ("=", &[Ordering::Equal]),
];

impl Ranges {
    /// Reads ranges.
    ///
    /// # Errors
    /// The first that is none.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, NotARange> {
        let ranges = texts.iter().map(|text| {
            let text = text.as_ref();
            let parts = text.split([' ', ',']).filter(|part| !part.is_empty());
            let bounds: Option<Vec<Bound>> = parts.map(bound).collect();
            bounds
                .filter(|bounds| !bounds.is_empty())
                .ok_or_else(|| NotARange(text.to_owned()))
        });
        ranges.collect::<Result<_, _>>().map(Self)
    }

    /// Is this version in one of them? A text that is no version is in none, unless there are none.
    pub fn has(&self, version: &str) -> bool {
        let given = Version::parse(version);
        let holds = |bound: &Bound| {
            let order = given.as_ref().map(|given| given.cmp(&bound.version));
            order.is_some_and(|order| bound.takes.contains(&order))
        };
        self.0.is_empty() || self.0.iter().any(|bounds| bounds.iter().all(holds))
    }
}

fn bound(part: &str) -> Option<Bound> {
    let found = OPERATORS
        .iter()
        .find_map(|(sign, takes)| Some((part.strip_prefix(sign)?, *takes)));
    let (version, takes) = found.unwrap_or((part, &[Ordering::Equal]));
    Some(Bound {
        takes,
        version: Version::parse(version)?,
    })
}

/// A version: `0.169.0`, or `0.170.0-alpha.3`, which comes before `0.170.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    numbers: [u64; 3],
    before: Option<String>,
}

impl Version {
    /// Reads a version; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (numbers, before) = match text.split_once('-') {
            Some((numbers, before)) => (numbers, Some(before.to_owned())),
            None => (text, None),
        };
        let numbers: Option<Vec<u64>> = numbers.split('.').map(|n| n.parse().ok()).collect();
        Some(Self {
            numbers: numbers?.try_into().ok()?,
            before,
        })
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let before = match (&self.before, &other.before) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(mine), Some(others)) => parts(mine).cmp(parts(others)),
        };
        self.numbers.cmp(&other.numbers).then(before)
    }
}

/// What stands behind the hyphen, numbers as such: they come before words.
fn parts(before: &str) -> impl Iterator<Item = Result<u64, &str>> {
    before.split('.').map(|part| part.parse().map_err(|_| part))
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        match &self.before {
            Some(before) => write!(f, "-{before}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_for_the_versions_that_they_name() {
        for (ranges, version, holds) in [
            (&[][..], "0.169.0", true),
            (&["0.169.0"], "0.169.0", true),
            (&["0.169.0"], "0.169.1", false),
            (&[">=0.133.0 <0.169.0"], "0.133.0", true),
            (&[">=0.133.0 <0.169.0"], "0.169.0", false),
            (&[">=0.133.0, <=0.169.0"], "0.169.0", true),
            (&["0.9.0", ">0.10.0"], "0.9.0", true),
            (&["0.9.0", ">0.10.0"], "0.10.0", false),
            (&["0.9.0", ">0.10.0"], "0.100.0", true),
            (&["<0.170.0"], "0.170.0-alpha.3", true),
            (&["<0.170.0-alpha.10"], "0.170.0-alpha.9", true),
            (&[">=0.169.0"], "latest", false),
        ] {
            let parsed = Ranges::parse(ranges).unwrap();
            assert_eq!(parsed.has(version), holds, "{ranges:?} {version}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for wrong in ["", "latest", "0.169", ">=", "~0.169.0", "0.1.2.3"] {
            let error = Ranges::parse(&[wrong]).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("`{wrong}` is no range")),
                "{error}"
            );
        }
    }

    #[test]
    fn versions_are_written_as_they_are_read() {
        for text in ["0.169.0", "1.0.0-alpha.1"] {
            assert_eq!(Version::parse(text).unwrap().to_string(), text);
        }
    }
}
