//! The app-server face: `codex_wrapper::app_server::AppServer`.

use std::collections::HashMap;

use codex_driver::{About, Answered, Call, Driver, Failed, With};
use codex_wrapper::app_server::{
    AppServer, ServerMessage, ServerRequest, ThreadStartParams, TurnStartParams, UserInput,
};
use codex_wrapper::{ApprovalPolicy, Codex, SandboxMode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::raised;
use crate::turn::{Turn, turn_of};

/// Methods without a function of their own: `request` sends them, as the crate's documentation
/// says. Verb, method.
const RAW: [(&str, &str); 12] = [
    ("thread_resume", "thread/resume"),
    ("thread_fork", "thread/fork"),
    ("thread_read", "thread/read"),
    ("thread_list", "thread/list"),
    ("thread_archive", "thread/archive"),
    ("thread_unarchive", "thread/unarchive"),
    ("thread_name", "thread/name/set"),
    ("thread_compact", "thread/compact/start"),
    ("models", "model/list"),
    ("account", "account/read"),
    ("login_api_key", "account/login/start"),
    ("logout", "account/logout"),
];

/// Requests of the app-server that are approvals, by kind.
const APPROVALS: [(&str, &str); 3] = [
    ("command", "item/commandExecution/requestApproval"),
    ("file_change", "item/fileChange/requestApproval"),
    ("permissions", "item/permissions/requestApproval"),
];

/// The driver's state.
#[derive(Default)]
pub struct AppServerFace {
    codex: String,
    server: Option<AppServer>,
    turns: HashMap<String, Turn>,
    approvals: Option<Map<String, Value>>,
}

impl Driver for AppServerFace {
    fn about(&self) -> About {
        About {
            name: "codex-wrapper",
            version: "0.4.7",
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
            "thread_start" => self.thread_start(&with).await,
            "run" => {
                let turn = self.start(&with).await?;
                self.ended(&turn).await
            }
            "turn" => Ok(json!({ "id": self.start(&with).await? })),
            "await_turn" => self.ended(with.text("turn")?).await,
            "steer" | "interrupt" => self.control(verb, &with).await,
            "approve" => {
                self.approvals.get_or_insert_default().extend(with.0);
                Ok(Value::Null)
            }
            _ => self.raw(verb, with).await,
        }
    }
}

impl AppServerFace {
    async fn open(&mut self, with: &With) -> Answered {
        self.approvals = with.is("approvals").then(Map::new);
        let codex = Codex::builder()
            .binary(&self.codex)
            .build()
            .map_err(raised)?;
        let mut builder = AppServer::builder(&codex);
        if let Some(Value::Bool(experimental)) = with.get("experimental_api") {
            builder = builder.experimental_api(*experimental);
        }
        self.server = Some(builder.start().await.map_err(raised)?);
        Ok(Value::Null)
    }

    async fn close(&mut self) -> Answered {
        self.turns.clear();
        if let Some(server) = self.server.take() {
            server.shutdown().await.map_err(raised)?;
        }
        Ok(Value::Null)
    }

    fn server(&mut self) -> Result<&mut AppServer, Failed> {
        let closed = || Failed::Broken("the server is not open".to_owned());
        self.server.as_mut().ok_or_else(closed)
    }

    /// Typed options where the crate has them; the others by `param`, which takes any.
    async fn thread_start(&mut self, with: &With) -> Answered {
        let mut params = ThreadStartParams::new();
        for (name, value) in with.options().to_wire(Call::Thread)? {
            params = match (name.as_str(), &value) {
                ("approvalPolicy", _) => params.approval_policy(known::<ApprovalPolicy>(value)?),
                ("sandbox", _) => params.sandbox(known::<SandboxMode>(value)?),
                ("cwd", Value::String(cwd)) => params.cwd(cwd),
                ("model", Value::String(model)) => params.model(model),
                ("ephemeral", Value::Bool(ephemeral)) => params.ephemeral(*ephemeral),
                _ => params.param(name, value),
            };
        }
        let thread = self.server()?.thread_start(params).await.map_err(raised)?;
        Ok(thread.raw)
    }

    async fn start(&mut self, with: &With) -> Result<String, Failed> {
        let thread = with.text("thread")?;
        let mut params = TurnStartParams::new(thread, input(with)?);
        for (name, value) in with.options().to_wire(Call::Turn)? {
            params = match (name.as_str(), &value) {
                ("approvalPolicy", _) => params.approval_policy(known::<ApprovalPolicy>(value)?),
                ("cwd", Value::String(cwd)) => params.cwd(cwd),
                ("effort", Value::String(effort)) => params.effort(effort),
                ("model", Value::String(model)) => params.model(model),
                ("outputSchema", _) => params.output_schema(value),
                _ => params.param(name, value),
            };
        }
        let turn = self.server()?.turn_start(params).await.map_err(raised)?;
        self.turns.insert(turn.id.clone(), Turn::of(thread));
        Ok(turn.id)
    }

    async fn ended(&mut self, id: &str) -> Answered {
        loop {
            if self.turn(id)?.is_over() {
                break;
            }
            match self.server()?.next_message().await.map_err(raised)? {
                Some(ServerMessage::Notification(notification)) => {
                    let about = turn_of(&notification).and_then(|id| self.turns.get_mut(id));
                    if let Some(turn) = about {
                        turn.take_in(&notification);
                    }
                }
                Some(ServerMessage::Request(request)) => self.asked(&request)?,
                Some(_) => {}
                None => return Err(self.over().await),
            }
        }
        let turn = self.turns.remove(id).ok_or_else(|| unknown_turn(id))?;
        Ok(turn.result())
    }

    /// The messages are over before the turn is: the crate says why when it is shut down.
    async fn over(&mut self) -> Failed {
        let why = match self.server.take() {
            Some(server) => server.shutdown().await.err(),
            None => None,
        };
        let gone = || codex_wrapper::Error::AppServerProtocol {
            message: "`next_message` returned `None`".to_owned(),
        };
        raised(why.unwrap_or_else(gone))
    }

    /// The crate leaves every request of the app-server to its caller: without a handler it stays
    /// unanswered.
    fn asked(&mut self, request: &ServerRequest) -> Result<(), Failed> {
        let kind = APPROVALS
            .iter()
            .find(|(_, method)| *method == request.method);
        let (Some(approvals), Some((kind, _))) = (&self.approvals, kind) else {
            return Ok(());
        };
        let result = match (*kind, approvals.get(*kind)) {
            (_, Some(Value::Null)) => return Ok(()),
            ("permissions", None) => json!({ "permissions": {}, "scope": "turn" }),
            ("permissions", Some(granted)) => granted.clone(),
            (_, None) => json!({ "decision": "decline" }),
            (_, Some(decision)) => json!({ "decision": decision }),
        };
        self.server()?
            .respond(request.id.clone(), result)
            .map_err(raised)
    }

    async fn control(&mut self, verb: &str, with: &With) -> Answered {
        let turn = with.text("turn")?;
        let thread = self.turn(turn)?.thread.clone();
        let server = self.server()?;
        if verb == "steer" {
            let steered = server.turn_steer(&thread, turn, input(with)?).await;
            steered.map_err(raised)?;
        } else {
            let interrupted = server.turn_interrupt(&thread, turn).await;
            interrupted.map_err(raised)?;
        }
        Ok(Value::Null)
    }

    async fn raw(&mut self, verb: &str, with: With) -> Answered {
        let (_, method) = RAW
            .iter()
            .find(|(name, _)| *name == verb)
            .ok_or_else(|| Failed::Broken(format!("`{verb}` is not written")))?;
        let mut params = if ["thread_resume", "thread_fork"].contains(&verb) {
            with.options().to_wire(Call::Thread)?
        } else {
            with.0.clone()
        };
        for (name, on_wire) in [
            ("thread", "threadId"),
            ("include_turns", "includeTurns"),
            ("include_hidden", "includeHidden"),
            ("key", "apiKey"),
        ] {
            params.remove(name);
            if let Some(value) = with.get(name) {
                params.insert(on_wire.into(), value.clone());
            }
        }
        if verb == "login_api_key" {
            params.insert("type".into(), "apiKey".into());
        }
        let params = Value::Object(params);
        self.server()?.request(method, params).await.map_err(raised)
    }

    fn turn(&self, id: &str) -> Result<&Turn, Failed> {
        self.turns.get(id).ok_or_else(|| unknown_turn(id))
    }
}

/// A value of one of the crate's enums, which are all that its typed options take.
pub fn known<T: DeserializeOwned>(value: Value) -> Result<T, Failed> {
    let lack = format!("the SDK has no value `{value}`");
    serde_json::from_value(value).map_err(|_| Failed::Unsupported(lack))
}

fn input(with: &With) -> Result<Vec<UserInput>, Failed> {
    let Value::Array(items) = with.items()? else {
        return Err(Failed::Broken("`input` is no list".to_owned()));
    };
    let item = |item: Value| match (item["type"].as_str(), item["text"].as_str()) {
        (Some("text"), Some(text)) if item.as_object().is_some_and(|item| item.len() == 2) => {
            UserInput::text(text)
        }
        _ => UserInput::Raw(item),
    };
    Ok(items.into_iter().map(item).collect())
}

fn unknown_turn(id: &str) -> Failed {
    Failed::Broken(format!("no turn `{id}` was started here"))
}
