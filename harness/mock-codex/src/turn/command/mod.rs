//! The tools `exec_command` and `write_stdin`.

pub(super) mod actions;
mod additional;
mod ask;
mod danger;
mod launch;
mod review;
mod script;
pub(super) mod utf8;
mod verdict;
mod watch;

use std::rc::Rc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::additional::Beyond;
use self::launch::Planned;
pub(super) use self::launch::environment;
use self::verdict::{Verdict, Why};
use super::emit::Scope;
use super::terminals::Terminal;
use super::toolcall::{Outcome, ToolCall, check_environment};
use crate::clock::Stopwatch;
use crate::permission::AdditionalPermissionProfile;
use crate::tools::exec::format::{Budget, chunk_id, model_output};
use crate::tools::exec::wait::Call as Wait;
use crate::tools::exec::{Collected, SessionId, WriteError};
use crate::tools::patch::shell::{self, InCommand};

/// Arguments of `exec_command`.
#[derive(Debug, Clone, Deserialize)]
struct ExecArgs {
    cmd: String,
    workdir: Option<String>,
    shell: Option<String>,
    login: Option<bool>,
    #[serde(default)]
    tty: bool,
    yield_time_ms: Option<u64>,
    max_output_tokens: Option<usize>,
    sandbox_permissions: Option<SandboxPermissions>,
    additional_permissions: Option<AdditionalPermissionProfile>,
    justification: Option<String>,
    prefix_rule: Option<Vec<String>>,
}

/// May the command leave the sandbox?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SandboxPermissions {
    UseDefault,
    RequireEscalated,
    WithAdditionalPermissions,
}

/// The argument of `write_stdin` that is looked at first.
#[derive(Debug, Deserialize)]
struct SessionArg {
    session_id: i32,
}

/// The other arguments of `write_stdin`.
#[derive(Debug, Deserialize)]
struct WriteArgs {
    #[serde(default)]
    chars: String,
    yield_time_ms: Option<u64>,
    max_output_tokens: Option<usize>,
}

/// What the model reads where it justifies what it doesn't ask for.
const JUSTIFIED: &str = "`justification` requires an explicit `sandbox_permissions`; use \
    `sandbox_permissions: \"require_escalated\"` for unsandboxed execution, or omit `justification`.";

/// What the model reads where a command was not started.
fn rejected(reason: &str) -> Outcome {
    Outcome::Output(format!(
        "exec_command failed: CreateProcess {{ message: {:?} }}",
        format!("Rejected({reason:?})")
    ))
}

fn parse<T: DeserializeOwned>(arguments: &str) -> Result<T, Outcome> {
    serde_json::from_str(arguments)
        .map_err(|error| Outcome::Output(format!("failed to parse function arguments: {error}")))
}

/// Runs a command, as far as the thread's policies let it.
pub(super) async fn exec(scope: Scope, call: ToolCall) -> Outcome {
    match try_exec(scope, call).await {
        Ok(outcome) | Err(outcome) => outcome,
    }
}

async fn try_exec(scope: Scope, call: ToolCall) -> Result<Outcome, Outcome> {
    check_environment(&call.arguments).map_err(Outcome::Output)?;
    let args: ExecArgs = parse(&call.arguments)?;
    if let Some(patch) = shell::find(&args.cmd) {
        return patched(&scope, &call, &args, patch).await;
    }
    if args.justification.is_some() && args.sandbox_permissions.is_none() {
        return Err(Outcome::Output(JUSTIFIED.to_owned()));
    }
    let wait = Wait::Exec.wait(args.yield_time_ms);
    let budget = Budget::UNKNOWN_MODEL.or_less(args.max_output_tokens);
    let planned = Planned::new(&scope, &call.id, &args)?;
    let run = Run {
        scope: &scope,
        args: &args,
        wait,
    };
    let ended = run.as_allowed(planned).await?;
    let Ended { collected, id, .. } = ended;
    Ok(Outcome::Output(model_output(
        &collected,
        id,
        budget,
        &chunk_id(),
    )))
}

/// A call that runs, and what it waits for.
struct Run<'a> {
    scope: &'a Scope,
    args: &'a ExecArgs,
    wait: Duration,
}

/// What came of a command, as far as it was waited for.
struct Ended {
    collected: Collected,
    id: SessionId,
    /// Did its sandbox stop it at once?
    denied: bool,
}

impl Run<'_> {
    /// Asks whoever must be asked, and runs the command; again without a sandbox where that stopped
    /// it and the policy leaves room for it.
    async fn as_allowed(&self, mut planned: Planned) -> Result<Ended, Outcome> {
        let mut approved = planned.is_approved(self.scope);
        let sandboxed = match verdict::of(self.scope, &planned) {
            Verdict::Run { sandboxed } => sandboxed,
            Verdict::Refuse(outcome) => return Err(outcome),
            Verdict::Ask(why) => {
                planned.announced = Some(self.approval(&planned, &why).await?);
                approved = true;
                planned.beyond != Beyond::Sandbox
            }
        };
        let again = sandboxed && verdict::leaves_room(self.scope);
        let ended = self.run(&planned, sandboxed, again).await?;
        if !(again && ended.denied) {
            return Ok(ended);
        }
        planned.beyond = Beyond::Nothing;
        if !approved {
            planned.announced = Some(self.approval(&planned, &Why::Denied).await?);
        }
        self.run(&planned, false, false).await
    }

    /// Has a reviewer or the client approve it; gives when its item was told.
    async fn approval(&self, planned: &Planned, why: &Why) -> Result<i64, Outcome> {
        if review::decides(self.scope) {
            review::approval(self.scope, planned, self.args, why).await
        } else {
            ask::approval(self.scope, planned, self.args, why).await
        }
    }

    async fn run(&self, planned: &Planned, sandboxed: bool, again: bool) -> Result<Ended, Outcome> {
        let (id, session, terminal) = launch::start(self.scope, planned, sandboxed, again)?;
        let collected = session.collect(self.wait).await;
        if collected.exit_code.is_some() {
            terminal.ended.cancelled().await;
            self.scope.thread.sessions.remove(id);
        }
        let denied = terminal.denied.get();
        Ok(Ended {
            collected,
            id,
            denied,
        })
    }
}

/// A command that is a patch is carried out as one.
async fn patched(
    scope: &Scope,
    call: &ToolCall,
    args: &ExecArgs,
    patch: InCommand,
) -> Result<Outcome, Outcome> {
    let InCommand::Asked { directory, text } = patch else {
        return Err(Outcome::Output(
            "apply_patch verification failed: patch detected without explicit call to apply_patch. \
             Rerun as [\"apply_patch\", \"<patch>\"]"
                .to_owned(),
        ));
    };
    let began = Stopwatch::start();
    let base = scope.settings.cwd.clone();
    let cwd = [&args.workdir, &directory]
        .into_iter()
        .flatten()
        .fold(base, |cwd, directory| cwd.join(directory));
    let output = super::patch::run(scope, &call.id, &text, &cwd).await?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(Outcome::Output(format!(
        "Wall time: {seconds:.4} seconds\nOutput:\n{output}"
    )))
}

/// Writes to a running command, or only waits for what it prints.
pub(super) async fn write_stdin(scope: Scope, call: ToolCall) -> Outcome {
    match try_write(scope, call).await {
        Ok(outcome) | Err(outcome) => outcome,
    }
}

async fn try_write(scope: Scope, call: ToolCall) -> Result<Outcome, Outcome> {
    let SessionArg { session_id } = parse(&call.arguments)?;
    let failed = |what: String| Outcome::Output(format!("write_stdin failed: {what}"));
    let id = SessionId::try_from(session_id).unwrap_or_default();
    let session = scope
        .thread
        .sessions
        .get(id)
        .ok_or_else(|| failed(format!("Unknown process id {session_id}")))?;
    let args: WriteArgs = parse(&call.arguments)?;
    let terminal = scope.thread.terminals.get(id);
    let pending = terminal.as_ref().map(PendingWrite::of);
    let wait = if args.chars.is_empty() {
        Wait::Poll
    } else {
        Wait::Write
    };
    if args.chars == "\u{3}" {
        match session.write_stdin(args.chars.as_bytes()).await {
            Err(WriteError::Closed) => session.interrupt(),
            Err(error) => return Err(failed(error.to_string())),
            Ok(()) => {}
        }
    } else if !args.chars.is_empty() {
        session
            .write_stdin(args.chars.as_bytes())
            .await
            .map_err(|error| failed(error.to_string()))?;
    }
    let collected = session.collect(wait.wait(args.yield_time_ms)).await;
    let has_ended = collected.exit_code.is_some();
    if let Some(terminal) = terminal.as_ref().filter(|_| has_ended) {
        terminal.drained.cancelled().await;
    }
    // A poll that meets the end of the command is told by that alone.
    let is_told = !args.chars.is_empty() || !has_ended;
    if let Some(terminal) = terminal.as_ref().filter(|_| is_told) {
        scope.about_item(
            "item/commandExecution/terminalInteraction",
            &terminal.item,
            &json!({"processId": id.to_string(), "stdin": args.chars}),
        );
    }
    drop(pending);
    if has_ended {
        if let Some(terminal) = &terminal {
            terminal.ended.cancelled().await;
        }
        scope.thread.sessions.remove(id);
    }
    let budget = Budget::UNKNOWN_MODEL.or_less(args.max_output_tokens);
    Ok(Outcome::Output(model_output(
        &collected,
        id,
        budget,
        &chunk_id(),
    )))
}

/// A write that has yet to be told; dropping it says that it was, or never will be.
struct PendingWrite(Rc<Terminal>);

impl PendingWrite {
    fn of(terminal: &Rc<Terminal>) -> Self {
        terminal.writes.send_modify(|pending| *pending += 1);
        Self(Rc::clone(terminal))
    }
}

impl Drop for PendingWrite {
    fn drop(&mut self) {
        self.0.writes.send_modify(|pending| *pending -= 1);
    }
}
