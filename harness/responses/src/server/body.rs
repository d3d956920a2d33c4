//! The body of an answer: its events, at their times, up to its fault.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::socket::SocketState;
use super::{Shared, Writes};
use crate::fault::How;
use crate::observe::{Answer, Outcome};
use crate::pace::{Hold, Pace};
use crate::script::{Frames, Payload, Prepared};

/// A connection that the script breaks off.
#[derive(Debug, thiserror::Error)]
#[error("the script ends the connection here: `{0}`")]
pub(super) struct Broken(&'static str);

/// The body of an answer.
pub(super) struct ScriptedBody {
    reply: Arc<Prepared>,
    answer: Answer,
    socket: Arc<SocketState>,
    shared: Arc<Shared>,
    /// How many events (or whole bodies) have been handed over.
    sent: usize,
    /// When the schedule began; it moves while the reply waits for a gate.
    began: Instant,
    /// The flush that must have happened before anything else does.
    flush: Option<u64>,
    /// What the body waits for.
    wait: Option<Wait>,
    gate_passed: bool,
}

enum Wait {
    Time(Pin<Box<Sleep>>),
    Gate {
        since: Instant,
        opened: Pin<Box<dyn Future<Output = ()> + Send>>,
    },
}

impl ScriptedBody {
    pub(super) fn new(
        reply: Arc<Prepared>,
        answer: Answer,
        socket: Arc<SocketState>,
        shared: Arc<Shared>,
    ) -> Self {
        // A cut right after the head is preceded by a flush like any other.
        let flush = reply
            .cut
            .is_some_and(|cut| cut.after_event == 0)
            .then(|| socket.mark());
        Self {
            reply,
            answer,
            socket,
            shared,
            sent: 0,
            began: Instant::now(),
            flush,
            wait: None,
            gate_passed: false,
        }
    }

    /// Waits for what is to be waited for.
    fn poll_waits(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(mark) = self.flush {
            ready!(self.socket.poll_flushed_since(mark, cx));
            self.flush = None;
        }
        match &mut self.wait {
            None => {}
            Some(Wait::Time(sleep)) => ready!(sleep.as_mut().poll(cx)),
            Some(Wait::Gate { since, opened }) => {
                ready!(opened.as_mut().poll(cx));
                self.began += since.elapsed();
                self.gate_passed = true;
            }
        }
        self.wait = None;
        Poll::Ready(())
    }

    /// The gate that has to be passed before anything else is sent.
    fn gate_here(&self) -> Option<&str> {
        let hold = self.reply.hold.as_ref().filter(|_| !self.gate_passed)?;
        (hold.after_event() == Some(self.sent)).then(|| hold.gate())
    }

    /// Until when the next event is not due.
    fn not_before(&self) -> Option<Instant> {
        let due = self.began + self.reply.pace.as_ref()?.due(self.sent);
        (due > Instant::now()).then_some(due)
    }

    /// Hands over the next events: as many as nothing separates.
    fn hand_over(&mut self, frames: &Frames) -> Bytes {
        let cut = self.reply.cut.map(|cut| cut.after_event);
        let hold = self.reply.hold.as_ref().and_then(Hold::after_event);
        let paced = self.reply.pace.as_ref().is_some_and(Pace::separates_events);
        let apart = paced || self.shared.writes == Writes::PerEvent;
        let stops = [cut, hold, apart.then_some(self.sent + 1)];
        let next_stop = stops
            .into_iter()
            .flatten()
            .filter(|stop| *stop > self.sent)
            .min();
        let end = next_stop.map_or(frames.len(), |stop| stop.min(frames.len()));
        let bytes = frames.slice(self.sent..end);
        if self.answer.is_observed() {
            for event in self.sent..end {
                self.answer.sent(event, || frames.data(event));
            }
        }
        self.sent = end;
        if end < frames.len() || cut == Some(end) {
            self.flush = Some(self.socket.mark());
        }
        bytes
    }

    /// Ends the stream as the script's fault says.
    fn break_off(&mut self, how: How) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.answer.settle(Outcome::Faulted(how.name()));
        match how {
            How::EndCleanly => Poll::Ready(None),
            // Nothing wakes it but the end of the connection.
            How::Stall => Poll::Pending,
            How::Cut => Poll::Ready(Some(Err(Broken(how.name())))),
            How::Reset => {
                self.socket.reset_at_end();
                Poll::Ready(Some(Err(Broken(how.name()))))
            }
        }
    }

    fn finish(&mut self) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.answer.settle(
            self.reply
                .shaped_by
                .map_or(Outcome::Completed, Outcome::Faulted),
        );
        Poll::Ready(None)
    }
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let reply = Arc::clone(&self.reply);
        let this = &mut *self;
        loop {
            ready!(this.poll_waits(cx));
            if let Some(gate) = this.gate_here() {
                let opened = Box::pin(this.shared.gates.wait(gate));
                this.wait = Some(Wait::Gate {
                    since: Instant::now(),
                    opened,
                });
                continue;
            }
            if let Some(cut) = reply.cut.filter(|cut| cut.after_event == this.sent) {
                return this.break_off(cut.how);
            }
            let frames = match &reply.payload {
                Payload::Whole(body) if this.sent == 0 && !body.is_empty() => None,
                Payload::Events(frames) if this.sent < frames.len() => Some(frames),
                _ => return this.finish(),
            };
            if let Some(due) = this.not_before() {
                this.wait = Some(Wait::Time(Box::pin(sleep_until(due))));
                continue;
            }
            let bytes = match (frames, &reply.payload) {
                (Some(frames), _) => this.hand_over(frames),
                (None, Payload::Whole(body)) => {
                    this.sent = 1;
                    this.answer
                        .settle(reply.shaped_by.map_or(Outcome::Completed, Outcome::Faulted));
                    body.clone()
                }
                (None, Payload::Events(_)) => return this.finish(),
            };
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.reply.payload {
            Payload::Whole(body) if self.sent == 0 => SizeHint::with_exact(body.len() as u64),
            Payload::Whole(_) => SizeHint::with_exact(0),
            Payload::Events(_) => SizeHint::default(),
        }
    }
}
