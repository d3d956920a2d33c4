//! What can't go on beside a running turn, and therefore ends it first.

use tokio::sync::oneshot;

use super::Control;
use crate::connection::Call;
use crate::failure::Failure;
use crate::thread::Thread;

/// Ends the thread's turn, if one runs, and then does what the call asks for. Where that fails the
/// call is told.
pub(crate) fn after_running(
    call: &Call,
    thread: &Thread,
    then: impl FnOnce() -> Result<(), Failure> + 'static,
) {
    let active = thread.state.borrow().active.clone();
    let (replaced, ended) = oneshot::channel();
    let running = active.is_some_and(|turn| turn.control.send(Control::Replace(replaced)).is_ok());
    let call = call.clone();
    let finish = move || {
        if let Err(failure) = then() {
            call.fail(failure);
        }
    };
    if !running {
        return finish();
    }
    tokio::task::spawn_local(async move {
        // The sender is dropped when the turn has ended.
        let _ = ended.await;
        finish();
    });
}
