//! The texts that scenarios are read from, and places in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::model::Location;

/// A stretch of one source, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Span {
    /// Which source: an index into [`Sources`].
    pub(crate) source: usize,
    /// The first byte.
    pub(crate) start: usize,
    /// One past the last byte.
    pub(crate) end: usize,
}

/// One text and the name of its file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    pub(crate) text: Arc<str>,
    /// The byte at which each line begins.
    lines: Vec<usize>,
}

impl Source {
    fn new(file: &Path, text: &str) -> Self {
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            file: file.to_owned(),
            text: text.into(),
            lines,
        }
    }

    fn locate(&self, byte: usize) -> Location {
        let byte = self.text.floor_char_boundary(byte);
        let line = self.lines.partition_point(|start| *start <= byte);
        let begin = self.lines[line - 1];
        let column = self.text[begin..byte].chars().count() + 1;
        Location {
            file: self.file.clone(),
            line,
            column,
        }
    }
}

/// Every text that one scenario is made of: its own first, then what it includes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources(Vec<Source>);

impl Sources {
    /// Adds a text and gives its index.
    pub(crate) fn add(&mut self, file: &Path, text: &str) -> usize {
        self.0.push(Source::new(file, text));
        self.0.len() - 1
    }

    /// A source by its index, which [`Sources::add`] gave.
    pub(crate) fn get(&self, source: usize) -> &Source {
        &self.0[source]
    }

    /// Line and column at which a span begins.
    pub(crate) fn locate(&self, span: Span) -> Location {
        self.0[span.source].locate(span.start)
    }

    /// A span cut to what a caret can point at: its first line, without trailing blanks.
    pub(crate) fn first_line(&self, span: Span) -> Span {
        let text = &self.0[span.source].text;
        let start = text.floor_char_boundary(span.start);
        let end = text.floor_char_boundary(span.end).max(start);
        let line = text[start..end].lines().next().unwrap_or_default();
        Span {
            source: span.source,
            start,
            end: start + line.trim_end().len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let mut sources = Sources::default();
        let source = sources.add(Path::new("x.yaml"), "é: 1\n\nü: 2");
        let at = |start| {
            let place = sources.locate(Span {
                source,
                start,
                end: start,
            });
            (place.line, place.column)
        };
        assert_eq!(
            [at(0), at(2), at(6), at(7), at(9)],
            [(1, 1), (1, 2), (2, 1), (3, 1), (3, 2)]
        );
        assert_eq!(at(10_000), (3, 5));
    }
}
