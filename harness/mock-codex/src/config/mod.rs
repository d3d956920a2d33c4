//! `CODEX_HOME/config.toml`, `-c` overrides, and what they mean for a thread.

mod checked;
mod documents;
mod edit;
mod file;
mod instructions;
mod known;
mod layers;
mod overrides;
mod profiles;
mod project;
mod project_layer;
mod provider;
mod requirements;
mod resolve;
mod shell_environment;

pub(crate) use documents::Documents;
pub(crate) use edit::{MergeStrategy, key_path};
use file::TrustLevel;
pub(crate) use file::{ConfigToml, Problem, Provider, approval_problem};
pub(crate) use layers::{Layer, origins};
pub(crate) use overrides::{CliOverride, merge_request};
pub(crate) use profiles::profile;
pub(crate) use provider::ProviderAuth;
pub(crate) use requirements::{Requirements, Unusable};
pub(crate) use resolve::{
    Requested, below_home, plain, resolve, tier_complaint, tier_of, unloadable,
};
pub(crate) use shell_environment::ShellEnvironment;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::{Map, Value, json};

use crate::permission::{OwnProfile, Profile};
use project_layer::ProjectLayer;

/// The configuration as it stands now: the file and the command line's overrides on top.
#[derive(Debug)]
pub(crate) struct Config {
    /// The merged table, for requests that put their own settings on top.
    pub(crate) table: toml::Table,
    /// The typed view.
    pub(crate) toml: ConfigToml,
    /// What the administrator allows.
    pub(crate) requirements: Rc<Requirements>,
    path: PathBuf,
    /// The settings of the file, of the profile's file, and of the command line.
    in_file: toml::Table,
    in_profile: Option<(PathBuf, toml::Table)>,
    on_command_line: toml::Table,
    /// The settings of the project of a directory, the nearest first.
    in_projects: Vec<ProjectLayer>,
}

impl Config {
    /// The same with what the project of a directory sets, where it is trusted.
    pub(crate) fn in_trusted_project(&self, cwd: &Path) -> Result<Option<Self>, Problem> {
        if project::trust_of(&self.toml, cwd) != Some(TrustLevel::Trusted) {
            return Ok(None);
        }
        self.in_project(cwd)
    }

    /// The same with what the project of a directory brings along, whether it counts or not.
    pub(crate) fn in_project(&self, cwd: &Path) -> Result<Option<Self>, Problem> {
        let home = self.home();
        let folders = project::folders(cwd, home);
        if folders.is_empty() || !self.in_projects.is_empty() {
            return Ok(None);
        }
        let disabled = project::why_disabled(&self.toml, cwd, home);
        let read = |folder| ProjectLayer::read(folder, disabled.clone());
        let mut layers: Vec<ProjectLayer> =
            folders.into_iter().map(read).collect::<Result<_, _>>()?;
        let mut table = self.below_projects();
        for layer in layers.iter().filter(|layer| layer.is_enabled()) {
            overrides::lay_over(&mut table, &layer.table);
        }
        overrides::lay_over(&mut table, &self.on_command_line);
        let toml = file::typed(&table).map_err(Problem::plain)?;
        toml.check().map_err(Problem::plain)?;
        layers.reverse();
        Ok(Some(Self {
            table,
            toml,
            requirements: Rc::clone(&self.requirements),
            path: self.path.clone(),
            in_file: self.in_file.clone(),
            in_profile: self.in_profile.clone(),
            on_command_line: self.on_command_line.clone(),
            in_projects: layers,
        }))
    }

    /// What is said about settings of the project that no project may make.
    pub(crate) fn project_complaints(&self) -> impl Iterator<Item = String> {
        self.in_projects.iter().filter_map(ProjectLayer::complaint)
    }

    /// The project of a directory, if nobody has said how far it is trusted.
    pub(crate) fn undecided_project(&self, cwd: &Path) -> Option<PathBuf> {
        project::undecided(&self.toml, cwd)
    }

    /// Does the highest layer that chooses a sandbox do so by its mode?
    pub(crate) fn chooses_mode(&self) -> bool {
        let projects = self.in_projects.iter().filter(|layer| layer.is_enabled());
        let mut tables = [&self.on_command_line]
            .into_iter()
            .chain(projects.map(|layer| &layer.table))
            .chain(self.in_profile.iter().map(|(_, table)| table))
            .chain([&self.in_file]);
        let sets = |table: &&toml::Table, key| table.contains_key(key);
        let chooses =
            tables.find(|table| sets(table, "default_permissions") || sets(table, "sandbox_mode"));
        chooses.is_some_and(|table| !sets(&table, "default_permissions"))
    }

    /// The files of `AGENTS.md` that hold for a directory.
    pub(crate) fn documents(&self, cwd: &Path) -> Documents {
        Documents::read(&self.toml, self.home(), cwd)
    }

    fn home(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// The settings of the files that projects come above.
    fn below_projects(&self) -> toml::Table {
        let mut table = self.in_file.clone();
        if let Some((_, profile)) = &self.in_profile {
            overrides::lay_over(&mut table, profile);
        }
        table
    }

    /// Is there such a provider?
    pub(crate) fn knows_provider(&self, name: &str) -> bool {
        name == "openai" || self.toml.model_providers.contains_key(name)
    }

    /// Why no thread can be started with it, though every setting by itself is fine.
    pub(crate) fn problem(&self) -> Option<String> {
        if let Some(profile) = &self.toml.profile {
            return Some(file::legacy_profile(profile));
        }
        let provider = self.toml.model_provider.as_deref();
        if let Some(name) = provider.filter(|name| !self.knows_provider(name)) {
            return Some(format!("Model provider `{name}` not found"));
        }
        let unchosen = self.toml.default_permissions.is_none() && self.toml.sandbox_mode.is_none();
        if unchosen && !self.toml.permissions.entries.is_empty() {
            return Some(profiles::NO_DEFAULT.to_owned());
        }
        let permissions = self.toml.default_permissions.as_deref()?;
        profiles::profile(&self.toml, permissions).err()
    }

    /// Why its instructions can't be read.
    pub(crate) fn instructions_problem(&self) -> Option<String> {
        instructions::base(&self.toml, self.home()).err()
    }

    /// What is said of the default permissions, where they are of one's own.
    pub(crate) fn profile_complaints(&self) -> Vec<String> {
        let name = self.toml.default_permissions.as_deref();
        let profile = name.and_then(|name| profiles::profile(&self.toml, name).ok());
        let own = profile.as_ref().and_then(Profile::as_own);
        own.map(OwnProfile::complaints).unwrap_or_default()
    }

    /// What is said about settings of the project that are left out, as nobody trusts it.
    pub(crate) fn disabled_folders(&self, cwd: &Path) -> Option<String> {
        project::disabled(&self.toml, cwd, self.home())
    }

    /// Does the command line or a request make settings that codex doesn't know?
    pub(crate) fn has_unknown_flags(&self, request: Option<&Map<String, Value>>) -> bool {
        let request = request.map(overrides::table).unwrap_or_default();
        let mut flags = [&self.on_command_line, &request].into_iter();
        flags.any(|table| !known::unknown(table).is_empty())
    }

    /// What is said about settings that codex doesn't know, with those of a request.
    pub(crate) fn complaint(&self, request: Option<&Map<String, Value>>) -> Option<String> {
        let request = request.map(overrides::table).unwrap_or_default();
        let flags = [&self.on_command_line, &request]
            .map(known::unknown)
            .concat();
        let user = known::unknown(&self.in_file);
        let projects = { self.in_projects.iter() }.filter(|layer| layer.is_enabled());
        let projects = projects.flat_map(|layer| {
            let unknown = known::unknown(&layer.table).into_iter();
            unknown.map(move |key| (known::Layer::Project(&layer.path), key))
        });
        let profile = self.in_profile.iter().flat_map(|(path, table)| {
            let unknown = known::unknown(table).into_iter();
            unknown.map(move |key| (known::Layer::User(path), key))
        });
        known::complaint(
            flags
                .into_iter()
                .map(|key| (known::Layer::SessionFlags, key))
                .chain(projects)
                .chain(profile)
                .chain(
                    user.into_iter()
                        .map(|key| (known::Layer::User(&self.path), key)),
                ),
        )
    }

    /// What a thread is told of the features under development that are switched on, unless it is
    /// not to be told of them.
    pub(crate) fn unstable_features(&self, request: Option<&Map<String, Value>>) -> Option<String> {
        let toml = merge_request(self, request).ok()?;
        if toml.suppress_unstable_features_warning == Some(true) {
            return None;
        }
        let names: Vec<&str> = toml
            .switched_on()
            .filter(|name| known::is_under_development(name))
            .collect();
        (!names.is_empty()).then(|| {
            format!(
                "Under-development features enabled: {}. Under-development features are incomplete \
                 and may behave unpredictably. To suppress this warning, set \
                 `suppress_unstable_features_warning = true` in {}.",
                names.join(", "),
                self.path.display()
            )
        })
    }

    /// Where settings come from, the highest first.
    pub(crate) fn layers(&self) -> Vec<Layer> {
        let flags =
            (!self.on_command_line.is_empty()).then(|| Layer::session_flags(&self.on_command_line));
        let below = [Layer::user(&self.path, &self.in_file), Layer::system()];
        let projects = self
            .in_projects
            .iter()
            .map(|it| Layer::project(&it.folder, &it.table, it.disabled.clone()));
        flags.into_iter().chain(projects).chain(below).collect()
    }

    /// The version of the home's file.
    pub(crate) fn user_version(&self) -> String {
        Layer::user(&self.path, &self.in_file).version
    }

    /// What takes the place of a setting of the file, if something does.
    pub(crate) fn overridden(&self, path: &[String]) -> Option<Value> {
        let flags = Layer::session_flags(&self.on_command_line);
        let value = flags.get(path)?;
        Some(json!({
            "message": "Overridden by session flags",
            "overridingLayer": flags.origin(),
            "effectiveValue": value,
        }))
    }

    /// All settings with their defaults.
    pub(crate) fn effective(&self) -> serde_json::Result<Value> {
        layers::effective(&self.table)
    }
}

/// Reads the configuration, again whenever the file has changed.
#[derive(Debug)]
pub(crate) struct Loader {
    path: PathBuf,
    requirements: Result<Rc<Requirements>, Problem>,
    overrides: Vec<CliOverride>,
    /// Is the file passed over?
    ignored: bool,
    profile: Option<PathBuf>,
    cached: Option<(String, Result<Rc<Config>, Problem>)>,
}

impl Loader {
    /// A loader for the home's `config.toml`; fails where the requirements forbid to start.
    pub(crate) fn new(home: &Path, overrides: Vec<CliOverride>) -> Result<Self, String> {
        let requirements = match Requirements::find() {
            Ok(requirements) => Ok(Rc::new(requirements)),
            Err(Unusable::NoToml(problem)) => Err(problem),
            Err(Unusable::Refused(why)) => return Err(why),
        };
        Ok(Self {
            path: home.join("config.toml"),
            requirements,
            overrides,
            ignored: false,
            profile: None,
            cached: None,
        })
    }

    /// Takes the command line's settings alone.
    pub(crate) fn ignore_file(&mut self) {
        self.ignored = true;
    }

    /// Lays `NAME.config.toml`, where there is one, over the home's file.
    pub(crate) fn add_profile(&mut self, name: &str) {
        self.profile = Some(self.path.with_file_name(format!("{name}.config.toml")));
    }

    /// The configuration, or what is wrong with the file.
    pub(crate) fn load(&mut self) -> Result<Rc<Config>, Problem> {
        let text = match std::fs::read_to_string(&self.path) {
            _ if self.ignored => String::new(),
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

    /// Why the settings of the command line forbid to start, which the same lines in the file
    /// don't (codex 0.169.0).
    pub(crate) fn refusal(&mut self) -> Option<String> {
        match self.load() {
            Ok(config) => {
                let named = config.on_command_line.get("model_provider")?.as_str()?;
                let is_known = config.knows_provider(named);
                (!is_known).then(|| format!("Model provider `{named}` not found"))
            }
            Err(problem) => {
                let mut file_alone = Self {
                    path: self.path.clone(),
                    requirements: self.requirements.clone(),
                    overrides: Vec::new(),
                    ignored: self.ignored,
                    profile: self.profile.clone(),
                    cached: None,
                };
                file_alone.load().is_ok().then_some(problem.details)
            }
        }
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Changes the file and gives its new version, or says what is wrong with the changes; nothing
    /// is written then.
    pub(crate) fn edit(&mut self, edits: &[Edit]) -> Result<String, String> {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        let mut document: toml_edit::DocumentMut = text
            .parse()
            .map_err(|error: toml_edit::TomlError| error.to_string())?;
        for edit in edits {
            edit::apply(&mut document, &edit.path, &edit.value, edit.strategy);
        }
        let new = document.to_string();
        let table: toml::Table = toml::from_str(&new).map_err(|error| error.to_string())?;
        let toml = file::typed(&table)?;
        toml.check()?;
        file::check_written(&table)?;
        if new != text {
            replace(&self.path, &new).map_err(|error| error.to_string())?;
        }
        Ok(Layer::user(&self.path, &table).version)
    }

    fn parse(&self, text: &str) -> Result<Config, Problem> {
        let requirements = Rc::clone(self.requirements.as_ref().map_err(Clone::clone)?);
        let mut table = file::parse(&self.path, text)?;
        let in_file = table.clone();
        let in_profile = self.profile_table()?;
        if let Some((_, profile)) = &in_profile {
            overrides::lay_over(&mut table, profile);
        }
        let mut on_command_line = toml::Table::new();
        for over in &self.overrides {
            over.apply(&mut table);
            over.apply(&mut on_command_line);
        }
        let toml = file::typed(&table).map_err(Problem::plain)?;
        Ok(Config {
            table,
            toml,
            requirements,
            path: self.path.clone(),
            in_file,
            in_profile,
            on_command_line,
            in_projects: Vec::new(),
        })
    }

    /// The settings of the profile's file; one that isn't there has none.
    fn profile_table(&self) -> Result<Option<(PathBuf, toml::Table)>, Problem> {
        let Some(path) = &self.profile else {
            return Ok(None);
        };
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let table = toml::from_str(&text)
                    .map_err(|error: toml::de::Error| Problem::plain(error.to_string()))?;
                Ok(Some((path.clone(), table)))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Problem::unreadable(path, &error)),
        }
    }
}

/// One change of the file.
#[derive(Debug)]
pub(crate) struct Edit {
    pub(crate) path: Vec<String>,
    pub(crate) value: Value,
    pub(crate) strategy: MergeStrategy,
}

/// Puts a new file in the place of the old one, so that nobody reads half of it.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let new = path.with_extension("toml.new");
    std::fs::write(&new, text)?;
    if let Ok(old) = std::fs::metadata(path) {
        std::fs::set_permissions(&new, old.permissions())?;
    }
    std::fs::rename(&new, path)
}
