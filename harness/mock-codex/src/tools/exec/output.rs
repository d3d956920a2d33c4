//! What a command has printed so far.

use std::collections::VecDeque;

/// How much is kept of the beginning and as much of the end: 1 MiB in all, as on codex 0.169.0.
const KEPT_PER_END: usize = 512 * 1024;

/// Output in arrival order: all of it, and what the model has not read yet.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) all: Clipped,
    pub(super) unread: Clipped,
}

impl Output {
    /// Adds a chunk.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.all.push(chunk);
        self.unread.push(chunk);
    }
}

/// Output without its middle, once that is too much to keep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clipped {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: usize,
}

impl Clipped {
    /// Adds a chunk.
    pub fn push(&mut self, chunk: &[u8]) {
        self.total += chunk.len();
        let (head, rest) = chunk.split_at(chunk.len().min(KEPT_PER_END - self.head.len()));
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(KEPT_PER_END)..];
        let too_many = (self.tail.len() + rest.len()).saturating_sub(KEPT_PER_END);
        self.tail.drain(..too_many);
        self.tail.extend(rest);
    }

    /// How many bytes the command printed.
    pub fn total(&self) -> usize {
        self.total
    }

    /// How many of them are missing from the middle.
    pub fn omitted(&self) -> usize {
        self.total - self.head.len() - self.tail.len()
    }

    /// The output as text: not UTF-8 becomes U+FFFD, and what is missing is said.
    pub fn text(&self) -> String {
        let mut bytes = self.head.clone();
        if self.omitted() > 0 {
            bytes.extend_from_slice(format!("\n{}\n", self.omission()).as_bytes());
        }
        let (first, second) = self.tail.as_slices();
        bytes.extend_from_slice(first);
        bytes.extend_from_slice(second);
        match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }
    }

    /// The words that stand for what is missing.
    pub(super) fn omission(&self) -> String {
        format!("... {} bytes omitted ...", self.omitted())
    }
}

impl From<&[u8]> for Clipped {
    fn from(bytes: &[u8]) -> Self {
        let mut clipped = Self::default();
        clipped.push(bytes);
        clipped
    }
}

#[cfg(test)]
mod tests {
    use super::{Clipped, KEPT_PER_END};

    #[test]
    fn short_output_is_kept_whole() {
        let mut clipped = Clipped::from(b"a\xff".as_slice());
        clipped.push(b"b");
        assert_eq!(clipped.text(), "a\u{fffd}b");
        assert_eq!((clipped.total(), clipped.omitted()), (3, 0));
    }

    #[test]
    fn a_character_split_between_chunks_stays_one() {
        let mut clipped = Clipped::from(b"\xc3".as_slice());
        clipped.push(b"\xa9");
        assert_eq!(clipped.text(), "é");
    }

    #[test]
    fn long_output_loses_its_middle() {
        for chunk in [1_000, 8_192, 2_000_000] {
            let bytes: Vec<u8> = (0..2_000_000_u32)
                .map(|at| b'a' + (at % 26) as u8)
                .collect();
            let mut clipped = Clipped::default();
            bytes.chunks(chunk).for_each(|chunk| clipped.push(chunk));
            let text = clipped.text();
            // codex 0.169.0: `... 951424 bytes omitted ...` and 1048606 bytes in the item.
            assert_eq!(
                (clipped.omitted(), text.len()),
                (951_424, 1_048_606),
                "chunks of {chunk}"
            );
            assert_eq!(text.as_bytes()[..KEPT_PER_END], bytes[..KEPT_PER_END]);
            assert!(bytes.ends_with(&text.as_bytes()[text.len() - KEPT_PER_END..]));
            assert!(text.contains("\n... 951424 bytes omitted ...\n"));
        }
    }
}
