//! Where a thread that is resumed or forked comes from: from a history, a file, or its id.

use std::fs;
use std::path::{Path, PathBuf};

use super::threads::{
    Resumed, no_rollout, refuse_archived, resume_cold, resume_items, resume_loaded,
};
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params::ThreadResumeParams;
use crate::server::parse_id;
use crate::thread::catalog;

/// Resumes a thread. A history counts for more than a path, and a path for more than an id, as codex
/// 0.169.0 does it; only a thread that is loaded keeps its id.
pub(super) fn resumed(call: &Call, mut params: ThreadResumeParams) -> Result<Resumed, Failure> {
    let id = parse_id("session", &params.thread_id);
    let history = params.history.take().map(|history| history.0);
    let path = asked_path(call, params.path.take());
    if let Some(thread) = { id.as_ref().ok() }.and_then(|id| call.server.loaded(id)) {
        if history.is_some() {
            return Err(Failure::invalid(format!(
                "cannot resume thread {} with history while it is already running",
                thread.id()
            )));
        }
        check_path(thread.id(), thread.path.as_deref(), path.as_deref())?;
        return resume_loaded(call, thread, params);
    }
    match history {
        Some(items) if items.is_empty() => {
            return Err(Failure::invalid("history must not be empty"));
        }
        Some(items) => return resume_items(call, items, params),
        None => {}
    }
    let (id, path) = match path {
        Some(path) => in_file(&path)?,
        None => on_disk(call, id?)?,
    };
    match call.server.loaded(&id) {
        Some(thread) => resume_loaded(call, thread, params),
        None => resume_cold(call, &id, path, params),
    }
}

/// The path that a request names, if it names one; relative ones begin in `CODEX_HOME`.
pub(super) fn asked_path(call: &Call, path: Option<PathBuf>) -> Option<PathBuf> {
    let path = path.filter(|path| !path.as_os_str().is_empty())?;
    Some(call.server.home.join(path))
}

/// The thread of a file, and the file.
pub(super) fn in_file(path: &Path) -> Result<(String, PathBuf), Failure> {
    let unusable = |why: &str| {
        Failure::invalid(format!(
            "failed to resolve rollout path `{}`: {why}",
            path.display()
        ))
    };
    let Ok(whole) = fs::canonicalize(path) else {
        return Err(unusable("file does not exist"));
    };
    if whole.is_dir() {
        return Err(unusable("path is a directory"));
    }
    let Some(glance) = catalog::glance(&whole)? else {
        let path = path.display();
        return Err(Failure::internal(format!(
            "failed to read thread: thread-store internal error: failed to read session metadata \
             {path}: rollout at {path} is empty"
        )));
    };
    Ok((glance.meta.id, whole))
}

fn on_disk(call: &Call, id: String) -> Result<(String, PathBuf), Failure> {
    match catalog::find(&call.server.home, &id) {
        Some(path) => Ok((id, path)),
        None => {
            refuse_archived(call, &id)?;
            Err(no_rollout(&id))
        }
    }
}

fn check_path(id: &str, actual: Option<&Path>, asked: Option<&Path>) -> Result<(), Failure> {
    match (actual, asked) {
        (Some(actual), Some(asked))
            if fs::canonicalize(asked).ok().as_deref() != Some(actual) && asked != actual =>
        {
            Err(Failure::invalid(format!(
                "cannot resume running thread {id} with stale path: requested `{}`, active `{}`",
                asked.display(),
                actual.display()
            )))
        }
        _ => Ok(()),
    }
}
