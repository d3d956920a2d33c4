//! Drives the crate `codex-sdk`, which runs `codex exec` for each turn.

use std::collections::HashMap;
use std::process::ExitCode;

use codex_driver::{
    About, Answered, Call, Driver, Failed, Options, RaisedBy, With, final_response,
};
use codex_sdk::{
    ApprovalMode, Codex, CodexError, CodexOptions, Input, SandboxMode, Thread, ThreadOptions, Turn,
    TurnOptions, UserInput,
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A turn that runs.
struct Running {
    thread: Thread,
    cancel: CancellationToken,
    turn: JoinHandle<Result<Turn, CodexError>>,
}

/// The driver's state.
#[derive(Default)]
struct Sdk {
    path: String,
    codex: Option<Codex>,
    threads: HashMap<String, Thread>,
    turns: HashMap<String, Running>,
    named: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    codex_driver::serve(Sdk::default()).await
}

impl Driver for Sdk {
    fn about(&self) -> About {
        About {
            name: "codex-sdk",
            version: "0.1.1",
            presets: false,
            verbs: &[
                "thread_start",
                "thread_resume",
                "run",
                "turn",
                "await_turn",
                "interrupt",
            ],
            approval_modes: &["deny_all"],
            sandboxes: &["read_only", "workspace_write", "full_access"],
            transports: &["exec"],
            approvals: &[],
        }
    }

    fn lacks(&self, verb: &str) -> Option<&'static str> {
        match verb {
            "thread_fork" => Some("the SDK has no fork"),
            "steer" => Some("`codex exec` takes no input while a turn runs"),
            "approve" => Some("`codex exec` asks nobody"),
            _ => None,
        }
    }

    fn use_codex(&mut self, path: &str) {
        path.clone_into(&mut self.path);
    }

    async fn perform(&mut self, verb: &str, with: With) -> Answered {
        match verb {
            "open" => {
                let options = CodexOptions {
                    codex_path_override: Some(self.path.clone().into()),
                    ..CodexOptions::default()
                };
                self.codex = Some(Codex::new(options).map_err(raised)?);
                Ok(Value::Null)
            }
            "close" => self.close().await,
            "thread_start" => {
                let thread = self.codex()?.start_thread(thread_options(&with.options())?);
                let name = self.name("thread");
                Ok(self.keep(name, thread))
            }
            "thread_resume" => self.resume(&with),
            "run" => {
                let (thread, input) = self.start(&with)?;
                let turn = thread.run(input, TurnOptions::default()).await;
                ended(&thread, turn)
            }
            "turn" => self.turn(&with),
            "await_turn" => self.await_turn(with.text("turn")?).await,
            "interrupt" => {
                let name = with.text("turn")?;
                let running = self.turns.get(name).ok_or_else(|| unknown(name))?;
                running.cancel.cancel();
                Ok(Value::Null)
            }
            _ => Err(Failed::Broken(format!("`{verb}` is not written"))),
        }
    }
}

impl Sdk {
    async fn close(&mut self) -> Answered {
        for (_, running) in self.turns.drain() {
            running.cancel.cancel();
            // How an aborted turn ends is nobody's question any more.
            let _ = running.turn.await;
        }
        self.codex = None;
        Ok(Value::Null)
    }

    fn codex(&self) -> Result<&Codex, Failed> {
        let closed = || Failed::Broken("the client is not open".to_owned());
        self.codex.as_ref().ok_or_else(closed)
    }

    fn resume(&mut self, with: &With) -> Answered {
        let name = with.text("thread")?.to_owned();
        let id = match self.threads.get(&name).map(Thread::id) {
            None => name.clone(),
            Some(Some(id)) => id,
            Some(None) => {
                let why = "the SDK knows the id of a thread only after its first turn";
                return Err(Failed::unsupported(why));
            }
        };
        let options = thread_options(&with.options())?;
        let thread = self.codex()?.resume_thread(id, options);
        Ok(self.keep(name, thread))
    }

    fn start(&self, with: &With) -> Result<(Thread, Input), Failed> {
        with.options().none("a turn of `codex exec`")?;
        let name = with.text("thread")?;
        let thread = self.threads.get(name).ok_or_else(|| {
            Failed::Unsupported(format!("the SDK wants an object for the thread `{name}`"))
        })?;
        Ok((thread.clone(), input(with)?))
    }

    fn turn(&mut self, with: &With) -> Answered {
        let (thread, input) = self.start(with)?;
        let cancel = CancellationToken::new();
        let options = TurnOptions {
            cancel: Some(cancel.clone()),
            ..TurnOptions::default()
        };
        let runs = thread.clone();
        let turn = tokio::spawn(async move { runs.run(input, options).await });
        let name = self.name("turn");
        let running = Running {
            thread,
            cancel,
            turn,
        };
        self.turns.insert(name.clone(), running);
        Ok(json!({ "id": name }))
    }

    async fn await_turn(&mut self, name: &str) -> Answered {
        let running = self.turns.remove(name).ok_or_else(|| unknown(name))?;
        let turn = running.turn.await;
        let turn = turn.map_err(|error| Failed::Broken(error.to_string()))?;
        ended(&running.thread, turn)
    }

    /// The id comes with the first turn; until then the thread has a name of ours.
    fn keep(&mut self, name: String, thread: Thread) -> Value {
        let told = json!({ "thread": { "id": name } });
        self.threads.insert(name, thread);
        told
    }

    fn name(&mut self, what: &str) -> String {
        self.named += 1;
        format!("{what}-{}", self.named)
    }
}

/// The workspace of a scenario is no git repository, which `codex exec` insists on otherwise.
fn thread_options(options: &Options) -> Result<ThreadOptions, Failed> {
    let mut given = ThreadOptions {
        skip_git_repo_check: Some(true),
        ..ThreadOptions::default()
    };
    for (name, value) in options.to_wire(Call::Thread)? {
        let no_option = || Failed::Unsupported(format!("the SDK has no option for `{name}`"));
        let text = value.as_str().ok_or_else(no_option)?;
        match name.as_str() {
            "approvalPolicy" => given.approval_policy = Some(approval(text)?),
            "sandbox" => given.sandbox_mode = Some(sandbox(text)?),
            "cwd" => given.working_directory = Some(text.to_owned()),
            "model" => given.model = Some(text.to_owned()),
            _ => return Err(no_option()),
        }
    }
    Ok(given)
}

fn approval(name: &str) -> Result<ApprovalMode, Failed> {
    Ok(match name {
        "never" => ApprovalMode::Never,
        "on-request" => ApprovalMode::OnRequest,
        "on-failure" => ApprovalMode::OnFailure,
        "untrusted" => ApprovalMode::Untrusted,
        _ => return Err(no_value("ApprovalMode", name)),
    })
}

fn sandbox(name: &str) -> Result<SandboxMode, Failed> {
    Ok(match name {
        "read-only" => SandboxMode::ReadOnly,
        "workspace-write" => SandboxMode::WorkspaceWrite,
        "danger-full-access" => SandboxMode::DangerFullAccess,
        _ => return Err(no_value("SandboxMode", name)),
    })
}

fn no_value(kind: &str, name: &str) -> Failed {
    Failed::Unsupported(format!("the SDK's `{kind}` has no value `{name}`"))
}

fn input(with: &With) -> Result<Input, Failed> {
    match with.get("input") {
        Some(Value::String(text)) => Ok(Input::Text(text.clone())),
        Some(Value::Array(items)) => {
            let items: Result<Vec<_>, _> = items.iter().map(user_input).collect();
            Ok(Input::Structured(items?))
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

fn ended(thread: &Thread, turn: Result<Turn, CodexError>) -> Answered {
    let turn = turn.map_err(raised)?;
    let mut result = json!({
        "final_response": final_response(&turn.final_response),
        "items": serde_json::to_value(turn.items).map_err(|e| Failed::Broken(e.to_string()))?,
    });
    if let Some(id) = thread.id() {
        result["thread_id"] = id.into();
    }
    if let Some(usage) = turn.usage {
        result["usage"] = serde_json::to_value(usage).map_err(|e| Failed::Broken(e.to_string()))?;
    }
    Ok(result)
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn raised(error: CodexError) -> Failed {
    let raised_by = match &error {
        CodexError::TurnFailed(_) => RaisedBy::Server,
        CodexError::ExecFailed(..)
        | CodexError::Aborted
        | CodexError::InvalidEvent(_)
        | CodexError::Io(_)
        | CodexError::Json(_)
        | CodexError::MissingChildStream(_) => RaisedBy::Transport,
        _ => RaisedBy::Client,
    };
    Failed::raised(raised_by, &error)
}

fn unknown(turn: &str) -> Failed {
    Failed::Broken(format!("no turn `{turn}` was started here"))
}
