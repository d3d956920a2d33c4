//! `thread/backgroundTerminals/*`: commands that a turn left running.

use serde_json::json;

use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params::{
    ThreadBackgroundTerminalsCleanParams, ThreadBackgroundTerminalsListParams,
};
use crate::protocol::thread_params::ThreadBackgroundTerminalsTerminateParams;

pub(super) fn list(
    call: &Call,
    params: ThreadBackgroundTerminalsListParams,
) -> Result<(), Failure> {
    let thread = call.server.thread(&params.thread_id)?;
    let start = match &params.cursor {
        None => 0,
        Some(cursor) => cursor
            .parse::<usize>()
            .map_err(|error| Failure::invalid(format!("invalid cursor: {error}")))?,
    };
    let mut data = thread.terminals.list();
    data.drain(..start.min(data.len()));
    let limit = params
        .limit
        .map_or(data.len(), |limit| (limit as usize).max(1));
    let next = (data.len() > limit).then(|| (start + limit).to_string());
    data.truncate(limit);
    call.reply(&json!({"data": data, "nextCursor": next}));
    Ok(())
}

pub(super) fn terminate(
    call: &Call,
    params: ThreadBackgroundTerminalsTerminateParams,
) -> Result<(), Failure> {
    let thread = call.server.thread(&params.thread_id)?;
    let terminal = params
        .process_id
        .parse()
        .ok()
        .and_then(|session| thread.terminals.get(session));
    if let Some(terminal) = &terminal {
        terminal.terminate.cancel();
    }
    call.reply(&json!({"terminated": terminal.is_some()}));
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
