//! The tool `apply_patch`, called as such or found in a command.

mod ask;
mod work;

use std::path::{Path, PathBuf};

use codex_wire::policy::{ApprovalPolicy, SandboxPolicy};

use super::emit::Scope;
use super::limits;
use super::toolcall::{Outcome, ToolCall};
use crate::clock;
use crate::clock::Stopwatch;
use crate::protocol::item::{FileChange, Item, Times};
use crate::sandbox::Sandbox;
use crate::tools::exec::denial::looks_denied;
use crate::tools::patch::apply::{Applied, Order};
use crate::tools::patch::change::{self, Change};
use crate::tools::patch::parse;

/// Carries out a call of the tool itself.
pub(super) async fn call(scope: Scope, call: ToolCall) -> Outcome {
    let cwd = scope.settings.cwd.clone();
    match run(&scope, &call.id, &call.arguments, &cwd).await {
        Ok(output) => Outcome::Output(output),
        Err(outcome) => outcome,
    }
}

/// Carries a patch out; gives what the model is told of it.
pub(super) async fn run(
    scope: &Scope,
    call: &str,
    text: &str,
    cwd: &Path,
) -> Result<String, Outcome> {
    let began = Stopwatch::start();
    let told = |text: &str| Outcome::Output(text.to_owned());
    let failed = |error: String| told(&format!("apply_patch verification failed: {error}"));
    let patch = parse(text).map_err(|error| failed(error.to_string()))?;
    if patch.environment {
        return Err(told(
            "apply_patch environment selection is unavailable for this turn",
        ));
    }
    if patch.operations.is_empty() {
        return Err(told("patch rejected: empty patch"));
    }
    let changes = change::plan(&patch, cwd).map_err(failed)?;
    let limits = Limits::of(scope);
    let verdict = limits.verdict(scope, &changes).map_err(told)?;
    let mut job = Job {
        scope,
        item: FileChange::new(call, &changes, Times::started(clock::now_ms())),
        files: files(&changes),
        text,
        limits,
        order: Order {
            patch,
            cwd: cwd.to_path_buf(),
            follow_links: true,
        },
    };
    scope.item_started(&mut Item::FileChange(job.item.clone()));
    let applied = job.carry_out(verdict).await?;
    let status = if applied.succeeded {
        "completed"
    } else {
        "failed"
    };
    job.complete(status);
    scope.diff.add(scope, &applied);
    let code = i32::from(!applied.succeeded);
    let seconds = (began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    let text = applied.text;
    Ok(format!(
        "Exit code: {code}\nWall time: {seconds} seconds\nOutput:\n{text}"
    ))
}

/// What decides about a patch.
#[derive(Debug)]
struct Limits {
    policy: ApprovalPolicy,
    sandbox: Sandbox,
    read_only: bool,
}

/// What becomes of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Within the sandbox, if there is one.
    Try,
    /// The client has agreed before.
    Approved,
    Ask,
}

impl Limits {
    fn of(scope: &Scope) -> Self {
        let settings = &scope.settings;
        Self {
            policy: settings.approval_policy,
            sandbox: limits::sandbox(settings, &scope.thread.granted.borrow().of(&scope.turn)),
            read_only: matches!(settings.sandbox, SandboxPolicy::ReadOnly { .. }),
        }
    }

    /// May the client be asked?
    fn may_ask(&self) -> bool {
        match self.policy {
            ApprovalPolicy::Never => false,
            ApprovalPolicy::Granular(switches) => switches.sandbox_approval,
            ApprovalPolicy::OnRequest | ApprovalPolicy::Untrusted => true,
        }
    }

    fn verdict(&self, scope: &Scope, changes: &[Change]) -> Result<Verdict, &'static str> {
        if scope.thread.granted.borrow().are_reviewed(&scope.turn) {
            return Ok(Verdict::Ask);
        }
        let mut paths = changes.iter().flat_map(Change::paths);
        let within = paths.all(|path| limits::may_write(&self.sandbox, path));
        if within && self.policy != ApprovalPolicy::Untrusted {
            return Ok(Verdict::Try);
        }
        if !self.may_ask() {
            return Err(if self.read_only {
                "patch rejected: writing is blocked by read-only sandbox; rejected by user \
                 approval settings"
            } else {
                "patch rejected: writing outside of the project; rejected by user approval settings"
            });
        }
        let approved = scope.thread.approved_files.borrow();
        let known = files(changes).iter().all(|path| approved.contains(path));
        Ok(if known {
            Verdict::Approved
        } else {
            Verdict::Ask
        })
    }
}

/// The files that a patch touches.
fn files(changes: &[Change]) -> Vec<PathBuf> {
    let paths = changes.iter().flat_map(Change::paths);
    paths.map(Path::to_path_buf).collect()
}

/// A patch that is told as an item.
struct Job<'a> {
    scope: &'a Scope,
    item: FileChange,
    files: Vec<PathBuf>,
    text: &'a str,
    limits: Limits,
    order: Order,
}

impl Job<'_> {
    /// Does it, as far as it may be done.
    async fn carry_out(&mut self, verdict: Verdict) -> Result<Applied, Outcome> {
        match verdict {
            Verdict::Approved => return Ok(self.unrestricted().await),
            Verdict::Ask => {
                ask::approval(self, None).await?;
                return Ok(self.unrestricted().await);
            }
            Verdict::Try => {}
        }
        let applied = work::carry_out(self.scope, &self.order, &self.limits.sandbox).await;
        let denied = !applied.succeeded
            && self.limits.sandbox != Sandbox::Unrestricted
            && looks_denied(&applied.text);
        if !denied || !self.limits.may_ask() {
            return Ok(applied);
        }
        self.scope.diff.note(&applied);
        ask::approval(self, Some("command failed; retry without sandbox?")).await?;
        Ok(self.unrestricted().await)
    }

    async fn unrestricted(&mut self) -> Applied {
        self.order.follow_links = false;
        work::carry_out(self.scope, &self.order, &Sandbox::Unrestricted).await
    }

    fn complete(&mut self, status: &'static str) {
        self.item.status = status;
        self.scope
            .item_completed(Item::FileChange(self.item.clone()));
    }
}
