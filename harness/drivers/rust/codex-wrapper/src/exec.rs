//! The exec face: `ExecCommand` for a thread's first turn, `ExecResumeCommand` for the others.

use std::collections::HashMap;

use codex_driver::{About, Answered, Call, Driver, Failed, With, final_response};
use codex_wrapper::{
    ApprovalPolicyConfig, Codex, ExecCommand, ExecResumeCommand, JsonLineEvent, QueryResult,
    SandboxMode,
};
use serde_json::{Map, Value, json};

use crate::app_server::known;
use crate::raised;

/// A thread: the id is known after its first turn.
#[derive(Debug, Default)]
struct Thread {
    id: Option<String>,
    options: Map<String, Value>,
}

/// The driver's state.
#[derive(Default)]
pub struct ExecFace {
    path: String,
    codex: Option<Codex>,
    threads: HashMap<String, Thread>,
}

impl Driver for ExecFace {
    fn about(&self) -> About {
        About {
            name: "codex-wrapper",
            version: "0.4.7",
            presets: false,
            verbs: &["thread_start", "thread_resume", "run"],
            approval_modes: &["deny_all"],
            sandboxes: &["read_only", "workspace_write", "full_access"],
            transports: &["exec"],
            approvals: &[],
        }
    }

    fn lacks(&self, verb: &str) -> Option<&'static str> {
        match verb {
            "thread_fork" => Some("`ForkCommand` opens codex on a terminal, exec has no fork"),
            "turn" | "await_turn" => Some("a command of the SDK is one call that ends with it"),
            "steer" | "interrupt" => Some("`codex exec` takes no input while a turn runs"),
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
                let codex = Codex::builder().binary(&self.path).build();
                self.codex = Some(codex.map_err(raised)?);
                Ok(Value::Null)
            }
            "close" => {
                self.codex = None;
                Ok(Value::Null)
            }
            "thread_start" => self.thread(None, &with),
            "thread_resume" => self.thread(Some(with.text("thread")?), &with),
            "run" => self.run(&with).await,
            _ => Err(Failed::Broken(format!("`{verb}` is not written"))),
        }
    }
}

impl ExecFace {
    /// Nothing is started before the first turn.
    fn thread(&mut self, named: Option<&str>, with: &With) -> Answered {
        let options = with.options().to_wire(Call::Thread)?;
        let (name, id) = match named {
            None => (format!("thread-{}", self.threads.len() + 1), None),
            Some(name) => match self.threads.get(name) {
                None => (name.to_owned(), Some(name.to_owned())),
                Some(Thread { id: Some(id), .. }) => (name.to_owned(), Some(id.clone())),
                Some(Thread { id: None, .. }) => {
                    let why = "the SDK knows the id of a thread only after its first turn";
                    return Err(Failed::unsupported(why));
                }
            },
        };
        self.threads.insert(name.clone(), Thread { id, options });
        Ok(json!({ "thread": { "id": name } }))
    }

    async fn run(&mut self, with: &With) -> Answered {
        with.options().none("a turn of `codex exec`")?;
        let prompt = prompt(with)?;
        let name = with.text("thread")?;
        let (Some(codex), Some(thread)) = (&self.codex, self.threads.get_mut(name)) else {
            return Err(Failed::Broken(format!("there is no thread `{name}`")));
        };
        let result = match &thread.id {
            None => first(&thread.options, &prompt)?.execute_json(codex).await,
            Some(id) => {
                again(&thread.options, id, &prompt)?
                    .execute_json(codex)
                    .await
            }
        };
        let result = result.map_err(raised)?;
        thread.id.clone_from(&result.thread_id);
        Ok(ended(&result))
    }
}

/// The workspace of a scenario is no git repository, which `codex exec` insists on otherwise.
fn first(options: &Map<String, Value>, prompt: &str) -> Result<ExecCommand, Failed> {
    let mut command = ExecCommand::new(prompt).skip_git_repo_check();
    for (name, value) in options {
        command = match (name.as_str(), value) {
            ("approvalPolicy", _) => {
                command.approval_policy(known::<ApprovalPolicyConfig>(value.clone())?)
            }
            ("sandbox", _) => command.sandbox(known::<SandboxMode>(value.clone())?),
            ("cwd", Value::String(cwd)) => command.cd(cwd),
            ("model", Value::String(model)) => command.model(model),
            _ => return Err(no_option("ExecCommand", name)),
        };
    }
    Ok(command)
}

fn again(
    options: &Map<String, Value>,
    id: &str,
    prompt: &str,
) -> Result<ExecResumeCommand, Failed> {
    let mut command = ExecResumeCommand::new()
        .session_id(id)
        .prompt(prompt)
        .skip_git_repo_check();
    for (name, value) in options {
        command = match (name.as_str(), value) {
            ("approvalPolicy", _) => {
                command.approval_policy(known::<ApprovalPolicyConfig>(value.clone())?)
            }
            ("model", Value::String(model)) => command.model(model),
            _ => return Err(no_option("ExecResumeCommand", name)),
        };
    }
    Ok(command)
}

fn no_option(command: &str, name: &str) -> Failed {
    Failed::Unsupported(format!("`{command}` has no option for `{name}`"))
}

fn prompt(with: &With) -> Result<String, Failed> {
    match with.items()? {
        Value::Array(items) => match items.as_slice() {
            [item] if item["type"] == "text" => {
                Ok(item["text"].as_str().unwrap_or_default().to_owned())
            }
            _ => Err(Failed::unsupported("the SDK takes one text as input")),
        },
        _ => Err(Failed::Broken("`input` is no list".to_owned())),
    }
}

fn ended(result: &QueryResult) -> Value {
    let completed = |event: &&JsonLineEvent| event.event_type == "item.completed";
    let items = result.events.iter().filter(completed);
    let items: Vec<&Value> = items.filter_map(|event| event.extra.get("item")).collect();
    let mut told = json!({ "final_response": final_response(&result.result), "items": items });
    if let Some(id) = &result.thread_id {
        told["thread_id"] = id.as_str().into();
    }
    if let Some(usage) = result.usage {
        let members = [
            ("input_tokens", usage.input_tokens),
            ("cached_input_tokens", usage.cached_input_tokens),
            ("cache_write_input_tokens", usage.cache_write_input_tokens),
            ("output_tokens", usage.output_tokens),
            ("reasoning_output_tokens", usage.reasoning_output_tokens),
        ];
        let given = members.into_iter();
        told["usage"] = given
            .filter_map(|(name, count)| Some((name.to_owned(), Value::from(count?))))
            .collect();
    }
    told
}
