//! Where the model is: the configured provider, loopback only.

use std::net::IpAddr;

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
            headers: provider.map(headers).unwrap_or_default(),
        })
    }

    /// Sends a token of the account with each request.
    pub(crate) fn authorize(&mut self, token: &str) {
        self.headers
            .push(("authorization".to_owned(), format!("Bearer {token}")));
    }
}

impl Endpoint {
    /// The URL of its WebSocket.
    pub(crate) fn socket_url(&self) -> String {
        self.url.replacen("http://", "ws://", 1)
    }
}

fn headers(provider: &Provider) -> Vec<(String, String)> {
    let variable = |name: &String| std::env::var(name).ok().filter(|value| !value.is_empty());
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
    let token = provider
        .env_key
        .as_ref()
        .and_then(variable)
        .or_else(|| provider.experimental_bearer_token.clone());
    if let Some(token) = token {
        headers.push(("authorization".to_owned(), format!("Bearer {token}")));
    }
    headers
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
