//! What is made ready for a thread's turns before the first of them.

use super::review;
use crate::connection::Call;
use crate::model::request::Subject;
use crate::thread::Thread;
use crate::thread::history::History;

/// Where the provider has a WebSocket: makes the connection of a thread that has just been loaded,
/// and that of its reviewer, and sends the instructions over them. What fails shows in its turns.
pub(crate) fn warm_up(call: &Call, thread: &Thread) {
    let server = &call.server;
    let endpoint = {
        let name = thread.state.borrow().settings.provider.clone();
        server.endpoint(&name).ok()
    };
    let Some(endpoint) = endpoint.filter(|endpoint| endpoint.websockets) else {
        return;
    };
    let client = call.server.identity();
    let asked = {
        let state = thread.state.borrow();
        let subject = Subject {
            thread: thread.id(),
            session: &thread.meta.session_id,
            turn: "",
            turn_started_ms: 0,
            context_window: thread.id(),
            installation: &server.installation_id,
            settings: &state.settings,
            output_schema: None,
            service_tier: None,
            parent_turn: None,
            subagent: None,
            compaction: false,
            window: 0,
            read_back: false,
        };
        subject.ask(&client, &History::default())
    };
    thread
        .channel
        .warm_up(&server.tokens, endpoint.clone(), asked);
    review::warm_up(server, thread, &client, endpoint);
}
