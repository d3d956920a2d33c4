//! Where and with whom the model works: environments, other agents, programs.
//!
//! As in [`params`](super::params), names and order are those of codex 0.169.0.
#![allow(
    dead_code,
    reason = "some members are here for the error texts that their types give"
)]

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The one environment that there is.
const LOCAL: &str = "local";

/// An environment that is chosen.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TurnEnvironmentParams {
    environment_id: String,
    cwd: PathBuf,
    runtime_workspace_roots: Option<Vec<PathBuf>>,
}

/// Where the environment that is chosen works.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) cwd: PathBuf,
    pub(crate) workspace_roots: Vec<PathBuf>,
}

impl TurnEnvironmentParams {
    /// The place that the environments name, or what is wrong with them; `None` where there are
    /// none.
    pub(crate) fn place(environments: &[Self]) -> Result<Option<Place>, String> {
        for (index, environment) in environments.iter().enumerate() {
            let id = &environment.environment_id;
            let before = &environments[..index];
            if before.iter().any(|it| it.environment_id == *id) {
                return Err(format!("duplicate turn environment id `{id}`"));
            }
            if id != LOCAL {
                return Err(format!("unknown turn environment id `{id}`"));
            }
            check_absolute(id, &environment.cwd)?;
        }
        Ok(environments.first().map(|environment| {
            let cwd = environment.cwd.clone();
            let roots = environment.runtime_workspace_roots.clone();
            Place {
                workspace_roots: roots.unwrap_or_else(|| vec![cwd.clone()]),
                cwd,
            }
        }))
    }
}

fn check_absolute(id: &str, cwd: &Path) -> Result<(), String> {
    if cwd.is_absolute() {
        return Ok(());
    }
    Err(format!(
        "invalid cwd for environment `{id}`: path `{}` does not use absolute POSIX or Windows path \
         syntax",
        cwd.display()
    ))
}

/// When the model calls in other agents.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum MultiAgentMode {
    None,
    Custom(String),
    ExplicitRequestOnly,
    Proactive,
}

/// Programs of access to what is kept from others.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum CyberAccessProgram {
    Standard,
    DaybreakBlue,
    DaybreakRed,
}

/// How a session came to be.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ThreadStartSource {
    Startup,
    Clear,
}

/// Where capabilities of the client lie.
#[derive(Debug, Deserialize)]
pub(crate) struct SelectedCapabilityRoot {
    id: String,
    location: CapabilityRootLocation,
}

#[derive(Debug, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
enum CapabilityRootLocation {
    Environment {
        environment_id: String,
        path: String,
    },
}
