//! `[model_providers.ID]`, and what codex 0.169.0 refuses there.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::file::Provider;

/// Providers that are there already.
const RESERVED: &[&str] = &["openai", "ollama", "lmstudio"];

/// A provider that is there already too, and may be changed a little.
const BEDROCK: &str = "amazon-bedrock";

/// `auth`: a command that prints a token.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ProviderAuth {
    pub(crate) command: String,
    #[serde(default)]
    pub(crate) args: Vec<String>,
    pub(crate) timeout_ms: Option<NonZeroU64>,
    pub(crate) refresh_interval_ms: Option<u64>,
    pub(crate) cwd: Option<String>,
}

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WireApi {
    Responses,
}

impl<'de> Deserialize<'de> for WireApi {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "responses" => Ok(Self::Responses),
            "chat" => Err(de::Error::custom(
                "`wire_api = \"chat\"` is no longer supported.\nHow to fix: set `wire_api = \
                 \"responses\"` in your provider config.\nMore info: \
                 https://github.com/openai/codex/discussions/7782",
            )),
            other => Err(de::Error::unknown_variant(other, &["responses"])),
        }
    }
}

/// Reads the providers and refuses what can't be.
pub(super) fn checked<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Provider>, D::Error> {
    let providers = BTreeMap::<String, Provider>::deserialize(deserializer)?;
    check(&providers).map_err(de::Error::custom)?;
    Ok(providers)
}

fn check(providers: &BTreeMap<String, Provider>) -> Result<(), String> {
    let reserved: Vec<String> = providers
        .keys()
        .filter(|id| RESERVED.contains(&id.as_str()))
        .map(|id| format!("`{id}`"))
        .collect();
    if !reserved.is_empty() {
        return Err(format!(
            "model_providers contains reserved built-in provider IDs: {}. Built-in providers \
             cannot be overridden. Rename your custom provider (for example, `openai-custom`).",
            reserved.join(", ")
        ));
    }
    for (id, provider) in providers {
        let problem = if id == BEDROCK {
            bedrock(provider).map(|problem| format!("model_providers.{id} {problem}"))
        } else {
            own(provider).map(|problem| format!("model_providers.{id}: {problem}"))
        };
        problem.map_or(Ok(()), Err)?;
    }
    Ok(())
}

fn own(provider: &Provider) -> Option<String> {
    if provider
        .name
        .as_deref()
        .unwrap_or_default()
        .trim()
        .is_empty()
    {
        return Some("provider name must not be empty".to_owned());
    }
    let auth = provider.auth.as_ref()?;
    if auth.command.trim().is_empty() {
        return Some("provider auth.command must not be empty".to_owned());
    }
    let rivals = [
        (provider.env_key.is_some(), "env_key"),
        (
            provider.experimental_bearer_token.is_some(),
            "experimental_bearer_token",
        ),
        (provider.requires_openai_auth, "requires_openai_auth"),
    ];
    rivals
        .iter()
        .find(|(given, _)| *given)
        .map(|(_, rival)| format!("provider auth cannot be combined with {rival}"))
}

fn bedrock(provider: &Provider) -> Option<&'static str> {
    let more = provider.name.is_some()
        || provider.env_key.is_some()
        || provider.experimental_bearer_token.is_some()
        || provider.requires_openai_auth
        || provider.request_max_retries.is_some()
        || provider.stream_max_retries.is_some()
        || !provider.env_http_headers.is_empty();
    more.then_some(
        "only supports changing `base_url`, `auth`, `http_headers`, `aws.profile`, `aws.region`, \
         `aws.credential_export`, and `aws.auth_refresh`; other non-default provider fields are \
         not supported",
    )
}
