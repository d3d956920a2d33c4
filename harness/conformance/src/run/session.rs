//! An app-server with the clients on it: from its start to its end, maybe several times a case.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::time::Duration;

use codex_wire::transcript::{Entry, Event};
use rustix::process::Signal;
use serde_json::{Map, Value};

use crate::client::address::{Address, Token};
use crate::client::approval::Approvals;
use crate::client::connection::Waiting;
use crate::client::failure::Failure;
use crate::client::reference::Client;
use crate::run::listen::{self, Listening};
use crate::run::outcome::Places;
use crate::run::process::{AppServer, Attached, Exit, Pipes, SpawnError, Start};
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
    /// How it listens; `None`: on its pipes.
    pub listening: Option<Listening>,
    /// What a client shows to one that runs already.
    pub token: Option<Token>,
}

/// What opening a session needs beside the plan.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The directories of the run.
    pub places: &'a Places,
    /// The transcript.
    pub recorder: &'a Recorder,
    /// What is waited for.
    pub waiting: &'a Waiting,
}

/// The clients and the app-server that they drive.
#[derive(Debug)]
pub struct Session {
    client: Client,
    others: BTreeMap<String, Client>,
    /// The client that the step under way means; `None`: the first.
    chosen: Option<String>,
    address: Option<Address>,
    app_server: Option<AppServer>,
    /// Does it end when its stdin is closed?
    on_pipes: bool,
}

/// What came of stopping an app-server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It ended when its stdin was closed, or had before.
    Ended(Exit),
    /// SIGTERM ended it, which stops a listener, before it minded signals: codex 0.169.0 does so
    /// only some time after it listens.
    Terminated(Exit),
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
        approvals: Approvals,
        around: Around<'_>,
    ) -> Result<Self, OpenError> {
        match (&plan.launch, &plan.listening) {
            (None, _) => Self::connect_to(target, plan, approvals, around).await,
            (Some(launch), None) => Self::start(launch, plan, approvals, around),
            (Some(launch), Some(listening)) => {
                Self::listen((launch, listening), plan, approvals, around).await
            }
        }
    }

    /// An app-server on its pipes.
    fn start(
        launch: &Launch,
        plan: &Plan,
        approvals: Approvals,
        around: Around<'_>,
    ) -> Result<Self, OpenError> {
        let Around {
            recorder, waiting, ..
        } = around;
        let mut client = None;
        let app_server = spawn(launch, plan, around, |pipes| {
            let (attached, reading) = Client::on_pipes(recorder, approvals, waiting, pipes);
            let connection = attached.connection().clone();
            let recorder = recorder.clone();
            client = Some(attached);
            Attached {
                reading,
                on_end: Box::new(move |exit, entry| {
                    connection.end(ended(exit, &recorder), Some(entry));
                }),
            }
        })?;
        let client = client.ok_or_else(|| {
            let source = io::Error::other("nobody took its pipes");
            let program = launch.program.clone();
            OpenError::Spawn(SpawnError { program, source })
        })?;
        Ok(Self {
            on_pipes: true,
            app_server: Some(app_server),
            ..Self::of(client)
        })
    }

    /// An app-server that listens. One that ends instead is a session too, without a client.
    async fn listen(
        (launch, listening): (&Launch, &Listening),
        plan: &Plan,
        approvals: Approvals,
        around: Around<'_>,
    ) -> Result<Self, OpenError> {
        let Around {
            places,
            recorder,
            waiting,
        } = around;
        let mut stdin = None;
        let mut app_server = spawn(launch, plan, around, |pipes| {
            stdin = Some(pipes.stdin);
            Attached {
                reading: listen::read_stdout(pipes.stdout, recorder.clone()),
                on_end: Box::new(|_, _| {}),
            }
        })?;
        let said = waiting.say("the app-server to listen".into());
        let address = listening
            .address(&mut app_server, (&places.codex_home, &places.workspace))
            .await;
        said.done();
        let client = match (&address, app_server.exit()) {
            (Some(address), _) if listening.connect => {
                let at = (address, listening.token.as_ref());
                Client::on_websocket(recorder, approvals, waiting, at)
                    .await
                    .map_err(OpenError::Connect)?
            }
            (None, Some(exit)) => Client::unconnected(recorder, waiting, &ended(exit, recorder)),
            _ => Client::unconnected(recorder, waiting, "no client is connected"),
        };
        Ok(Self {
            address,
            app_server: Some(app_server),
            ..Self::of(client)
        })
    }

    /// A client on an app-server that runs already.
    async fn connect_to(
        target: &Target,
        plan: &Plan,
        approvals: Approvals,
        around: Around<'_>,
    ) -> Result<Self, OpenError> {
        let Some(address) = target.address() else {
            let failure = Failure::transport(format!("`{target}` can't be connected to"), None);
            return Err(OpenError::Connect(failure));
        };
        let at = (&address, plan.token.as_ref());
        let client = Client::on_websocket(around.recorder, approvals, around.waiting, at)
            .await
            .map_err(OpenError::Connect)?;
        Ok(Self {
            address: Some(address),
            ..Self::of(client)
        })
    }

    fn of(client: Client) -> Self {
        Self {
            client,
            others: BTreeMap::new(),
            chosen: None,
            address: None,
            app_server: None,
            on_pipes: false,
        }
    }

    /// Lets another client in, under a name.
    ///
    /// # Errors
    /// The app-server doesn't listen, or refuses the client.
    pub async fn connect(
        &mut self,
        name: &str,
        token: Option<&Token>,
        approvals: Approvals,
        around: Around<'_>,
    ) -> Result<&Client, Failure> {
        let address = self.address()?;
        let recorder = around.recorder.of(name);
        let client =
            Client::on_websocket(&recorder, approvals, around.waiting, (address, token)).await?;
        Ok(self
            .others
            .entry(name.to_owned())
            .insert_entry(client)
            .into_mut())
    }

    /// Where the app-server listens.
    ///
    /// # Errors
    /// It doesn't.
    pub fn address(&self) -> Result<&Address, Failure> {
        let missing = "the app-server doesn't listen; say how with `transport`";
        self.address
            .as_ref()
            .ok_or_else(|| Failure::harness(missing))
    }

    /// Chooses the client of the next step; `None` is the first.
    ///
    /// # Errors
    /// Nobody connected under this name.
    pub fn choose(&mut self, client: Option<&str>) -> Result<(), Failure> {
        if let Some(name) = client.filter(|name| !self.others.contains_key(*name)) {
            return Err(Failure::harness(format!("`{name}` is no client")));
        }
        self.chosen = client.map(str::to_owned);
        Ok(())
    }

    /// The client that was chosen.
    pub fn client(&self) -> &Client {
        let chosen = self.chosen.as_ref();
        chosen
            .and_then(|name| self.others.get(name))
            .unwrap_or(&self.client)
    }

    /// The client that was chosen, to start turns with.
    pub fn client_mut(&mut self) -> &mut Client {
        let chosen = self.chosen.as_ref();
        chosen
            .and_then(|name| self.others.get_mut(name))
            .unwrap_or(&mut self.client)
    }

    /// The process, where it is ours.
    pub fn app_server(&mut self) -> Option<&mut AppServer> {
        self.app_server.as_mut()
    }

    /// Ends it as its transport is ended: by closing its stdin, or by SIGTERM. Kills it after
    /// `grace`.
    pub async fn stop(&mut self, grace: Duration) -> Stopped {
        for client in std::iter::once(&self.client).chain(self.others.values()) {
            client.connection().close();
        }
        let Some(app_server) = &mut self.app_server else {
            return Stopped::LeftRunning;
        };
        if !self.on_pipes {
            app_server.signal(Signal::TERM);
        }
        if let Ok(exit) = tokio::time::timeout(grace, app_server.ended()).await {
            let terminated = exit.signal == Some(Signal::TERM.as_raw());
            return if terminated && !self.on_pipes {
                Stopped::Terminated(exit)
            } else {
                Stopped::Ended(exit)
            };
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

fn spawn(
    launch: &Launch,
    plan: &Plan,
    around: Around<'_>,
    attach: impl FnOnce(Pipes) -> Attached,
) -> Result<AppServer, SpawnError> {
    let further = plan.listening.iter().flat_map(Listening::arguments);
    let arguments = launch.arguments(&plan.overrides, further);
    let start = Start {
        program: &launch.program,
        arguments: &arguments,
        environment: &plan.environment,
        directory: &around.places.workspace,
    };
    AppServer::start(&start, around.recorder, attach)
}

/// The end of an app-server, in words.
fn ended(exit: Exit, recorder: &Recorder) -> String {
    let words = recorder.look(last_words);
    format!("the app-server ended ({exit}{words})")
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
