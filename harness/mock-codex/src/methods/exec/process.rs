//! `process/*`: a process of the machine, without a sandbox.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Deserialize;
use serde_json::json;

use super::super::{Method, Params, parse, ready};
use super::params::{self, Stated};
use crate::config::ShellEnvironment;
use crate::connection::Call;
use crate::failure::Failure;
use crate::process::{self, Control, DEFAULT_CAP, DEFAULT_TIMEOUT, Request, Watched};
use crate::protocol::base64;
use crate::protocol::params::AbsolutePath;
use crate::sandbox::Sandbox;

/// How error texts name such a process.
const WHAT: &str = "process";

pub(in super::super) const METHODS: &[Method] = methods! {
    "process/spawn" ProcessSpawnParams => spawn;
    "process/writeStdin" ProcessWriteStdinParams => write;
    "process/resizePty" ProcessResizePtyParams => resize;
    "process/kill" ProcessKillParams => kill;
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProcessSpawnParams {
    command: Vec<String>,
    process_handle: String,
    cwd: AbsolutePath,
    #[serde(default)]
    tty: bool,
    #[serde(default)]
    stream_stdin: bool,
    #[serde(default)]
    stream_stdout_stderr: bool,
    #[serde(default)]
    output_bytes_cap: Stated<usize>,
    #[serde(default)]
    timeout_ms: Stated<i64>,
    env: Option<BTreeMap<String, Option<String>>>,
    size: Option<params::TerminalSize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProcessWriteStdinParams {
    process_handle: String,
    delta_base64: Option<String>,
    #[serde(default)]
    close_stdin: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProcessResizePtyParams {
    process_handle: String,
    size: params::TerminalSize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProcessKillParams {
    process_handle: String,
}

macro_rules! experimental {
    ($($params:ident $method:literal)*) => {
        $(impl Params for $params {
            fn experimental(&self) -> Option<&'static str> {
                Some($method)
            }
        })*
    };
}

experimental! {
    ProcessSpawnParams "process/spawn"
    ProcessWriteStdinParams "process/writeStdin"
    ProcessResizePtyParams "process/resizePty"
    ProcessKillParams "process/kill"
}

/// Answers when the process has started; `process/exited` tells its end.
fn spawn(call: &Call, params: ProcessSpawnParams) -> Result<(), Failure> {
    let handle = params.process_handle.clone();
    let request = request(params)?;
    let running = &call.client.commands.spawned;
    if running.get(&handle).is_some() {
        return Err(Failure::invalid(format!(
            "duplicate active process handle: {handle:?}"
        )));
    }
    let (control, watched) = process::spawn(&call.server.launcher, request)
        .map_err(|error| Failure::internal(format!("failed to spawn process: {error}")))?;
    let key = running.keep(Some(handle.clone()), Rc::clone(&control));
    call.reply(&json!({}));
    let call = call.clone();
    tokio::task::spawn_local(async move {
        follow(&call, &handle, &control, watched, || {
            call.client.commands.spawned.forget(&key);
        })
        .await;
    });
    Ok(())
}

/// The handle is free again before the end is told.
async fn follow(
    call: &Call,
    handle: &str,
    control: &Control,
    watched: Watched,
    forget: impl FnOnce(),
) {
    let ended = watched
        .run(|stream, part, full| {
            if control.is_wanted() {
                call.client.notify(
                    "process/outputDelta",
                    &json!({
                        "processHandle": handle,
                        "stream": stream.name(),
                        "deltaBase64": base64::encode(part),
                        "capReached": full,
                    }),
                );
            }
        })
        .await;
    if !control.is_wanted() {
        return;
    }
    forget();
    call.client.notify(
        "process/exited",
        &json!({
            "processHandle": handle,
            "exitCode": ended.exit_code,
            "outputDrainTimedOut": ended.drain_timed_out,
            "stdout": ended.stdout.text(),
            "stdoutCapReached": ended.stdout.is_full(),
            "stderr": ended.stderr.text(),
            "stderrCapReached": ended.stderr.is_full(),
        }),
    );
}

/// Checks what is asked for, in the order in which codex 0.169.0 complains.
fn request(params: ProcessSpawnParams) -> Result<Request, Failure> {
    if params.command.is_empty() {
        return Err(Failure::invalid("command must not be empty"));
    }
    if params.process_handle.is_empty() {
        return Err(Failure::invalid("processHandle must not be empty"));
    }
    if params.size.is_some() && !params.tty {
        return Err(Failure::params("process/spawn size requires tty: true"));
    }
    let timeout = match params.timeout_ms {
        Stated::Absent => Some(DEFAULT_TIMEOUT),
        Stated::Null => None,
        Stated::Is(ms) => Some(params::timeout(ms, "process/spawn")?),
    };
    Ok(Request {
        argv: params.command,
        cwd: params.cwd.into_path(),
        env: params::environment(&ShellEnvironment::default(), params.env, &[]),
        sandbox: Sandbox::Unrestricted,
        stdin: params.stream_stdin,
        terminal: params::terminal(params.tty, params.size, "process")?,
        stream: params.stream_stdout_stderr,
        cap: params.output_bytes_cap.or(DEFAULT_CAP),
        timeout,
    })
}

fn write(call: &Call, params: ProcessWriteStdinParams) -> Result<(), Failure> {
    let input = (params.delta_base64.as_deref(), params.close_stdin);
    let find = || find(call, &params.process_handle);
    super::write(call, "process/writeStdin", WHAT, input, find)
}

fn resize(call: &Call, params: ProcessResizePtyParams) -> Result<(), Failure> {
    super::resize(call, params.size, WHAT, || {
        find(call, &params.process_handle)
    })
}

fn kill(call: &Call, params: ProcessKillParams) -> Result<(), Failure> {
    super::kill(call, &*find(call, &params.process_handle)?);
    Ok(())
}

fn find(call: &Call, handle: &str) -> Result<Rc<Control>, Failure> {
    let running = call.client.commands.spawned.get(handle);
    running
        .ok_or_else(|| Failure::invalid(format!("no active process for process handle {handle:?}")))
}
