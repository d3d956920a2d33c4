//! From a call's arguments to a running command.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::additional::{self, Beyond};
use super::{ExecArgs, actions, rejected, watch};
use crate::approval::Grant;
use crate::clock;
use crate::permission::Permissions;
use crate::protocol::item::{CommandExecution, Item, Times};
use crate::sandbox::launcher::NETWORK_DISABLED;
use crate::sandbox::{Sandbox, SandboxSpec};
use crate::tools::exec::{ExecRequest, Session, SessionId};
use crate::tools::patch::absolute;
use crate::turn::emit::Scope;
use crate::turn::limits;
use crate::turn::terminals::Terminal;
use crate::turn::toolcall::Outcome;

/// The variables that every command gets, whatever the server's own are.
const FIXED: &[(&str, &str)] = &[
    ("CODEX_APPLY_PATCH_PRESERVE_LINE_ENDINGS", "1"),
    ("CODEX_CI", "1"),
    ("COLORTERM", ""),
    ("GH_PAGER", "cat"),
    ("GIT_PAGER", "cat"),
    ("LANG", "C.UTF-8"),
    ("LC_ALL", "C.UTF-8"),
    ("LC_CTYPE", "C.UTF-8"),
    ("NO_COLOR", "1"),
    ("PAGER", "cat"),
    ("TERM", "dumb"),
];

/// A command that has not been started.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) call: String,
    pub(super) cmd: String,
    pub(super) argv: Vec<String>,
    /// The argv as one line, quoted where it must be.
    pub(super) display: String,
    pub(super) cwd: PathBuf,
    pub(super) tty: bool,
    /// What it has or wants beyond the sandbox of its thread.
    pub(super) beyond: Beyond,
    /// Was the item told already, with the question about it?
    pub(super) announced: Option<i64>,
}

impl Planned {
    /// What the arguments mean in this turn.
    pub(super) fn new(scope: &Scope, call: &str, args: &ExecArgs) -> Result<Self, Outcome> {
        let base = scope.settings.cwd.clone();
        let shell = shell(args.shell.as_deref()).to_owned();
        let flag = if args.login.unwrap_or(true) {
            "-lc"
        } else {
            "-c"
        };
        let words = vec![shell, flag.to_owned(), args.cmd.clone()];
        let cwd = args
            .workdir
            .as_ref()
            .map_or_else(|| base.clone(), |dir| absolute(&base, dir));
        Ok(Self {
            call: call.to_owned(),
            cmd: args.cmd.clone(),
            display: actions::join(&words),
            argv: words,
            beyond: additional::of(scope, args, &cwd)?,
            cwd,
            tty: args.tty,
            announced: None,
        })
    }

    /// Has the client approved the very same for the session?
    pub(super) fn is_approved(&self, scope: &Scope) -> bool {
        scope.thread.approved.borrow().contains(&self.grant())
    }

    /// What an approval for the session is for.
    pub(super) fn grant(&self) -> Grant {
        Grant {
            words: actions::known_by(&self.cmd, &self.argv),
            cwd: self.cwd.clone(),
            tty: self.tty,
            escalated: self.beyond == Beyond::Sandbox,
            permissions: self.beyond.permissions().cloned(),
        }
    }

    /// The item, before it runs.
    pub(super) fn item(
        &self,
        source: &'static str,
        process: Option<SessionId>,
    ) -> CommandExecution {
        CommandExecution {
            id: self.call.clone(),
            plugin_id: None,
            script_path: None,
            command: self.display.clone(),
            cwd: self.cwd.clone(),
            process_id: process.map(|id| id.to_string()),
            source,
            status: "inProgress",
            command_actions: actions::of(&self.cmd, &self.cwd),
            aggregated_output: None,
            exit_code: None,
            duration_ms: None,
            times: Times::started(self.announced.unwrap_or_else(clock::now_ms)),
        }
    }
}

/// The shell that is used where one is asked for: those that are known, or the plainest there is.
fn shell(asked: Option<&str>) -> &str {
    const BASH: &str = "/bin/bash";
    let Some(asked) = asked else { return BASH };
    match asked.rsplit('/').next() {
        Some("bash") => BASH,
        Some("sh") => "/usr/bin/sh",
        _ => "/bin/sh",
    }
}

/// Starts a command; somebody watches it from then on, whatever becomes of the turn. Where it would
/// be tried `again`, nothing is told of an attempt that its sandbox stops at once.
pub(super) fn start(
    scope: &Scope,
    planned: &Planned,
    sandboxed: bool,
    again: bool,
) -> Result<(SessionId, Arc<Session>, std::rc::Rc<Terminal>), Outcome> {
    let thread = &scope.thread;
    let limits = {
        let nothing = Permissions::default();
        let permissions = planned.beyond.permissions().unwrap_or(&nothing);
        limits::sandbox(&scope.settings, permissions)
    };
    let mut env = environment(scope, &planned.call);
    let sandbox = if sandboxed {
        limits
    } else {
        // What the sandbox would say of the network is said without it, too (observed).
        if matches!(
            limits,
            Sandbox::Restricted(SandboxSpec { network: false, .. })
        ) {
            let (name, value) = NETWORK_DISABLED;
            env.push((name.to_owned(), value.to_owned()));
        }
        Sandbox::Unrestricted
    };
    let restricted = sandbox != Sandbox::Unrestricted;
    let request = ExecRequest {
        argv: planned.argv.clone(),
        cwd: planned.cwd.clone(),
        env,
        sandbox,
        tty: planned.tty,
    };
    let id = thread.sessions.reserve();
    let session = match Session::spawn(&scope.server.launcher, &request) {
        Ok(session) => thread.sessions.insert(id, session),
        Err(error) => {
            thread.sessions.remove(id);
            return Err(not_started(scope, planned, &error.to_string()));
        }
    };
    let terminal = std::rc::Rc::new(Terminal {
        item: planned.call.clone(),
        turn: scope.turn.clone(),
        session: id,
        command: planned.cmd.clone(),
        cwd: planned.cwd.clone(),
        terminate: CancellationToken::new(),
        ended: CancellationToken::new(),
        drained: CancellationToken::new(),
        writes: tokio::sync::watch::Sender::new(0),
        denied: std::cell::Cell::new(false),
    });
    thread.terminals.add(&terminal);
    let item = planned.item("unifiedExecStartup", Some(id));
    let watched = watch::Watched {
        scope: scope.clone(),
        session: Arc::clone(&session),
        terminal: std::rc::Rc::clone(&terminal),
        item,
        restricted,
        announced: planned.announced.is_some(),
        again,
    };
    tokio::task::spawn_local(watched.run());
    Ok((id, session, terminal))
}

fn not_started(scope: &Scope, planned: &Planned, error: &str) -> Outcome {
    let reason = format!("Failed to create unified exec process: {error}");
    let mut item = planned.item("unifiedExecStartup", None);
    if planned.announced.is_none() {
        scope.item_started(&mut Item::CommandExecution(item.clone()));
    }
    item.status = "failed";
    item.exit_code = Some(-1);
    item.duration_ms = Some(0);
    item.aggregated_output = Some(reason.clone());
    scope.item_completed(Item::CommandExecution(item));
    rejected(&reason)
}

/// The variables of a command.
pub(in crate::turn) fn environment(scope: &Scope, call: &str) -> Vec<(String, String)> {
    let own = scope.settings.shell_environment.variables().into_iter();
    let fixed = FIXED
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let thread = &scope.thread;
    let mut variables: Vec<(String, String)> = own.chain(fixed).collect();
    variables.extend([
        ("CODEX_VERSION".to_owned(), crate::CODEX_VERSION.to_owned()),
        ("CODEX_THREAD_ID".to_owned(), thread.id().to_owned()),
        (
            "CODEX_SESSION_ID".to_owned(),
            thread.meta.session_id.clone(),
        ),
        ("CODEX_TOOL_CALL_ID".to_owned(), call.to_owned()),
    ]);
    if let Some(profile) = &scope.settings.profile {
        variables.push(("CODEX_PERMISSION_PROFILE".to_owned(), profile.id.clone()));
    }
    variables
}
