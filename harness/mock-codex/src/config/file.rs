//! The file itself: its settings and what is wrong with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use codex_wire::policy::{ApprovalPolicy, ApprovalsReviewer, GranularApproval, SandboxMode};
use serde::Deserialize;
use serde_json::{Value, json};

/// The settings that the mock knows.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ConfigToml {
    pub(crate) model: Option<String>,
    pub(crate) model_provider: Option<String>,
    #[serde(default)]
    pub(crate) model_providers: BTreeMap<String, Provider>,
    pub(crate) model_reasoning_effort: Option<String>,
    pub(crate) model_reasoning_summary: Option<crate::protocol::params::ReasoningSummary>,
    pub(crate) approval_policy: Option<ConfiguredApproval>,
    pub(crate) approvals_reviewer: Option<ApprovalsReviewer>,
    pub(crate) sandbox_mode: Option<SandboxMode>,
    #[serde(default)]
    pub(crate) sandbox_workspace_write: WorkspaceWriteToml,
    pub(crate) default_permissions: Option<String>,
    #[serde(default)]
    pub(crate) projects: BTreeMap<PathBuf, Project>,
}

impl ConfigToml {
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
    pub(crate) request_max_retries: Option<u64>,
    pub(crate) stream_max_retries: Option<u64>,
    #[serde(default)]
    pub(crate) http_headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) env_http_headers: BTreeMap<String, String>,
    pub(crate) experimental_bearer_token: Option<String>,
}

/// Why the configuration can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The text after `failed to load configuration: `.
    pub(crate) details: String,
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
        Self {
            details: details.into(),
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
        Self {
            details: format!(
                "{}:{}:{}: {}",
                path.display(),
                start.line,
                start.column,
                error.message().trim_end()
            ),
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
    let table = toml::from_str::<toml::Table>(text).map_err(problem)?;
    toml::from_str::<ConfigToml>(text).map_err(problem)?;
    Ok(table)
}

/// The typed view of a merged table; the error names the setting, as codex's does.
pub(super) fn typed(table: &toml::Table) -> Result<ConfigToml, String> {
    ConfigToml::deserialize(toml::Value::Table(table.clone())).map_err(|error| error.to_string())
}
