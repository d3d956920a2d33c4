//! An app-server with the client on it: from its start to its end, maybe several times a case.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

use codex_wire::transcript::{Entry, Event};
use serde_json::{Map, Value};

use crate::client::approval::Approvals;
use crate::client::connection::Waiting;
use crate::client::failure::Failure;
use crate::client::reference::Client;
use crate::run::process::{AppServer, Attached, Exit, SpawnError, Start};
use crate::run::record::Recorder;
use crate::target::Target;
use crate::target::launch::Launch;

/// How an app-server is started, each time.
#[derive(Debug)]
pub struct Plan {
    /// The program; `None` for one that runs already.
    pub launch: Option<Launch>,
    /// `-c` options.
    pub overrides: Map<String, Value>,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
}

/// A client and the app-server that it drives.
#[derive(Debug)]
pub struct Session {
    client: Client,
    app_server: Option<AppServer>,
}

/// What came of stopping an app-server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It ended when its stdin was closed, or had before.
    Ended(Exit),
    /// It did not in time, and was killed.
    Killed,
    /// It isn't ours to end.
    LeftRunning,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The program can't be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// Nobody listens.
    #[error("{0}")]
    Connect(Failure),
}

impl Session {
    /// Starts the app-server, or connects to it, without a word on the wire.
    pub async fn open(
        target: &Target,
        plan: &Plan,
        workspace: &Path,
        approvals: Approvals,
        (recorder, waiting): (&Recorder, &Waiting),
    ) -> Result<Self, OpenError> {
        let (Some(launch), false) = (&plan.launch, matches!(target, Target::WebSocket { .. }))
        else {
            return Self::connect(target, approvals, (recorder, waiting)).await;
        };
        let arguments = launch.arguments(&plan.overrides);
        let start = Start {
            program: &launch.program,
            arguments: &arguments,
            environment: &plan.environment,
            directory: workspace,
        };
        let mut client = None;
        let app_server = AppServer::start(&start, recorder, |pipes| {
            let (attached, reading) = Client::on_pipes(recorder, approvals, waiting, pipes);
            let connection = attached.connection().clone();
            let recorder = recorder.clone();
            client = Some(attached);
            Attached {
                reading,
                on_end: Box::new(move |exit, entry| {
                    let words = recorder.look(last_words);
                    connection.end(format!("the app-server ended ({exit}{words})"), Some(entry));
                }),
            }
        })?;
        client
            .map(|client| Self {
                client,
                app_server: Some(app_server),
            })
            .ok_or_else(|| {
                let source = io::Error::other("nobody took its pipes");
                let program = launch.program.clone();
                OpenError::Spawn(SpawnError { program, source })
            })
    }

    async fn connect(
        target: &Target,
        approvals: Approvals,
        (recorder, waiting): (&Recorder, &Waiting),
    ) -> Result<Self, OpenError> {
        let Target::WebSocket { address } = target else {
            let failure = Failure::transport(format!("`{target}` can't be connected to"), None);
            return Err(OpenError::Connect(failure));
        };
        let client = Client::on_websocket(recorder, approvals, waiting, *address)
            .await
            .map_err(OpenError::Connect)?;
        Ok(Self {
            client,
            app_server: None,
        })
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The client, to start turns with.
    pub fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// The process, where it is ours.
    pub fn app_server(&mut self) -> Option<&mut AppServer> {
        self.app_server.as_mut()
    }

    /// Closes stdin and waits for the end; kills after `grace`.
    pub async fn stop(&mut self, grace: Duration) -> Stopped {
        self.client.connection().close();
        let Some(app_server) = &mut self.app_server else {
            return Stopped::LeftRunning;
        };
        if let Ok(exit) = tokio::time::timeout(grace, app_server.ended()).await {
            return Stopped::Ended(exit);
        }
        self.kill().await;
        Stopped::Killed
    }

    /// Kills the process group and waits until it is gone.
    pub async fn kill(&mut self) {
        if let Some(app_server) = &mut self.app_server {
            app_server.kill();
            app_server.ended().await;
        }
    }
}

/// The last line of stderr with something on it, for a message.
fn last_words(transcript: &[Entry]) -> String {
    let last = transcript
        .iter()
        .rev()
        .find_map(|entry| match &entry.event {
            Event::Stderr(line) if !line.trim().is_empty() => Some(line),
            _ => None,
        });
    last.map_or_else(String::new, |line| {
        let shown: String = plain(line).chars().take(200).collect();
        format!(", last on stderr: `{}`", shown.trim())
    })
}

/// A line without the colours of a terminal: `ESC [ … letter`.
fn plain(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            let _ = rest.by_ref().find(char::is_ascii_alphabetic);
        } else if !c.is_control() {
            out.push(c);
        }
    }
    out
}
