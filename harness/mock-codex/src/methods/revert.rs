//! `thread/revert`: a thread goes back to before one of its turns.
//!
//! The turns stay in the file that they are in; the thread goes on in a new file beside it.

use std::rc::Rc;

use serde_json::json;

use super::storage::unload;
use super::threads::{build, no_rollout};
use super::turns_list::{items_cursor, turns_cursor};
use super::{fork, threads};
use crate::clock;
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::reply::ThreadStatus;
use crate::protocol::thread_params::ThreadRevertParams;
use crate::quirk::Id as Quirk;
use crate::thread::record::{Meta, Record, Unread};
use crate::thread::state::State;
use crate::thread::store::{self, Loaded, Rollout};
use crate::thread::{Settings, Thread, catalog};
use crate::turn;

pub(super) fn revert(call: &Call, params: ThreadRevertParams) -> Result<(), Failure> {
    let thread = call.server.thread(&params.thread_id)?;
    if thread.ephemeral {
        return Err(Failure::invalid(
            "ephemeral threads do not support thread/revert",
        ));
    }
    let waiting = call.clone();
    let same = Rc::clone(&thread);
    turn::after_running(call, &thread, move || {
        // Who takes a thread back follows it from then on.
        same.subscribe(&waiting.client);
        let thread = go_back(&waiting, &same, &params.before_turn_id)?;
        waiting.reply(&json!({
            "thread": thread.view(None),
            "turnsBackwardsCursor": turns_cursor(&thread),
            "itemsBackwardsCursor": items_cursor(&thread),
        }));
        waiting
            .server
            .broadcast("thread/reverted", &json!({"threadId": thread.id()}));
        Ok(())
    });
    Ok(())
}

/// Takes a thread out of memory and in again without a turn and all after it; without any change
/// where there is no such turn.
pub(super) fn go_back(call: &Call, before: &Rc<Thread>, turn: &str) -> Result<Rc<Thread>, Failure> {
    let id = before.id();
    let subscribers = before.state.borrow().subscribers.clone();
    unload(call, id);
    let Some(path) = catalog::find(&call.server.home, id) else {
        return Err(no_rollout(id));
    };
    let loaded = store::load(&path)?.ok_or_else(|| no_rollout(id))?;
    let cut = fork::cut(loaded.records.clone(), None, Some(turn));
    let (thread, failure) = match cut {
        Ok(records) => (reverted(call, before, &path, loaded, records)?, None),
        // Nothing changes, and yet codex 0.169.0 takes the thread out of memory and in again.
        Err(failure) => (reloaded(call, before, &path, loaded)?, Some(failure)),
    };
    // A failure stays known, also where the turn that failed is taken back.
    let status = match before.state.borrow().status {
        ThreadStatus::SystemError => ThreadStatus::SystemError,
        _ => ThreadStatus::Idle,
    };
    let mut state = thread.state.borrow_mut();
    state.subscribers = subscribers;
    state.status = status.clone();
    drop(state);
    call.server.keep(&thread);
    call.server.status_changed(id, &status);
    failure.map_or(Ok(thread), Err)
}

/// The thread with the records that are left, in a file of their own.
fn reverted(
    call: &Call,
    before: &Thread,
    path: &std::path::Path,
    loaded: Loaded,
    records: Vec<Record>,
) -> Result<Rc<Thread>, Failure> {
    // Where it goes on is as old as the revert.
    let created_ms = clock::later_ms();
    let meta = Meta {
        created_ms,
        ..loaded.meta
    };
    let path = store::path_beside(path, &meta.id, &clock::new_id());
    let kept = records.clone();
    let mut state = threads::replay(call, &meta, records)?;
    let was = before.state.borrow();
    state.settings = was.settings.clone();
    state.preview.clone_from(&was.preview);
    state.name.clone_from(&was.name);
    state.git.clone_from(&was.git);
    state.daybreak = was.daybreak;
    state.goal.clone_from(&was.goal);
    state.read_back = true;
    state.updated_ms = created_ms;
    state.since_revert = Some(String::new());
    state.unread.clone_from(&was.unread);
    if state.forget_unread_turn() {
        let read_state = state.unread.as_ref().map(Unread::view);
        let params = json!({"threadId": meta.id, "readState": read_state});
        before.notify("thread/readState/changed", &params);
    }
    let mut left = vec![
        Record::Copied,
        Record::Settings(Box::new(remembered(call, &state))),
        Record::Goal(state.goal.clone().map(Box::new)),
    ];
    for record in &left {
        state.ordinals.count(record, state.turns.is_empty());
    }
    left.push(Record::Summary(Box::new(state.summary())));
    let rollout = Rollout::create(&path, meta.clone(), kept.iter().chain(&left))?;
    state.rollout = Some(rollout);
    name_tier(call, &mut state.settings);
    Ok(build(meta, Some(path), false, state))
}

/// codex 0.169.0 names a tier of service where none was chosen.
fn name_tier(call: &Call, settings: &mut Settings) {
    if call.server.quirks.has(Quirk::RevertNamesServiceTier) {
        let tier = &mut settings.service_tier;
        tier.get_or_insert_with(|| "default".to_owned());
    }
}

/// The settings as a later resume finds them.
fn remembered(call: &Call, state: &State) -> Settings {
    let mut settings = state.settings.clone();
    if !state.turns.is_empty() {
        name_tier(call, &mut settings);
    }
    settings
}

fn reloaded(
    call: &Call,
    before: &Thread,
    path: &std::path::Path,
    loaded: Loaded,
) -> Result<Rc<Thread>, Failure> {
    let Loaded { meta, records } = loaded;
    let mut state = threads::replay(call, &meta, records)?;
    state.close_cut_turn();
    let settings = Record::Settings(Box::new(before.state.borrow().settings.clone()));
    let mut rollout = Rollout::open(path)?;
    rollout.append(&settings)?;
    state.replay(settings);
    state.read_back = true;
    state.rollout = Some(rollout);
    Ok(build(meta, Some(path.to_owned()), false, state))
}
