//! The beginning of a stream.

/// What is kept of a stream: its first bytes, up to a cap.
#[derive(Debug, Default)]
pub(crate) struct Captured {
    bytes: Vec<u8>,
    seen: usize,
    cap: Option<usize>,
    full: bool,
}

impl Captured {
    /// Nothing yet; without `cap` everything is kept.
    pub(crate) fn new(cap: Option<usize>) -> Self {
        Self {
            cap,
            ..Self::default()
        }
    }

    /// Takes a chunk; gives the part of it that is within the cap, and whether the cap is reached
    /// with it. Nothing once it was reached before.
    pub(crate) fn take<'a>(&mut self, chunk: &'a [u8]) -> Option<(&'a [u8], bool)> {
        if self.full {
            return None;
        }
        let left = self
            .cap
            .map_or(usize::MAX, |cap| cap.saturating_sub(self.seen));
        let part = &chunk[..chunk.len().min(left)];
        self.seen = self.seen.saturating_add(part.len());
        self.full = self.cap.is_some_and(|cap| self.seen >= cap);
        Some((part, self.full))
    }

    /// The same, and keeps the part.
    pub(crate) fn keep(&mut self, chunk: &[u8]) {
        if let Some((part, _)) = self.take(chunk) {
            self.bytes.extend_from_slice(part);
        }
    }

    /// Is the cap reached? Not by a stream on which nothing came, whatever the cap.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// What was kept as text; bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_kept_up_to_its_cap() {
        let mut capped = Captured::new(Some(3));
        capped.keep(b"ab");
        assert!(!capped.is_full());
        capped.keep(b"cd");
        assert_eq!((capped.text(), capped.is_full()), ("abc".into(), true));
        assert_eq!(capped.take(b"e"), None);
        let mut all = Captured::new(None);
        all.keep(&[b'x'; 10_000]);
        assert_eq!((all.text().len(), all.is_full()), (10_000, false));
    }

    #[test]
    fn a_cap_of_nothing_is_reached_with_the_first_byte() {
        let mut capped = Captured::new(Some(0));
        assert!(!capped.is_full());
        capped.keep(b"x");
        assert_eq!((capped.text(), capped.is_full()), (String::new(), true));
    }
}
