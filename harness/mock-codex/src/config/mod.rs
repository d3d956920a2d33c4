//! `CODEX_HOME/config.toml`, `-c` overrides, and what they mean for a thread.

mod file;
mod known;
mod overrides;
mod resolve;

pub(crate) use file::{ConfigToml, Problem, Provider, approval_problem};
pub(crate) use overrides::{CliOverride, merge_request};
pub(crate) use resolve::{Requested, plain, profile_of, profile_sandbox, resolve};

use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::{Map, Value};

use self::known::Layer;

/// The configuration as it stands now: the file and the command line's overrides on top.
#[derive(Debug)]
pub(crate) struct Config {
    /// The merged table, for requests that put their own settings on top.
    pub(crate) table: toml::Table,
    /// The typed view.
    pub(crate) toml: ConfigToml,
    path: PathBuf,
    /// The top-level settings of the file and of the command line.
    in_file: Vec<String>,
    on_command_line: Vec<String>,
}

impl Config {
    /// Is there such a provider?
    pub(crate) fn knows_provider(&self, name: &str) -> bool {
        name == "openai" || self.toml.model_providers.contains_key(name)
    }

    /// What is said about settings that codex doesn't know, with those of a request.
    pub(crate) fn complaint(&self, request: Option<&Map<String, Value>>) -> Option<String> {
        let request = request.into_iter().flat_map(Map::keys);
        let flags = self.on_command_line.iter().chain(request);
        known::complaint(
            flags.map(|key| (Layer::SessionFlags, key.as_str())).chain(
                self.in_file
                    .iter()
                    .map(|key| (Layer::User(&self.path), key.as_str())),
            ),
        )
    }
}

/// Reads the configuration, again whenever the file has changed.
#[derive(Debug)]
pub(crate) struct Loader {
    path: PathBuf,
    overrides: Vec<CliOverride>,
    cached: Option<(String, Result<Rc<Config>, Problem>)>,
}

impl Loader {
    /// A loader for the home's `config.toml`.
    pub(crate) fn new(home: &Path, overrides: Vec<CliOverride>) -> Self {
        Self {
            path: home.join("config.toml"),
            overrides,
            cached: None,
        }
    }

    /// The configuration, or what is wrong with the file.
    pub(crate) fn load(&mut self) -> Result<Rc<Config>, Problem> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Problem::unreadable(&self.path, &error)),
        };
        if let Some((seen, result)) = &self.cached
            && *seen == text
        {
            return result.clone();
        }
        let result = self.parse(&text).map(Rc::new);
        self.cached = Some((text, result.clone()));
        result
    }

    fn parse(&self, text: &str) -> Result<Config, Problem> {
        let mut table = file::parse(&self.path, text)?;
        let in_file = table.keys().cloned().collect();
        for over in &self.overrides {
            over.apply(&mut table);
        }
        let toml = file::typed(&table).map_err(Problem::plain)?;
        let on_command_line = self
            .overrides
            .iter()
            .map(|over| over.key().to_owned())
            .collect();
        Ok(Config {
            table,
            toml,
            path: self.path.clone(),
            in_file,
            on_command_line,
        })
    }
}
