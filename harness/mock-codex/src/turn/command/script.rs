//! The simple commands of a shell script, wherever they stand in it.

/// How deep constructs may be nested before a script is not looked into.
const DEPTH: usize = 64;

/// A word of a simple command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    text: String,
    /// Does a shell take more than quotes away from it?
    expanded: bool,
    quoted: bool,
}

impl Word {
    /// What it stands for, where that shows without a shell.
    pub(super) fn literal(&self) -> Option<&str> {
        (!self.expanded).then_some(&*self.text)
    }

    /// Something that no program is called.
    fn opaque() -> Self {
        Self {
            expanded: true,
            ..Self::default()
        }
    }

    fn is_bare(&self, text: &str) -> bool {
        !self.expanded && !self.quoted && self.text == text
    }

    fn is_assignment(&self) -> bool {
        let name = self.text.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| {
            let name = name.strip_suffix('+').unwrap_or(name);
            name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
                && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
        })
    }
}

/// All simple commands of a script, without assignments and redirections; `None` where the script
/// is none.
pub(super) fn commands(script: &str) -> Option<Vec<Vec<Word>>> {
    commands_at(script, 0)
}

fn commands_at(script: &str, depth: usize) -> Option<Vec<Vec<Word>>> {
    let mut reader = Reader {
        rest: script,
        depth,
        found: Vec::new(),
        documents: Vec::new(),
    };
    reader.list(Stop::End)?;
    reader.rest.is_empty().then_some(reader.found)
}

/// What ends a list of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The end of the script.
    End,
    /// A `)`.
    Bracket,
    /// A `;;` or an `esac`, which is left to be read.
    Branch,
}

/// A text that follows the line.
#[derive(Debug)]
struct Document {
    end: String,
    expanded: bool,
    indented: bool,
}

#[derive(Debug)]
struct Reader<'a> {
    rest: &'a str,
    depth: usize,
    found: Vec<Vec<Word>>,
    documents: Vec<Document>,
}

/// The command that is being read, and what has to be closed after it.
#[derive(Debug, Default)]
struct Line {
    words: Vec<Word>,
    /// The words that close what is open.
    closers: Vec<&'static str>,
    /// Was something before it that needs a command behind it?
    wanted: bool,
}

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

/// What stands between commands, the longest first; does it need a command behind it?
const CONNECTORS: &[(&str, bool)] = &[
    ("&&", true),
    ("||", true),
    ("|&", true),
    ("|", true),
    ("&", false),
    (";", false),
];

/// Signs of redirections, the longest first.
const REDIRECTIONS: &[&str] = &[
    "&>>", "<<<", "<<-", "<<", "&>", ">>", ">&", ">|", "<&", "<>", ">", "<",
];

impl Reader<'_> {
    fn take(&mut self, text: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(text) else {
            return false;
        };
        self.rest = rest;
        true
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    /// Passes what separates words.
    fn pass_blanks(&mut self) {
        while self.take(" ") || self.take("\t") || self.take("\\\n") {}
        if self.rest.starts_with('#') {
            self.rest = self.rest.find('\n').map_or("", |end| &self.rest[end..]);
        }
    }

    fn pass_lines(&mut self) -> Option<()> {
        self.pass_blanks();
        while self.take("\n") {
            self.pass_documents()?;
            self.pass_blanks();
        }
        Some(())
    }

    /// Reads something that is within the rest; `None` where that is too deep.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth == DEPTH {
            return None;
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Reads commands up to what ends them.
    fn list(&mut self, stop: Stop) -> Option<()> {
        let mut line = Line::default();
        loop {
            self.pass_blanks();
            let ends = match stop {
                Stop::End => self.rest.is_empty(),
                Stop::Bracket => self.rest.starts_with(')'),
                Stop::Branch => {
                    self.rest.starts_with(";;")
                        || self.rest.starts_with(";&")
                        || line.words.is_empty() && self.is_at_word("esac")
                }
            };
            if ends {
                let complete = !(line.wanted && line.words.is_empty()) && line.closers.is_empty();
                self.end(&mut line);
                return complete.then_some(());
            }
            if self.rest.is_empty() {
                return None;
            }
            self.piece(&mut line)?;
        }
    }

    fn end(&mut self, line: &mut Line) {
        let words = std::mem::take(&mut line.words);
        if !words.is_empty() {
            self.found.push(words);
        }
    }

    /// Reads one word or sign of a command.
    fn piece(&mut self, line: &mut Line) -> Option<()> {
        if self.take("\n") {
            if !line.words.is_empty() {
                line.wanted = false;
            }
            self.end(line);
            return self.pass_documents();
        }
        if self.redirection()? {
            return Some(());
        }
        if let Some((sign, wants)) = CONNECTORS
            .iter()
            .find(|(sign, _)| self.rest.starts_with(sign))
        {
            if line.words.is_empty() || self.rest.starts_with(";;") {
                return None;
            }
            self.take(sign);
            self.end(line);
            line.wanted = *wants;
            return Some(());
        }
        if self.rest.starts_with('(') {
            return self.bracket(line);
        }
        let begins = line.words.is_empty();
        let word = self.word()?;
        if begins {
            return self.first_word(line, word);
        }
        line.words.push(word);
        Some(())
    }

    /// A `(` that belongs to no word.
    fn bracket(&mut self, line: &mut Line) -> Option<()> {
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
    fn first_word(&mut self, line: &mut Line, word: Word) -> Option<()> {
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
    fn assigned(&mut self, line: &mut Line) {
        self.pass_blanks();
        if self.rest.is_empty() || self.rest.starts_with([';', '&', '|', '\n', ')']) {
            line.words.push(Word::opaque());
        }
    }

    /// The branches of a `case`, with its `esac`.
    fn branches(&mut self) -> Option<()> {
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
    fn condition(&mut self) -> Option<()> {
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

    fn is_at_word(&self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word);
        rest.is_some_and(|rest| {
            rest.is_empty() || rest.starts_with([' ', '\t', '\n', ';', '&', '|', ')'])
        })
    }

    /// Passes a redirection, if there is one.
    fn redirection(&mut self) -> Option<bool> {
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
    fn pass_documents(&mut self) -> Option<()> {
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
    fn within(&mut self, text: &str) -> Option<()> {
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

    /// Reads a word, which must be there.
    fn word(&mut self) -> Option<Word> {
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
    fn quoted(&mut self, word: &mut Word) -> Option<()> {
        while !self.take("\"") {
            self.quoted_piece(word)?;
        }
        Some(())
    }

    fn quoted_piece(&mut self, word: &mut Word) -> Option<()> {
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
    fn expansion(&mut self, word: &mut Word) -> Option<()> {
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

    fn substituted(&mut self) -> Option<()> {
        self.deeper(|it| it.list(Stop::Bracket))?;
        self.take(")").then_some(())
    }

    fn between_backticks(&mut self) -> Option<()> {
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
    fn balanced(&mut self, close: char, quotes: bool) -> Option<()> {
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
    fn elements(&mut self) -> Option<()> {
        loop {
            self.pass_lines()?;
            if self.take(")") {
                return Some(());
            }
            self.word()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(script: &str) -> Option<Vec<String>> {
        let commands = commands(script)?.into_iter().map(|words| {
            let words = words.iter().map(|word| word.literal().unwrap_or("?"));
            words.collect::<Vec<_>>().join(" ")
        });
        Some(commands.filter(|command| command != "?").collect())
    }

    #[test]
    fn commands_are_found_wherever_they_stand() {
        for (script, want) in [
            ("a b; c && d | e", &["a b", "c", "d", "e"][..]),
            ("a 'b c' \"d\"e >f 2>&1 <g", &["a b c de"]),
            ("if a; then b; else c; fi; d", &["a", "b", "c", "d"]),
            ("for x in 1 2; do a $x; done", &["? x in 1 2", "a ?"]),
            ("f() { a; }; function g { b; }", &["a", "b"]),
            ("case x in y|z) a;; (*) b; esac; c", &["a", "b", "c"]),
            ("A=1 a; B=$(b)", &["a", "b"]),
            ("x=(a b); [[ -n $(c) && ( 1 < 2 ) ]]", &["c"]),
            ("echo $((1 + $(a))) ${x:-$(b)}", &["a", "b", "echo ? ?"]),
            ("a <<E && b\n$(c)\nE\nd", &["a", "b", "c", "d"]),
            ("a <<'E'\n$(c)\nE\nd # e", &["a", "d"]),
            ("a `b \\`c\\``", &["c", "b ?", "a ?"]),
        ] {
            let want: Vec<String> = want.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(shown(script), Some(want), "{script}");
        }
    }

    #[test]
    fn what_is_no_script_has_no_commands() {
        let deep = "(".repeat(100_000);
        for script in [
            "a (",
            "a &&",
            "a 'b",
            "$(a",
            "if a; then b",
            "a )",
            "`a",
            "; a",
            &deep,
        ] {
            assert_eq!(shown(script), None, "{}", &script[..script.len().min(20)]);
        }
    }
}
