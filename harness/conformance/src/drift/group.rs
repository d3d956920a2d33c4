//! The same difference in many cases, frames and places, as one entry.

use std::collections::{BTreeMap, BTreeSet};

use super::delta::{Change, Delta, Found, deltas};
use crate::compare::{Difference, Wires};
use crate::schema::diff::Authority;

/// What makes two differences the same: the wire, the frame or the member, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// `client`, `server` or `model`.
    pub wire: &'static str,
    /// The frame, where it is about one as a whole; else the member's name.
    pub subject: String,
    /// What became of it.
    pub change: Change,
}

impl Key {
    fn of(delta: &Delta) -> Self {
        let member = delta.path.rsplit('.').next().unwrap_or_default();
        let subject = if member.is_empty() {
            &delta.kind
        } else {
            member
        };
        Self {
            wire: delta.wire,
            subject: subject.to_owned(),
            change: delta.change.clone(),
        }
    }
}

impl Key {
    /// The same difference from the second target to the first.
    pub(super) fn reversed(&self) -> Self {
        let change = match self.change.clone() {
            Change::Added(gist) => Change::Gone(gist),
            Change::Gone(gist) => Change::Added(gist),
            Change::Changed(old, new) => Change::Changed(new, old),
            Change::Moved => Change::Moved,
        };
        Self {
            change,
            ..self.clone()
        }
    }
}

/// One entry: a difference, and everywhere that it is.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The difference.
    pub key: Key,
    /// What it bears on, if it is about what codex may do.
    pub authority: Option<Authority>,
    /// The frames and the places in them, each with the number of cases.
    pub places: BTreeMap<Place, usize>,
    /// The cases.
    pub cases: BTreeSet<String>,
    /// One of the cases, and both frames in it.
    pub example: (String, Difference),
    /// How the mock stands to it, where it ran too: in how many cases.
    pub mock: Option<Stand>,
}

/// A frame, and a place in it: `← thread/started`, `params.thread.name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The frame.
    pub kind: String,
    /// The place; empty for the frame as a whole.
    pub path: String,
}

/// Which side a third target is on, in how many cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stand {
    /// It is as the first one.
    pub first: usize,
    /// It is as the second one.
    pub second: usize,
    /// It is as neither.
    pub neither: usize,
}

/// Entries under way.
#[derive(Debug, Default)]
pub(super) struct Groups(BTreeMap<Key, Entry>);

impl Groups {
    /// Adds what differs in a case; `mock` is a third run of it.
    pub(super) fn add(&mut self, case: &str, [left, right]: [&Wires; 2], mock: Option<&Wires>) {
        let found = deltas(left, right);
        let stands = mock.map(|mock| Stands::of(&deltas(mock, right)));
        let mut counted: BTreeSet<&Delta> = BTreeSet::new();
        let mut stood: BTreeSet<Key> = BTreeSet::new();
        for one in &found {
            if !counted.insert(&one.delta) {
                continue;
            }
            let key = Key::of(&one.delta);
            let entry = self.0.entry(key).or_insert_with_key(|key| Entry {
                key: key.clone(),
                authority: None,
                places: BTreeMap::new(),
                cases: BTreeSet::new(),
                example: (case.to_owned(), one.shown([left, right])),
                mock: mock.map(|_| Stand::default()),
            });
            entry.cases.insert(case.to_owned());
            let place = Place {
                kind: one.delta.kind.clone(),
                path: one.delta.path.clone(),
            };
            entry.authority = entry.authority.or_else(|| Authority::of(&place.path));
            entry.authority = entry.authority.or_else(|| Authority::of(&place.kind));
            *entry.places.entry(place).or_default() += 1;
            if let (Some(stands), Some(stand)) = (&stands, &mut entry.mock)
                && stood.insert(entry.key.clone())
            {
                *stands.of_mock(&one.delta, stand) += 1;
            }
        }
    }

    /// The cases that alone, or nearly alone, show something.
    pub(super) fn rare(&self, most: usize) -> BTreeSet<String> {
        let entries = self.0.values().filter(|entry| entry.cases.len() <= most);
        entries
            .flat_map(|entry| entry.cases.iter().cloned())
            .collect()
    }

    /// Was this seen in some case?
    pub(super) fn has(&self, key: &Key) -> bool {
        self.0.contains_key(key)
    }

    /// Takes out the entries all of whose cases were looked at again, and that this didn't confirm.
    pub(super) fn unconfirmed(
        &mut self,
        looked: &BTreeSet<String>,
        is_confirmed: impl Fn(&Key) -> bool,
    ) -> Vec<Entry> {
        let (kept, lost) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|(key, entry)| !entry.cases.is_subset(looked) || is_confirmed(key));
        self.0 = kept;
        let lost: BTreeMap<Key, Entry> = lost;
        lost.into_values().collect()
    }

    /// All of them: what bears on authority first, then what most cases show.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self.0.into_values().collect();
        entries.sort_by_cached_key(|entry| {
            let cases = usize::MAX - entry.cases.len();
            (entry.authority.is_none(), cases, entry.key.clone())
        });
        entries
    }
}

/// What differs between the mock and the second target.
struct Stands {
    deltas: BTreeSet<Delta>,
    places: BTreeSet<(&'static str, Place)>,
}

impl Stands {
    fn of(found: &[Found]) -> Self {
        let place = |delta: &Delta| Place {
            kind: delta.kind.clone(),
            path: delta.path.clone(),
        };
        Self {
            deltas: found.iter().map(|one| one.delta.clone()).collect(),
            places: found
                .iter()
                .map(|one| (one.delta.wire, place(&one.delta)))
                .collect(),
        }
    }

    /// The count that a difference of the first to the second target belongs to.
    fn of_mock<'s>(&self, delta: &Delta, stand: &'s mut Stand) -> &'s mut usize {
        let place = Place {
            kind: delta.kind.clone(),
            path: delta.path.clone(),
        };
        if self.deltas.contains(delta) {
            &mut stand.first
        } else if self.places.contains(&(delta.wire, place)) {
            &mut stand.neither
        } else {
            &mut stand.second
        }
    }
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
