//! A reviewer's way to the model.

use bytes::Bytes;

use super::{open, own_settings};
use crate::connection::Identity;
use crate::model::Endpoint;
use crate::model::request::{Subject, input};
use crate::model::subagent::{Subagent, SubagentKind};
use crate::server::Server;
use crate::thread::history::History;
use crate::thread::{Settings, Thread};
use crate::turn::emit::Scope;

/// Everything that the reviewer has been shown and has said so far.
pub(super) fn covered(scope: &Scope, settings: &Settings) -> Option<Bytes> {
    let review = scope.thread.review.borrow();
    let history = &review.as_ref()?.history;
    Some(input(settings, history).concat().into())
}

/// Makes the reviewer's connection ready, where the thread has one.
pub(in crate::turn) fn warm_up(
    server: &Server,
    thread: &Thread,
    client: &Identity,
    endpoint: Endpoint,
) {
    let reviewed = thread.state.borrow().settings.clone();
    if !reviewed.has_reviewer() {
        return;
    }
    let settings = own_settings(&reviewed);
    let mut review = thread.review.borrow_mut();
    let review = review.get_or_insert_with(|| open(&settings, &reviewed));
    let subject = Subject {
        thread: &review.id,
        session: &thread.meta.session_id,
        turn: "",
        turn_started_ms: 0,
        context_window: &review.context_window,
        installation: &server.installation_id,
        settings: &settings,
        output_schema: None,
        service_tier: None,
        parent_turn: None,
        subagent: Some(Subagent {
            kind: SubagentKind::Guardian,
            thread: thread.id(),
            turn: "",
        }),
        compaction: false,
        window: 0,
        read_back: false,
    };
    let asked = subject.ask(client, &History::default());
    review.channel.warm_up(&server.tokens, endpoint, asked);
}
