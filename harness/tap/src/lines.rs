//! Cutting a stream into lines, for the recording alone: what is passed on is never touched.

/// The part of a stream that is not recorded yet: the beginning of a line.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Takes the next bytes of the stream; `line` gets each line that they end, without its end.
    pub(crate) fn take(&mut self, mut bytes: &[u8], mut line: impl FnMut(&[u8])) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (rest, after) = (&bytes[..end], &bytes[end + 1..]);
            if self.begun.is_empty() {
                line(without_return(rest));
            } else {
                self.begun.extend_from_slice(rest);
                line(without_return(&self.begun));
                self.begun.clear();
            }
            bytes = after;
        }
        self.begun.extend_from_slice(bytes);
    }

    /// The last line, if the stream ended within one.
    pub(crate) fn end(&mut self) -> Option<Vec<u8>> {
        (!self.begun.is_empty()).then(|| std::mem::take(&mut self.begun))
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(pieces: &[&str]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut all = Vec::new();
        for piece in pieces {
            lines.take(piece.as_bytes(), |line| {
                all.push(String::from_utf8_lossy(line).into_owned());
            });
        }
        all.extend(
            lines
                .end()
                .map(|last| format!("{}…", String::from_utf8_lossy(&last))),
        );
        all
    }

    #[test]
    fn lines_are_the_same_however_the_stream_is_cut() {
        for pieces in [
            &["one\ntwo\r\n\nhalf"][..],
            &["o", "ne", "\n", "two\r", "\n\nha", "lf"],
        ] {
            assert_eq!(cut(pieces), ["one", "two", "", "half…"]);
        }
        assert_eq!(cut(&["a\n"]), ["a"]);
    }
}
