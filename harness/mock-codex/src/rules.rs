//! Rules about commands: `rules/*.rules` in the home.

use std::cell::RefCell;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;

/// What a rule decides, from the mildest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Decision {
    Allow,
    Prompt,
    Forbidden,
}

/// A rule about the commands that begin with certain words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// The words, each with its alternatives.
    pattern: Vec<Vec<String>>,
    decision: Decision,
    justification: Option<String>,
}

/// What a rule says about a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) decision: Decision,
    /// The words that it was found by.
    pub(crate) prefix: Vec<String>,
    pub(crate) justification: Option<String>,
}

/// All rules of a home.
#[derive(Debug)]
pub(crate) struct Rules {
    directory: PathBuf,
    rules: RefCell<Vec<Rule>>,
}

impl Rules {
    /// The rules of a home. A file with anything in it but calls of `prefix_rule` is not read, and
    /// stderr says so.
    pub(crate) fn load(home: &Path) -> Self {
        let directory = home.join("rules");
        let mut files: Vec<PathBuf> = fs::read_dir(&directory)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ext| ext == "rules"))
            .collect();
        files.sort();
        let read = |path: PathBuf| {
            let text = fs::read_to_string(&path).map_err(|error| error.to_string());
            text.and_then(|text| parse(&text)).unwrap_or_else(|why| {
                crate::complain(&format!("mock-codex can't read {}: {why}", path.display()));
                Vec::new()
            })
        };
        let rules = files.into_iter().flat_map(read).collect();
        Self {
            directory,
            rules: RefCell::new(rules),
        }
    }

    /// The strictest rule about a command of these words.
    pub(crate) fn about(&self, words: &[String]) -> Option<Match> {
        let rules = self.rules.borrow();
        let matching = rules.iter().filter(|rule| {
            let mut pairs = rule.pattern.iter().zip(words);
            rule.pattern.len() <= words.len() && pairs.all(|(any, word)| any.contains(word))
        });
        let strictest = matching.max_by_key(|rule| rule.decision)?;
        Some(Match {
            decision: strictest.decision,
            prefix: words[..strictest.pattern.len()].to_vec(),
            justification: strictest.justification.clone(),
        })
    }

    /// Allows commands that begin with these words, from now on and after a restart; `false` if
    /// they were allowed before.
    ///
    /// # Errors
    /// In the words that the client is told.
    pub(crate) fn allow(&self, words: &[String]) -> Result<bool, String> {
        let path = self.directory.join("default.rules");
        let failed = |why: &dyn std::fmt::Display| {
            format!("failed to update rules file {}: {why}", path.display())
        };
        if words.is_empty() {
            return Err(failed(&"prefix rule requires at least one token"));
        }
        let rule = Rule {
            pattern: words.iter().map(|word| vec![word.clone()]).collect(),
            decision: Decision::Allow,
            justification: None,
        };
        if self.rules.borrow().contains(&rule) {
            return Ok(false);
        }
        let words = shown(words);
        let line = format!("prefix_rule(pattern={words}, decision=\"allow\")\n");
        append(&path, &line).map_err(|error| failed(&error))?;
        self.rules.borrow_mut().push(rule);
        Ok(true)
    }
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?;
    file.write_all(line.as_bytes())
}

/// Words as rules and texts about them show them.
pub(crate) fn shown(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| json!(word).to_string()).collect();
    format!("[{}]", words.join(", "))
}

/// A piece of a rules file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Name(String),
    Text(String),
    Sign(char),
}

fn parse(text: &str) -> Result<Vec<Rule>, String> {
    let tokens = tokens(text)?;
    let mut rest = &tokens[..];
    let mut rules = Vec::new();
    while !rest.is_empty() {
        rules.push(rule(&mut rest)?);
    }
    Ok(rules)
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' => {
                let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
                let value = values.next().and_then(Result::ok);
                tokens.push(Token::Text(value.ok_or("a text does not end")?));
                values.byte_offset()
            }
            '(' | ')' | '[' | ']' | ',' | '=' => {
                tokens.push(Token::Sign(first));
                1
            }
            _ => {
                let end = rest
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(rest.len());
                if end == 0 {
                    return Err(format!("`{first}` is not expected"));
                }
                tokens.push(Token::Name(rest[..end].to_owned()));
                end
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn rule(rest: &mut &[Token]) -> Result<Rule, String> {
    let mut rule = Rule {
        pattern: Vec::new(),
        decision: Decision::Allow,
        justification: None,
    };
    match take(rest)? {
        Token::Name(name) if name == "prefix_rule" => {}
        _ => return Err("only `prefix_rule` is known".to_owned()),
    }
    sign(rest, '(')?;
    loop {
        match take(rest)? {
            Token::Sign(')') => break,
            Token::Sign(',') => {}
            Token::Name(member) => {
                sign(rest, '=')?;
                match member.as_str() {
                    "pattern" => rule.pattern = list(rest, alternatives)?,
                    "decision" => rule.decision = decision(&text(rest)?)?,
                    "justification" => rule.justification = Some(text(rest)?),
                    // Examples that the author gave.
                    "match" | "not_match" => drop(list(rest, alternatives)?),
                    other => return Err(format!("`{other}` is not known")),
                }
            }
            _ => return Err("a member is expected".to_owned()),
        }
    }
    if rule.pattern.is_empty() {
        return Err("a pattern is missing".to_owned());
    }
    Ok(rule)
}

fn decision(name: &str) -> Result<Decision, String> {
    match name {
        "allow" => Ok(Decision::Allow),
        "prompt" => Ok(Decision::Prompt),
        "forbidden" => Ok(Decision::Forbidden),
        other => Err(format!("`{other}` is no decision")),
    }
}

fn alternatives(rest: &mut &[Token]) -> Result<Vec<String>, String> {
    match rest.first() {
        Some(Token::Sign('[')) => list(rest, text),
        _ => Ok(vec![text(rest)?]),
    }
}

fn list<T>(
    rest: &mut &[Token],
    element: impl Fn(&mut &[Token]) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    sign(rest, '[')?;
    let mut elements = Vec::new();
    loop {
        match rest.first() {
            Some(Token::Sign(']')) => {
                sign(rest, ']')?;
                return Ok(elements);
            }
            Some(Token::Sign(',')) => sign(rest, ',')?,
            _ => elements.push(element(rest)?),
        }
    }
}

fn text(rest: &mut &[Token]) -> Result<String, String> {
    match take(rest)? {
        Token::Text(text) => Ok(text),
        _ => Err("a text is expected".to_owned()),
    }
}

fn sign(rest: &mut &[Token], wanted: char) -> Result<(), String> {
    (take(rest)? == Token::Sign(wanted))
        .then_some(())
        .ok_or_else(|| format!("`{wanted}` is expected"))
}

fn take(rest: &mut &[Token]) -> Result<Token, String> {
    let (first, others) = rest.split_first().ok_or("the file ends too early")?;
    *rest = others;
    Ok(first.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_strictest_rule_counts() {
        let rules = parse(
            "# mine\nprefix_rule(pattern=[\"git\"], decision=\"allow\")\n\
             prefix_rule(\n  pattern = [\"git\", [\"push\", \"pull\"]],\n  decision = \"forbidden\",\n  \
             justification = \"not \\\"now\\\"\",\n)\n",
        );
        let rules = Rules {
            directory: PathBuf::new(),
            rules: RefCell::new(rules.unwrap()),
        };
        assert_eq!(
            rules.about(&words("git log")).unwrap().decision,
            Decision::Allow
        );
        let found = rules.about(&words("git pull x")).unwrap();
        assert_eq!(found.decision, Decision::Forbidden);
        assert_eq!(found.prefix, ["git", "pull"]);
        assert_eq!(found.justification.as_deref(), Some("not \"now\""));
        assert_eq!(rules.about(&words("gitk")), None);
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in ["load(\"x\")", "prefix_rule(pattern=[\"a\"", "prefix_rule()"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_allowed_prefix_is_written_once() {
        let home = tempfile::tempdir().unwrap();
        let rules = Rules::load(home.path());
        assert_eq!(rules.allow(&words("touch it's")), Ok(true));
        assert_eq!(rules.allow(&words("touch it's")), Ok(false));
        assert!(rules.allow(&[]).is_err());
        let text = fs::read_to_string(home.path().join("rules/default.rules")).unwrap();
        assert_eq!(
            text,
            "prefix_rule(pattern=[\"touch\", \"it's\"], decision=\"allow\")\n"
        );
        assert!(
            Rules::load(home.path())
                .about(&words("touch it's x"))
                .is_some()
        );
    }
}
