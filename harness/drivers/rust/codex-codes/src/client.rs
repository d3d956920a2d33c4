//! The verbs, each one call of `codex_codes::AsyncClient`.

use std::collections::HashMap;

use codex_codes::jsonrpc::RequestId;
use codex_codes::protocol::methods;
use codex_codes::{
    AppServerBuilder, AsyncClient, ClientInfo, Error, GetAccountParams, InitializeParams,
    LoginAccountParams, ModelListParams, ModelListResponse, ServerMessage, ServerRequest,
    ThreadCompactStartParams, ThreadCompactStartResponse, ThreadListParams, ThreadListResponse,
    ThreadReadParams, ThreadReadResponse, ThreadSetNameParams, ThreadSetNameResponse,
    ThreadUnarchiveParams, ThreadUnarchiveResponse,
};
use codex_driver::{About, Answered, Call, Driver, Failed, RaisedBy, With};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::turn::{Turn, turn_of};

/// The driver's state.
#[derive(Default)]
pub struct Codes {
    codex: String,
    client: Option<AsyncClient>,
    /// Turns that run, with their threads.
    turns: HashMap<String, (String, Turn)>,
    /// The decisions, once the scenario has `approve` steps.
    approvals: Option<Map<String, Value>>,
}

impl Driver for Codes {
    fn about(&self) -> About {
        About {
            name: "codex-codes",
            version: "0.166.4",
            presets: false,
            verbs: &[
                "thread_start",
                "thread_resume",
                "thread_fork",
                "thread_read",
                "thread_list",
                "thread_archive",
                "thread_unarchive",
                "thread_name",
                "thread_compact",
                "run",
                "turn",
                "await_turn",
                "steer",
                "interrupt",
                "models",
                "account",
                "login_api_key",
                "logout",
                "approve",
            ],
            approval_modes: &["deny_all", "auto_review"],
            sandboxes: &["read_only", "workspace_write", "full_access"],
            transports: &["stdio"],
            approvals: &["command", "file_change", "permissions"],
        }
    }

    fn use_codex(&mut self, path: &str) {
        path.clone_into(&mut self.codex);
    }

    async fn perform(&mut self, verb: &str, with: With) -> Answered {
        match verb {
            "open" => self.open(&with).await,
            "close" => self.close().await,
            "thread_start" => self.thread(methods::THREAD_START, &with).await,
            "thread_resume" => self.thread(methods::THREAD_RESUME, &with).await,
            "thread_fork" => self.thread(methods::THREAD_FORK, &with).await,
            "run" => {
                let turn = self.start(&with).await?;
                self.ended(&turn).await
            }
            "turn" => Ok(json!({ "id": self.start(&with).await? })),
            "await_turn" => self.ended(with.text("turn")?).await,
            "approve" => {
                self.approvals.get_or_insert_default().extend(with.0);
                Ok(Value::Null)
            }
            "steer" | "interrupt" => self.control(verb, &with).await,
            "account" | "login_api_key" | "logout" => self.account(verb, &with).await,
            _ => self.call(verb, &with).await,
        }
    }
}

impl Codes {
    /// With a handshake of the crate's own, unless the scenario wants a say in it.
    async fn open(&mut self, with: &With) -> Answered {
        self.approvals = with.is("approvals").then(Map::new);
        let builder = AppServerBuilder::new().command(&self.codex);
        let client = match with.get("experimental_api") {
            None => AsyncClient::start_with(builder).await.map_err(raised)?,
            Some(experimental) => {
                let mut client = AsyncClient::spawn(builder).await.map_err(raised)?;
                let params = InitializeParams {
                    client_info: ClientInfo {
                        name: "codex-codes".to_owned(),
                        version: "0.166.4".to_owned(),
                        title: None,
                    },
                    capabilities: Some(typed(json!({ "experimentalApi": experimental }))?),
                };
                client.initialize(&params).await.map_err(raised)?;
                client
            }
        };
        self.client = Some(client);
        Ok(Value::Null)
    }

    async fn close(&mut self) -> Answered {
        self.turns.clear();
        if let Some(client) = self.client.take() {
            client.shutdown().await.map_err(raised)?;
        }
        Ok(Value::Null)
    }

    fn client(&mut self) -> Result<&mut AsyncClient, Failed> {
        let closed = || Failed::Broken("the client is not open".to_owned());
        self.client.as_mut().ok_or_else(closed)
    }

    async fn thread(&mut self, method: &str, with: &With) -> Answered {
        let mut given = with.options().to_wire(Call::Thread)?;
        if let Some(thread) = with.get("thread") {
            given.insert("threadId".into(), thread.clone());
        }
        let client = self.client()?;
        match method {
            methods::THREAD_START => plain(client.thread_start(&params(given)?).await),
            methods::THREAD_RESUME => plain(client.thread_resume(&params(given)?).await),
            _ => plain(client.thread_fork(&params(given)?).await),
        }
    }

    async fn start(&mut self, with: &With) -> Result<String, Failed> {
        let thread = with.text("thread")?.to_owned();
        let mut given = with.options().to_wire(Call::Turn)?;
        given.insert("threadId".into(), thread.clone().into());
        given.insert("input".into(), with.items()?);
        let params = params(given)?;
        let started = self.client()?.turn_start(&params).await.map_err(raised)?;
        let id = started.turn.id;
        self.turns.insert(id.clone(), (thread, Turn::default()));
        Ok(id)
    }

    /// Reads messages until the turn is over, as the crate's examples do.
    async fn ended(&mut self, id: &str) -> Answered {
        loop {
            let (_, turn) = self.turns.get(id).ok_or_else(|| unknown_turn(id))?;
            if turn.is_over() {
                break;
            }
            let next = self.client()?.next_message().await.map_err(raised)?;
            match next.ok_or(Error::ServerClosed).map_err(raised)? {
                ServerMessage::Notification(notification) => {
                    let about = turn_of(&notification).and_then(|id| self.turns.get_mut(id));
                    if let Some((_, turn)) = about {
                        turn.take_in(notification).map_err(broken)?;
                    }
                }
                ServerMessage::Request { id, request } => self.asked(id, &request).await?,
            }
        }
        let (_, turn) = self.turns.remove(id).ok_or_else(|| unknown_turn(id))?;
        turn.result().map_err(broken)
    }

    /// The crate leaves every request of the app-server to its caller: without a handler it stays
    /// unanswered.
    async fn asked(&mut self, id: RequestId, request: &ServerRequest) -> Result<(), Failed> {
        let Some(approvals) = &self.approvals else {
            return Ok(());
        };
        let decision = |kind: &str| approvals.get(kind).cloned();
        let result = match request {
            ServerRequest::CmdExecApproval(_) => decided(decision("command")),
            ServerRequest::FileChangeApproval(_) => decided(decision("file_change")),
            ServerRequest::PermissionsRequestApproval(_) => {
                decision("permissions").unwrap_or(json!({ "permissions": {}, "scope": "turn" }))
            }
            _ => return Ok(()),
        };
        if result.is_null() {
            return Ok(());
        }
        self.client()?.respond(id, &result).await.map_err(raised)
    }

    async fn control(&mut self, verb: &str, with: &With) -> Answered {
        let turn = with.text("turn")?;
        let (thread, _) = self.turns.get(turn).ok_or_else(|| unknown_turn(turn))?;
        let mut given = Map::new();
        given.insert("threadId".into(), thread.clone().into());
        if verb == "steer" {
            given.insert("expectedTurnId".into(), turn.into());
            given.insert("input".into(), with.items()?);
            let params = params(given)?;
            self.client()?.turn_steer(&params).await.map_err(raised)?;
        } else {
            given.insert("turnId".into(), turn.into());
            let params = params(given)?;
            self.client()?
                .turn_interrupt(&params)
                .await
                .map_err(raised)?;
        }
        Ok(Value::Null)
    }

    async fn account(&mut self, verb: &str, with: &With) -> Answered {
        let client = self.client()?;
        match verb {
            "account" => plain(client.account_read(&GetAccountParams::default()).await),
            "logout" => plain(client.account_logout().await),
            _ => {
                let params = LoginAccountParams::ApiKey {
                    api_key: with.text("key")?.to_owned(),
                };
                plain(client.account_login_start(&params).await)
            }
        }
    }

    /// Methods that have types in the crate, but no function of their own: `request` sends them.
    async fn call(&mut self, verb: &str, with: &With) -> Answered {
        let mut given = with.0.clone();
        if let Some(thread) = given.remove("thread") {
            given.insert("threadId".into(), thread);
        }
        for (name, on_wire) in [
            ("include_turns", "includeTurns"),
            ("include_hidden", "includeHidden"),
        ] {
            if given.remove(name) == Some(Value::Bool(true)) {
                given.insert(on_wire.into(), true.into());
            }
        }
        match verb {
            "thread_archive" => plain(self.client()?.thread_archive(&params(given)?).await),
            "thread_unarchive" => {
                self.request::<ThreadUnarchiveParams, ThreadUnarchiveResponse>(
                    methods::THREAD_UNARCHIVE,
                    given,
                )
                .await
            }
            "thread_compact" => {
                self.request::<ThreadCompactStartParams, ThreadCompactStartResponse>(
                    methods::THREAD_COMPACT_START,
                    given,
                )
                .await
            }
            "thread_name" => {
                self.request::<ThreadSetNameParams, ThreadSetNameResponse>(
                    methods::THREAD_NAME_SET,
                    given,
                )
                .await
            }
            "thread_read" => {
                self.request::<ThreadReadParams, ThreadReadResponse>(methods::THREAD_READ, given)
                    .await
            }
            "thread_list" => {
                self.request::<ThreadListParams, ThreadListResponse>(methods::THREAD_LIST, given)
                    .await
            }
            "models" => {
                self.request::<ModelListParams, ModelListResponse>(methods::MODEL_LIST, given)
                    .await
            }
            _ => Err(Failed::Broken(format!("`{verb}` is not written"))),
        }
    }

    async fn request<P, R>(&mut self, method: &str, given: Map<String, Value>) -> Answered
    where
        P: DeserializeOwned + Serialize,
        R: DeserializeOwned + Serialize,
    {
        let params: P = params(given)?;
        plain(self.client()?.request::<P, R>(method, &params).await)
    }
}

/// The crate's own type of these params, made as its documentation does. It drops what it doesn't
/// know: a name that is lost on the way is one that it has no option for.
fn params<P: DeserializeOwned + Serialize>(given: Map<String, Value>) -> Result<P, Failed> {
    let names: Vec<String> = given.keys().cloned().collect();
    let params: P = typed(Value::Object(given))?;
    let kept = serde_json::to_value(&params).map_err(broken)?;
    match names.iter().find(|name| kept.get(name.as_str()).is_none()) {
        Some(lost) => Err(Failed::Unsupported(format!(
            "the SDK has no option for `{lost}`"
        ))),
        None => Ok(params),
    }
}

/// A value as one of the crate's types, which may refuse it.
fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Failed> {
    serde_json::from_value(value).map_err(|error| Failed::raised(RaisedBy::Client, &error))
}

fn plain<R: Serialize>(answer: Result<R, Error>) -> Answered {
    serde_json::to_value(answer.map_err(raised)?).map_err(broken)
}

fn decided(decision: Option<Value>) -> Value {
    match decision {
        Some(Value::Null) => Value::Null,
        Some(decision) => json!({ "decision": decision }),
        None => json!({ "decision": "decline" }),
    }
}

/// A reply that the crate can't read is no error of the app-server: it is the crate that refuses it.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn raised(error: Error) -> Failed {
    let raised_by = match &error {
        Error::JsonRpc { .. } => RaisedBy::Server,
        Error::Json(_) | Error::Deserialization(_) | Error::BinaryNotFound { .. } => {
            RaisedBy::Client
        }
        _ => RaisedBy::Transport,
    };
    let failed = Failed::raised(raised_by, &error);
    match error {
        Error::JsonRpc { code, .. } => failed.with_code(code, None),
        _ => failed,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn broken(error: serde_json::Error) -> Failed {
    Failed::Broken(error.to_string())
}

fn unknown_turn(id: &str) -> Failed {
    Failed::Broken(format!("no turn `{id}` was started here"))
}
