//! What the server tells while it runs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use serde_json::Value;

use crate::journal::Request;

/// Something that happened on the wire, told as it happens.
///
/// The events of one request come in order; those of different requests may be interleaved.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A request was read to its end.
    Request {
        /// The request.
        request: Arc<Request>,
    },
    /// It was decided how to answer.
    Reply {
        /// The request's position in the journal, counted from 0.
        request: usize,
        /// The reply's position in the script, counted from 0; `None` if the script has none.
        reply: Option<usize>,
        /// The HTTP status.
        status: u16,
    },
    /// A server-sent event was handed to the connection.
    SseEvent {
        /// The request's position in the journal, counted from 0.
        request: usize,
        /// The event's number in its reply, counted from 1 as in `after_event`.
        index: usize,
        /// The event's data.
        data: SseData,
    },
    /// The answer came to its end.
    Finished {
        /// The request's position in the journal, counted from 0.
        request: usize,
        /// How it ended.
        outcome: Outcome,
    },
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The whole of it was handed to the connection.
    Completed,
    /// The script's fault happened, by name.
    Faulted(&'static str),
    /// The client went away first.
    ClientClosed,
    /// The server was shut down first.
    ServerStopped,
}

/// The data of a server-sent event: the text of a JSON object, on one line.
#[derive(Clone, PartialEq, Eq)]
pub struct SseData(Bytes);

impl SseData {
    pub(crate) fn new(data: Bytes) -> Self {
        Self(data)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Written by serde_json, hence UTF-8.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The event as JSON.
    pub fn json(&self) -> Value {
        // Written by serde_json, hence JSON.
        serde_json::from_slice(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for SseData {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for SseData {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Who listens to the events, if anybody does.
#[derive(Clone, Default)]
pub(crate) struct Observer(Option<Arc<dyn Fn(Event) + Send + Sync>>);

impl Observer {
    pub(crate) fn new(observer: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(observer)))
    }

    /// Tells an event, which is only made if somebody listens.
    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(observer) = &self.0 {
            observer(event());
        }
    }

    pub(crate) fn is_listening(&self) -> bool {
        self.0.is_some()
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_listening() {
            "Observer"
        } else {
            "nobody"
        })
    }
}

/// An answer under way; when it is dropped, its end is told.
#[derive(Debug)]
pub(crate) struct Answer {
    observer: Observer,
    request: usize,
    outcome: Option<Outcome>,
    stopping: Arc<AtomicBool>,
}

impl Answer {
    pub(crate) fn new(observer: Observer, request: usize, stopping: Arc<AtomicBool>) -> Self {
        Self {
            observer,
            request,
            outcome: None,
            stopping,
        }
    }

    /// Tells that an event (counted from 0) was handed over.
    pub(crate) fn sent(&self, event: usize, data: impl FnOnce() -> Bytes) {
        let request = self.request;
        self.observer.tell(|| Event::SseEvent {
            request,
            index: event + 1,
            data: SseData::new(data()),
        });
    }

    /// Settles how the answer ends; the first time counts.
    pub(crate) fn settle(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
    }

    pub(crate) fn is_observed(&self) -> bool {
        self.observer.is_listening()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let outcome = self.outcome.unwrap_or_else(|| {
            if self.stopping.load(Ordering::Acquire) {
                Outcome::ServerStopped
            } else {
                Outcome::ClientClosed
            }
        });
        let request = self.request;
        self.observer.tell(|| Event::Finished { request, outcome });
    }
}
