//! `thread/start`, `thread/resume`, `thread/fork`: threads that come into memory.

use std::path::PathBuf;
use std::rc::Rc;

use codex_wire::policy::SandboxPolicy;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::fork::said_first;
use super::remembered::{fresh, overridden, remembered};
use super::{source, trust};
use crate::clock;
use crate::config::{self, Requested};
use crate::connection::Call;
use crate::failure::Failure;
use crate::permission::OwnProfile;
use crate::protocol::environment::TurnEnvironmentParams;
use crate::protocol::params::{ThreadResumeParams, ThreadStartParams};
use crate::protocol::reply::{ResumePage, ThreadStatus};
use crate::quirk::Id as Quirk;
use crate::thread::record::{FORMAT, Meta, Record};
use crate::thread::state::{Began, State};
use crate::thread::store::{Loaded, Rollout};
use crate::thread::turns::{ItemsView, TurnRecord};
use crate::thread::{Settings, Thread, catalog, store};
use crate::turn::warm_up;

/// A thread that is resumed.
pub(super) struct Resumed {
    pub(super) thread: Rc<Thread>,
    /// Does it come from disk?
    pub(super) cold: bool,
    /// What the reply shows of it, where nobody has said anything in it.
    pub(super) preview: Option<String>,
    /// What is told behind the reply.
    pub(super) warning: Option<String>,
}

const HYDRATION: &str = "Full-history hydration is deprecated for paginated threads; use \
    `excludeTurns: true`, then page with `thread/turns/list` and `thread/items/list`.";

pub(super) fn start(call: &Call, params: ThreadStartParams) -> Result<(), Failure> {
    start_with(call, params, None)
}

/// Starts a thread, with a whole policy in place of the sandbox that the parameters choose.
pub(super) fn start_with(
    call: &Call,
    params: ThreadStartParams,
    policy: Option<SandboxPolicy>,
) -> Result<(), Failure> {
    check_profile_conflict(params.permissions.is_some(), params.sandbox.is_some())?;
    check_members(&params)?;
    let (ephemeral, thread_source) = (
        params.ephemeral.unwrap_or(false),
        params.thread_source.clone(),
    );
    let daybreak = params.daybreak_enabled;
    let dynamic_tools = params.dynamic_tools.clone().unwrap_or_default();
    let dynamic_tools = dynamic_tools.checked().map_err(Failure::invalid)?;
    let requested = Requested::from(params);
    let server = &call.server;
    let mut settings = Settings {
        dynamic_tools,
        ..trust::resolve(call, &requested)?
    };
    let config = server.config_in(&settings.cwd)?;
    if let Some(policy) = policy {
        let allowed = config.requirements.check_sandbox(&policy);
        allowed.map_err(Failure::sandbox)?;
        settings.sandbox = policy;
        settings.profile = None;
    }
    let fallbacks = config.requirements.settle(&mut settings);
    let usual = usual_fallbacks(call)?;
    for summary in fallbacks.iter().filter(|text| !usual.contains(text)) {
        warn_of_config(call, summary);
    }
    let own = settings.own_profile().map(OwnProfile::complaints);
    let complaints: Vec<String> = { own.into_iter().flatten() }
        .chain(config.project_complaints())
        .chain(config.complaint(requested.config.as_ref()))
        .collect();
    let has_unknown =
        requested.config.is_some() && config.has_unknown_flags(requested.config.as_ref());
    warn_of_complaints(call, &complaints, has_unknown)?;
    let unstable = config.unstable_features(requested.config.as_ref());
    let tier = config::tier_complaint(&config, &requested, &settings.model);
    let meta = new_meta(call, None, thread_source);
    let too_long = settings.documents.complaints.clone();
    let mut state = State::new(settings, meta.created_ms);
    state.daybreak = daybreak;
    let thread = keep(call, meta, ephemeral, state);
    warm_up(call, &thread);
    call.reply(&thread.reply(None));
    server.broadcast("thread/started", &json!({"thread": thread.view(None)}));
    let others = [unstable, tier].into_iter().flatten();
    let messages = fallbacks.into_iter().chain(complaints).chain(others);
    for message in messages.chain(too_long) {
        warn(&thread, &message);
    }
    Ok(())
}

/// Refuses a thread that names what there is none of.
fn check_members(params: &ThreadStartParams) -> Result<(), Failure> {
    let environments = params.environments.as_deref().unwrap_or_default();
    TurnEnvironmentParams::place(environments).map_err(Failure::invalid)?;
    check_project(params.project_id.as_deref())?;
    if params
        .model
        .as_deref()
        .is_some_and(|name| name.trim().is_empty())
    {
        return Err(Failure::invalid(
            "No models are available. Set `model` explicitly or check your model catalog \
             configuration.",
        ));
    }
    Ok(())
}

/// Refuses a project: there are none without an account.
fn check_project(id: Option<&str>) -> Result<(), Failure> {
    match id {
        None => Ok(()),
        Some("") => Err(Failure::invalid("projectId must not be empty")),
        Some(id) => Err(Failure::invalid(format!("project not found: {id}"))),
    }
}

/// What the configuration alone asks for in vain, where the server was started.
pub(super) fn usual_fallbacks(call: &Call) -> Result<Vec<String>, Failure> {
    let config = call.server.config()?;
    if config.requirements.is_empty() {
        return Ok(Vec::new());
    }
    let (requested, started_in) = (Requested::default(), &call.server.started_in);
    let mut settings = config::resolve(&config, &requested, started_in)?;
    Ok(config.requirements.settle(&mut settings))
}

/// Tells a client what is wrong with settings that it wasn't told when it shook hands; `again`,
/// where it is told all the same.
fn warn_of_complaints(call: &Call, complaints: &[String], again: bool) -> Result<(), Failure> {
    if complaints.is_empty() {
        return Ok(());
    }
    let usual = call.server.config_in(&call.server.started_in)?;
    let usual: Vec<String> = { usual.profile_complaints().into_iter() }
        .chain(usual.project_complaints())
        .chain(usual.complaint(None))
        .collect();
    for summary in complaints
        .iter()
        .filter(|text| again || !usual.contains(text))
    {
        warn_of_config(call, summary);
    }
    Ok(())
}

/// Tells a client what is wrong with the configuration.
pub(super) fn warn_of_config(call: &Call, summary: &str) {
    let params = json!({"summary": summary, "details": null});
    call.client.notify("configWarning", &params);
}

/// Tells who follows a thread what they should know of its settings.
pub(super) fn warn(thread: &Thread, message: &str) {
    let params = json!({"threadId": thread.id(), "message": message});
    thread.notify("warning", &params);
}

pub(super) fn resume(call: &Call, mut params: ThreadResumeParams) -> Result<(), Failure> {
    check_profile_conflict(params.permissions.is_some(), params.sandbox.is_some())?;
    let exclude_turns = params.exclude_turns;
    let first_page = params.initial_turns_page.take();
    let view = (!exclude_turns).then_some(ItemsView::Full);
    let Resumed {
        thread,
        cold,
        preview,
        warning,
    } = source::resumed(call, params)?;
    thread.subscribe(&call.client);
    let mut reply = thread.reply(view);
    if let Some(preview) = preview {
        reply.thread.preview = preview;
    }
    let settings = thread.state.borrow().settings.clone();
    reply.collaboration_mode = Some(settings.collaboration_mode());
    reply.page = Some(ResumePage {
        initial_turns_page: first_page
            .map(|params| json!(super::turns_list::first_page(&thread, &params))),
        turns_backwards_cursor: super::turns_list::turns_cursor(&thread),
        items_backwards_cursor: super::turns_list::items_cursor(&thread),
    });
    call.reply(&reply);
    if let Some(message) = warning {
        warn(&thread, &message);
    }
    // codex 0.169.0 doesn't tell it of a fork that comes from disk.
    let tells_usage = if cold {
        thread.meta.forked_from.is_none() && thread.state.borrow().counted
    } else {
        !exclude_turns
    };
    if tells_usage {
        tell_usage(call, &thread);
    }
    tell_goal(call, &thread);
    call.server.approvals.ask_again(thread.id(), &call.client);
    Ok(())
}

/// Tells everybody of the goal of a thread that is resumed, also that there is none.
fn tell_goal(call: &Call, thread: &Thread) {
    match &thread.state.borrow().goal {
        Some(goal) => call.server.broadcast(
            "thread/goal/updated",
            &json!({"threadId": thread.id(), "turnId": null, "goal": goal.view(thread.id())}),
        ),
        None => call
            .server
            .broadcast("thread/goal/cleared", &json!({"threadId": thread.id()})),
    }
}

pub(super) fn resume_loaded(
    call: &Call,
    thread: Rc<Thread>,
    params: ThreadResumeParams,
) -> Result<Resumed, Failure> {
    if thread.state.borrow().rollout.is_none() {
        return Err(no_rollout(thread.id()));
    }
    deprecate(call, params.exclude_turns);
    if !call.server.quirks.has(Quirk::ResumeLoadedIgnoresOverrides) {
        let base = thread.state.borrow().settings.clone();
        let (cwd, documents) = (base.cwd.clone(), base.documents.clone());
        let mut settings = overridden(call, base, params.into())?;
        // What is running has read them.
        if settings.cwd == cwd {
            settings.documents = documents;
        }
        thread.record(Record::Settings(Box::new(settings)))?;
    }
    Ok(Resumed {
        thread,
        cold: false,
        preview: None,
        warning: None,
    })
}

pub(super) fn resume_cold(
    call: &Call,
    id: &str,
    path: PathBuf,
    params: ThreadResumeParams,
) -> Result<Resumed, Failure> {
    let server = &call.server;
    let Loaded { meta, records } = store::load(&path)?.ok_or_else(|| no_rollout(id))?;
    deprecate(call, params.exclude_turns);
    let requested = Requested::from(params);
    let config = server.config()?;
    let told = [
        config.complaint(requested.config.as_ref()),
        config.unstable_features(requested.config.as_ref()),
    ];
    check_resumable(call, &requested)?;
    let is_blank = !records.iter().any(says_settings);
    let mut state = replay(call, &meta, records)?;
    state.close_cut_turn();
    state.read_back = true;
    let remembered = if is_blank {
        fresh(call, &state.settings, requested.cwd.as_ref())?
    } else {
        remembered(
            call,
            &state.settings,
            requested.cwd.as_ref(),
            Quirk::WorkspaceWriteLostOnColdResume,
        )?
    };
    let recorded = remembered.model.clone();
    let model = requested.model.as_ref().unwrap_or(&recorded);
    let tier = requested.service_tier.as_ref();
    let warning = tier.and_then(|_| config::tier_complaint(&config, &requested, model));
    let mut settings = overridden(call, remembered, requested)?;
    let fallbacks = config.requirements.settle(&mut settings);
    let switch = (settings.model != recorded && !is_blank).then(|| {
        format!(
            "This session was recorded with model `{recorded}` but is resuming with `{}`. \
             Consider switching back to `{recorded}` as it may affect Codex performance.",
            settings.model
        )
    });
    let mut rollout = Rollout::open(&path)?;
    if settings != state.settings {
        // For instructions alone codex writes no line.
        let only_told = settings.instructed_like(&state.settings) == state.settings;
        let changed = Record::Settings(Box::new(settings.clone()));
        rollout.append(&changed)?;
        if only_told {
            state.settings = settings;
        } else {
            state.replay(changed);
        }
    }
    state.rollout = Some(rollout);
    let thread = build(meta, Some(path), false, state);
    server.keep(&thread);
    warm_up(call, &thread);
    let told = told.into_iter().flatten();
    for message in fallbacks.into_iter().chain(told).chain(switch) {
        let params = json!({"threadId": thread.id(), "message": message});
        call.client.notify("warning", &params);
    }
    server.status_changed(id, &ThreadStatus::Idle);
    Ok(Resumed {
        thread,
        cold: true,
        preview: None,
        warning,
    })
}

/// Resumes what is in no file: a new thread that begins with these items of the model's input.
pub(super) fn resume_items(
    call: &Call,
    items: Vec<Value>,
    params: ThreadResumeParams,
) -> Result<Resumed, Failure> {
    let server = &call.server;
    let preview = said_first(&items);
    let requested = Requested::from(params);
    let mut settings = config::resolve(&*server.config()?, &requested, &server.started_in)?;
    server.config()?.requirements.settle(&mut settings);
    let meta = new_meta(call, None, None);
    let mut state = State::new(settings, meta.created_ms);
    for item in items {
        state.replay(Record::Input(
            to_raw_value(&item).map_err(|error| Failure::internal(error.to_string()))?,
        ));
    }
    let thread = keep(call, meta, false, state);
    warm_up(call, &thread);
    server.status_changed(thread.id(), &ThreadStatus::Idle);
    Ok(Resumed {
        thread,
        cold: true,
        preview: Some(preview),
        warning: None,
    })
}

/// Would codex have written settings down with this? It does so with turns, not when it makes the
/// file of a thread that has none.
fn says_settings(record: &Record) -> bool {
    !matches!(
        record,
        Record::Meta(_) | Record::Settings(_) | Record::Summary(_)
    )
}

pub(super) fn replay(call: &Call, meta: &Meta, records: Vec<Record>) -> Result<State, Failure> {
    let config = call.server.config()?;
    // The file's own settings follow its first line; these are for a file cut before them.
    let settings = config::resolve(&config, &Requested::default(), &call.server.started_in)?;
    let mut state = State::new(settings, meta.created_ms);
    let first = records.iter().find_map(|record| match record {
        Record::Settings(settings) => Some(settings),
        _ => None,
    });
    if let Some(settings) = first {
        state.began = Began::with(settings);
    }
    for record in records {
        state.replay(record);
    }
    Ok(state)
}

pub(super) fn new_meta(
    call: &Call,
    forked_from: Option<String>,
    thread_source: Option<String>,
) -> Meta {
    let id = clock::new_id();
    Meta {
        format: FORMAT,
        codex: crate::CODEX_VERSION.to_owned(),
        session_id: id.clone(),
        id,
        forked_from,
        created_ms: clock::later_ms(),
        originator: call
            .client
            .identity()
            .map(|who| who.name.clone())
            .unwrap_or_default(),
        thread_source,
    }
}

pub(super) fn keep(call: &Call, meta: Meta, ephemeral: bool, state: State) -> Rc<Thread> {
    let path = (!ephemeral).then(|| store::path_of(&call.server.home, &meta.id, meta.created_ms));
    let thread = build(meta, path, ephemeral, state);
    thread.subscribe(&call.client);
    call.server.keep(&thread);
    thread
}

pub(super) fn build(
    meta: Meta,
    path: Option<PathBuf>,
    ephemeral: bool,
    state: State,
) -> Rc<Thread> {
    Rc::new(Thread::new(meta, path, ephemeral, state))
}

pub(super) fn tell_usage(call: &Call, thread: &Thread) {
    let state = thread.state.borrow();
    if let Some((turn, last)) = &state.last_usage {
        // The turn is the last that has ended, also where that one counted nothing; only what was
        // refused says nothing of tokens.
        let told = |it: &&TurnRecord| it.completed_ms.is_some() && (!it.refused || it.id == *turn);
        let turn = state.turns.iter().rfind(told).map_or(turn, |it| &it.id);
        let params = crate::turn::usage_params(thread, turn, state.usage, *last);
        call.client.notify("thread/tokenUsage/updated", &params);
    }
}

pub(super) fn deprecate(call: &Call, exclude_turns: bool) {
    if !exclude_turns {
        call.client.notify(
            "deprecationNotice",
            &json!({"summary": HYDRATION, "details": null}),
        );
    }
}

pub(super) fn check_profile_conflict(permissions: bool, sandbox: bool) -> Result<(), Failure> {
    if permissions && sandbox {
        return Err(Failure::invalid(
            "`permissions` cannot be combined with `sandbox`",
        ));
    }
    Ok(())
}

/// A thread that is archived has to leave the archive before it is loaded.
pub(super) fn refuse_archived(call: &Call, id: &str) -> Result<(), Failure> {
    match catalog::find_archived(&call.server.home, id) {
        Some(_) => Err(Failure::invalid(format!(
            "session {id} is archived. Run `codex unarchive {id}` to unarchive it first."
        ))),
        None => Ok(()),
    }
}

/// What codex 0.169.0 refuses in its own words before it loads a thread from disk.
fn check_resumable(call: &Call, requested: &Requested) -> Result<(), Failure> {
    let config = call.server.config()?;
    if let Some(name) = requested
        .model_provider
        .as_ref()
        .filter(|name| !config.knows_provider(name))
    {
        return Err(Failure::invalid_with(
            format!(
                "This chat uses model provider \u{201c}{name}\u{201d}, which is no longer \
                 configured. Restore this provider\u{2019}s configuration to continue."
            ),
            json!({"type": "modelProviderNotConfigured", "modelProvider": name}),
        ));
    }
    let policy = requested
        .config
        .as_ref()
        .and_then(|config| config.get("approval_policy"));
    match policy.map(config::approval_problem) {
        Some(Some(problem)) => Err(Failure::params(format!(
            "invalid `approval_policy` config override: {problem}"
        ))),
        _ => Ok(()),
    }
}

/// The error of a thread that has no file.
pub(super) fn no_rollout(id: &str) -> Failure {
    Failure::invalid(format!("no rollout found for thread id {id}"))
}
