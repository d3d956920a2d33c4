//! `thread/archive`, `thread/unarchive`, `thread/name/set`, `thread/unsubscribe`.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::{fs, io};

use serde_json::json;

use super::threads::no_rollout;
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params::{
    ThreadArchiveParams, ThreadSetNameParams, ThreadUnarchiveParams, ThreadUnsubscribeParams,
};
use crate::protocol::reply::ThreadStatus;
use crate::server::parse_id;
use crate::thread::catalog;
use crate::thread::record::Record;
use crate::thread::store::{self, ARCHIVED, Rollout};

pub(super) fn archive(call: &Call, params: ThreadArchiveParams) -> Result<(), Failure> {
    let server = &call.server;
    let id = parse_id("session", &params.thread_id)?;
    if let Some(thread) = server.loaded(&id) {
        thread.materialise()?;
    }
    let files = catalog::current_files_of(&server.home, &id);
    if files.is_empty() {
        return Err(no_rollout(&id));
    }
    move_files(&files, &server.home.join(ARCHIVED))?;
    unload(call, &id);
    call.reply(&json!({}));
    server.broadcast("thread/archived", &json!({"threadId": id}));
    Ok(())
}

pub(super) fn unarchive(call: &Call, params: ThreadUnarchiveParams) -> Result<(), Failure> {
    let server = &call.server;
    let id = parse_id("session", &params.thread_id)?;
    if server.loaded(&id).is_some_and(|it| it.path.is_some()) {
        let text = format!("thread {id} already has an active writer");
        return Err(Failure::invalid(text));
    }
    let missing = || Failure::invalid(format!("no archived rollout found for thread id {id}"));
    let files = catalog::archived_files_of(&server.home, &id);
    let archived = files.iter().max().ok_or_else(missing)?;
    let glance = catalog::glance(archived)?.ok_or_else(missing)?;
    let path = store::path_of(&server.home, &id, glance.meta.created_ms);
    let directory = path.parent().ok_or_else(missing)?;
    move_files(&files, directory)?;
    let path = directory.join(archived.file_name().ok_or_else(missing)?);
    call.reply(&json!({"thread": glance.view(&path)}));
    server.broadcast("thread/unarchived", &json!({"threadId": id}));
    Ok(())
}

/// Takes a thread out of memory and tells it.
pub(super) fn unload(call: &Call, id: &str) {
    if call.server.unload(id).is_some() {
        call.server.status_changed(id, &ThreadStatus::NotLoaded);
    }
}

/// Moves the files of a thread, the one that it goes on in last: until then it is where it was.
fn move_files(files: &[PathBuf], directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut files: Vec<&PathBuf> = files.iter().collect();
    files.sort();
    for file in files {
        if let Some(name) = file.file_name() {
            fs::rename(file, directory.join(name))?;
        }
    }
    Ok(())
}

pub(super) fn set_name(call: &Call, params: ThreadSetNameParams) -> Result<(), Failure> {
    let server = &call.server;
    let id = parse_id("thread", &params.thread_id)?;
    let name = params.name.trim();
    if name.is_empty() {
        return Err(Failure::invalid("thread name must not be empty"));
    }
    match server.loaded(&id) {
        Some(thread) if thread.ephemeral => {
            let text = format!("ephemeral thread does not support metadata updates: {id}");
            return Err(Failure::invalid(text));
        }
        Some(thread) => {
            if !thread.materialise()? {
                return Err(no_rollout(&id));
            }
            thread.state.borrow_mut().name = Some(name.to_owned());
            thread.write_summary()?;
        }
        None => {
            let path = catalog::find(&server.home, &id).ok_or_else(|| no_rollout(&id))?;
            let glance = catalog::glance(&path)?.ok_or_else(|| no_rollout(&id))?;
            let mut summary = glance.summary.ok_or_else(|| no_rollout(&id))?;
            summary.name = Some(name.to_owned());
            Rollout::open(&path)?.append(&Record::Summary(Box::new(summary)))?;
        }
    }
    call.reply(&json!({}));
    server.broadcast(
        "thread/name/updated",
        &json!({"threadId": id, "threadName": name}),
    );
    Ok(())
}

pub(super) fn unsubscribe(call: &Call, params: ThreadUnsubscribeParams) -> Result<(), Failure> {
    let id = parse_id("thread", &params.thread_id)?;
    let status = match call.server.loaded(&id) {
        None => "notLoaded",
        Some(thread) => {
            let mut state = thread.state.borrow_mut();
            let before = state.subscribers.len();
            state
                .subscribers
                .retain(|client| !Rc::ptr_eq(client, &call.client));
            if state.subscribers.len() < before {
                "unsubscribed"
            } else {
                "notSubscribed"
            }
        }
    };
    call.reply(&json!({"status": status}));
    Ok(())
}
