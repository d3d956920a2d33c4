//! `thread/delete`: a thread and all its files go.

use std::fs;

use serde_json::json;

use super::storage::unload;
use super::threads::no_rollout;
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::thread_params::ThreadDeleteParams;
use crate::server::parse_id;
use crate::thread::catalog;
use crate::turn;

pub(super) fn delete(call: &Call, params: ThreadDeleteParams) -> Result<(), Failure> {
    let id = parse_id("thread", &params.thread_id)?;
    match call.server.loaded(&id) {
        Some(thread) if thread.ephemeral => Err(Failure::invalid(format!(
            "thread is not persisted and cannot be deleted: {id}"
        ))),
        Some(thread) => {
            let waiting = call.clone();
            turn::after_running(call, &thread, move || remove(&waiting, &id, true));
            Ok(())
        }
        None => remove(call, &id, false),
    }
}

fn remove(call: &Call, id: &str, was_loaded: bool) -> Result<(), Failure> {
    let home = &call.server.home;
    if was_loaded {
        unload(call, id);
    }
    let files: Vec<_> = catalog::files_of(home, id);
    if files.is_empty() && !was_loaded {
        return Err(no_rollout(id));
    }
    if catalog::has_forks(home, id) {
        return Err(Failure::invalid(format!(
            "cannot delete thread {id}: forked history still references it"
        )));
    }
    for file in files {
        fs::remove_file(file)?;
    }
    call.reply(&json!({}));
    call.server
        .broadcast("thread/deleted", &json!({"threadId": id}));
    Ok(())
}
