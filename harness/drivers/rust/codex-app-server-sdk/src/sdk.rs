//! The verbs, each one call of `codex_app_server_sdk`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use codex_app_server_sdk::requests::{
    ClientInfo, GetAccountParams, InitializeCapabilities, InitializeParams, LoginAccountParams,
    ModelListParams, ThreadForkParams, ThreadListParams,
};
use codex_app_server_sdk::server_requests::{
    CommandExecutionRequestApprovalResponse, FileChangeRequestApprovalResponse,
};
use codex_app_server_sdk::{
    ClientError, Codex, CodexClient, Input, StdioConfig, StreamedTurn, Thread, ThreadEvent,
    ThreadOptions, ThreadRunError, UserInput, WsConfig,
};
use codex_driver::{About, Answered, Call, Driver, Failed, RaisedBy, With, final_response};
use serde_json::{Map, Value, json};

use crate::{item, options};

/// The decisions, which handlers look at when they are asked.
type Decisions = Arc<Mutex<Map<String, Value>>>;

/// The driver's state.
#[derive(Default)]
pub struct Sdk {
    path: String,
    codex: Option<Codex>,
    threads: HashMap<String, Thread>,
    /// Streams of turns, with their threads.
    turns: HashMap<String, (String, StreamedTurn)>,
    decisions: Decisions,
    named: usize,
}

impl Driver for Sdk {
    fn about(&self) -> About {
        About {
            name: "codex-app-server-sdk",
            version: "0.5.1",
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
                "models",
                "account",
                "login_api_key",
                "logout",
                "approve",
            ],
            approval_modes: &["deny_all"],
            sandboxes: &["read_only", "workspace_write", "full_access"],
            transports: &["stdio", "websocket"],
            approvals: &["command", "file_change"],
        }
    }

    fn lacks(&self, verb: &str) -> Option<&'static str> {
        (verb == "interrupt")
            .then_some("`Thread::interrupt` wants the id of a turn, which `StreamedTurn` hasn't")
    }

    fn use_codex(&mut self, path: &str) {
        path.clone_into(&mut self.path);
    }

    async fn perform(&mut self, verb: &str, with: With) -> Answered {
        match verb {
            "open" => self.open(&with).await,
            "close" => {
                self.turns.clear();
                self.threads.clear();
                self.codex = None;
                Ok(Value::Null)
            }
            "thread_start" => {
                let options = options::of_thread(&with.options())?;
                let thread = self.codex()?.start_thread(options);
                let name = self.name("thread");
                Ok(self.keep(name, thread))
            }
            "thread_resume" => {
                let name = with.text("thread")?.to_owned();
                let id = self.id_of(&name);
                let options = options::of_thread(&with.options())?;
                let thread = self.codex()?.resume_thread_by_id(id, options);
                Ok(self.keep(name, thread))
            }
            "thread_fork" => self.fork(&with).await,
            "run" => self.run(&with).await,
            "turn" => self.turn(&with).await,
            "await_turn" => self.await_turn(with.text("turn")?).await,
            "steer" => self.steer(&with).await,
            "approve" => {
                lock(&self.decisions).extend(with.0);
                Ok(Value::Null)
            }
            "thread_list" | "models" | "account" | "login_api_key" | "logout" => {
                self.on_codex(verb, with).await
            }
            _ => self.on_thread(verb, &with).await,
        }
    }
}

impl Sdk {
    async fn open(&mut self, with: &With) -> Answered {
        let client = if with.text("transport")? == "websocket" {
            let config = WsConfig::default().with_url(with.text("url")?);
            CodexClient::connect_ws(config).await
        } else {
            let config = StdioConfig {
                codex_binary: self.path.clone(),
                ..StdioConfig::default()
            };
            CodexClient::spawn_stdio(config).await
        };
        let client = client.map_err(raised)?;
        if with.is("approvals") {
            self.install(&client).await;
        }
        self.codex = Some(match with.get("experimental_api") {
            None => Codex::from_client(client),
            Some(experimental) => {
                let info = ClientInfo::new("codex_sdk_rs", "Codex Rust SDK", "0.5.1");
                let mut params = InitializeParams::new(info);
                params.capabilities = Some(InitializeCapabilities {
                    experimental_api: experimental.as_bool(),
                    ..InitializeCapabilities::default()
                });
                Codex::with_initialize_params(client, params)
            }
        });
        Ok(Value::Null)
    }

    /// Handlers that decline until `approve` says otherwise.
    async fn install(&mut self, client: &CodexClient) {
        lock(&self.decisions).clear();
        let decisions = self.decisions.clone();
        client
            .set_command_execution_request_approval_handler(move |_| {
                let decisions = decisions.clone();
                async move {
                    let extra = decided(&decisions, "command").await;
                    Ok(CommandExecutionRequestApprovalResponse { extra })
                }
            })
            .await;
        let decisions = self.decisions.clone();
        client
            .set_file_change_request_approval_handler(move |_| {
                let decisions = decisions.clone();
                async move {
                    let extra = decided(&decisions, "file_change").await;
                    Ok(FileChangeRequestApprovalResponse { extra })
                }
            })
            .await;
    }

    fn codex(&self) -> Result<&Codex, Failed> {
        let closed = || Failed::Broken("the client is not open".to_owned());
        self.codex.as_ref().ok_or_else(closed)
    }

    /// The type for options of forks has none of its own, but takes any beside the thread's id.
    async fn fork(&mut self, with: &With) -> Answered {
        let params = ThreadForkParams {
            thread_id: self.id_of(with.text("thread")?),
            from_turn_id: None,
            extra: with.options().to_wire(Call::Thread)?,
        };
        let codex = self.codex()?;
        let id = codex.thread_fork(params).await.map_err(raised)?.thread.id;
        let thread = codex.resume_thread_by_id(id.clone(), ThreadOptions::default());
        Ok(self.keep(id, thread))
    }

    async fn run(&mut self, with: &With) -> Answered {
        let (input, options) = (input(with)?, options::of_turn(&with.options())?);
        let thread = self.thread(with)?;
        let turn = thread.run(input, options).await.map_err(failed)?;
        let items: Vec<Value> = turn.items.into_iter().map(item::to_value).collect();
        let mut result =
            json!({ "final_response": final_response(&turn.final_response), "items": items });
        if let Some(usage) = turn.usage {
            result["usage"] = item::usage(&usage);
        }
        if let Some(id) = thread.id() {
            result["thread_id"] = id.into();
        }
        Ok(result)
    }

    async fn turn(&mut self, with: &With) -> Answered {
        let (input, options) = (input(with)?, options::of_turn(&with.options())?);
        let streamed = self.thread(with)?.run_streamed(input, options).await;
        let name = self.name("turn");
        let thread = with.text("thread")?.to_owned();
        self.turns
            .insert(name.clone(), (thread, streamed.map_err(raised)?));
        Ok(json!({ "id": name }))
    }

    /// Reads the events of a turn until its end.
    async fn await_turn(&mut self, name: &str) -> Answered {
        let (_, mut turn) = self.turns.remove(name).ok_or_else(|| unknown(name))?;
        let (mut items, mut result) = (Vec::new(), json!({}));
        while let Some(event) = turn.next_event().await {
            match event.map_err(raised)? {
                ThreadEvent::ItemCompleted { item } => items.push(item::to_value(item)),
                ThreadEvent::TurnCompleted { usage } => {
                    if let Some(usage) = usage {
                        result["usage"] = item::usage(&usage);
                    }
                    break;
                }
                ThreadEvent::TurnFailed { error } => {
                    result["status"] = "failed".into();
                    result["error"] = json!({ "message": error.message });
                    break;
                }
                ThreadEvent::Error { message } => result["error"] = json!({ "message": message }),
                _ => {}
            }
        }
        result["items"] = items.into();
        Ok(result)
    }

    /// Without a turn's id the crate means the latest one of the thread.
    async fn steer(&mut self, with: &With) -> Answered {
        let name = with.text("turn")?;
        let (thread, _) = self.turns.get(name).ok_or_else(|| unknown(name))?;
        let thread = self.threads.get_mut(thread).ok_or_else(|| unknown(name))?;
        thread.steer(input(with)?, None).await.map_err(raised)?;
        Ok(Value::Null)
    }

    async fn on_thread(&mut self, verb: &str, with: &With) -> Answered {
        let thread = self.thread(with)?;
        match verb {
            "thread_read" => {
                let include = with.is("include_turns").then_some(true);
                let read = thread.read(include).await.map_err(raised)?;
                Ok(Value::Object(read.extra))
            }
            "thread_archive" => plain(thread.archive().await),
            "thread_unarchive" => plain(thread.unarchive().await),
            "thread_name" => plain(thread.set_name(with.text("name")?).await),
            "thread_compact" => plain(thread.compact_start().await),
            _ => Err(Failed::Broken(format!("`{verb}` is not written"))),
        }
    }

    async fn on_codex(&mut self, verb: &str, with: With) -> Answered {
        let codex = self.codex()?;
        match verb {
            "thread_list" => {
                let params = serde_json::from_value::<ThreadListParams>(Value::Object(with.0))
                    .map_err(|error| Failed::raised(RaisedBy::Client, &error))?;
                let listed = codex.thread_list(params).await.map_err(raised)?;
                serde_json::to_value(listed).map_err(|error| Failed::Broken(error.to_string()))
            }
            "models" => {
                let mut params = ModelListParams::default();
                if with.is("include_hidden") {
                    params.extra.insert("includeHidden".into(), true.into());
                }
                let models = codex.model_list(params).await.map_err(raised)?;
                serde_json::to_value(models).map_err(|error| Failed::Broken(error.to_string()))
            }
            "account" => {
                let read = codex.account_read(GetAccountParams::default()).await;
                Ok(Value::Object(read.map_err(raised)?.extra))
            }
            "logout" => plain(codex.account_logout().await),
            _ => {
                let params = LoginAccountParams::api_key(with.text("key")?);
                plain(codex.account_login_start(params).await)
            }
        }
    }

    fn thread(&mut self, with: &With) -> Result<&mut Thread, Failed> {
        let name = with.text("thread")?;
        let lack = || {
            Failed::Unsupported(format!(
                "the SDK wants an object of its own for the thread `{name}`, which it gave no more"
            ))
        };
        self.threads.get_mut(name).ok_or_else(lack)
    }

    /// The id comes with the first turn; until then the thread has a name of ours.
    fn keep(&mut self, name: String, thread: Thread) -> Value {
        let told = json!({ "thread": { "id": name } });
        self.threads.insert(name, thread);
        told
    }

    fn id_of(&self, name: &str) -> String {
        let known = self.threads.get(name).and_then(Thread::id);
        known.unwrap_or(name).to_owned()
    }

    fn name(&mut self, what: &str) -> String {
        self.named += 1;
        format!("{what}-{}", self.named)
    }
}

async fn decided(decisions: &Decisions, kind: &str) -> Map<String, Value> {
    let decision = lock(decisions).get(kind).cloned();
    let decision = match decision {
        Some(Value::Null) => std::future::pending().await,
        Some(decision) => decision,
        None => "decline".into(),
    };
    Map::from_iter([("decision".to_owned(), decision)])
}

fn lock(decisions: &Decisions) -> std::sync::MutexGuard<'_, Map<String, Value>> {
    decisions.lock().unwrap_or_else(PoisonError::into_inner)
}

fn input(with: &With) -> Result<Input, Failed> {
    match with.get("input") {
        Some(Value::String(text)) => Ok(Input::text(text)),
        Some(Value::Array(items)) => {
            let items: Result<Vec<_>, _> = items.iter().map(user_input).collect();
            Ok(Input::items(items?))
        }
        _ => Err(Failed::Broken("the request has no `input`".to_owned())),
    }
}

fn user_input(item: &Value) -> Result<UserInput, Failed> {
    let text = |name: &str| item[name].as_str().map(str::to_owned);
    match (item["type"].as_str(), text("text"), text("path")) {
        (Some("text"), Some(text), _) => Ok(UserInput::Text { text }),
        (Some("localImage"), _, Some(path)) => Ok(UserInput::LocalImage { path }),
        _ => Err(Failed::Unsupported(format!(
            "the SDK has no input item like {item}"
        ))),
    }
}

fn plain<R>(answer: Result<R, ClientError>) -> Answered {
    answer.map(|_| Value::Null).map_err(raised)
}

fn raised(error: ClientError) -> Failed {
    let raised_by = match &error {
        ClientError::Rpc { .. } => RaisedBy::Server,
        // A reply that the crate can't read is no error of the app-server.
        ClientError::UnexpectedResult { .. }
        | ClientError::NotInitialized { .. }
        | ClientError::NotReady { .. }
        | ClientError::AlreadyInitialized => RaisedBy::Client,
        _ => RaisedBy::Transport,
    };
    let failed = Failed::raised(raised_by, &error);
    match error {
        ClientError::Rpc { error } => failed.with_code(error.code, error.data),
        _ => failed,
    }
}

fn failed(error: ThreadRunError) -> Failed {
    match error {
        ThreadRunError::Client(error) => raised(error),
        ThreadRunError::TurnFailed { .. } => Failed::raised(RaisedBy::Server, &error),
    }
}

fn unknown(turn: &str) -> Failed {
    Failed::Broken(format!("no turn `{turn}` was started here"))
}
