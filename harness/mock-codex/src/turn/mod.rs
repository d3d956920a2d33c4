//! Turns: model, tools, model again, until the model has nothing more to do.

mod command;
mod dynamic;
mod emit;
mod image;
mod input;
mod limits;
mod model_item;
mod patch;
mod question;
mod run;
mod stream;
mod terminals;
mod toolcall;
mod turn_diff;
mod user_input;
mod web_search;

use serde_json::{Value, json};

pub(crate) use input::check as check_input;
pub(crate) use run::{Start, start};
pub(crate) use terminals::Terminals;

use crate::connection::Call;
use crate::protocol::params::UserInput;
use crate::protocol::reply::TokenUsage;

/// How many tokens an unknown model's context is taken to hold.
const CONTEXT_WINDOW: i64 = 258_400;

/// What reaches a running turn from outside.
#[derive(Debug)]
pub(crate) enum Control {
    /// More to say, at once.
    Steer(Said),
    /// Stop; the call is answered when it has.
    Interrupt(Call),
}

/// What the user said.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) input: Vec<UserInput>,
    pub(crate) client_id: Option<String>,
}

/// The parameters of `thread/tokenUsage/updated`.
pub(crate) fn usage_params(thread: &str, turn: &str, total: TokenUsage, last: TokenUsage) -> Value {
    json!({
        "threadId": thread,
        "turnId": turn,
        "tokenUsage": {"total": total, "last": last, "modelContextWindow": CONTEXT_WINDOW},
    })
}
