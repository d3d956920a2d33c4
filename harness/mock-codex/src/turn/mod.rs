//! Turns: model, tools, model again, until the model has nothing more to do.

mod additional;
mod audio;
mod code_review;
mod command;
mod compact;
mod context;
mod counted;
mod dynamic;
mod emit;
mod finish;
mod goal;
mod goal_tools;
mod image;
mod input;
mod limits;
mod model_item;
mod patch;
mod permissions;
mod plan;
mod question;
mod replace;
mod retry;
mod review;
mod run;
mod shell;
mod skill;
mod stream;
mod terminals;
mod tool_search;
mod toolcall;
mod turn_diff;
mod user_input;
mod view_image;
mod warm_up;
mod web_search;

use serde_json::{Value, json};
use tokio::sync::oneshot;

pub(crate) use context::tell as tell_context;
pub(crate) use goal::pursue as pursue_goal;
pub(crate) use input::check as check_input;
pub(crate) use replace::after_running;
pub(crate) use run::{Review, Start, TurnOptions, Work, start};
pub(crate) use shell::ShellCommand;
pub(crate) use terminals::Terminals;
pub(crate) use warm_up::warm_up;

use crate::connection::Call;
use crate::protocol::input::{AdditionalContext, UserInput};
use crate::protocol::reply::TokenUsage;
use crate::thread::Thread;

/// What reaches a running turn from outside.
#[derive(Debug)]
pub(crate) enum Control {
    /// More to say, at once.
    Steer(Said),
    /// Stop; the call is answered when it has.
    Interrupt(Call),
    /// A command of the user, beside what runs.
    Shell(ShellCommand),
    /// Stop, since the server does.
    End,
    /// Stop, since something else takes the turn's place; dropped when it has.
    Replace(oneshot::Sender<()>),
}

/// What the user said.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) input: Vec<UserInput>,
    pub(crate) client_id: Option<String>,
    /// What the client adds for the model.
    pub(crate) context: AdditionalContext,
}

/// The parameters of `thread/tokenUsage/updated`.
pub(crate) fn usage_params(
    thread: &Thread,
    turn: &str,
    total: TokenUsage,
    last: TokenUsage,
) -> Value {
    let window = thread.state.borrow().settings.window.usable();
    json!({
        "threadId": thread.id(),
        "turnId": turn,
        "tokenUsage": {"total": total, "last": last, "modelContextWindow": window},
    })
}

/// A model that codex has no metadata of is warned about with every turn.
pub(crate) fn warn_about_model(thread: &Thread) {
    let model = thread.state.borrow().settings.model.clone();
    if model.starts_with("gpt-") {
        return;
    }
    thread.notify(
        "warning",
        &json!({
            "threadId": thread.id(),
            "message": format!(
                "Model metadata for `{model}` not found. Defaulting to fallback metadata; this \
                 can degrade performance and cause issues."
            ),
        }),
    );
}
