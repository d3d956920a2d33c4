//! Server-sent events, read piece by piece.
//!
//! Each byte is looked at once, however long an event is and however it is cut: an event of many
//! megabytes is read in a time that grows with its length. Codex 0.169.0 reads them likewise, up
//! to 16 MiB at least.

use std::collections::VecDeque;

/// Finds the data of events in a stream of bytes.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// The line that has begun.
    line: Vec<u8>,
    /// The data of the event that has begun; `None` before its first `data` line.
    data: Option<String>,
    /// The data of events that are whole.
    whole: VecDeque<String>,
    /// The last line ended with a carriage return, whose line feed may still come.
    after_return: bool,
    /// A line was read, so that a byte order mark is no longer one.
    begun: bool,
}

/// Bytes that are no text.
#[derive(Debug, thiserror::Error)]
#[error("the answer is not UTF-8")]
pub(crate) struct NotText;

impl Decoder {
    /// Takes the next bytes in.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<(), NotText> {
        if !bytes.is_empty() && std::mem::take(&mut self.after_return) {
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, rest) = bytes.split_at(end);
            self.line.extend_from_slice(line);
            let line = std::mem::take(&mut self.line);
            self.take_line(&line)?;
            bytes = match rest {
                [b'\r'] => {
                    self.after_return = true;
                    &[]
                }
                [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// The data of the next event that is whole. What has begun when the stream ends is none.
    pub(crate) fn next(&mut self) -> Option<String> {
        self.whole.pop_front()
    }

    fn take_line(&mut self, line: &[u8]) -> Result<(), NotText> {
        let line = std::str::from_utf8(line).map_err(|_| NotText)?;
        let line = if std::mem::replace(&mut self.begun, true) {
            line
        } else {
            line.strip_prefix('\u{feff}').unwrap_or(line)
        };
        if line.is_empty() {
            self.whole.extend(self.data.take());
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        if field == "data" {
            let value = value.strip_prefix(' ').unwrap_or(value);
            match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut decoder = Decoder::default();
        for piece in pieces {
            decoder.push(piece).unwrap();
        }
        std::iter::from_fn(|| decoder.next()).collect()
    }

    #[test]
    fn an_event_ends_with_a_blank_line() {
        let stream =
            b"\xef\xbb\xbfevent: a\ndata: one\n\n: a comment\nid: 1\n\ndata:two\ndata:  2\n\n\
            data\n\ndata: not whole\n";
        assert_eq!(read([&stream[..]]), ["one", "two\n 2", ""]);
    }

    #[test]
    fn lines_end_as_they_like() {
        assert_eq!(
            read([&b"data: a\r\n\r\ndata: b\r\rdata: c\n\r\n"[..]]),
            ["a", "b", "c"]
        );
        assert_eq!(
            read([&b"data: a\r"[..], b"\n\r", b"\ndata: b\r", b"", b"\n\n"]),
            ["a", "b"]
        );
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let mut decoder = Decoder::default();
        decoder.push(b"data: \xff").unwrap();
        assert!(decoder.push(b"\n").is_err());
    }

    #[test]
    fn a_long_event_is_read_in_small_pieces() {
        let stream = format!("data: {}\n\n", "x".repeat(16 * 1024 * 1024));
        let events = read(stream.as_bytes().chunks(1400));
        assert_eq!(events[0].len(), 16 * 1024 * 1024);
    }

    proptest! {
        #[test]
        fn cutting_changes_nothing(
            text in "(data|event|[a:é ]|\r|\n|\r\n|\n\n){0,40}",
            cuts in proptest::collection::vec(0usize..80, 0..6),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
            prop_assert_eq!(read(pieces), read([bytes]));
        }
    }
}
