//! Reviews of code: another conversation with the model, within a turn of the thread.
//!
//! As codex 0.169.0 does it: the reviewer begins with nothing but its own instructions, may ask
//! nobody, and runs as a turn of its own, which `turn/started` names and `turn/interrupt` wants.
//! What it finds ends up in the thread as a message of the model.

mod findings;
mod target;

use std::rc::Rc;

use codex_wire::policy::{ApprovalPolicy, ApprovalsReviewer};
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use findings::Output;

use super::emit::Scope;
use super::finish::{End, mark_unread, tell_read_state};
use super::retry::tell_error;
use super::run::{Review, Turn};
use super::{Said, input, warn_about_model};
use crate::clock;
use crate::model::context;
use crate::model::request::message;
use crate::protocol::input::{AdditionalContext, UserInput};
use crate::protocol::item::{AgentMessage, Item, ReviewMode, Times};
use crate::protocol::reply::ThreadStatus;
use crate::quirk::Id as Quirk;
use crate::thread::record::{ItemKind, Record, TurnStarted};
use crate::thread::relay::Relay;
use crate::thread::settings::Collaboration;
use crate::thread::state::State;
use crate::thread::{Settings, Thread};

/// What people are told in place of findings.
const NOTHING: &str = "Reviewer failed to output a response.";

/// What the thread's model has said, in the end, about a review that came to nothing.
const INTERRUPTED: &str =
    "Review was interrupted. Please re-run /review and wait for it to complete.";

/// Runs a review as the whole turn.
pub(super) async fn run(turn: &mut Turn, review: Review) -> End {
    let scope = turn.scope.clone();
    scope.whole_item(Item::EnteredReviewMode(review_mode(review.hint)));
    let asked = vec![UserInput::Text {
        text: review.question,
        text_elements: Vec::new(),
    }];
    preview(&scope.thread, &asked);
    let mut reviewer = match reviewer(&scope) {
        Ok(reviewer) => reviewer,
        Err(error) => {
            super::emit::complain(scope.thread.id(), &error);
            return End::Interrupted(None);
        }
    };
    reviewer.pending.push_back(Said {
        input: asked,
        client_id: None,
        context: AdditionalContext::new(),
    });
    // Whatever reaches the turn meanwhile is for the one that works.
    std::mem::swap(&mut reviewer.control, &mut turn.control);
    warn_about_model(&reviewer.scope.thread);
    reviewer.begin(&scope.thread);
    let end = reviewer.steps().await;
    std::mem::swap(&mut reviewer.control, &mut turn.control);
    let own = &reviewer.scope;
    own.thread.terminals.terminate_turn(&own.turn);
    if let End::Failed(error) = &end {
        let server = &scope.server;
        server.set_status(&scope.thread, ThreadStatus::SystemError);
        tell_error(&scope, &error.to_turn_error(), false);
    }
    let said = matches!(end, End::Completed).then(|| last_words(&own.thread));
    tell_outcome(&scope, said.flatten().map(|text| Output::read(&text)));
    turn.end_told = true;
    end
}

/// The reviewer's own turn, in a conversation of its own.
fn reviewer(scope: &Scope) -> std::io::Result<Turn> {
    let quirks = scope.server.quirks;
    let now = clock::now_ms();
    let mut meta = scope.thread.meta.clone();
    meta.id = clock::new_id();
    let settings = own_settings(&scope.settings);
    let mut thread = Thread::new(meta, None, true, State::new(settings, now));
    // They end with those of the thread.
    thread.sessions = Rc::clone(&scope.thread.sessions);
    thread.relay = Some(Relay {
        thread: Rc::clone(&scope.thread),
        turn: Rc::clone(&scope.turn),
        completes_messages: !quirks.has(Quirk::ReviewLeavesMessageOpen),
    });
    let turn = if quirks.has(Quirk::ReviewRunsAsAnotherTurn) {
        let turn = clock::new_id();
        scope.thread.state.borrow_mut().reviewed_as = Some(turn.clone());
        turn
    } else {
        scope.turn.to_string()
    };
    let (server, client) = (Rc::clone(&scope.server), Rc::clone(&scope.client));
    let own = Scope::new(server, Rc::new(thread), client, &turn);
    own.thread.record(Record::TurnStarted(TurnStarted {
        root: (*turn != *scope.turn).then(|| scope.turn.to_string()),
        id: turn,
        at_ms: now,
        line: 0,
        bare: false,
    }))?;
    let (_, control) = unbounded_channel();
    Ok(Turn::new(own, control, now))
}

/// What a reviewer runs with: everything of the thread but what somebody would be asked with.
fn own_settings(settings: &Settings) -> Settings {
    Settings {
        approval_policy: ApprovalPolicy::Never,
        reviewer: ApprovalsReviewer::User,
        base_instructions: Some(context::REVIEW.to_owned()),
        collaboration: Collaboration::default(),
        policy_directory: None,
        dynamic_tools: Vec::new(),
        ..settings.clone()
    }
}

/// Shows what is asked where nobody has said anything yet.
fn preview(thread: &Thread, asked: &[UserInput]) {
    let mut state = thread.state.borrow_mut();
    if state.preview.is_empty() {
        state.preview = input::preview(asked);
    }
}

/// The last message of the reviewer.
fn last_words(thread: &Thread) -> Option<String> {
    let state = thread.state.borrow();
    let mut items = state.turns.iter().flat_map(|turn| &turn.items);
    let last = items.rfind(|item| item.kind == ItemKind::Agent)?;
    let message: serde_json::Value = serde_json::from_str(last.item.get()).ok()?;
    message["text"].as_str().map(str::to_owned)
}

/// Tells what came of the review: the client, and the thread's model for later.
fn tell_outcome(scope: &Scope, output: Option<Output>) {
    let (told, shown, answer) = match output {
        Some(output) => {
            let shown = output.text().unwrap_or_else(|| NOTHING.to_owned());
            (context::reviewed(&output.results()), shown.clone(), shown)
        }
        None => (
            context::REVIEW_INTERRUPTED.to_owned(),
            NOTHING.to_owned(),
            INTERRUPTED.to_owned(),
        ),
    };
    scope.add_input(message("user", &[&told]));
    scope.whole_item(Item::ExitedReviewMode(review_mode(shown)));
    let id = format!("msg_{}", clock::new_id());
    let said = json!({
        "type": "message",
        "id": id,
        "role": "assistant",
        "content": [{"type": "output_text", "text": answer}],
    });
    scope.add_input(said.to_string());
    scope.whole_item(Item::AgentMessage(AgentMessage {
        id,
        text: answer,
        times: Times::started(clock::now_ms()),
        ..AgentMessage::default()
    }));
    if !scope.thread.ephemeral {
        mark_unread(scope);
        tell_read_state(scope);
    }
}

fn review_mode(review: String) -> ReviewMode {
    ReviewMode {
        id: clock::new_id(),
        review,
        times: Times::started(clock::now_ms()),
    }
}
