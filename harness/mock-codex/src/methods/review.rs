//! `review/start`.

use std::rc::Rc;

use serde_json::json;

use super::turns::begin;
use crate::clock;
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::reply::{ThreadStatus, TurnError};
use crate::protocol::review::{ReviewStartParams, ReviewTarget};
use crate::thread::Thread;
use crate::turn::{self, Review, Work};

pub(super) fn start(call: &Call, params: ReviewStartParams) -> Result<(), Failure> {
    let thread = call.server.thread(&params.thread_id)?;
    let target = params.target.checked().map_err(Failure::invalid)?;
    let id = clock::new_id();
    call.reply(&json!({
        "turn": {
            "id": id,
            "rootTurnId": null,
            "items": [{
                "type": "userMessage",
                "id": id,
                "clientId": null,
                "content": [{"type": "text", "text": target.hint(), "text_elements": []}],
                "startedAtMs": null,
                "completedAtMs": null,
            }],
            "itemsView": "notLoaded",
            "status": "inProgress",
            "error": null,
            "startedAt": null,
            "completedAt": null,
            "durationMs": null,
        },
        "reviewThreadId": thread.id(),
    }));
    turn::warn_about_model(&thread);
    let call = call.clone();
    tokio::task::spawn_local(async move {
        let cwd = thread.state.borrow().settings.cwd.clone();
        match target.question(&cwd).await {
            Ok(question) => start_turn(&call, &thread, id, &target, question),
            Err(message) => tell_failure(&call, &thread, &id, message),
        }
    });
    Ok(())
}

/// Starts the turn, as soon as nothing else runs.
fn start_turn(
    call: &Call,
    thread: &Rc<Thread>,
    turn: String,
    target: &ReviewTarget,
    question: String,
) {
    let review = Review {
        turn,
        hint: target.hint(),
        question,
    };
    let (waiting, same) = (call.clone(), Rc::clone(thread));
    turn::after_running(call, thread, move || {
        begin(&waiting, &same, Work::Review(review));
        Ok(())
    });
}

/// Tells why there is no review. Its turn never begins, and so never ends (codex 0.169.0).
fn tell_failure(call: &Call, thread: &Thread, turn: &str, message: String) {
    call.server.set_status(thread, ThreadStatus::SystemError);
    let error = TurnError {
        message,
        codex_error_info: json!("other"),
        additional_details: None,
        misalignment: None,
    };
    thread.notify(
        "error",
        &json!({
            "error": error,
            "willRetry": false,
            "threadId": thread.id(),
            "turnId": turn,
        }),
    );
}
