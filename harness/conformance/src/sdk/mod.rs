//! The SDKs that are tested: `fixtures/sdks.yaml`, and what of it is installed.

pub mod install;
pub mod matrix;
pub mod template;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::client::driver::Sdk;
use crate::client::driver::process::{Program, from_here};
use crate::target::cache::{Cache, CacheError};

/// A package that has an SDK, at one exact version.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name in its registry.
    pub package: String,
    /// What it is written in, which decides how it is installed.
    pub language: Language,
    /// The exact version.
    pub version: String,
    /// Its licence, as an SPDX expression.
    pub licence: String,
    /// Arguments for `pip install`, one list for each call, or for `npm install`. Rust's are in
    /// the lock file of the drivers' workspace.
    #[serde(default)]
    pub install: Vec<Vec<String>>,
    /// The driver's file, or the package of the drivers' workspace.
    pub driver: String,
    /// The clients that it gives: an SDK may have several faces.
    pub clients: Vec<Face>,
}

/// One face of an SDK.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Face {
    /// The client's name, for example `python/openai-codex`.
    pub name: String,
    /// What the driver is told to take that face.
    #[serde(default)]
    pub arguments: Vec<String>,
}

/// What an SDK is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Installed with pip into a virtual environment.
    Python,
    /// Installed with npm into a prefix.
    Node,
    /// Built with Cargo, together with its driver.
    Rust,
}

/// A list that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It can't be read.
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
    /// There is no cache.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

/// Why a client can't be had.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The list can't be used.
    #[error(transparent)]
    List(#[from] ListError),
    /// There is none of this name.
    #[error("`{name}` is no client; one of `reference`, `cmd:COMMAND`, `all`, {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// It isn't installed.
    #[error("`{name}` is not installed\nhint: run `codex-conformance sdk install {name}`")]
    NotInstalled {
        /// The client.
        name: String,
    },
    /// It is no command.
    #[error("`{command}` is no command: {reason}")]
    Command {
        /// What stood behind `cmd:`.
        command: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Language {
    /// The name in the list, and of the directory of its drivers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Node => "node",
            Self::Rust => "rust",
        }
    }
}

impl Package {
    /// Where it is installed to.
    pub fn home(&self, cache: &Cache) -> PathBuf {
        let sdks = cache.sdks();
        match self.language {
            // One target directory: the packages share most of what they are built of.
            Language::Rust => sdks.join("rust"),
            Language::Python | Language::Node => sdks.join(format!(
                "{}-{}-{}",
                self.language.name(),
                self.package.replace(['/', '@'], "-"),
                self.version
            )),
        }
    }

    /// The file that is written when the installation is whole.
    pub fn marker(&self, cache: &Cache) -> PathBuf {
        let package = self.package.replace(['/', '@'], "-");
        let name = format!("installed-{package}-{}", self.version);
        self.home(cache).join(name)
    }

    /// Is it there?
    pub fn is_installed(&self, cache: &Cache) -> bool {
        self.marker(cache).is_file()
    }

    /// How the driver of a face is started. `root` is the directory that has `harness/drivers`.
    fn program(&self, face: &Face, root: &Path, cache: &Cache) -> Program {
        let home = self.home(cache);
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let file = root
            .join("harness/drivers")
            .join(self.language.name())
            .join(&self.driver);
        let mut argv = match self.language {
            Language::Python => vec![text(home.join("bin/python")), text(file)],
            Language::Node => vec!["node".into(), text(file)],
            Language::Rust => vec![text(home.join("debug").join(&self.driver))],
        };
        argv.extend(face.arguments.iter().cloned());
        Program {
            argv,
            environment: vec![
                ("CODEX_SDK_HOME".into(), text(home)),
                // Nothing is written beside the drivers.
                ("PYTHONDONTWRITEBYTECODE".into(), "1".into()),
            ],
            forks: self.language == Language::Python,
        }
    }
}

/// The list of SDKs below `root`.
///
/// # Errors
/// It isn't there, or says something wrong.
pub fn list(root: &Path) -> Result<Vec<Package>, ListError> {
    let path = root.join("fixtures/sdks.yaml");
    let text = fs::read_to_string(&path).map_err(|source| ListError::Read {
        path: path.clone(),
        source,
    })?;
    serde_saphyr::from_str(&text).map_err(|error| ListError::Wrong {
        path,
        message: error.to_string(),
    })
}

/// Every client that is installed, in the order of the list.
///
/// # Errors
/// The list or the cache can't be used.
pub fn installed(root: &Path) -> Result<Vec<Sdk>, ListError> {
    let root = absolute(root);
    let cache = Cache::from_environment()?;
    let packages = list(&root)?;
    let there = packages
        .iter()
        .filter(|package| package.is_installed(&cache));
    Ok(there
        .flat_map(|package| package.clients.iter().map(move |face| (package, face)))
        .map(|(package, face)| {
            let driver = package.program(face, &root, &cache);
            Sdk::new(face.name.clone(), driver)
        })
        .collect())
}

/// The client of this name: one of the list, or `cmd:COMMAND`.
///
/// # Errors
/// There is none, or it isn't installed.
pub fn find(name: &str, root: &Path) -> Result<Sdk, FindError> {
    if let Some(command) = name.strip_prefix("cmd:") {
        return of_command(name, command);
    }
    let root = absolute(root);
    let packages = list(&root)?;
    let mut faces = packages
        .iter()
        .flat_map(|package| package.clients.iter().map(move |face| (package, face)));
    let Some((package, face)) = faces.find(|(_, face)| face.name == name) else {
        let known = packages.iter().flat_map(|package| &package.clients);
        let known: Vec<String> = known.map(|face| format!("`{}`", face.name)).collect();
        return Err(FindError::Unknown {
            name: name.to_owned(),
            known: known.join(", "),
        });
    };
    let cache = Cache::from_environment().map_err(ListError::from)?;
    if !package.is_installed(&cache) {
        return Err(FindError::NotInstalled {
            name: name.to_owned(),
        });
    }
    let driver = package.program(face, &root, &cache);
    Ok(Sdk::new(face.name.clone(), driver))
}

/// A driver of somebody's own. Paths are meant from where the harness runs: the driver itself
/// runs in the workspace of its case.
fn of_command(name: &str, command: &str) -> Result<Sdk, FindError> {
    let refuse = |reason: String| FindError::Command {
        command: command.to_owned(),
        reason,
    };
    let argv = shell_words::split(command).map_err(|error| refuse(error.to_string()))?;
    if argv.is_empty() {
        return Err(refuse("it is empty".into()));
    }
    let here = |word: &String| {
        let path = Path::new(word);
        // Also a plain file name, as of a script behind its interpreter.
        let path = if path.exists() {
            absolute(path)
        } else {
            from_here(word)
        };
        path.to_string_lossy().into_owned()
    };
    let program = argv
        .first()
        .map(|program| from_here(program).to_string_lossy().into_owned());
    let arguments = argv.iter().skip(1).map(here);
    let driver = Program {
        argv: program.into_iter().chain(arguments).collect(),
        environment: Vec::new(),
        forks: false,
    };
    Ok(Sdk::new(name.to_owned(), driver))
}

fn absolute(path: &Path) -> PathBuf {
    // `scenarios` has an empty parent.
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn the_list_is_right_and_every_driver_is_there() {
        let packages = list(&root()).unwrap();
        let mut names = BTreeSet::new();
        for package in &packages {
            let drivers = root().join("harness/drivers").join(package.language.name());
            let driver = match package.language {
                // A package of the drivers' workspace, in a directory named after the SDK.
                Language::Rust => &package.package,
                Language::Python | Language::Node => &package.driver,
            };
            assert!(drivers.join(driver).exists(), "{}", package.driver);
            assert!(!package.licence.is_empty());
            for face in &package.clients {
                assert!(
                    face.name.starts_with(package.language.name()),
                    "{}",
                    face.name
                );
                assert!(names.insert(&face.name), "{}", face.name);
            }
        }
        assert!(names.iter().any(|name| *name == "python/openai-codex"));
    }

    #[test]
    fn who_asks_for_what_isnt_there_learns_what_is() {
        let message = find("python/openai", &root()).unwrap_err().to_string();
        assert!(message.contains("`python/openai-codex`"), "{message}");
        let sdk = find("cmd:python3 -u 'my driver.py'", &root()).unwrap();
        assert_eq!(sdk.driver.argv, ["python3", "-u", "my driver.py"]);
        assert!(find("cmd:", &root()).is_err());
    }
}
