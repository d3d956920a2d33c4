//! The reference client: the verbs of scenarios, each one request of the protocol.

use std::collections::HashMap;

use codex_wire::frame::Frame;
use codex_wire::preset::Method;
use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;

use crate::client::address::{Address, Token};
use crate::client::approval::Approvals;
use crate::client::connection::{Connection, Waiting};
use crate::client::failure::Failure;
use crate::client::permission;
use crate::client::turn::{Ended, Turn};
use crate::client::{stdio, websocket};
use crate::run::process::Pipes;
use crate::run::record::Recorder;
use crate::scenario::model::{Home, Permissions};

/// The client's name in reports.
pub const NAME: &str = "reference";

/// What the client says of itself. It is on the wire and in snapshots: it never changes.
const CLIENT: (&str, &str, &str) = ("codex_conformance", "Codex conformance", "0.1.0");

/// A result and the entry of the transcript that shows it.
pub type Answer = Result<(Value, usize), Failure>;

/// A client on its connection.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
    /// The thread of each turn that was started here.
    threads: HashMap<String, String>,
}

impl Client {
    /// A client on the pipes of a process; the task reads its stdout.
    pub fn on_pipes(
        recorder: &Recorder,
        approvals: Approvals,
        waiting: &Waiting,
        pipes: Pipes,
    ) -> (Self, JoinHandle<()>) {
        let (connection, to_write) = Connection::new(recorder.clone(), approvals, waiting.clone());
        let Pipes { stdin, stdout } = pipes;
        let reading = stdio::carry(&connection, to_write, stdin, stdout);
        (Self::on(connection), reading)
    }

    /// A client on a WebSocket.
    ///
    /// # Errors
    /// There is no app-server at this address, or it lets nobody in with this token.
    pub async fn on_websocket(
        recorder: &Recorder,
        approvals: Approvals,
        waiting: &Waiting,
        (address, token): (&Address, Option<&Token>),
    ) -> Result<Self, Failure> {
        let (connection, to_write) = Connection::new(recorder.clone(), approvals, waiting.clone());
        websocket::connect(&connection, to_write, address, token)
            .await
            .map_err(|error| {
                Failure::transport(format!("can't connect to {address}: {error}"), None)
            })?;
        Ok(Self::on(connection))
    }

    /// A client without a connection; `why` is what every wait on it fails with.
    pub fn unconnected(recorder: &Recorder, waiting: &Waiting, why: &str) -> Self {
        let (connection, _) =
            Connection::new(recorder.clone(), Approvals::default(), waiting.clone());
        connection.end(why, None);
        Self::on(connection)
    }

    fn on(connection: Connection) -> Self {
        Self {
            connection,
            threads: HashMap::new(),
        }
    }

    /// The wire below.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// `initialize`, then `initialized`.
    pub async fn handshake(&self, home: &Home) -> Answer {
        self.handshake_as(CLIENT.0, home.experimental_api, &home.opt_out)
            .await
    }

    /// The same under another name.
    pub async fn handshake_as(
        &self,
        name: &str,
        experimental_api: Option<bool>,
        opt_out: &[String],
    ) -> Answer {
        let (_, title, version) = CLIENT;
        let mut capabilities = Map::new();
        let experimental = experimental_api.unwrap_or(true);
        capabilities.insert("experimentalApi".into(), experimental.into());
        if !opt_out.is_empty() {
            capabilities.insert("optOutNotificationMethods".into(), json!(opt_out));
        }
        let params = json!({
            "clientInfo": { "name": name, "title": title, "version": version },
            "capabilities": capabilities,
        });
        let answer = self.request("initialize", params).await?;
        if !identifies(&answer.0) {
            let reason = "the reply to `initialize` is missing required metadata: the name and the version of the server";
            return Err(Failure::client(reason));
        }
        self.connection
            .send(Frame::notification("initialized", None));
        Ok(answer)
    }

    /// A request with its params, an id chosen.
    pub async fn request(&self, method: &str, params: Value) -> Answer {
        self.connection.request(method, Some(params), None).await
    }

    /// A request that takes permission options. `thread` goes first, except where there is none.
    pub async fn with_permissions(
        &self,
        method: Method,
        thread: Option<&str>,
        permissions: &Permissions,
    ) -> Answer {
        let settings = permission::to_wire(permissions, method)?;
        let mut params = Map::new();
        if let Some(thread) = thread {
            params.insert("threadId".into(), thread.into());
        }
        params.extend(settings);
        self.request(method.name(), Value::Object(params)).await
    }

    /// Starts a turn: `{id, thread_id, turn}`.
    pub async fn start_turn(
        &mut self,
        thread: &str,
        input: &Value,
        permissions: &Permissions,
    ) -> Answer {
        let settings = permission::to_wire(permissions, Method::TurnStart)?;
        let mut params = Map::new();
        params.insert("threadId".into(), thread.into());
        params.insert("input".into(), items(input));
        params.extend(settings);
        let method = Method::TurnStart.name();
        let (mut reply, entry) = self.request(method, Value::Object(params)).await?;
        let id = reply["turn"]["id"].as_str().unwrap_or_default().to_owned();
        self.threads.insert(id.clone(), thread.to_owned());
        if let Some(reply) = reply.as_object_mut() {
            reply.insert("id".into(), id.into());
            reply.insert("thread_id".into(), thread.into());
        }
        Ok((reply, entry))
    }

    /// Waits for the end of a turn.
    pub async fn await_turn(&self, turn: &str) -> Result<Ended, Failure> {
        Turn::ended(&self.connection, turn).await
    }

    /// More input for a running turn.
    pub async fn steer(&self, turn: &str, input: &Value) -> Answer {
        let thread = self.thread_of(turn)?;
        let params = json!({ "threadId": thread, "input": items(input), "expectedTurnId": turn });
        self.request("turn/steer", params).await
    }

    /// Ends a running turn.
    pub async fn interrupt(&self, turn: &str) -> Answer {
        let thread = self.thread_of(turn)?;
        self.request(
            "turn/interrupt",
            json!({ "threadId": thread, "turnId": turn }),
        )
        .await
    }

    fn thread_of(&self, turn: &str) -> Result<&str, Failure> {
        self.threads.get(turn).map(String::as_str).ok_or_else(|| {
            Failure::client(format!(
                "the turn {turn} was not started on this connection"
            ))
        })
    }
}

/// A text is one item; a list is the items themselves.
fn items(input: &Value) -> Value {
    match input {
        Value::Array(_) => input.clone(),
        Value::String(text) => json!([{ "type": "text", "text": text }]),
        other => json!([other]),
    }
}

/// Does the reply to `initialize` say who the server is? By its user agent, of the form
/// `name/version …` or `name version`, and by `serverInfo` where it has that, as the official SDKs
/// want it.
fn identifies(reply: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().trim().to_owned();
    let agent = text(&reply["userAgent"]);
    let parts = agent.split_once('/').or_else(|| agent.split_once(' '));
    let (name, version) = parts.unwrap_or_default();
    let info = &reply["serverInfo"];
    let has = |own: &str, told: &Value| !own.trim().is_empty() || !text(told).is_empty();
    !agent.is_empty() && has(name, &info["name"]) && has(version, &info["version"])
}
