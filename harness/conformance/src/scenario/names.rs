//! The names that a scenario's strings may use, as far as they are known before it runs.

use super::problem::{Problem, close, list};
use super::source::Span;
use super::template::{self, PLACES, Part};
use super::yaml::{Kind, Node};

/// The names bound so far: directories, dimensions of the matrix, results of earlier steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    dimensions: Vec<String>,
    results: Vec<(String, Span)>,
}

impl Names {
    /// The directories and these dimensions.
    pub(crate) fn new(dimensions: Vec<String>) -> Self {
        Self {
            dimensions,
            results: Vec::new(),
        }
    }

    /// The results of earlier steps.
    pub(crate) fn results(&self) -> Vec<&str> {
        self.results.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Adds the result of a step; says what is wrong with its name.
    pub(crate) fn bind(&mut self, node: &Node, name: &str) -> Option<Problem> {
        let problem = |message: String, label: &str| Some(Problem::new(node.span, message, label));
        let found = if !is_name(name) {
            problem(
                format!("`{name}` can't be a name"),
                "letters, digits, `_` and `-` only",
            )
        } else if PLACES.iter().any(|(place, _)| *place == name) {
            problem(format!("`{name}` is a directory of the run"), "taken")
        } else if self.dimensions.iter().any(|dimension| dimension == name) {
            problem(format!("`{name}` is a dimension of the matrix"), "taken")
        } else if let Some((_, first)) = self.results.iter().find(|(bound, _)| bound == name) {
            problem(format!("two steps are named `{name}`"), "again here")
                .map(|problem| problem.also(*first, "first here"))
        } else {
            None
        };
        self.results.push((name.to_owned(), node.span));
        found
    }

    /// Checks the variables in every string of a tree, keys included.
    pub(crate) fn check(&self, node: &Node, problems: &mut Vec<Problem>) {
        match &node.kind {
            Kind::Text(text) => self.check_text(text, node.span, problems),
            Kind::List(elements) => {
                for element in elements {
                    self.check(element, problems);
                }
            }
            Kind::Map(members) => {
                for (key, value) in members {
                    self.check_text(&key.text, key.span, problems);
                    self.check(value, problems);
                }
            }
            _ => {}
        }
    }

    fn check_text(&self, text: &str, span: Span, problems: &mut Vec<Problem>) {
        for part in template::parts(text) {
            match part {
                Part::Variable(path) => {
                    let name = template::root(path);
                    if !self.knows(name) {
                        problems.push(self.unknown(path, name, span));
                    }
                }
                Part::Unclosed(_) => problems.push(
                    Problem::new(span, "`${` without its `}`", "not closed")
                        .hint("`$${` stands for a literal `${`"),
                ),
                Part::Text(_) | Part::Escape => {}
            }
        }
    }

    fn all(&self) -> Vec<&str> {
        let places = PLACES.iter().map(|(name, _)| *name);
        places
            .chain(self.dimensions.iter().map(String::as_str))
            .chain(self.results())
            .collect()
    }

    fn knows(&self, name: &str) -> bool {
        self.all().contains(&name)
    }

    fn unknown(&self, path: &str, name: &str, span: Span) -> Problem {
        let all = self.all();
        let meant = close(name, &all).map(|name| format!("did you mean `${{{name}}}`?"));
        let hint = meant.unwrap_or_else(|| {
            format!(
                "known here: {}; `$${{{path}}}` stands for a literal `${{{path}}}`",
                list(&all)
            )
        });
        Problem::new(
            span,
            format!("unknown variable `${{{path}}}`"),
            "not known here",
        )
        .hint(hint)
    }
}

/// Letters, digits, `_` and `-`, beginning with a letter or `_`.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}
