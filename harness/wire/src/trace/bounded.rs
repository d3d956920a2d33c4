//! Memory that doesn't grow with the length of a log.

use std::collections::{HashMap, VecDeque};

/// A map of the latest keys: with too many, the one that came first is forgotten.
#[derive(Debug)]
pub(super) struct Latest<T> {
    values: HashMap<Box<str>, T>,
    order: VecDeque<Box<str>>,
    most: usize,
}

impl<T> Latest<T> {
    /// Keeps up to `most` keys.
    pub(super) fn up_to(most: usize) -> Self {
        Self {
            values: HashMap::new(),
            order: VecDeque::new(),
            most,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&T> {
        self.values.get(key)
    }

    /// The value of a key, made if it isn't there.
    pub(super) fn entry(&mut self, key: &str, make: impl FnOnce() -> T) -> &mut T {
        if !self.values.contains_key(key) {
            if self.order.len() >= self.most
                && let Some(oldest) = self.order.pop_front()
            {
                self.values.remove(&oldest);
            }
            self.order.push_back(key.into());
        }
        self.values.entry(key.into()).or_insert_with(make)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = (&str, &mut T)> {
        self.values.iter_mut().map(|(key, value)| (&**key, value))
    }
}

/// The latest of many.
#[derive(Debug)]
pub(super) struct Ring<T> {
    values: VecDeque<T>,
    most: usize,
}

impl<T> Ring<T> {
    pub(super) fn up_to(most: usize) -> Self {
        Self {
            values: VecDeque::new(),
            most,
        }
    }

    pub(super) fn push(&mut self, value: T) {
        if self.values.len() == self.most {
            self.values.pop_front();
        }
        self.values.push_back(value);
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.values.iter()
    }
}

/// A text of which only length and digest are kept, whichever way it was cut into pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest {
    /// Bytes.
    pub(super) length: usize,
    hash: u64,
}

impl Digest {
    /// An odd number without a pattern.
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

    pub(super) fn of(text: &str) -> Self {
        let mut digest = Self::default();
        digest.add(text);
        digest
    }

    pub(super) fn add(&mut self, text: &str) {
        self.length += text.len();
        for byte in text.bytes() {
            self.hash = self
                .hash
                .wrapping_mul(Self::FACTOR)
                .wrapping_add(u64::from(byte) + 1);
        }
    }

    /// Is it the end of this text?
    pub(super) fn ends(self, text: &str) -> bool {
        text.len()
            .checked_sub(self.length)
            .and_then(|start| text.get(start..))
            .is_some_and(|end| Self::of(end) == self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_does_not_know_how_a_text_was_cut() {
        let mut pieces = Digest::default();
        for piece in ["", "he", "llo ", "world"] {
            pieces.add(piece);
        }
        assert_eq!(pieces, Digest::of("hello world"));
        assert_ne!(pieces, Digest::of("hello worle"));
        assert_ne!(Digest::of("\0"), Digest::of("\0\0"));
        assert!(Digest::of("world").ends("hello world"));
        assert!(!Digest::of("hello").ends("hello world"));
    }

    #[test]
    fn only_the_latest_stay() {
        let mut latest = Latest::up_to(2);
        for key in ["a", "b", "a", "c"] {
            latest.entry(key, || key.to_owned());
        }
        assert!(latest.get("a").is_none());
        assert!(latest.get("b").is_some() && latest.get("c").is_some());
        let mut ring = Ring::up_to(2);
        (0..5).for_each(|n| ring.push(n));
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [3, 4]);
    }
}
