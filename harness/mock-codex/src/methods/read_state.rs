//! `thread/readState/update`: what of a thread its reader has seen.

use serde_json::json;

use super::listing::not_loaded;
use super::metadata::anywhere;
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::reply::UnreadPosition;
use crate::protocol::thread_params::{ThreadReadStateOperation, ThreadReadStateUpdateParams};
use crate::server::parse_id;
use crate::thread::catalog;
use crate::thread::record::{Record, Unread};
use crate::thread::store::Rollout;

pub(super) fn update(call: &Call, params: ThreadReadStateUpdateParams) -> Result<(), Failure> {
    let id = parse_id("thread", &params.thread_id)?;
    let loaded = call.server.loaded(&id);
    let path = anywhere(&call.server.home, &id);
    let glance = match &path {
        Some(path) if loaded.is_none() => catalog::glance(path)?,
        _ => None,
    };
    let current = match (&loaded, &glance) {
        (Some(thread), _) => thread.read_state(),
        (None, Some(glance)) => glance.meta.has_reader().then(|| glance.read_state()),
        (None, None) => return Err(not_loaded(&id)),
    };
    let current = current.ok_or_else(|| Failure::invalid("thread read state unavailable"))?;
    if current.revision != params.expected_revision {
        let data = json!({"reason": "readStateConflict", "readState": current});
        return Err(Failure::invalid_with("read state changed", data));
    }
    let unread = Unread {
        first: match params.operation {
            ThreadReadStateOperation::Read => None,
            ThreadReadStateOperation::Unread => Some(UnreadPosition::ThreadStart),
        },
        revision: crate::clock::new_random_id(),
    };
    let view = unread.view();
    match (loaded, glance, path) {
        (Some(thread), ..) => {
            thread.state.borrow_mut().unread = Some(unread);
            thread.write_summary()?;
        }
        (None, Some(glance), Some(path)) => {
            let mut summary = glance.summary.ok_or_else(|| not_loaded(&id))?;
            summary.unread = Some(unread);
            Rollout::open(&path)?.append(&Record::Summary(Box::new(summary)))?;
        }
        _ => {}
    }
    if let Some(thread) = call.server.loaded(&id) {
        let params = json!({"threadId": id, "readState": view});
        thread.notify("thread/readState/changed", &params);
    }
    call.reply(&json!({"readState": view}));
    Ok(())
}
