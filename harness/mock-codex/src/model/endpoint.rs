//! Where the model is: the configured provider, loopback only.

use std::net::IpAddr;

use hyper::header::{HeaderName, HeaderValue};

use super::token::Source;
use crate::config::Provider;

/// Lets a non-loopback `base_url` through if it is `1`.
const ALLOW_REMOTE: &str = "MOCK_CODEX_ALLOW_REMOTE";

/// How often things are tried again unless the provider says otherwise.
const REQUEST_RETRIES: u64 = 4;
const STREAM_RETRIES: u64 = 5;

/// A provider, ready to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The path with `/responses` at its end.
    pub(crate) path: String,
    /// The whole URL, as errors name it.
    pub(crate) url: String,
    /// Is a WebSocket tried first?
    pub(crate) websockets: bool,
    pub(crate) request_max_retries: u64,
    pub(crate) stream_max_retries: u64,
    /// The command that prints a token, where the provider has one.
    pub(crate) auth: Option<Source>,
    /// Headers of the provider's own, among them the authorization.
    pub(crate) headers: Vec<(String, String)>,
}

impl Endpoint {
    /// The endpoint of a provider, or why it can't be called.
    pub(crate) fn of(name: &str, provider: Option<&Provider>) -> Result<Self, String> {
        let base = provider
            .and_then(|provider| provider.base_url.as_deref())
            .ok_or_else(|| {
                format!("provider `{name}` has no `base_url`, which mock-codex needs")
            })?;
        let rest = base.strip_prefix("http://").ok_or_else(|| {
            format!("`base_url` `{base}` is not `http://…`: mock-codex has no TLS")
        })?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (
                host,
                port.parse()
                    .map_err(|_| format!("`base_url` `{base}` has a bad port"))?,
            ),
            None => (authority, 80),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if !is_loopback(host) && std::env::var(ALLOW_REMOTE).as_deref() != Ok("1") {
            return Err(format!(
                "`base_url` `{base}` is not on this machine; set {ALLOW_REMOTE}=1 to allow it"
            ));
        }
        let path = path.trim_end_matches('/');
        let path = if path.is_empty() {
            "/responses".to_owned()
        } else {
            format!("/{path}/responses")
        };
        let path = path + &provider.map(query).unwrap_or_default();
        Ok(Self {
            url: format!("http://{authority}{path}"),
            host: host.to_owned(),
            port,
            path,
            websockets: provider.is_some_and(|provider| provider.supports_websockets),
            request_max_retries: provider
                .and_then(|provider| provider.request_max_retries)
                .unwrap_or(REQUEST_RETRIES),
            stream_max_retries: provider
                .and_then(|provider| provider.stream_max_retries)
                .unwrap_or(STREAM_RETRIES),
            auth: provider
                .and_then(|provider| provider.auth.as_ref())
                .map(Source::of),
            headers: provider.map_or_else(|| Ok(Vec::new()), headers)?,
        })
    }

    /// Sends a token of the account with each request.
    pub(crate) fn authorize(&mut self, token: &str) {
        self.headers.push(bearer(token));
    }
}

impl Endpoint {
    /// The URL of its WebSocket.
    pub(crate) fn socket_url(&self) -> String {
        self.url.replacen("http://", "ws://", 1)
    }
}

/// The query that each request has.
fn query(provider: &Provider) -> String {
    let members = provider.query_params.iter();
    let members: Vec<String> = members
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if members.is_empty() {
        String::new()
    } else {
        format!("?{}", members.join("&"))
    }
}

/// The headers of a provider's own. What is no header is left out without a word.
fn headers(provider: &Provider) -> Result<Vec<(String, String)>, String> {
    let variable = |name: &String| {
        let value = std::env::var(name).ok();
        value.filter(|value| !value.trim().is_empty())
    };
    let mut headers: Vec<(String, String)> = provider
        .http_headers
        .iter()
        .map(|(k, v)| (k.to_ascii_lowercase(), v.clone()))
        .collect();
    for (name, from) in &provider.env_http_headers {
        if let Some(value) = variable(from) {
            headers.push((name.to_ascii_lowercase(), value));
        }
    }
    let token = match &provider.env_key {
        None => provider.experimental_bearer_token.clone(),
        Some(name) => Some(variable(name).ok_or_else(|| missing(name, provider))?),
    };
    headers.extend(token.map(|token| bearer(&token)));
    headers.retain(|(name, value)| {
        HeaderName::try_from(name).is_ok() && HeaderValue::try_from(value).is_ok()
    });
    Ok(headers)
}

/// The header with a token.
fn bearer(token: &str) -> (String, String) {
    ("authorization".to_owned(), format!("Bearer {token}"))
}

fn missing(name: &str, provider: &Provider) -> String {
    let how = provider.env_key_instructions.as_deref();
    let how = how.map_or_else(String::new, |how| format!(" {how}"));
    format!("Missing environment variable: `{name}`.{how}")
}

impl Endpoint {
    /// The same with the token of its command. Where there is none, or it is no header, the
    /// request goes without.
    pub(super) fn with_token(&self, token: Option<String>) -> Self {
        let token = token.map(|token| bearer(&token));
        let token = token.filter(|(_, value)| HeaderValue::try_from(value).is_ok());
        let mut endpoint = self.clone();
        endpoint.headers.extend(token);
        endpoint
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Result<Endpoint, String> {
        let provider = Provider {
            base_url: Some(url.to_owned()),
            ..Provider::default()
        };
        Endpoint::of("p", Some(&provider))
    }

    #[test]
    fn the_path_ends_in_responses() {
        let endpoint = of("http://127.0.0.1:9/v1/").unwrap();
        assert_eq!(
            (endpoint.path.as_str(), endpoint.port),
            ("/v1/responses", 9)
        );
        assert_eq!(of("http://[::1]:9").unwrap().path, "/responses");
    }

    #[test]
    fn only_this_machine_is_called() {
        assert!(
            of("http://example.com/v1")
                .unwrap_err()
                .contains("MOCK_CODEX_ALLOW_REMOTE=1")
        );
        assert!(of("https://127.0.0.1/v1").unwrap_err().contains("no TLS"));
        assert!(
            Endpoint::of("p", None)
                .unwrap_err()
                .contains("no `base_url`")
        );
    }
}
