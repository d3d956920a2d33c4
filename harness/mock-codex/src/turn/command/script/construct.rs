//! What groups commands: brackets, conditions, loops, branches, functions.

use super::{Line, Reader, Stop, Word};

/// Words that a command follows, and what closes them.
const OPENERS: &[(&str, Option<&str>)] = &[
    ("!", None),
    ("if", Some("fi")),
    ("then", None),
    ("elif", None),
    ("else", None),
    ("while", None),
    ("until", None),
    ("do", Some("done")),
    ("{", Some("}")),
];

impl Reader<'_> {
    /// A `(` that belongs to no word.
    pub(super) fn bracket(&mut self, line: &mut Line) -> Option<()> {
        let empty = line.words.iter().all(|word| word.expanded);
        if self.rest.starts_with("((") && empty {
            self.take("((");
            self.deeper(|it| it.balanced(')', false))?;
            line.words.push(Word::opaque());
            return self.take(")").then_some(());
        }
        if line.words.is_empty() {
            self.take("(");
            self.deeper(|it| it.list(Stop::Bracket))?;
            line.words.push(Word::opaque());
            return self.take(")").then_some(());
        }
        // A function begins with its name.
        self.take("(");
        self.pass_blanks();
        if line.words.len() != 1 || !self.take(")") {
            return None;
        }
        line.words.clear();
        line.wanted = true;
        self.pass_lines()
    }

    /// The word that a command begins with.
    pub(super) fn first_word(&mut self, line: &mut Line, word: Word) -> Option<()> {
        if let Some((_, closer)) = OPENERS.iter().find(|(opener, _)| word.is_bare(opener)) {
            line.closers.extend(closer);
            line.wanted = true;
        } else if line.closers.last().is_some_and(|it| word.is_bare(it)) {
            line.closers.pop();
            line.words.push(Word::opaque());
        } else if word.is_bare("for") || word.is_bare("select") {
            line.words.push(Word::opaque());
        } else if word.is_bare("case") {
            self.deeper(Self::branches)?;
            line.words.push(Word::opaque());
        } else if word.is_bare("function") {
            self.pass_blanks();
            line.words.push(self.word()?);
            self.pass_blanks();
            if self.rest.starts_with('(') {
                return self.bracket(line);
            }
            line.words.clear();
        } else if word.is_bare("[[") {
            self.condition()?;
            line.words.push(Word::opaque());
        } else if word.is_assignment() {
            self.assigned(line);
        } else {
            line.words.push(word);
        }
        Some(())
    }

    /// An assignment is no word of the command behind it, but a command by itself.
    pub(super) fn assigned(&mut self, line: &mut Line) {
        self.pass_blanks();
        if self.rest.is_empty() || self.rest.starts_with([';', '&', '|', '\n', ')']) {
            line.words.push(Word::opaque());
        }
    }

    /// The branches of a `case`, with its `esac`.
    pub(super) fn branches(&mut self) -> Option<()> {
        self.pass_blanks();
        self.word()?;
        self.pass_lines()?;
        if !self.word()?.is_bare("in") {
            return None;
        }
        loop {
            self.pass_lines()?;
            if self.is_at_word("esac") {
                self.word()?;
                return Some(());
            }
            self.take("(");
            loop {
                self.pass_blanks();
                self.word()?;
                self.pass_blanks();
                if self.take(")") {
                    break;
                }
                self.take("|").then_some(())?;
            }
            self.list(Stop::Branch)?;
            if self.take(";;") {
                self.take("&");
            } else {
                self.take(";&");
            }
        }
    }

    /// Between `[[` and `]]`.
    pub(super) fn condition(&mut self) -> Option<()> {
        loop {
            self.pass_blanks();
            if self
                .rest
                .starts_with(['(', ')', '<', '>', '&', '|', '\n', ';'])
            {
                self.next();
            } else if self.word()?.is_bare("]]") {
                return Some(());
            }
        }
    }

    pub(super) fn is_at_word(&self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word);
        rest.is_some_and(|rest| {
            rest.is_empty() || rest.starts_with([' ', '\t', '\n', ';', '&', '|', ')'])
        })
    }
}
