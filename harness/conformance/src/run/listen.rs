//! An app-server that listens: where, and when it does.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use codex_wire::line::LineReader;
use codex_wire::transcript::Event;
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::process::ChildStdout;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::client::address::{Address, Token};
use crate::run::process::AppServer;
use crate::run::record::Recorder;

/// Below `CODEX_HOME`: where codex 0.169.0 listens with `--listen unix://`.
const DEFAULT_SOCKET: &str = "app-server-control/app-server-control.sock";

/// What stands before the address on stderr.
const TOLD: &str = "listening on: ws://";

/// How often a socket is looked for: nothing tells when it is there.
const LOOK: Duration = Duration::from_millis(5);

/// How the app-server listens, and who connects at first.
#[derive(Clone, Debug)]
pub struct Listening {
    /// What stands behind `--listen`.
    pub url: String,
    /// Further arguments.
    pub arguments: Vec<String>,
    /// What the first client shows.
    pub token: Option<Token>,
    /// Is there a first client?
    pub connect: bool,
}

impl Listening {
    /// All arguments.
    pub fn arguments(&self) -> impl Iterator<Item = String> + '_ {
        ["--listen".to_owned(), self.url.clone()]
            .into_iter()
            .chain(self.arguments.iter().cloned())
    }

    /// Waits until the app-server listens; `None` when it ends instead, or listens nowhere.
    pub async fn address(
        &self,
        app_server: &mut AppServer,
        (codex_home, workspace): (&Path, &Path),
    ) -> Option<Address> {
        let mut told = app_server.told();
        let path = match self.url.strip_prefix("unix://") {
            Some("") => Some(codex_home.join(DEFAULT_SOCKET)),
            Some(path) => Some(workspace.join(path)),
            None => None,
        };
        let listens = async {
            match path {
                Some(path) => Some(Address::Unix(there(path).await)),
                None => tcp(&mut told).await,
            }
        };
        tokio::select! {
            address = listens => address,
            _ = app_server.ended() => None,
        }
    }
}

/// Waits until somebody listens on a socket.
async fn there(path: PathBuf) -> PathBuf {
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        ticks.tick().await;
        // A link may be longer than the address of a socket; what it leads to is not.
        if let Ok(socket) = std::fs::canonicalize(&path)
            && UnixStream::connect(socket).await.is_ok()
        {
            return path;
        }
    }
}

async fn tcp(told: &mut watch::Receiver<Option<SocketAddr>>) -> Option<Address> {
    let address = told.wait_for(Option::is_some).await.map(|address| *address);
    match address {
        Ok(address) => address.map(Address::Tcp),
        // Its stderr has ended, and so will it.
        Err(_) => std::future::pending().await,
    }
}

/// The address that a line of stderr tells.
pub(super) fn told(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(TOLD)?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Reads what such an app-server writes to its stdout: it should be nothing.
pub(super) fn read_stdout(stdout: ChildStdout, recorder: Recorder) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut lines = LineReader::new(BufReader::new(stdout));
        while let Ok(Some(line)) = lines.next().await {
            recorder.push(Event::ServerRaw(
                String::from_utf8_lossy(&line).into_owned(),
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_stderr() {
        let address = "127.0.0.1:4500".parse().ok();
        assert_eq!(told("  listening on: ws://127.0.0.1:4500"), address);
        assert_eq!(told("  listening on: ws://127.0.0.1:4500 (x)"), address);
        assert_eq!(told("  readyz: http://127.0.0.1:4500/readyz"), None);
    }
}
