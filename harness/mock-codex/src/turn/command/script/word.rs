//! Words, with the quotes and expansions in them.

use super::{Reader, Stop, commands_at};

/// A word of a simple command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::turn::command) struct Word {
    pub(super) text: String,
    /// Does a shell take more than quotes away from it?
    pub(super) expanded: bool,
    pub(super) quoted: bool,
}

impl Word {
    /// What it stands for, where that shows without a shell.
    pub(in crate::turn::command) fn literal(&self) -> Option<&str> {
        (!self.expanded).then_some(&*self.text)
    }

    /// Something that no program is called.
    pub(super) fn opaque() -> Self {
        Self {
            expanded: true,
            ..Self::default()
        }
    }

    pub(super) fn is_bare(&self, text: &str) -> bool {
        !self.expanded && !self.quoted && self.text == text
    }

    pub(super) fn is_assignment(&self) -> bool {
        let name = self.text.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| {
            let name = name.strip_suffix('+').unwrap_or(name);
            name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
                && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
        })
    }
}

impl Reader<'_> {
    /// Reads a word, which must be there.
    pub(super) fn word(&mut self) -> Option<Word> {
        let mut word = Word::default();
        let before = self.rest.len();
        loop {
            match self.rest.chars().next() {
                Some('<' | '>') if self.rest[1..].starts_with('(') => {
                    self.next();
                    self.next();
                    word.expanded = true;
                    self.substituted()?;
                }
                Some('(') if word.is_assignment() && word.text.ends_with('=') => {
                    self.next();
                    self.elements()?;
                    word.expanded = true;
                }
                None | Some(' ' | '\t' | '\n' | ';' | '&' | '|' | ')' | '<' | '>' | '(') => break,
                Some('\'') => {
                    self.next();
                    let end = self.rest.find('\'')?;
                    word.text.push_str(&self.rest[..end]);
                    word.quoted = true;
                    self.rest = &self.rest[end + 1..];
                }
                Some('"') => {
                    self.next();
                    word.quoted = true;
                    self.quoted(&mut word)?;
                }
                Some('\\') if self.take("\\\n") => {}
                Some('\\') => {
                    self.next();
                    word.expanded = true;
                    word.text.extend(self.next());
                }
                Some('$' | '`') => self.expansion(&mut word)?,
                Some(sign) => {
                    self.next();
                    // Braces with something around them stand for several words.
                    word.expanded |= sign == '{' && !word.text.is_empty();
                    word.text.push(sign);
                }
            }
        }
        (self.rest.len() < before).then_some(word)
    }

    /// The rest of a text in double quotes.
    pub(super) fn quoted(&mut self, word: &mut Word) -> Option<()> {
        while !self.take("\"") {
            self.quoted_piece(word)?;
        }
        Some(())
    }

    pub(super) fn quoted_piece(&mut self, word: &mut Word) -> Option<()> {
        match self.rest.chars().next()? {
            '\\' => {
                self.next();
                word.expanded = true;
                word.text.extend(self.next());
            }
            '$' if self.rest.starts_with("$'") || self.rest.starts_with("$\"") => {
                self.next();
                word.text.push('$');
            }
            '$' | '`' => self.expansion(word)?,
            sign => {
                self.next();
                word.text.push(sign);
            }
        }
        Some(())
    }

    /// What begins with `$` or a backtick.
    pub(super) fn expansion(&mut self, word: &mut Word) -> Option<()> {
        word.expanded = true;
        if self.take("`") {
            return self.between_backticks();
        }
        if self.take("$((") {
            self.deeper(|it| it.balanced(')', false))?;
            return self.take(")").then_some(());
        }
        if self.take("$(") {
            return self.substituted();
        }
        if self.take("${") {
            return self.deeper(|it| it.balanced('}', true));
        }
        if self.take("$'") {
            while !self.take("'") {
                if self.next()? == '\\' {
                    self.next()?;
                }
            }
            return Some(());
        }
        self.next();
        Some(())
    }

    pub(super) fn substituted(&mut self) -> Option<()> {
        self.deeper(|it| it.list(Stop::Bracket))?;
        self.take(")").then_some(())
    }

    pub(super) fn between_backticks(&mut self) -> Option<()> {
        let mut script = String::new();
        while !self.take("`") {
            match self.next()? {
                '\\' if self.rest.starts_with(['`', '\\', '$']) => script.extend(self.next()),
                sign => script.push(sign),
            }
        }
        let depth = self.depth;
        let mut commands = self.deeper(|_| commands_at(&script, depth + 1))?;
        self.found.append(&mut commands);
        Some(())
    }

    /// Passes everything up to the sign that closes it, and that sign.
    pub(super) fn balanced(&mut self, close: char, quotes: bool) -> Option<()> {
        let mut open = 0_usize;
        let mut word = Word::default();
        loop {
            match self.rest.chars().next()? {
                sign if sign == close => {
                    self.next();
                    if open == 0 {
                        return Some(());
                    }
                    open -= 1;
                }
                '(' if close == ')' => {
                    self.next();
                    open += 1;
                }
                '"' => {
                    self.next();
                    self.quoted(&mut word)?;
                }
                '\'' if quotes => {
                    self.next();
                    let end = self.rest.find('\'')?;
                    self.rest = &self.rest[end + 1..];
                }
                _ => self.quoted_piece(&mut word)?,
            }
        }
    }

    /// The elements of an array, and the bracket that closes it.
    pub(super) fn elements(&mut self) -> Option<()> {
        loop {
            self.pass_lines()?;
            if self.take(")") {
                return Some(());
            }
            self.word()?;
        }
    }
}
