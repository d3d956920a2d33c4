//! The file itself: its settings and what is wrong with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use codex_wire::policy::{ApprovalPolicy, ApprovalsReviewer, GranularApproval, SandboxMode};
use serde::Deserialize;
use serde::de::{self, Deserializer};
use serde_json::{Value, json};

use super::checked::{self, Checked};
use super::profiles::PermissionsToml;
use super::provider::{self, ProviderAuth, WireApi};
use super::shell_environment::ShellEnvironment;

/// The settings that the mock knows.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ConfigToml {
    pub(crate) model: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) forced_login_method: Option<String>,
    pub(crate) model_provider: Option<String>,
    #[serde(default, deserialize_with = "provider::checked")]
    pub(crate) model_providers: BTreeMap<String, Provider>,
    #[serde(default, deserialize_with = "checked::effort")]
    pub(crate) model_reasoning_effort: Option<String>,
    pub(crate) instructions: Option<String>,
    pub(crate) developer_instructions: Option<String>,
    pub(crate) model_context_window: Option<i64>,
    pub(crate) model_auto_compact_token_limit: Option<i64>,
    pub(crate) service_tier: Option<String>,
    pub(crate) model_reasoning_summary: Option<crate::protocol::params::ReasoningSummary>,
    pub(crate) approval_policy: Option<ConfiguredApproval>,
    pub(crate) approvals_reviewer: Option<ApprovalsReviewer>,
    pub(crate) sandbox_mode: Option<SandboxMode>,
    #[serde(default)]
    pub(crate) sandbox_workspace_write: Option<WorkspaceWriteToml>,
    pub(crate) default_permissions: Option<String>,
    #[serde(default)]
    pub(crate) permissions: PermissionsToml,
    #[serde(default)]
    pub(crate) projects: BTreeMap<PathBuf, Project>,
    #[serde(default)]
    pub(crate) feedback: FeedbackToml,
    pub(super) model_instructions_file: Option<PathBuf>,
    pub(super) experimental_compact_prompt_file: Option<PathBuf>,
    pub(super) project_doc_max_bytes: Option<usize>,
    #[serde(default)]
    pub(super) project_doc_fallback_filenames: Vec<String>,
    pub(super) project_root_markers: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) shell_environment_policy: ShellEnvironment,
    pub(super) suppress_unstable_features_warning: Option<bool>,
    #[serde(default)]
    features: Features,
}

impl ConfigToml {
    /// Is a feature switched on that is off by default?
    pub(crate) fn has_feature(&self, name: &str) -> bool {
        self.switched_on().any(|on| on == name)
    }

    /// The features that are switched on here, sorted.
    pub(super) fn switched_on(&self) -> impl Iterator<Item = &str> {
        let on = self.features.0.iter().filter(|(_, it)| it.on == Some(true));
        on.map(|(name, _)| name.as_str())
    }

    /// Refuses what codex 0.169.0 no longer takes.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.approval_policy {
            Some(ConfiguredApproval::Untrusted) => Err("approval_policy = \"untrusted\" is no \
                 longer supported; remove this setting"
                .to_owned()),
            _ => Ok(()),
        }
    }
}

/// `approval_policy`: the file still takes `on-failure`, which means `on-request`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ConfiguredApproval {
    Untrusted,
    OnFailure,
    OnRequest,
    Granular(GranularApproval),
    Never,
}

/// What is wrong with a value for `approval_policy`.
pub(crate) fn approval_problem(value: &Value) -> Option<String> {
    let problem = ConfiguredApproval::deserialize(value).err();
    problem.map(|error| error.to_string())
}

impl From<ConfiguredApproval> for ApprovalPolicy {
    fn from(policy: ConfiguredApproval) -> Self {
        match policy {
            ConfiguredApproval::Untrusted => Self::Untrusted,
            ConfiguredApproval::OnFailure | ConfiguredApproval::OnRequest => Self::OnRequest,
            ConfiguredApproval::Granular(switches) => Self::Granular(switches),
            ConfiguredApproval::Never => Self::Never,
        }
    }
}

/// `[sandbox_workspace_write]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WorkspaceWriteToml {
    pub(crate) writable_roots: Vec<PathBuf>,
    pub(crate) network_access: bool,
    pub(crate) exclude_tmpdir_env_var: bool,
    pub(crate) exclude_slash_tmp: bool,
}

/// `[feedback]`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct FeedbackToml {
    pub(crate) enabled: Option<bool>,
}

/// `[projects."PATH"]`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Project {
    pub(crate) trust_level: Option<TrustLevel>,
}

/// How far a project is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TrustLevel {
    Trusted,
    Untrusted,
}

/// `[model_providers.ID]`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Provider {
    pub(crate) name: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) env_key: Option<String>,
    pub(crate) env_key_instructions: Option<String>,
    #[serde(default)]
    pub(crate) supports_websockets: bool,
    pub(crate) request_max_retries: Option<u64>,
    pub(crate) stream_max_retries: Option<u64>,
    #[serde(default)]
    pub(crate) http_headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) env_http_headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) query_params: BTreeMap<String, String>,
    pub(crate) experimental_bearer_token: Option<String>,
    pub(crate) auth: Option<ProviderAuth>,
    #[serde(default)]
    pub(crate) requires_openai_auth: bool,
    #[serde(rename = "wire_api")]
    pub(crate) _wire_api: Option<WireApi>,
}

/// `[features]`.
#[derive(Debug, Clone, Default)]
struct Features(BTreeMap<String, Feature>);

impl<'de> Deserialize<'de> for Features {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Features;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("struct FeaturesToml")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Features, A::Error> {
                let features = Deserialize::deserialize(de::value::MapAccessDeserializer::new(map));
                features.map(Features)
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// A feature is on or off; some are tables with more to say.
#[derive(Debug, Clone)]
struct Feature {
    on: Option<bool>,
}

impl<'de> Deserialize<'de> for Feature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Feature;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a boolean")
            }

            fn visit_bool<E: de::Error>(self, on: bool) -> Result<Feature, E> {
                Ok(Feature { on: Some(on) })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Feature, A::Error> {
                while map
                    .next_entry::<de::IgnoredAny, de::IgnoredAny>()?
                    .is_some()
                {}
                Ok(Feature { on: None })
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Why the configuration can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The text after `failed to load configuration: `.
    pub(crate) details: String,
    /// What `config/read` says.
    pub(crate) unread: String,
    place: Option<(PathBuf, Position, Position)>,
}

/// A place in a text, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    line: usize,
    column: usize,
}

impl Problem {
    /// A problem without a place.
    pub(crate) fn plain(details: impl Into<String>) -> Self {
        let details = details.into();
        Self {
            unread: format!("invalid configuration: {details}"),
            details,
            place: None,
        }
    }

    /// The file can't be read.
    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self::plain(format!(
            "Failed to read config file {}: {error}",
            path.display()
        ))
    }

    /// The file of a project is no TOML.
    pub(super) fn of_project(path: &Path, error: &toml::de::Error) -> Self {
        let details = format!(
            "Error parsing project config file {}: {error}",
            path.display()
        );
        Self {
            unread: format!("failed to read configuration layers: {details}"),
            details,
            place: None,
        }
    }

    /// The parameters of the `configWarning` about it.
    pub(crate) fn warning(&self) -> Value {
        let mut params = json!({
            "summary": "Invalid configuration; using defaults.",
            "details": self.details,
        });
        if let Some((path, start, end)) = &self.place {
            params["path"] = json!(path);
            params["range"] = json!({
                "start": {"line": start.line, "column": start.column},
                "end": {"line": end.line, "column": end.column},
            });
        }
        params
    }

    fn at(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        let start = Position::of(text, span.start);
        // The last character of the span, not the one behind it.
        let end = Position::of(text, span.end.saturating_sub(1).max(span.start));
        let details = format!(
            "{}:{}:{}: {}",
            path.display(),
            start.line,
            start.column,
            error.message().trim_end()
        );
        Self {
            unread: format!("failed to read configuration layers: {details}"),
            details,
            place: Some((path.to_owned(), start, end)),
        }
    }
}

impl Position {
    fn of(text: &str, offset: usize) -> Self {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line = 1 + before.split(|&byte| byte == b'\n').count() - 1;
        let column = before
            .iter()
            .rev()
            .take_while(|&&byte| byte != b'\n')
            .count()
            + 1;
        Self { line, column }
    }
}

/// Parses the file and checks the types of what it sets.
pub(super) fn parse(path: &Path, text: &str) -> Result<toml::Table, Problem> {
    let problem = |error: toml::de::Error| Problem::at(path, text, &error);
    let mut table = toml::from_str::<toml::Table>(text).map_err(problem)?;
    let settings = toml::from_str::<ConfigToml>(text);
    let settings = settings.and_then(|_| toml::from_str::<Checked>(text));
    settings.map_err(|error| {
        let mut problem = problem(error);
        if let Err(error) = typed(&table) {
            problem.unread = format!("invalid configuration: {error}");
        }
        problem
    })?;
    // An old name for it, which nobody gets to see.
    if let Some(policy) = table.get_mut("approval_policy")
        && policy.as_str() == Some("on-failure")
    {
        *policy = "on-request".into();
    }
    Ok(table)
}

/// The typed view of a merged table; the error names the setting, as codex's does (of features,
/// it names the table alone).
pub(super) fn typed(table: &toml::Table) -> Result<ConfigToml, String> {
    const FEATURE: &str = "\nin `features.";
    let value = || toml::Value::Table(table.clone());
    let settings = ConfigToml::deserialize(value());
    let settings = settings.and_then(|settings| Checked::deserialize(value()).map(|_| settings));
    settings.map_err(|error| {
        let text = error.to_string();
        match text.split_once(FEATURE) {
            Some((what, _)) => format!("{what}\nin `features`\n"),
            None => text,
        }
    })
}

/// What is said of profiles as they once were.
pub(super) fn legacy_profile(name: &str) -> String {
    format!(
        "legacy `profile = \"{name}\"` config is no longer supported; use `--profile {name}` with \
         `{name}.config.toml` instead"
    )
}

/// What is refused in a written file, but resolved against its directory in one that is read.
pub(super) fn check_written(table: &toml::Table) -> Result<(), String> {
    let roots = || {
        table
            .get("sandbox_workspace_write")?
            .get("writable_roots")?
            .as_array()
    };
    let mut roots = roots()
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_str);
    if roots.any(|root| Path::new(root).is_relative()) {
        return Err("AbsolutePathBuf deserialized without a base path\nin \
             `sandbox_workspace_write.writable_roots`\n"
            .to_owned());
    }
    Ok(())
}
