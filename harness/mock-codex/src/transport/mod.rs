//! How clients reach the server.

mod inbox;
mod listener;
mod session;
mod stdio;
mod unix;
mod upgrade;
mod websocket;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use tokio::task::LocalSet;

use crate::auth::Policy;
use crate::server::{Server, Setup};

/// How long the last frames may take to be read by the clients at the end.
const FLUSH: Duration = Duration::from_millis(500);

/// Where to listen, as `--listen` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Listen {
    /// `stdio://`
    Stdio,
    /// `ws://IP:PORT`
    WebSocket(SocketAddr),
    /// `unix://PATH`, or `unix://` for the default path.
    Unix(Option<PathBuf>),
    /// `off`
    Off,
}

/// A text that names no transport; the texts are those of codex 0.169.0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseListenError {
    #[error(
        "unsupported --listen URL `{0}`; expected `stdio://`, `unix://`, `unix://PATH`, \
         `ws://IP:PORT`, or `off`"
    )]
    Unsupported(String),
    #[error("invalid websocket --listen URL `{0}`; expected `ws://IP:PORT`")]
    Address(String),
}

impl FromStr for Listen {
    type Err = ParseListenError;

    fn from_str(url: &str) -> Result<Self, ParseListenError> {
        if let Some(address) = url.strip_prefix("ws://") {
            let address = address.parse();
            return address
                .map(Self::WebSocket)
                .map_err(|_| ParseListenError::Address(url.to_owned()));
        }
        if let Some(path) = url.strip_prefix("unix://") {
            let path = (!path.is_empty()).then(|| path.into());
            return Ok(Self::Unix(path));
        }
        match url {
            "stdio://" => Ok(Self::Stdio),
            "off" => Ok(Self::Off),
            _ => Err(ParseListenError::Unsupported(url.to_owned())),
        }
    }
}

/// Serves until the end that the transport knows, which is no error.
pub(crate) fn serve(setup: Setup, listen: Listen, policy: Policy) -> Result<(), String> {
    if listen == Listen::Off {
        return Err("no transport configured; use --listen or enable remote control".to_owned());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .map_err(|error| format!("failed to start: {error}"))?;
    let tasks = LocalSet::new();
    let server = Rc::new(tasks.block_on(&runtime, Server::new(setup))?);
    let result = tasks.block_on(&runtime, async {
        match listen {
            Listen::Stdio => stdio::run(server).await,
            Listen::WebSocket(address) => websocket::run(server, address, policy).await,
            Listen::Unix(path) => unix::run(server, path).await,
            Listen::Off => Ok(()),
        }
    });
    drop(tasks);
    // A read of a terminal's stdin may still block a thread.
    runtime.shutdown_background();
    result.map_err(|error: io::Error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_codex_reads_them() {
        let parse = |url: &str| url.parse::<Listen>();
        assert_eq!(parse("stdio://"), Ok(Listen::Stdio));
        assert_eq!(parse("off"), Ok(Listen::Off));
        assert_eq!(parse("unix://"), Ok(Listen::Unix(None)));
        assert_eq!(parse("unix:///a"), Ok(Listen::Unix(Some("/a".into()))));
        assert_eq!(parse("unix://a"), Ok(Listen::Unix(Some("a".into()))));
        let address = "127.0.0.1:0".parse().unwrap();
        assert_eq!(parse("ws://127.0.0.1:0"), Ok(Listen::WebSocket(address)));
        for url in [
            "ws://",
            "ws://localhost:0",
            "ws://127.0.0.1",
            "ws://127.0.0.1:99999",
            "ws://127.0.0.1:0/path",
        ] {
            assert_eq!(parse(url), Err(ParseListenError::Address(url.to_owned())));
        }
        for url in ["", "stdio", "OFF", "unix:", "wss://127.0.0.1:0", "http://x"] {
            let unsupported = ParseListenError::Unsupported(url.to_owned());
            assert_eq!(parse(url), Err(unsupported));
        }
    }
}
