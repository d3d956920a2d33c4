//! What real app-servers send beside their own schema: `fixtures/schemas/exceptions.yaml`.
//!
//! ```yaml
//! - versions: ["0.169.0"]          # all, unless given
//!   from: server
//!   method: thread/start           # of replies too; `*` stands for anything
//!   path: /result/*                # a JSON pointer into the frame
//!   fault: unknown-member
//!   reason: it is sent to clients that …
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use codex_wire::schema::{Fault, Sender, Violation};
use serde::Deserialize;

use crate::known_failures::matches;

/// Departures that are known, each with its reason.
#[derive(Clone, Debug, Default)]
pub struct Exceptions(Vec<Exception>);

/// One of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The codex versions; empty: all.
    #[serde(default)]
    pub versions: Vec<String>,
    /// `client` or `server`.
    pub from: String,
    /// The method; `*` stands for anything.
    pub method: String,
    /// The place; `*` stands for anything.
    pub path: String,
    /// The name of the fault.
    pub fault: String,
    /// Why it is so.
    pub reason: String,
}

/// A list that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {message}", path.display())]
pub struct ListError {
    path: PathBuf,
    message: String,
}

impl Exceptions {
    /// The list below the directory that has `fixtures`; a missing one is empty.
    ///
    /// # Errors
    /// [`ListError`] when it is there and can't be used.
    pub fn load(root: &Path) -> Result<Self, ListError> {
        let path = root.join("fixtures/schemas/exceptions.yaml");
        let parsed = match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.to_string()),
        };
        parsed.map_err(|message| ListError { path, message })
    }

    /// Reads a list.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_empty = |line: &str| line.trim().is_empty() || line.starts_with('#');
        if text.lines().all(is_empty) {
            return Ok(Self::default());
        }
        let all: Vec<Exception> =
            serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        for exception in &all {
            let Exception { from, fault, .. } = exception;
            if Fault::named(fault).is_none() {
                let known = Fault::ALL.map(|(_, name)| format!("`{name}`")).join(", ");
                return Err(format!("unknown fault `{fault}`; one of {known}"));
            }
            if ![Sender::Client, Sender::Server]
                .iter()
                .any(|it| it.to_string() == *from)
            {
                return Err(format!("`from` is `client` or `server`, not `{from}`"));
            }
        }
        Ok(Self(all))
    }

    /// Is this departure of `version` one of them?
    pub fn explain(&self, version: &str, violation: &Violation) -> bool {
        self.0.iter().any(|it| {
            (it.versions.is_empty() || it.versions.iter().any(|known| known == version))
                && it.from == violation.sender.to_string()
                && it.fault == violation.fault.name()
                && matches(&it.method, &violation.method)
                && matches(&it.path, &violation.path)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_of_one_version_place_and_fault() {
        let list = "- { versions: [1.2.3], from: server, method: 'a/*', path: '/params/*', \
                    fault: unknown-member, reason: it is so }";
        let exceptions = Exceptions::parse(list).unwrap();
        let violation = |method: &str, fault| Violation {
            sender: Sender::Server,
            method: method.into(),
            fault,
            path: "/params/x".into(),
            of: "A".into(),
            found: String::new(),
            expected: vec![],
        };
        assert!(exceptions.explain("1.2.3", &violation("a/do", Fault::UnknownMember)));
        assert!(!exceptions.explain("1.2.4", &violation("a/do", Fault::UnknownMember)));
        assert!(!exceptions.explain("1.2.3", &violation("b/do", Fault::UnknownMember)));
        assert!(!exceptions.explain("1.2.3", &violation("a/do", Fault::WrongType)));
    }

    #[test]
    fn a_list_that_is_wrong_says_so() {
        let entry = |from: &str, fault: &str| {
            let list =
                format!("- {{ from: {from}, method: a, path: /x, fault: {fault}, reason: so }}");
            Exceptions::parse(&list).map(|_| ()).unwrap_err()
        };
        assert!(entry("server", "odd").starts_with("unknown fault `odd`; one of `unknown-method`"));
        assert!(entry("model", "wrong-type").ends_with("not `model`"));
        assert!(Exceptions::parse("# none yet\n").is_ok());
    }
}
