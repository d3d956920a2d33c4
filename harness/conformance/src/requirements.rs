//! What a server or a client of a version must pass: `requirements/VERSION.yaml`.
//!
//! The suite grows, and a growing suite would move the goal of whoever works towards it. A frozen
//! list doesn't: later cases are not in it, and one that goes away is missed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::known_failures::{KnownFailures, matches};
use crate::scenario::model::{Action, Case};
use crate::target::Target;
use crate::target::capability::{self, UnknownCapability};

/// The requirements of one version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirements {
    /// The codex version.
    pub version: String,
    /// The ids of the cases that an app-server must pass.
    pub server: BTreeSet<String>,
    /// Those that a client must pass, whatever its language: they have verbs alone.
    pub client: BTreeSet<String>,
}

/// Requirements that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum RequirementsError {
    /// The file can't be read.
    #[error("can't read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It says something wrong.
    #[error("`{}`: {message}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What.
        message: String,
    },
    /// Cases that are required and that the suite doesn't have.
    #[error("{} cases that are required are gone: {}", .0.len(), shown(.0))]
    Gone(Vec<String>),
}

/// The most ids that a message names.
const SHOWN: usize = 5;

fn shown(ids: &[String]) -> String {
    let names: Vec<String> = ids.iter().take(SHOWN).map(|id| format!("`{id}`")).collect();
    let more = if ids.len() > SHOWN { ", …" } else { "" };
    names.join(", ") + more
}

/// Where the requirements of a version are, below the directory that has `scenarios`.
pub fn path_of(root: &Path, version: &str) -> PathBuf {
    root.join("requirements").join(format!("{version}.yaml"))
}

impl Requirements {
    /// Reads the requirements of a version.
    ///
    /// # Errors
    /// There are none, or they can't be used.
    pub fn load(root: &Path, version: &str) -> Result<Self, RequirementsError> {
        let path = path_of(root, version);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(RequirementsError::Read { path, source }),
        };
        serde_saphyr::from_str(&text).map_err(|error| RequirementsError::Wrong {
            path,
            message: error.to_string(),
        })
    }

    /// What a version passes today: of these cases those that its app-server is not known to fail.
    ///
    /// # Errors
    /// A case that requires what nobody knows.
    pub fn freeze(
        version: &str,
        cases: &[Arc<Case>],
        known: &KnownFailures,
    ) -> Result<Self, UnknownCapability> {
        let target = Target::Codex {
            version: version.to_owned(),
        };
        let mut frozen = Self {
            version: version.to_owned(),
            ..Self::default()
        };
        for case in cases {
            let fails = known.entries().iter().any(|it| matches(&it.case, &case.id));
            if fails || capability::obstacle(case, &target, || None)?.is_some() {
                continue;
            }
            frozen.server.insert(case.id.clone());
            if has_verbs_alone(case) {
                frozen.client.insert(case.id.clone());
            }
        }
        Ok(frozen)
    }

    /// The file.
    pub fn to_yaml(&self) -> String {
        let mut text = format!(
            "# What a server or a client of codex {0} must pass, frozen: later cases are no part of \
             it.\n# `codex-conformance run --requirements {0}` runs the server's; written by \
             `codex-conformance requirements {0}`.\nversion: {0}\n",
            self.version
        );
        for (name, ids) in [("server", &self.server), ("client", &self.client)] {
            // Writing to a string can't fail.
            let _ = writeln!(text, "{name}:{}", if ids.is_empty() { " []" } else { "" });
            for id in ids {
                let _ = writeln!(text, "  - '{}'", id.replace('\'', "''"));
            }
        }
        text
    }

    /// Of these cases those that an app-server must pass.
    ///
    /// # Errors
    /// [`RequirementsError::Gone`] when one is not among them.
    pub fn of_server(&self, cases: &[Arc<Case>]) -> Result<Vec<Arc<Case>>, RequirementsError> {
        Self::chosen(&self.server, cases)
    }

    /// Of these cases those that a client must pass.
    ///
    /// # Errors
    /// [`RequirementsError::Gone`] when one is not among them.
    pub fn of_client(&self, cases: &[Arc<Case>]) -> Result<Vec<Arc<Case>>, RequirementsError> {
        Self::chosen(&self.client, cases)
    }

    fn chosen(
        ids: &BTreeSet<String>,
        cases: &[Arc<Case>],
    ) -> Result<Vec<Arc<Case>>, RequirementsError> {
        let there: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
        let gone = ids.iter().filter(|id| !there.contains(id.as_str()));
        let gone: Vec<String> = gone.cloned().collect();
        if !gone.is_empty() {
            return Err(RequirementsError::Gone(gone));
        }
        let required = cases.iter().filter(|case| ids.contains(&case.id));
        Ok(required.cloned().collect())
    }
}

/// Can any client do it? It can when nothing in it is about the wire itself.
fn has_verbs_alone(case: &Case) -> bool {
    let of_the_wire = |action: &Action| {
        matches!(
            action,
            Action::Request { .. }
                | Action::Notify { .. }
                | Action::SendLine { .. }
                | Action::Await { .. }
                | Action::Respond { .. }
                | Action::CloseStdin
                | Action::Signal { .. }
                | Action::Connect { .. }
                | Action::Disconnect
                | Action::Http { .. }
                | Action::Exit
                | Action::Jwt { .. }
        )
    };
    case.transport.is_none()
        && case.home.handshake.unwrap_or(true)
        && !case.steps.iter().any(|step| of_the_wire(&step.action))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn cases(ids: &[&str]) -> Vec<Arc<Case>> {
        let cases = ids.iter().map(|id| sample::case(id));
        cases.map(Arc::new).collect()
    }

    #[test]
    fn what_is_known_to_fail_is_not_required() {
        let list = "- { case: 'a/two*', check: c, message: m, reason: r }";
        let known = KnownFailures::parse(Path::new("codex.yaml"), list).unwrap();
        let mut all = cases(&["a/one", "a/two[x=1]", "a/three", "a/mock"]);
        Arc::make_mut(&mut all[2]).home.handshake = Some(false);
        Arc::make_mut(&mut all[3]).targets = vec!["mock".into()];
        let frozen = Requirements::freeze("1.2.3", &all, &known).unwrap();
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(frozen.server, set(&["a/one", "a/three"]));
        assert_eq!(frozen.client, set(&["a/one"]));
    }

    #[test]
    fn what_is_written_can_be_read() {
        let root = tempfile::tempdir().unwrap();
        let all = cases(&["a/one", "a/two[x='q',y=*]"]);
        let frozen = Requirements::freeze("1.2.3", &all, &KnownFailures::default()).unwrap();
        fs::create_dir(root.path().join("requirements")).unwrap();
        fs::write(path_of(root.path(), "1.2.3"), frozen.to_yaml()).unwrap();
        assert_eq!(Requirements::load(root.path(), "1.2.3").unwrap(), frozen);
        let missing = Requirements::load(root.path(), "9.9.9").unwrap_err();
        assert!(missing.to_string().starts_with("can't read `"), "{missing}");
    }

    #[test]
    fn later_cases_are_not_required_and_lost_ones_are_missed() {
        let all = cases(&["a/one", "a/two"]);
        let frozen = Requirements::freeze("1.2.3", &all, &KnownFailures::default()).unwrap();
        let later = cases(&["a/one", "a/three", "a/two"]);
        let ids = |cases: Vec<Arc<Case>>| -> Vec<String> {
            cases.iter().map(|case| case.id.clone()).collect()
        };
        assert_eq!(ids(frozen.of_server(&later).unwrap()), ["a/one", "a/two"]);
        assert_eq!(ids(frozen.of_client(&later).unwrap()), ["a/one", "a/two"]);
        let error = frozen
            .of_server(&cases(&["a/two"]))
            .unwrap_err()
            .to_string();
        assert_eq!(error, "1 cases that are required are gone: `a/one`");
    }

    #[test]
    fn the_repositorys_requirements_are_of_its_suite() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let loaded = crate::scenario::load(&[root.join("scenarios")]);
        for entry in fs::read_dir(root.join("requirements")).unwrap() {
            let path = entry.unwrap().path();
            let version = path.file_stem().unwrap().to_str().unwrap();
            let frozen = Requirements::load(&root, version).unwrap();
            assert_eq!(frozen.version, version);
            assert!(!frozen.of_server(&loaded.cases).unwrap().is_empty());
            assert!(frozen.client.is_subset(&frozen.server));
        }
    }
}
