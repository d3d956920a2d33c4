//! Differences that are known, each with its reason: `fixtures/certify/codex-VERSION.yaml`.
//!
//! ```yaml
//! - case: turns/steer[*]       # `*` stands for anything
//!   reason: which of two frames comes first is decided by the clock
//!   race: true                 # it may also turn out equal
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Outcome, Verdict};
use crate::known_failures::matches;

/// A list of exceptions.
#[derive(Clone, Debug, Default)]
pub struct Exceptions(Vec<Exception>);

/// A known difference.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The case's id; `*` stands for anything.
    pub case: String,
    /// Why it differs.
    pub reason: String,
    /// May it be equal at times?
    #[serde(default)]
    pub race: bool,
}

/// A list that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {message}", path.display())]
pub struct ListError {
    path: PathBuf,
    message: String,
}

impl Exceptions {
    /// The list for a codex version below the directory that has `fixtures`; a missing one is
    /// empty.
    ///
    /// # Errors
    /// [`ListError`] when it is there and can't be used.
    pub fn of(root: &Path, version: &str) -> Result<Self, ListError> {
        let path = root
            .join("fixtures/certify")
            .join(format!("codex-{version}.yaml"));
        let wrong = |message: String| ListError {
            path: path.clone(),
            message,
        };
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map_err(wrong),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(wrong(error.to_string())),
        }
    }

    /// Reads a list.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text
            .lines()
            .all(|line| line.is_empty() || line.starts_with('#'))
        {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(text)
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// The exception for a case.
    pub fn of_case(&self, id: &str) -> Option<&Exception> {
        self.0.iter().find(|exception| matches(&exception.case, id))
    }

    /// Marks what is listed; tells the entries that explain nothing. One about cases that did not
    /// run does so only if the `whole` suite ran.
    pub(super) fn apply(&self, verdicts: &mut [Verdict], whole: bool) -> Vec<String> {
        let ran = |exception: &&Exception| {
            let of = |verdict: &Verdict| matches(&exception.case, &verdict.id);
            whole || verdicts.iter().any(of)
        };
        let mut stale: Vec<(&Exception, bool)> = { self.0.iter() }
            .filter(ran)
            .map(|exception| (exception, false))
            .collect();
        for verdict in verdicts {
            let Some((exception, used)) = stale
                .iter_mut()
                .find(|(exception, _)| matches(&exception.case, &verdict.id))
            else {
                continue;
            };
            *used |= exception.race;
            if let Outcome::Differs(difference) = &verdict.outcome {
                *used = true;
                verdict.outcome = Outcome::Listed(exception.reason.clone(), difference.clone());
            }
        }
        stale
            .into_iter()
            .filter(|(_, used)| !used)
            .map(|(exception, _)| exception.case.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Difference;

    fn verdict(id: &str, differs: bool) -> Verdict {
        let difference = Difference {
            wire: "server",
            frame: 1,
            sides: [None, None],
        };
        Verdict {
            id: id.into(),
            outcome: if differs {
                Outcome::Differs(Box::new(difference))
            } else {
                Outcome::Equal
            },
            again: false,
        }
    }

    #[test]
    fn a_listed_difference_is_one_and_an_idle_entry_is_stale() {
        let list = "- { case: 'a/*', reason: clock }\n- { case: b, reason: gone }\n\
                    - { case: c, reason: race, race: true }";
        let exceptions = Exceptions::parse(list).unwrap();
        let mut verdicts = [
            verdict("a/x", true),
            verdict("b", false),
            verdict("c", false),
        ];
        assert_eq!(exceptions.apply(&mut verdicts, true), ["b"]);
        assert!(matches!(&verdicts[0].outcome, Outcome::Listed(reason, _) if reason == "clock"));
    }

    #[test]
    fn an_entry_about_cases_that_did_not_run_is_stale_in_a_whole_run_alone() {
        let exceptions = Exceptions::parse("- { case: elsewhere, reason: clock }").unwrap();
        let mut verdicts = [verdict("a/x", false)];
        assert!(exceptions.apply(&mut verdicts, false).is_empty());
        assert_eq!(exceptions.apply(&mut verdicts, true), ["elsewhere"]);
    }

    #[test]
    fn a_list_that_is_wrong_says_so() {
        assert!(Exceptions::parse("# nothing yet\n").is_ok());
        assert!(
            Exceptions::parse("- { case: a }")
                .unwrap_err()
                .contains("reason")
        );
    }
}
