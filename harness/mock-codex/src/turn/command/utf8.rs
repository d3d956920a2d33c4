//! Text that comes in pieces.

/// Bytes to text, with a character that is cut at the end of a chunk kept for the next.
#[derive(Debug, Default)]
pub(in crate::turn) struct Utf8 {
    pending: Vec<u8>,
}

impl Utf8 {
    /// The text of a chunk, as far as it is whole.
    pub(in crate::turn) fn take(&mut self, chunk: &[u8]) -> String {
        self.pending.extend_from_slice(chunk);
        let keep = match std::str::from_utf8(&self.pending) {
            Err(error) if error.error_len().is_none() => self.pending.len() - error.valid_up_to(),
            // What is wrong in the middle doesn't get better; only a cut end is kept.
            _ => incomplete_tail(&self.pending),
        };
        let rest = self.pending.split_off(self.pending.len() - keep);
        let whole = std::mem::replace(&mut self.pending, rest);
        String::from_utf8_lossy(&whole).into_owned()
    }

    /// What is left at the end.
    pub(in crate::turn) fn rest(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned()
    }
}

/// How many bytes at the end begin a character without ending it.
fn incomplete_tail(bytes: &[u8]) -> usize {
    (1..=bytes.len().min(3))
        .find(|&length| {
            let tail = &bytes[bytes.len() - length..];
            let wanted = match tail[0] {
                0xC2..=0xDF => 2,
                0xE0..=0xEF => 3,
                0xF0..=0xF4 => 4,
                _ => return false,
            };
            wanted > length
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Utf8;

    #[test]
    fn a_cut_character_waits_for_its_rest() {
        let mut text = Utf8::default();
        assert_eq!(text.take("a\u{20ac}".as_bytes().split_at(2).0), "a");
        assert_eq!(text.take(&"\u{20ac}".as_bytes()[1..]), "\u{20ac}");
        assert_eq!(text.take(b"\xff\xe2\x82"), "\u{fffd}");
        assert_eq!(text.rest(), "\u{fffd}");
    }
}
