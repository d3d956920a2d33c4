//! Settings of which only the types are looked at, for the error texts of codex 0.169.0.
#![allow(dead_code, reason = "nobody reads them")]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::Deserializer;

use crate::protocol::params::{Personality, ReasoningEffort};

/// The settings of `config.toml` that mean nothing to the mock.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Checked {
    web_search: Option<WebSearchMode>,
    personality: Option<Personality>,
    model_verbosity: Option<Verbosity>,
    hide_agent_reasoning: Option<bool>,
    #[serde(default)]
    mcp_servers: BTreeMap<String, McpServer>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WebSearchMode {
    Disabled,
    Cached,
    Indexed,
    Live,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verbosity {
    Low,
    Medium,
    High,
}

#[derive(Debug, Clone, Deserialize)]
struct McpServer {
    command: Option<String>,
}

/// `model_reasoning_effort`, which is any text but the empty one.
pub(super) fn effort<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let effort = Option::<ReasoningEffort>::deserialize(deserializer)?;
    Ok(effort.map(|effort| effort.0))
}
