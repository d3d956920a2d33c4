//! Which lines of codex's file the turns and items of a thread would be on.
//!
//! Cursors are opaque to clients, but they name lines, and clients can see them. The mock's own
//! files have other lines, so it counts those that codex 0.169.0 was seen to write.

use super::record::Record;

/// A count of lines.
#[derive(Debug, Clone)]
pub(crate) struct Ordinals {
    /// How many lines there are.
    lines: usize,
    /// Has the running turn told the model of its settings?
    told: bool,
    /// The line of the last completed item.
    last_item: Option<usize>,
}

impl Default for Ordinals {
    /// A file with its first line.
    fn default() -> Self {
        Self {
            lines: 1,
            told: false,
            last_item: None,
        }
    }
}

impl Ordinals {
    /// The next line.
    pub(crate) fn next(&self) -> usize {
        self.lines
    }

    /// The line of the last completed item.
    pub(crate) fn last_item(&self) -> Option<usize> {
        self.last_item
    }

    /// Counts the first line of a fork, which goes on counting where its source is.
    pub(crate) fn fork(&mut self) {
        self.lines += 1;
    }

    /// Counts what codex writes for a change. `first`: is there no turn yet?
    pub(crate) fn count(&mut self, record: &Record, first: bool) {
        match record {
            Record::TurnStarted(turn) => {
                // Its start and its context; in the first turn also the settings.
                self.lines = turn.line + if first { 3 } else { 2 };
                self.told = false;
            }
            Record::Context(_) => {
                // What is told, and before the first such thing the state it was taken from.
                self.lines += if self.told { 1 } else { 2 };
                self.told = true;
            }
            Record::Item(_) => {
                self.last_item = Some(self.lines);
                self.lines += 1;
            }
            Record::Settings(_) if !first => self.lines += 1,
            Record::Input(_) | Record::TurnEnded(_) => self.lines += 1,
            Record::Usage(_) => self.lines += 2,
            Record::Meta(_) | Record::Settings(_) | Record::Summary(_) => {}
        }
    }
}
