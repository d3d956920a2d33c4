//! The simple commands of a shell script, wherever they stand in it.

mod construct;
mod redirection;
mod word;

use redirection::Document;
pub(super) use word::Word;

/// How deep constructs may be nested before a script is not looked into.
const DEPTH: usize = 64;

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

/// What stands between commands, the longest first; does it need a command behind it?
const CONNECTORS: &[(&str, bool)] = &[
    ("&&", true),
    ("||", true),
    ("|&", true),
    ("|", true),
    ("&", false),
    (";", false),
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
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read_to_an_end(script in "[a-z \"'`$(){};&|<>\\\\\n#!=\\[\\]-]{0,60}") {
            let _ = commands(&script);
        }
    }

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
