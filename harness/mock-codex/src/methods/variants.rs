//! What variants of the protocol add to the methods.

use std::rc::Rc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Params, initialized, parse, ready, revert, threads};
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params::{RequestedSandbox, ThreadStartParams};
use crate::thread::turns::ItemsView;
use crate::variant::Id as Variant;

/// The methods that know an approval policy.
const WITH_APPROVAL: &[&str] = &[
    "thread/start",
    "thread/resume",
    "thread/fork",
    "thread/settings/update",
    "turn/start",
];

/// `thread/rollback`, as codex had it before `thread/revert`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThreadRollbackParams {
    thread_id: String,
    num_turns: u32,
}

impl Params for ThreadRollbackParams {}

/// The policy that stands beside the parameters of `thread/start`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyAtStart {
    sandbox_policy: RequestedSandbox,
}

impl Params for PolicyAtStart {}

/// What became of a request.
pub(super) enum Served {
    /// A variant has answered it.
    Done,
    /// It is for the methods that all have, with these parameters.
    Read(Option<Value>),
}

/// Serves what only a variant has, and gives back everything else, as the variants read it.
pub(super) fn serve(
    call: &Call,
    method: &str,
    mut params: Option<Value>,
) -> Result<Served, Failure> {
    let variants = call.server.variants;
    if variants.has(Variant::Rollback) && method == "thread/rollback" {
        let params = parse(params)?;
        initialized(call)?;
        rollback(call, params)?;
        return Ok(Served::Done);
    }
    if let Some(params) = &mut params {
        let has_policy = variants.has(Variant::OnFailure) && WITH_APPROVAL.contains(&method);
        if has_policy && params["approvalPolicy"] == "on-failure" {
            params["approvalPolicy"] = "on-request".into();
        }
        let takes_sandbox = variants.has(Variant::StartSandboxPolicy) && method == "thread/start";
        if takes_sandbox && !params["sandboxPolicy"].is_null() {
            start(call, params)?;
            return Ok(Served::Done);
        }
    }
    Ok(Served::Read(params))
}

/// `thread/start` with a whole policy.
fn start(call: &Call, params: &mut Value) -> Result<(), Failure> {
    let policy: PolicyAtStart = parse(Some(params.clone()))?;
    if let Some(members) = params.as_object_mut() {
        members.remove("sandboxPolicy");
        members.remove("sandbox");
    }
    let params: ThreadStartParams = parse(Some(params.take()))?;
    ready(call, &params)?;
    if params.permissions.is_some() {
        return Err(Failure::invalid(
            "`permissions` cannot be combined with `sandboxPolicy`",
        ));
    }
    threads::start_with(call, params, Some(policy.sandbox_policy.0))
}

fn rollback(call: &Call, params: ThreadRollbackParams) -> Result<(), Failure> {
    let thread = call.server.thread(&params.thread_id)?;
    if params.num_turns == 0 {
        return Err(Failure::invalid("numTurns must be >= 1"));
    }
    let first = {
        let state = thread.state.borrow();
        if state.active.is_some() {
            return Err(Failure::invalid(
                "cannot rollback while a turn is in progress",
            ));
        }
        let left = state.turns.len().saturating_sub(params.num_turns as usize);
        state.turns.get(left).map(|turn| turn.id.clone())
    };
    let after = match first {
        Some(first) => revert::go_back(call, &thread, &first)?,
        None => Rc::clone(&thread),
    };
    call.reply(&json!({"thread": after.view(Some(ItemsView::Full))}));
    Ok(())
}
