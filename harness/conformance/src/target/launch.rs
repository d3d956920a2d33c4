//! How a target's process is started.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::run::RunOptions;
use crate::target::Target;
use crate::target::cache::{Cache, CacheError};
use crate::target::sandbox;

/// A program and how it is called, before the case adds its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Arguments before the case's `-c key=value` options.
    pub before: Vec<String>,
    /// Arguments after them.
    pub after: Vec<String>,
    /// Directories that are searched for programs after those of the harness's own `PATH`.
    pub path: Vec<PathBuf>,
    /// Variables of the environment that the target itself needs.
    pub environment: Vec<(&'static str, &'static str)>,
}

/// Why a target can't be started. The environment is at fault, not the target.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The version is not installed.
    #[error(
        "`codex@{version}` is not installed\nhint: run `codex-conformance target install codex@{version}`"
    )]
    NotInstalled {
        /// The version.
        version: String,
    },
    /// There is no cache directory.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The harness can't find itself.
    #[error("the mock can't be started: {0}")]
    Executable(#[source] io::Error),
}

impl Target {
    /// How to start it; `None` for one that runs already.
    pub fn launch(&self, options: &RunOptions) -> Result<Option<Launch>, LaunchError> {
        match self {
            Self::Mock { quirks } => launch_mock(quirks, options).map(Some),
            Self::Codex { version } => {
                let installed = Cache::from_environment()?.find(version)?.ok_or_else(|| {
                    LaunchError::NotInstalled {
                        version: version.clone(),
                    }
                })?;
                Ok(Some(launch_codex(&installed.program)))
            }
            Self::Command { argv } => Ok(argv.split_first().map(|(program, rest)| Launch {
                program: from_here(program),
                before: rest.to_vec(),
                after: Vec::new(),
                path: Vec::new(),
                environment: Vec::new(),
            })),
            Self::WebSocket { .. } | Self::Unix { .. } => Ok(None),
        }
    }
}

impl Target {
    /// Why its commands don't run under a sandbox that gives the results of the real app-server;
    /// `None`: they do, or nothing can be known beforehand.
    pub fn sandbox_shortfall(&self, options: &RunOptions) -> Option<String> {
        match self {
            Self::Mock { .. } => sandbox::shortfall(sandbox::of_mock(&mock_program(options).ok()?)),
            _ => None,
        }
    }
}

impl Launch {
    /// All arguments, with the case's overrides as `-c key=value`, values written as TOML, and
    /// `further` ones at the end.
    pub fn arguments(
        &self,
        overrides: &Map<String, Value>,
        further: impl Iterator<Item = String>,
    ) -> Vec<String> {
        let options = overrides
            .iter()
            .flat_map(|(key, value)| ["-c".to_owned(), format!("{key}={}", toml_text(value))]);
        let before = self.before.iter().cloned();
        before
            .chain(options)
            .chain(self.after.iter().cloned())
            .chain(further)
            .collect()
    }
}

fn mock_program(options: &RunOptions) -> Result<PathBuf, LaunchError> {
    match &options.mock_program {
        Some(program) => Ok(program.clone()),
        None => env::current_exe().map_err(LaunchError::Executable),
    }
}

fn launch_mock(quirks: &[String], options: &RunOptions) -> Result<Launch, LaunchError> {
    let program = mock_program(options)?;
    let sandbox = sandbox::environment(sandbox::of_mock(&program));
    let mutant = options.mutant.map(|name| format!("--mutant={name}"));
    let switches = quirks.iter().map(|switch| format!("--quirk={switch}"));
    Ok(Launch {
        program,
        before: std::iter::once("mock".to_owned())
            .chain(switches)
            .chain(mutant)
            .collect(),
        after: vec!["app-server".into()],
        path: Vec::new(),
        environment: sandbox.into_iter().collect(),
    })
}

/// The app-server runs in its workspace; a relative path is meant from where the harness runs.
fn from_here(program: &str) -> PathBuf {
    let path = PathBuf::from(program);
    if path.components().count() < 2 {
        return path;
    }
    std::path::absolute(&path).unwrap_or(path)
}

/// The npm package brings its own `bwrap`; where none is installed, the real one uses it anyway
/// and sends a `configWarning` about it. With the package's own on the search path there is
/// none, whatever the machine has.
fn launch_codex(program: &Path) -> Launch {
    let bundled = program
        .parent()
        .and_then(Path::parent)
        .map(|vendor| vendor.join("codex-resources"))
        .filter(|resources| resources.join("bwrap").is_file());
    Launch {
        program: program.to_owned(),
        before: Vec::new(),
        after: vec!["app-server".into()],
        path: bundled.into_iter().collect(),
        environment: Vec::new(),
    }
}

/// A value as it stands behind `-c key=`. JSON and TOML agree on numbers, booleans and plain
/// strings; tables differ.
fn toml_text(value: &Value) -> String {
    toml::Value::try_from(value).map_or_else(|_| value.to_string(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn overrides_stand_between_the_command_and_its_own_options() {
        let options = RunOptions {
            mock_program: Some("/x/codex-conformance".into()),
            ..RunOptions::default()
        };
        let launch = Target::MOCK.launch(&options).unwrap().unwrap();
        let overrides = json!({"model": "a b", "features.x": true, "roots": ["/a"], "t": {"k": 1}});
        let further = std::iter::once("--stdio".to_owned());
        let arguments = launch.arguments(overrides.as_object().unwrap(), further);
        assert_eq!(
            arguments,
            [
                "mock",
                "-c",
                "model=\"a b\"",
                "-c",
                "features.x=true",
                "-c",
                "roots=[\"/a\"]",
                "-c",
                "t={ k = 1 }",
                "app-server",
                "--stdio"
            ]
        );
    }
}
