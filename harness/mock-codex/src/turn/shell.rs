//! Commands that the user runs in a thread: without the model, without a sandbox, and told to the
//! model afterwards.

use std::time::Duration;

use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio_util::sync::CancellationToken;

use super::command::{actions, environment, utf8::Utf8};
use super::emit::Scope;
use crate::clock;
use crate::clock::Stopwatch;
use crate::model::request::message;
use crate::protocol::item::{CommandExecution, Item, Times};
use crate::sandbox::Sandbox;
use crate::tools::exec::{ExecRequest, Session};

/// What the items of such commands are marked with.
pub(super) const USER_SHELL: &str = "userShell";

/// A command line of the user.
#[derive(Debug)]
pub(crate) struct ShellCommand {
    line: String,
    timeout: Option<Duration>,
    /// Ends it.
    pub(super) stop: CancellationToken,
}

impl ShellCommand {
    /// A command that may take as long as `timeout`.
    pub(crate) fn new(line: String, timeout: Option<Duration>) -> Self {
        Self {
            line,
            timeout,
            stop: CancellationToken::new(),
        }
    }
}

/// How a command ended.
enum Outcome {
    Exited {
        code: i32,
        output: String,
    },
    /// It was ended, or never began; with the reason.
    Failed(String),
}

/// Runs a command to its end and tells the clients everything about it; gives what the model is to
/// be told.
pub(super) async fn run(scope: &Scope, command: &ShellCommand) -> String {
    let mut item = item(scope, command);
    scope.item_started(&mut Item::CommandExecution(item.clone()));
    let began = Stopwatch::start();
    let outcome = execute(scope, command, &item.id).await;
    let took = began.elapsed();
    let (code, output, seconds) = match outcome {
        Outcome::Exited { code, output } => (code, output, took.as_secs_f64()),
        Outcome::Failed(reason) => (-1, reason, 0.0),
    };
    item.status = if code == 0 { "completed" } else { "failed" };
    item.exit_code = Some(code);
    item.duration_ms = u64::try_from(took.as_millis()).ok();
    item.aggregated_output = Some(output.clone()).filter(|output| !output.is_empty());
    scope.item_completed(Item::CommandExecution(item));
    let text = format!(
        "<user_shell_command>\n<command>\n{}\n</command>\n<result>\nExit code: {code}\nDuration: \
         {seconds:.4} seconds\nOutput:\n{output}\n</result>\n</user_shell_command>",
        command.line
    );
    message("user", &[&text])
}

fn item(scope: &Scope, command: &ShellCommand) -> CommandExecution {
    let cwd = scope.settings.cwd.clone();
    CommandExecution {
        id: clock::new_id(),
        plugin_id: None,
        script_path: None,
        command: actions::join(&argv(command)),
        process_id: None,
        source: USER_SHELL,
        status: "inProgress",
        command_actions: actions::of(&command.line, &cwd),
        cwd,
        aggregated_output: None,
        exit_code: None,
        duration_ms: None,
        times: Times::started(clock::now_ms()),
    }
}

fn argv(command: &ShellCommand) -> Vec<String> {
    vec![
        "/bin/bash".to_owned(),
        "-lc".to_owned(),
        command.line.clone(),
    ]
}

async fn execute(scope: &Scope, command: &ShellCommand, item: &str) -> Outcome {
    let request = ExecRequest {
        argv: argv(command),
        cwd: scope.settings.cwd.clone(),
        env: environment(scope, item),
        sandbox: Sandbox::Unrestricted,
        tty: false,
    };
    let session = match Session::spawn(&scope.server.launcher, &request) {
        Ok(session) => session,
        Err(error) => return Outcome::Failed(format!("execution error: {error}")),
    };
    let began = Stopwatch::start();
    let deadline = async {
        match command.timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let follow = follow(scope, &session, item);
    let ended = tokio::select! {
        biased;
        () = command.stop.cancelled() => Err("command aborted by user".to_owned()),
        () = deadline => Err(timed_out(&session, began.elapsed())),
        code = follow => Ok(code),
    };
    match ended {
        Ok(code) => Outcome::Exited {
            code,
            output: session.snapshot().text(),
        },
        Err(reason) => {
            session.kill();
            session.wait_exit().await;
            Outcome::Failed(reason)
        }
    }
}

/// Tells output as it comes, until the command has ended.
async fn follow(scope: &Scope, session: &Session, item: &str) -> i32 {
    let mut chunks = session.subscribe();
    let mut text = Utf8::default();
    let tell = |delta: String| {
        if !delta.is_empty() {
            let members = json!({"delta": delta});
            scope.about_item("item/commandExecution/outputDelta", item, &members);
        }
    };
    let code = {
        let exit = session.wait_exit();
        tokio::pin!(exit);
        loop {
            tokio::select! {
                biased;
                Some(chunk) = next(&mut chunks) => tell(text.take(&chunk)),
                code = &mut exit => break code,
            }
        }
    };
    while let Ok(chunk) = chunks.try_recv() {
        tell(text.take(&chunk));
    }
    tell(text.rest());
    code
}

/// The next piece of output; `None` once there is no more.
async fn next(chunks: &mut Receiver<bytes::Bytes>) -> Option<bytes::Bytes> {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        match chunks.recv().await {
            Ok(chunk) => return Some(chunk),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

/// codex 0.169.0 shows its own record of such a command.
fn timed_out(session: &Session, after: Duration) -> String {
    let stream =
        |text: &str| format!("StreamOutput {{ text: {text:?}, truncated_after_lines: None }}");
    let output = session.snapshot().text();
    format!(
        "execution error: Sandbox(Timeout {{ output: ExecToolCallOutput {{ exit_code: 124, stdout: \
         {}, stderr: {}, aggregated_output: {}, duration: {after:?}, timed_out: true }} }})",
        stream(&output),
        stream(""),
        stream(&output),
    )
}
