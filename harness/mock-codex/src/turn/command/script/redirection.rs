//! Redirections, and the texts that follow a line.

use super::{Reader, Word};

/// Signs of redirections, the longest first.
const REDIRECTIONS: &[&str] = &[
    "&>>", "<<<", "<<-", "<<", "&>", ">>", ">&", ">|", "<&", "<>", ">", "<",
];

/// A text that follows the line.
#[derive(Debug)]
pub(super) struct Document {
    end: String,
    expanded: bool,
    indented: bool,
}

impl Reader<'_> {
    /// Passes a redirection, if there is one.
    pub(super) fn redirection(&mut self) -> Option<bool> {
        let digits = self.rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let Some(sign) = REDIRECTIONS.iter().find(|sign| digits.starts_with(**sign)) else {
            return Some(false);
        };
        if digits.starts_with("<(") || digits.starts_with(">(") {
            return Some(false);
        }
        self.rest = &digits[sign.len()..];
        self.pass_blanks();
        let target = self.word()?;
        if matches!(*sign, "<<" | "<<-") {
            self.documents.push(Document {
                end: target.text,
                expanded: !target.quoted,
                indented: *sign == "<<-",
            });
        }
        Some(true)
    }

    /// Passes the texts that the line before announced.
    pub(super) fn pass_documents(&mut self) -> Option<()> {
        for document in std::mem::take(&mut self.documents) {
            let mut text = String::new();
            while !self.rest.is_empty() {
                let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
                self.rest = rest;
                let shown = if document.indented {
                    line.trim_start_matches('\t')
                } else {
                    line
                };
                if shown == document.end {
                    break;
                }
                text.push_str(line);
                text.push('\n');
            }
            if document.expanded {
                self.within(&text)?;
            }
        }
        Some(())
    }

    /// Looks for commands in a text that is expanded like one in double quotes.
    pub(super) fn within(&mut self, text: &str) -> Option<()> {
        let mut reader = Reader {
            rest: text,
            depth: self.depth,
            found: Vec::new(),
            documents: Vec::new(),
        };
        while !reader.rest.is_empty() {
            reader.quoted_piece(&mut Word::default())?;
        }
        self.found.append(&mut reader.found);
        Some(())
    }
}
