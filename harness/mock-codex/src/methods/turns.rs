//! `turn/start`, `turn/steer`, `turn/interrupt`, `thread/settings/update`, and what else starts
//! turns: `thread/shellCommand` and `thread/compact/start`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use codex_wire::policy::{ApprovalPolicy, ApprovalsReviewer, SandboxPolicy};
use serde_json::json;
use tokio::sync::mpsc::error::SendError;

use crate::config::{self, Config};
use crate::connection::Call;
use crate::failure::Failure;
use crate::model::metadata;
use crate::mutant::{self, Switch};
use crate::permission::ProfilePlace;
use crate::protocol::environment::TurnEnvironmentParams;
use crate::protocol::params::{
    CollaborationMode, ModeKind, Personality, ReasoningSummary, ThreadSettingsUpdateParams,
    TurnInterruptParams, TurnStartParams, TurnSteerParams, roots,
};
use crate::protocol::reply::{TurnStatus, TurnView};
use crate::protocol::thread_params::{Patch, ThreadCompactStartParams, ThreadShellCommandParams};
use crate::quirk::Id as Quirk;
use crate::thread::record::Record;
use crate::thread::settings::Collaboration;
use crate::thread::state::ActiveTurn;
use crate::thread::{Settings, Thread};
use crate::turn::{self, Control, Said, TurnOptions};

/// What a turn or an update changes for good.
#[derive(Debug, Default, PartialEq)]
struct Changes {
    plugins: Option<Vec<String>>,
    cwd: Option<PathBuf>,
    workspace_roots: Option<Vec<PathBuf>>,
    approval_policy: Option<ApprovalPolicy>,
    approvals_reviewer: Option<ApprovalsReviewer>,
    sandbox: Option<SandboxPolicy>,
    permissions: Option<String>,
    model: Option<String>,
    service_tier: Patch<String>,
    effort: Option<String>,
    summary: Option<ReasoningSummary>,
    personality: Option<Personality>,
    collaboration: Option<CollaborationMode>,
}

impl Changes {
    /// With the place that an environment names, if one does.
    fn in_environment(self, chosen: Option<&[TurnEnvironmentParams]>) -> Result<Self, Failure> {
        let place = TurnEnvironmentParams::place(chosen.unwrap_or_default());
        Ok(match place.map_err(Failure::invalid)? {
            Some(place) => Self {
                cwd: Some(place.cwd),
                workspace_roots: Some(place.workspace_roots),
                ..self
            },
            None => self,
        })
    }
}

pub(super) fn start(call: &Call, params: TurnStartParams) -> Result<(), Failure> {
    let thread = call.server.thread(&params.thread_id)?;
    turn::check_input(&params.input)?;
    let said = Said {
        input: params.input,
        client_id: params.client_user_message_id,
        context: params.additional_context.unwrap_or_default(),
    };
    let options = TurnOptions {
        output_schema: params.output_schema,
        service_tier: params.service_tier_for_turn,
        parent: params.parent_turn_id,
    };
    let changes = Changes {
        plugins: params.disabled_plugin_ids,
        cwd: params.cwd,
        workspace_roots: params.runtime_workspace_roots.map(roots),
        approval_policy: params.approval_policy,
        approvals_reviewer: params.approvals_reviewer,
        sandbox: params.sandbox_policy.map(|requested| requested.0),
        permissions: params.permissions,
        model: params.model,
        service_tier: params.service_tier,
        effort: params.effort.map(|effort| effort.0),
        summary: params.summary,
        personality: params.personality,
        collaboration: params.collaboration_mode,
    }
    .in_environment(params.environments.as_deref())?;
    let active = thread.state.borrow().active.clone();
    if active.is_some() && !call.server.quirks.has(Quirk::TurnStartSteersRunningTurn) {
        return Err(Failure::invalid("a turn is already running in this thread"));
    }
    if let Some(kind) = active.as_ref().and_then(ActiveTurn::not_steerable) {
        return Err(Failure::internal(format!(
            "failed to submit turn input: ActiveTurnNotSteerable {{ turn_kind: {kind:?} }}"
        )));
    }
    if let Some(turn) = &active {
        let schema = options.output_schema.as_ref();
        let problem = if said.input.is_empty() {
            Some("EmptyInput")
        } else if schema.is_some() && schema != turn.output_schema.as_ref() {
            Some("ActiveTurnOutputSchemaMismatch")
        } else {
            None
        };
        if let Some(problem) = problem {
            let message = format!("failed to submit turn input: {problem}");
            return Err(Failure::internal(message));
        }
    }
    apply(call, &thread, changes)?;
    let id = match active {
        Some(ActiveTurn { id, control, .. }) => {
            // A turn that has just ended takes nothing any more; its end is told already.
            let _ = control.send(Control::Steer(said));
            id
        }
        None => {
            let id = turn::start(turn::Start {
                server: call.server.clone(),
                thread: thread.clone(),
                client: call.client.clone(),
                work: turn::Work::Answer(said),
                options,
            })?;
            turn::warn_about_model(&thread);
            id
        }
    };
    call.reply(&json!({"turn": new_turn(id)}));
    Ok(())
}

pub(super) fn steer(call: &Call, params: TurnSteerParams) -> Result<(), Failure> {
    let thread = call.server.thread(&params.thread_id)?;
    let active = thread.state.borrow().active.clone();
    let Some(turn) = active else {
        return Err(Failure::invalid("no active turn to steer"));
    };
    let kind = turn.not_steerable();
    let ActiveTurn { id, control, .. } = turn;
    if params.expected_turn_id != id {
        return Err(Failure::invalid(format!(
            "expected active turn id `{}` but found `{id}`",
            params.expected_turn_id
        )));
    }
    if let Some(kind) = kind {
        let kind = format!("{kind:?}").to_lowercase();
        let message = format!("cannot steer a {kind} turn");
        let data = json!({
            "message": message,
            "codexErrorInfo": {"activeTurnNotSteerable": {"turnKind": kind}},
            "additionalDetails": null,
            "misalignment": null,
        });
        return Err(Failure::invalid_with(message, data));
    }
    if params.input.is_empty() {
        return Err(Failure::invalid("input must not be empty"));
    }
    turn::check_input(&params.input)?;
    let said = Said {
        input: params.input,
        client_id: params.client_user_message_id,
        context: params.additional_context.unwrap_or_default(),
    };
    let _ = control.send(Control::Steer(said));
    call.reply(&json!({"turnId": id}));
    Ok(())
}

pub(super) fn interrupt(call: &Call, params: TurnInterruptParams) -> Result<(), Failure> {
    let thread = call.server.thread(&params.thread_id)?;
    let (active, reviewed_as) = {
        let state = thread.state.borrow();
        (state.active.clone(), state.reviewed_as.clone())
    };
    let shown = reviewed_as.or_else(|| active.as_ref().map(|turn| turn.id.clone()));
    // Without an id whatever runs is meant, and nothing has to.
    let any = params.turn_id.is_empty();
    if any && shown.is_none() {
        call.reply(&json!({}));
        return Ok(());
    }
    let Some(id) = shown else {
        return Err(Failure::invalid("no active turn to interrupt"));
    };
    if !any && params.turn_id != id {
        return Err(Failure::invalid(format!(
            "expected active turn id {} but found {id}",
            params.turn_id
        )));
    }
    let sent =
        active.is_some_and(|turn| turn.control.send(Control::Interrupt(call.clone())).is_ok());
    if !sent {
        return Err(Failure::invalid("no active turn to interrupt"));
    }
    Ok(())
}

pub(super) fn update_settings(
    call: &Call,
    params: ThreadSettingsUpdateParams,
) -> Result<(), Failure> {
    let thread = call.server.thread(&params.thread_id)?;
    let changes = Changes {
        plugins: params.disabled_plugin_ids,
        cwd: params.cwd,
        workspace_roots: None,
        approval_policy: params.approval_policy,
        approvals_reviewer: params.approvals_reviewer,
        sandbox: params.sandbox_policy.map(|requested| requested.0),
        permissions: params.permissions,
        model: params.model,
        service_tier: params.service_tier,
        effort: params.effort.map(|effort| effort.0),
        summary: params.summary,
        personality: params.personality,
        collaboration: params.collaboration_mode,
    }
    .in_environment(params.environments.as_deref())?;
    apply(call, &thread, changes)?;
    call.reply(&json!({}));
    Ok(())
}

pub(super) fn shell_command(call: &Call, params: ThreadShellCommandParams) -> Result<(), Failure> {
    let command = params.command.trim();
    if command.is_empty() {
        return Err(Failure::invalid("command must not be empty"));
    }
    let timeout = params.timeout_ms.map(|ms| {
        u64::try_from(ms).map(Duration::from_millis).map_err(|_| {
            Failure::params(format!(
                "thread/shellCommand timeoutMs must be non-negative, got {ms}"
            ))
        })
    });
    let timeout = timeout.transpose()?;
    let thread = call.server.thread(&params.thread_id)?;
    let command = turn::ShellCommand::new(command.to_owned(), timeout);
    call.reply(&json!({}));
    let active = thread.state.borrow().active.clone();
    let refused = match active {
        None => Control::Shell(command),
        Some(turn) => match turn.control.send(Control::Shell(command)) {
            Ok(()) => return Ok(()),
            // The turn has just ended.
            Err(SendError(control)) => control,
        },
    };
    if let Control::Shell(command) = refused {
        begin(call, &thread, turn::Work::Shell(command));
    }
    Ok(())
}

pub(super) fn compact(call: &Call, params: ThreadCompactStartParams) -> Result<(), Failure> {
    let thread = call.server.thread(&params.thread_id)?;
    call.reply(&json!({}));
    let (waiting, same) = (call.clone(), Rc::clone(&thread));
    turn::after_running(call, &thread, move || {
        begin(&waiting, &same, turn::Work::Compact);
        Ok(())
    });
    Ok(())
}

/// Starts a turn for a call that is answered already; what fails is said on stderr.
pub(super) fn begin(call: &Call, thread: &Rc<Thread>, work: turn::Work) {
    let started = turn::start(turn::Start {
        server: call.server.clone(),
        thread: Rc::clone(thread),
        client: call.client.clone(),
        work,
        options: TurnOptions::default(),
    });
    if let Err(error) = started {
        crate::complain(&format!("error: a turn could not be started: {error}"));
    }
}

/// Changes the thread's settings, keeps them and tells them.
fn apply(call: &Call, thread: &Thread, changes: Changes) -> Result<(), Failure> {
    if changes.permissions.is_some() && changes.sandbox.is_some() {
        return Err(Failure::invalid(
            "`permissions` cannot be combined with `sandboxPolicy`",
        ));
    }
    if changes == Changes::default() || mutant::is(Switch::SettingsForgotten) {
        return Ok(());
    }
    let before = thread.state.borrow().settings.clone();
    check_required(call, &changes, before.place())?;
    let config = call.server.config()?;
    let after = changed(before.clone(), changes, &config, &call.server.started_in)?;
    // What is named is written down also where it changes nothing, as codex 0.169.0 does. Clients
    // aren't told where a policy was given.
    let before = Settings {
        policy_directory: after.policy_directory.clone(),
        ..before
    };
    let view = (after != before).then(|| after.view());
    thread.record(Record::Settings(Box::new(after)))?;
    if let Some(view) = view {
        thread.notify(
            "thread/settings/updated",
            &json!({"threadId": thread.id(), "threadSettings": view}),
        );
    }
    Ok(())
}

/// Refuses what the administrator does not allow, in the order in which codex 0.169.0 looks at it.
fn check_required(call: &Call, changes: &Changes, place: ProfilePlace<'_>) -> Result<(), Failure> {
    let config = call.server.config()?;
    let requirements = &config.requirements;
    let refuse =
        |details: String| Failure::invalid(format!("invalid thread settings override: {details}"));
    if let Some(sandbox) = &changes.sandbox {
        requirements.check_sandbox(sandbox).map_err(refuse)?;
    }
    if let Some(name) = &changes.permissions {
        let profile = config::profile(&config.toml, name).map_err(config::unloadable)?;
        let sandbox = profile.policy(place);
        requirements.check_profile(&sandbox).map_err(refuse)?;
    }
    if let Some(policy) = changes.approval_policy {
        requirements.check_approval(policy).map_err(refuse)?;
    }
    if let Some(reviewer) = changes.approvals_reviewer {
        requirements.check_reviewer(reviewer).map_err(refuse)?;
    }
    Ok(())
}

/// The old directory's place among the roots is the new one's, which is among them once.
fn move_roots(settings: &mut Settings, cwd: &Path) {
    let old = settings.cwd.clone();
    let roots = std::mem::take(&mut settings.workspace_roots);
    if !roots.contains(&old) {
        settings.workspace_roots = roots;
        return;
    }
    for root in roots {
        let root = if root == old { cwd.to_owned() } else { root };
        if !settings.workspace_roots.contains(&root) {
            settings.workspace_roots.push(root);
        }
    }
    if let SandboxPolicy::WorkspaceWrite(details) = &mut settings.sandbox {
        details.writable_roots.retain(|root| root != cwd);
    }
}

fn changed(
    mut settings: Settings,
    changes: Changes,
    config: &Config,
    started_in: &Path,
) -> Result<Settings, Failure> {
    if let Some(cwd) = changes.cwd {
        let cwd = config::plain(&started_in.join(config::below_home(&cwd)));
        move_roots(&mut settings, &cwd);
        if settings.cwd != cwd {
            settings.documents = config.documents(&cwd);
        }
        settings.cwd = cwd;
    }
    if let Some(roots) = changes.workspace_roots {
        let mut seen = BTreeSet::new();
        let new = { roots.into_iter() }.filter(|root| seen.insert(root.clone()));
        settings.workspace_roots = new.collect();
    }
    if let Some(sandbox) = changes.sandbox {
        settings.sandbox = sandbox;
        settings.policy_directory = Some(settings.cwd.clone());
        settings.profile = None;
    }
    if let Some(name) = changes.permissions {
        let profile = config::profile(&config.toml, &name).map_err(config::unloadable)?;
        settings.choose(profile);
    }
    settings.approval_policy = changes.approval_policy.unwrap_or(settings.approval_policy);
    settings.reviewer = changes.approvals_reviewer.unwrap_or(settings.reviewer);
    settings.model = changes.model.unwrap_or(settings.model);
    if let Some(tier) = changes.service_tier {
        settings.service_tier = Some(tier.map_or_else(|| "default".to_owned(), metadata::tier));
    }
    settings.plugins = changes.plugins.unwrap_or(settings.plugins);
    settings.effort = changes.effort.or(settings.effort);
    settings.summary = changes.summary.or(settings.summary);
    settings.personality = changes.personality.or(settings.personality);
    if let Some(CollaborationMode { mode, settings: of }) = changes.collaboration {
        // The other modes have become names of the usual one.
        let plan = mode == ModeKind::Plan;
        settings.collaboration = Collaboration::chosen(plan, of.developer_instructions);
        settings.model = of.model;
        settings.effort = of.reasoning_effort.map(|effort| effort.0);
    }
    Ok(settings.settle())
}

fn new_turn(id: String) -> TurnView {
    TurnView {
        root_turn_id: id.clone(),
        id,
        items: Vec::new(),
        items_view: "notLoaded",
        status: TurnStatus::InProgress,
        error: None,
        started_at: None,
        completed_at: None,
        duration_ms: None,
    }
}
