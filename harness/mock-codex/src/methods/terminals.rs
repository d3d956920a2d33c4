//! `thread/backgroundTerminals/*`: commands that a turn left running.

use serde_json::json;

use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params::{
    ThreadBackgroundTerminalsCleanParams, ThreadBackgroundTerminalsListParams,
};

pub(super) fn list(
    call: &Call,
    params: ThreadBackgroundTerminalsListParams,
) -> Result<(), Failure> {
    let thread = call.server.thread(&params.thread_id)?;
    call.reply(&json!({"data": thread.terminals.list(), "nextCursor": null}));
    Ok(())
}

pub(super) fn clean(
    call: &Call,
    params: ThreadBackgroundTerminalsCleanParams,
) -> Result<(), Failure> {
    let thread = call.server.thread(&params.thread_id)?;
    thread.terminals.terminate_all();
    call.reply(&json!({}));
    Ok(())
}
