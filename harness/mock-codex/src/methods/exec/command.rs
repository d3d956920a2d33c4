//! `command/exec`: a command under a sandbox, without a thread.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use codex_wire::policy::{ExternalNetwork, SandboxPolicy};
use serde::Deserialize;
use serde_json::json;

use super::super::{Method, Params, parse, ready};
use super::params;
use crate::config::{self, Requested};
use crate::connection::Call;
use crate::failure::Failure;
use crate::permission::ProfilePlace;
use crate::process::{self, Control, Request, Watched};
use crate::protocol::base64;
use crate::protocol::params::RequestedSandbox;
use crate::sandbox::launcher::NETWORK_DISABLED;
use crate::sandbox::{Sandbox, SandboxSpec};

pub(in super::super) const METHODS: &[Method] = methods! {
    "command/exec" CommandExecParams => exec;
    "command/exec/write" CommandExecWriteParams => write;
    "command/exec/resize" CommandExecResizeParams => resize;
    "command/exec/terminate" CommandExecTerminateParams => terminate;
};

/// How error texts name such a command.
const WHAT: &str = "command/exec";

/// What codex 0.169.0 sets for every such command.
const VARIABLES: &[(&str, &str)] = &[("CODEX_APPLY_PATCH_PRESERVE_LINE_ENDINGS", "1")];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools, reason = "the protocol has them")]
struct CommandExecParams {
    command: Vec<String>,
    process_id: Option<String>,
    #[serde(default)]
    tty: bool,
    #[serde(default)]
    stream_stdin: bool,
    #[serde(default)]
    stream_stdout_stderr: bool,
    output_bytes_cap: Option<usize>,
    #[serde(default)]
    disable_output_cap: bool,
    #[serde(default)]
    disable_timeout: bool,
    timeout_ms: Option<i64>,
    cwd: Option<PathBuf>,
    env: Option<BTreeMap<String, Option<String>>>,
    size: Option<params::TerminalSize>,
    sandbox_policy: Option<RequestedSandbox>,
    permission_profile: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommandExecWriteParams {
    process_id: String,
    delta_base64: Option<String>,
    #[serde(default)]
    close_stdin: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommandExecResizeParams {
    process_id: String,
    size: params::TerminalSize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommandExecTerminateParams {
    process_id: String,
}

impl Params for CommandExecParams {
    fn experimental(&self) -> Option<&'static str> {
        self.permission_profile
            .as_ref()
            .map(|_| "command/exec.permissionProfile")
    }
}

impl Params for CommandExecWriteParams {}
impl Params for CommandExecResizeParams {}
impl Params for CommandExecTerminateParams {}

/// Answers when the command has ended.
fn exec(call: &Call, params: CommandExecParams) -> Result<(), Failure> {
    let id = params.process_id.clone();
    let request = request(call, params)?;
    let running = &call.client.commands.executed;
    if let Some(id) = id.as_ref().filter(|id| running.get(id).is_some()) {
        return Err(Failure::invalid(format!(
            "duplicate active command/exec process id: {id:?}"
        )));
    }
    let (control, watched) = process::spawn(&call.server.launcher, request)
        .map_err(|error| Failure::internal(format!("failed to spawn command: {error}")))?;
    let key = running.keep(id.clone(), std::rc::Rc::clone(&control));
    let call = call.clone();
    tokio::task::spawn_local(async move {
        follow(&call, id, &control, watched).await;
        call.client.commands.executed.forget(&key);
    });
    Ok(())
}

async fn follow(call: &Call, id: Option<String>, control: &Control, watched: Watched) {
    let ended = watched
        .run(|stream, part, full| {
            if control.is_wanted() {
                call.client.notify(
                    "command/exec/outputDelta",
                    &json!({
                        "processId": id,
                        "stream": stream.name(),
                        "deltaBase64": base64::encode(part),
                        "capReached": full,
                    }),
                );
            }
        })
        .await;
    if control.is_wanted() {
        call.reply(&json!({
            "exitCode": ended.exit_code,
            "stdout": ended.stdout.text(),
            "stderr": ended.stderr.text(),
        }));
    }
}

/// Checks what is asked for, in the order in which codex 0.169.0 complains.
fn request(call: &Call, params: CommandExecParams) -> Result<Request, Failure> {
    const METHOD: &str = "command/exec";
    if params.command.is_empty() {
        return Err(Failure::invalid("command must not be empty"));
    }
    if params.size.is_some() && !params.tty {
        return Err(Failure::params("command/exec size requires tty: true"));
    }
    if params.disable_output_cap && params.output_bytes_cap.is_some() {
        return Err(Failure::params(
            "command/exec cannot set both outputBytesCap and disableOutputCap",
        ));
    }
    if params.disable_timeout && params.timeout_ms.is_some() {
        return Err(Failure::params(
            "command/exec cannot set both timeoutMs and disableTimeout",
        ));
    }
    let without_network = params
        .sandbox_policy
        .as_ref()
        .is_some_and(is_external_offline);
    let timeout = params.timeout_ms.map(|ms| params::timeout(ms, METHOD));
    let timeout = timeout.transpose()?;
    let terminal = params::terminal(params.tty, params.size, METHOD)?;
    let started_in = &call.server.started_in;
    let cwd = params.cwd.map_or_else(
        || started_in.clone(),
        |cwd| config::plain(&started_in.join(cwd)),
    );
    let sandbox = sandbox(
        call,
        &cwd,
        params.sandbox_policy,
        params.permission_profile.as_deref(),
    )?;
    let streams = params.tty || params.stream_stdin || params.stream_stdout_stderr;
    if streams && params.process_id.is_none() {
        return Err(Failure::invalid(
            "command/exec tty or streaming requires a client-supplied processId",
        ));
    }
    let policy = &call.server.config()?.toml.shell_environment_policy;
    let mut env = params::environment(policy, params.env, VARIABLES);
    if without_network {
        let (name, value) = NETWORK_DISABLED;
        env.retain(|(other, _)| other != name);
        env.push((name.to_owned(), value.to_owned()));
    }
    Ok(Request {
        argv: params.command,
        cwd,
        env,
        sandbox,
        stdin: params.stream_stdin,
        terminal,
        stream: params.stream_stdout_stderr,
        cap: params::cap(params.output_bytes_cap, params.disable_output_cap),
        timeout: params::limit(timeout, params.disable_timeout),
    })
}

/// Is somebody else to keep the command from the network? It is told so all the same.
fn is_external_offline(policy: &RequestedSandbox) -> bool {
    matches!(
        policy.0,
        SandboxPolicy::ExternalSandbox {
            network_access: ExternalNetwork::Restricted
        }
    )
}

/// What the command may do: as it is said, or as threads are configured. A policy is meant for
/// the server's own directory, a profile for that of the command (observed).
fn sandbox(
    call: &Call,
    cwd: &Path,
    policy: Option<RequestedSandbox>,
    profile: Option<&str>,
) -> Result<Sandbox, Failure> {
    let started_in = &call.server.started_in;
    let config = call.server.config()?;
    let requirements = &config.requirements;
    match (policy, profile) {
        (Some(_), Some(_)) => Err(Failure::invalid(
            "`permissionProfile` cannot be combined with `sandboxPolicy`",
        )),
        (None, Some(name)) => {
            let profile = config::profile(&config.toml, name).map_err(|problem| {
                Failure::invalid(format!("invalid permission profile: {problem}"))
            })?;
            let roots = [cwd.to_owned()];
            let place = ProfilePlace { cwd, roots: &roots };
            let policy = profile.policy(place);
            requirements.check_profile(&policy).map_err(|problem| {
                Failure::invalid(format!("invalid permission profile: {problem}"))
            })?;
            let own = profile.as_own().map(|own| own.sandbox(place));
            Ok(own.unwrap_or_else(|| Sandbox::of(&policy, &roots)))
        }
        (Some(policy), None) => {
            let allowed = requirements.check_sandbox(&policy.0);
            allowed.map_err(Failure::sandbox)?;
            Ok(Sandbox::of(&policy.0, std::slice::from_ref(started_in)))
        }
        (None, None) => {
            // Where settings can't be used, codex 0.169.0 goes by its defaults.
            let settings = config::resolve(&config, &Requested::default(), started_in);
            let Ok(mut settings) = settings else {
                return Ok(Sandbox::Restricted(SandboxSpec::read_only(false)));
            };
            requirements.settle(&mut settings);
            settings.workspace_roots = vec![started_in.clone()];
            Ok(settings.sandbox())
        }
    }
}

fn write(call: &Call, params: CommandExecWriteParams) -> Result<(), Failure> {
    let input = (params.delta_base64.as_deref(), params.close_stdin);
    let find = || find(call, &params.process_id);
    super::write(call, "command/exec/write", WHAT, input, find)
}

fn resize(call: &Call, params: CommandExecResizeParams) -> Result<(), Failure> {
    super::resize(call, params.size, WHAT, || find(call, &params.process_id))
}

fn terminate(call: &Call, params: CommandExecTerminateParams) -> Result<(), Failure> {
    super::kill(call, &*find(call, &params.process_id)?);
    Ok(())
}

fn find(call: &Call, id: &str) -> Result<std::rc::Rc<Control>, Failure> {
    let running = call.client.commands.executed.get(id);
    running.ok_or_else(|| Failure::invalid(format!("no active command/exec for process id {id:?}")))
}
