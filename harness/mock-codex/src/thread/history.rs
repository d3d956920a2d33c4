//! What the model is shown of a thread, kept as the bytes that requests are made of.

use bytes::{Bytes, BytesMut};

/// The items of a thread's model input, each with a comma before it.
///
/// Items are never serialised twice: they lie in a few segments, merged like the digits of a
/// binary counter, so that a request of turn 1,000 is put together from about ten slices.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    segments: Vec<Bytes>,
}

impl History {
    /// Adds an item, given as JSON.
    pub(crate) fn push(&mut self, item: &str) {
        let mut segment = BytesMut::with_capacity(item.len() + 1);
        segment.extend_from_slice(b",");
        segment.extend_from_slice(item.as_bytes());
        let mut segment = segment.freeze();
        while let Some(last) = self.segments.pop_if(|last| last.len() <= segment.len() * 2) {
            let mut merged = BytesMut::with_capacity(last.len() + segment.len());
            merged.extend_from_slice(&last);
            merged.extend_from_slice(&segment);
            segment = merged.freeze();
        }
        self.segments.push(segment);
    }

    /// The bytes, in order.
    pub(crate) fn segments(&self) -> impl Iterator<Item = Bytes> + '_ {
        self.segments.iter().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_keep_their_order_in_few_segments() {
        let mut history = History::default();
        let mut expected = String::new();
        for n in 0..1000 {
            let item = format!("{{\"n\":{n},\"pad\":\"{}\"}}", "x".repeat(n % 37));
            expected.push(',');
            expected.push_str(&item);
            history.push(&item);
        }
        let joined: Vec<u8> = history.segments().flatten().collect();
        assert_eq!(String::from_utf8(joined).unwrap(), expected);
        assert!(history.segments().count() <= 16);
    }
}
