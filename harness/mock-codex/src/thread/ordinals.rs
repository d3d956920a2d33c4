//! Which lines of codex's file the turns and items of a thread would be on.
//!
//! Cursors are opaque to clients, but they name lines, and clients can see them. The mock's own
//! files have other lines, so it counts those that codex 0.169.0 was seen to write.

use super::record::{ItemKind, Record, StoredItem};

/// A count of lines.
#[derive(Debug, Clone)]
pub(crate) struct Ordinals {
    /// How many lines there are.
    lines: usize,
    /// Has the running turn told the model of its settings?
    told: bool,
    /// Are the settings of the first turn written?
    set: bool,
    /// The line of the last completed item.
    last_item: Option<usize>,
}

impl Default for Ordinals {
    /// A file with its first line.
    fn default() -> Self {
        Self {
            lines: 1,
            told: false,
            set: false,
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
    ///
    /// Gives the line of an item; other records have one that nobody asks for.
    pub(crate) fn count(&mut self, record: &Record, first: bool) -> usize {
        let line = self.lines;
        match record {
            Record::TurnStarted(turn) => {
                // Its start and its context; in the first turn also the settings, unless it is one
                // that the model isn't asked in.
                let rest = match (turn.bare, self.set) {
                    (true, _) => 0,
                    (false, true) => 1,
                    (false, false) => 2,
                };
                self.lines = turn.line + 1 + rest;
                self.set = true;
                self.told = false;
            }
            Record::Context(_) => {
                // Before the first turn: its settings and its context, which else it begins with.
                self.lines += if self.set { 0 } else { 2 };
                self.set = true;
                // What is told, and before the first such thing the state it was taken from.
                self.lines += if self.told { 1 } else { 2 };
                self.told = true;
            }
            Record::Item(StoredItem { kind, .. }) => {
                // The item of a command is written behind what the model is told of it.
                let line = line + usize::from(*kind == ItemKind::Command);
                self.last_item = Some(line);
                self.lines += 1;
                return line;
            }
            Record::Settings(_) if !first => self.lines += 1,
            // The tokens that are known are written down though nothing was counted.
            Record::Input(_) | Record::Dropped | Record::TurnEnded(_) | Record::Goal(_) => {
                self.lines += 1;
            }
            // The tokens and the summary before it; itself; behind it what the model is told of,
            // the settings and the tokens.
            Record::Compacted(_) => self.lines += 7,
            Record::Usage(_) => self.lines += 2,
            Record::Meta(_) | Record::Settings(_) | Record::Copied | Record::Summary(_) => {}
        }
        line
    }
}
