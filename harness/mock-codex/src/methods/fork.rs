//! `thread/fork`: a new thread with the turns of another.

use std::path::PathBuf;

use codex_wire::policy::SandboxPolicy;
use serde_json::{Value, json};

use super::remembered::{overridden, remembered};
use super::source;
use super::threads::{
    check_profile_conflict, deprecate, keep, new_meta, no_rollout, refuse_archived, replay,
    tell_usage, warn,
};
use crate::config::{self, Requested};
use crate::connection::Call;
use crate::failure::Failure;
use crate::mutant::{self, Switch};
use crate::protocol::params::ThreadForkParams;
use crate::quirk::Id as Quirk;
use crate::server::parse_id;
use crate::thread::record::Record;
use crate::thread::settings::Collaboration;
use crate::thread::state::Began;
use crate::thread::store::{Loaded, Rollout};
use crate::thread::turns::ItemsView;
use crate::thread::{Settings, Thread, catalog, store};
use crate::turn::warm_up;

pub(super) fn fork(call: &Call, params: ThreadForkParams) -> Result<(), Failure> {
    check_profile_conflict(params.permissions.is_some(), params.sandbox.is_some())?;
    check_prediction(&params)?;
    let server = &call.server;
    let (id, path) = match source::asked_path(call, params.path.clone()) {
        Some(path) => source::in_file(&path)?,
        None => by_id(call, &params.thread_id)?,
    };
    if params.last_turn_id.is_some() && params.before_turn_id.is_some() {
        return Err(Failure::invalid(
            "`beforeTurnId` cannot be combined with `lastTurnId`",
        ));
    }
    if params.ephemeral && !params.exclude_turns {
        return Err(Failure::invalid(
            "ephemeral paginated thread/fork requires `excludeTurns: true`",
        ));
    }
    let Loaded {
        meta: source,
        records,
    } = store::load(&path)?.ok_or_else(|| no_rollout(&id))?;
    deprecate(call, params.exclude_turns);
    let summary = records.iter().rev().find_map(|record| match record {
        Record::Summary(summary) => Some(summary),
        _ => None,
    });
    let name = summary.and_then(|summary| summary.name.clone());
    let preview = summary.map(|summary| summary.preview.clone());
    let records = cut(
        records,
        params.last_turn_id.as_deref(),
        params.before_turn_id.as_deref(),
    )?;
    let exclude_turns = params.exclude_turns;
    let ephemeral = params.ephemeral;
    let meta = new_meta(call, Some(id), params.thread_source.clone());
    let mut state = replay(call, &source, records.clone())?;
    state.close_cut_turn();
    if state.turns.is_empty() {
        let goal = state.goal.as_ref().map(|goal| goal.objective.clone());
        let said = Some(injected(&records)).filter(|said| !said.is_empty());
        state.preview = said.or(goal).unwrap_or_default();
    } else if state.preview.is_empty() {
        state.preview = preview.unwrap_or_default();
    }
    state.ordinals.fork();
    state.name = name;
    state.unread = None;
    state.updated_ms = meta.created_ms;
    state.recency_ms = meta.created_ms;
    state.git = None;
    state.goal = None;
    state.since_revert = None;
    let mut remembered = remembered(
        call,
        &state.settings,
        params.cwd.as_ref(),
        Quirk::WorkspaceWriteLostOnFork,
    )?;
    if mutant::is(Switch::ForkWidened) {
        remembered.sandbox = SandboxPolicy::DangerFullAccess;
    }
    let same = || state.settings.cwd.to_string_lossy().into_owned();
    let mut requested = Requested::from(params);
    let of_new_thread = Requested {
        cwd: Some(requested.cwd.clone().unwrap_or_else(same)),
        workspace_roots: requested.workspace_roots.clone(),
        model: requested.model.clone(),
        config: requested.config.clone(),
        service_tier: requested.service_tier.clone(),
        ..Requested::default()
    };
    let config = server.config_in(&of_new_thread.directory(&server.started_in))?;
    let told = [
        config.complaint(requested.config.as_ref()),
        config.unstable_features(requested.config.as_ref()),
    ];
    // Who approves what stays, whatever the configuration says.
    if let Some(config) = &mut requested.config {
        config.remove("approval_policy");
        config.remove("approvals_reviewer");
    }
    let fresh = config::resolve(&config, &of_new_thread, &server.started_in)?;
    state.settings = in_the_manner_of(fresh, overridden(call, remembered, requested)?);
    let fallbacks = config.requirements.settle(&mut state.settings);
    state.began = Began::with(&state.settings);
    let thread = keep(call, meta, ephemeral, state);
    write_copy(&thread, &records)?;
    warm_up(call, &thread);
    for message in fallbacks.into_iter().chain(told.into_iter().flatten()) {
        warn(&thread, &message);
    }
    call.reply(&thread.reply((!exclude_turns).then_some(ItemsView::Full)));
    if !exclude_turns {
        tell_usage(call, &thread);
    }
    server.broadcast("thread/started", &json!({"thread": thread.view(None)}));
    Ok(())
}

/// A prediction leaves nothing behind.
fn check_prediction(params: &ThreadForkParams) -> Result<(), Failure> {
    if params.experimental_disable_prediction_mcp && !params.experimental_prediction_mode {
        return Err(Failure::invalid(
            "`experimentalDisablePredictionMcp` requires `experimentalPredictionMode: true`",
        ));
    }
    if params.experimental_prediction_mode && !params.ephemeral {
        return Err(Failure::invalid(
            "`experimentalPredictionMode` requires `ephemeral: true`",
        ));
    }
    Ok(())
}

/// The thread of an id, and its file.
fn by_id(call: &Call, id: &str) -> Result<(String, PathBuf), Failure> {
    let id = parse_id("session", id)?;
    let path = match call.server.loaded(&id) {
        Some(thread) if thread.state.borrow().rollout.is_some() => thread.path.clone(),
        Some(_) => None,
        None => catalog::find(&call.server.home, &id),
    };
    if path.is_none() {
        refuse_archived(call, &id)?;
    }
    let path = path.ok_or_else(|| no_rollout(&id))?;
    Ok((id, path))
}

/// The settings with the roots, the model and its manner of others: a fork has those of a new thread
/// and begins in the usual mode of collaboration, as codex 0.169.0 does it.
fn in_the_manner_of(other: Settings, settings: Settings) -> Settings {
    let collaboration = match settings.collaboration {
        unchosen if unchosen == Collaboration::default() => unchosen,
        _ => Collaboration::chosen(false, None),
    };
    let settings = Settings {
        collaboration,
        workspace_roots: other.workspace_roots,
        model: other.model,
        effort: other.effort,
        summary: other.summary,
        personality: other.personality,
        service_tier: other.service_tier,
        ..settings
    };
    settings.settle()
}

/// What the user was first made to say, where nobody has said anything.
fn injected(records: &[Record]) -> String {
    let inputs = records.iter().filter_map(|record| match record {
        Record::Input(item) => serde_json::from_str(item.get()).ok(),
        _ => None,
    });
    said_first(&inputs.collect::<Vec<_>>())
}

/// What the user says first in items of the model's input.
pub(super) fn said_first(items: &[Value]) -> String {
    let said = items.iter().find(|item| item["role"] == "user");
    let text = said.and_then(|item| item.pointer("/content/0/text")?.as_str());
    text.unwrap_or_default().to_owned()
}

/// Writes the file of a fork: what it copied, and how it is set now.
fn write_copy(thread: &Thread, records: &[Record]) -> Result<(), Failure> {
    let Some(path) = &thread.path else {
        return Ok(());
    };
    let mut state = thread.state.borrow_mut();
    let settings = Record::Settings(Box::new(state.settings.clone()));
    state.replay(settings.clone());
    let own = [
        Record::Copied,
        settings,
        Record::Summary(Box::new(state.summary())),
    ];
    let copied = records
        .iter()
        .filter(|record| !matches!(record, Record::Summary(_) | Record::Goal(_)));
    let rollout = Rollout::create(path, thread.meta.clone(), copied.chain(&own))?;
    state.rollout = Some(rollout);
    Ok(())
}

/// The records up to the turn that a fork is cut at.
pub(super) fn cut(
    mut records: Vec<Record>,
    last: Option<&str>,
    before: Option<&str>,
) -> Result<Vec<Record>, Failure> {
    let starts: Vec<(usize, String)> = records
        .iter()
        .enumerate()
        .filter_map(|(index, record)| match record {
            Record::TurnStarted(turn) => Some((index, turn.id.clone())),
            _ => None,
        })
        .collect();
    let position = |id: &str| {
        starts
            .iter()
            .position(|(_, turn)| turn == id)
            .ok_or_else(|| Failure::invalid(format!("turn not found: {id}")))
    };
    let end = match (last, before) {
        (Some(last), _) => starts.get(position(last)? + 1).map(|(index, _)| *index),
        (None, Some(before)) => Some(starts[position(before)?].0),
        (None, None) => None,
    };
    if let Some(end) = end {
        records.truncate(end);
    }
    Ok(records)
}
