//! One connection to an app-server: what was sent, what came, and who waits for what.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use codex_wire::frame::{Frame, Id, Request};
use codex_wire::transcript::Event;
use serde_json::Value;
use tokio::sync::{Notify, mpsc};

use crate::client::approval::Approvals;
use crate::client::failure::Failure;
use crate::run::record::Recorder;

/// What is on its way to the app-server.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// A frame.
    Frame(Frame),
    /// Bytes as they are.
    Raw(Vec<u8>),
    /// The end of the stream.
    Close,
}

/// A frame that came from the app-server.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its position in the transcript.
    pub entry: usize,
    /// The frame as it was read.
    pub frame: Frame,
    /// The frame with every member.
    pub value: Value,
}

/// The end of a connection.
#[derive(Clone, Debug)]
struct End {
    reason: String,
    entry: Option<usize>,
}

#[derive(Debug, Default)]
struct State {
    /// Everything that came, in order.
    inbox: Vec<Received>,
    /// Positions in the inbox of answers that nobody took yet, by id.
    answers: HashMap<Id, VecDeque<usize>>,
    /// How far `await` has looked, by method.
    cursors: HashMap<Option<String>, usize>,
    approvals: Approvals,
    next_id: i64,
    end: Option<End>,
}

/// A connection; clones are the same one. Reading and writing go on in tasks of their own.
#[derive(Clone, Debug)]
pub struct Connection {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    recorder: Recorder,
    outgoing: mpsc::UnboundedSender<Outgoing>,
    state: Mutex<State>,
    changed: Notify,
    waiting_for: Waiting,
}

/// What is waited for right now, in words: a deadline that strikes says it.
#[derive(Clone, Debug, Default)]
pub struct Waiting(Arc<Mutex<Option<String>>>);

impl Waiting {
    /// Says what is waited for until the result is dropped.
    #[must_use = "dropping it ends the waiting"]
    pub fn say(&self, what: String) -> Said {
        *self.lock() = Some(what);
        Said(self.clone())
    }

    /// What is waited for.
    pub fn now(&self) -> Option<String> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Waiting::say`].
#[derive(Debug)]
pub struct Said(Waiting);

impl Said {
    /// The wait is over. A wait that is given up instead, because the deadline struck, keeps
    /// its words.
    pub fn done(self) {
        *self.0.lock() = None;
    }
}

impl Connection {
    /// A connection with its way out, which a transport empties.
    pub(crate) fn new(
        recorder: Recorder,
        approvals: Approvals,
        waiting_for: Waiting,
    ) -> (Self, mpsc::UnboundedReceiver<Outgoing>) {
        let (outgoing, to_write) = mpsc::unbounded_channel();
        let state = State {
            approvals,
            next_id: 1,
            ..State::default()
        };
        let shared = Shared {
            recorder,
            outgoing,
            state: Mutex::new(state),
            changed: Notify::new(),
            waiting_for,
        };
        let connection = Self {
            shared: Arc::new(shared),
        };
        (connection, to_write)
    }

    /// Writes a frame; the result is its entry.
    pub fn send(&self, frame: Frame) -> usize {
        let entry = self.shared.recorder.push(Event::Client(frame.to_value()));
        self.put(Outgoing::Frame(frame));
        entry
    }

    /// Writes bytes that need not be a frame; the result is their entry.
    pub fn send_raw(&self, bytes: Vec<u8>) -> usize {
        let text = String::from_utf8_lossy(&bytes)
            .trim_end_matches(['\n', '\r'])
            .to_owned();
        let entry = self.shared.recorder.push(Event::ClientRaw(text));
        self.put(Outgoing::Raw(bytes));
        entry
    }

    /// Closes the way to the app-server.
    pub fn close(&self) {
        self.put(Outgoing::Close);
    }

    /// Sends a request and waits for its answer: the result and the answer's entry.
    ///
    /// # Errors
    /// The app-server's error, or the end of the connection.
    pub async fn request(
        &self,
        method: &str,
        params: Option<Value>,
        id: Option<Id>,
    ) -> Result<(Value, usize), Failure> {
        let id = id.unwrap_or_else(|| self.fresh_id());
        self.send(Frame::Request(Request {
            id: id.clone(),
            method: method.to_owned(),
            params,
        }));
        let what = format!("the reply to `{method}` (id {id})");
        let answer = self.wait(what, |state| state.take_answer(&id)).await?;
        match answer.frame {
            Frame::Response(response) => Ok((response.result, answer.entry)),
            Frame::Error(error) => Err(Failure::server(error.error, answer.entry)),
            Frame::Request(_) | Frame::Notification(_) => {
                unreachable!("only answers are filed by id")
            }
        }
    }

    /// Waits for the next frame with this method (any, if `None`) that `accepts` takes, from
    /// where the last such wait for the same method ended.
    ///
    /// # Errors
    /// The end of the connection.
    pub async fn next(
        &self,
        method: Option<&str>,
        what: String,
        accepts: impl Fn(&Received) -> bool,
    ) -> Result<Received, Failure> {
        let key = method.map(str::to_owned);
        let mut seen = self.lock().cursors.get(&key).copied().unwrap_or_default();
        self.wait(what, |state| {
            while let Some(received) = state.inbox.get(seen) {
                seen += 1;
                if method.is_none_or(|m| received.frame.method() == Some(m)) && accepts(received) {
                    let found = received.clone();
                    state.cursors.insert(key.clone(), seen);
                    return Some(found);
                }
            }
            None
        })
        .await
    }

    /// Waits until `find` finds something among the frames from position `from` on.
    ///
    /// # Errors
    /// The end of the connection.
    pub async fn find<T>(
        &self,
        what: String,
        mut from: usize,
        mut find: impl FnMut(&Received) -> Option<T>,
    ) -> Result<T, Failure> {
        self.wait(what, |state| {
            while let Some(received) = state.inbox.get(from) {
                from += 1;
                if let Some(found) = find(received) {
                    return Some(found);
                }
            }
            None
        })
        .await
    }

    /// Looks at everything that came so far.
    pub fn look<T>(&self, at: impl FnOnce(&[Received]) -> T) -> T {
        at(&self.lock().inbox)
    }

    /// Changes how the app-server's requests are answered.
    pub fn approvals<T>(&self, change: impl FnOnce(&mut Approvals) -> T) -> T {
        change(&mut self.lock().approvals)
    }

    /// Takes in what the app-server sent: a line, or a message.
    pub(crate) fn receive(&self, bytes: &[u8]) {
        let parsed = serde_json::from_slice::<Value>(bytes)
            .ok()
            .and_then(|value| Some((Frame::from_value(value.clone()).ok()?, value)));
        let Some((frame, value)) = parsed else {
            let text = String::from_utf8_lossy(bytes).into_owned();
            self.shared.recorder.push(Event::ServerRaw(text));
            return;
        };
        let entry = self.shared.recorder.push(Event::Server(value.clone()));
        if let Some(method) = frame.method() {
            self.shared.recorder.client_received(method, &value);
        }
        let mut state = self.lock();
        let position = state.inbox.len();
        let answer = match &frame {
            Frame::Request(request) => state.approvals.answer(request),
            Frame::Response(_) | Frame::Error(_) => {
                if let Some(id) = frame.id() {
                    state
                        .answers
                        .entry(id.clone())
                        .or_default()
                        .push_back(position);
                }
                None
            }
            Frame::Notification(_) => None,
        };
        state.inbox.push(Received {
            entry,
            frame,
            value,
        });
        drop(state);
        self.shared.changed.notify_waiters();
        if let Some(answer) = answer {
            self.send(answer);
        }
    }

    /// The connection is at its end; the first reason counts.
    pub(crate) fn end(&self, reason: impl Into<String>, entry: Option<usize>) {
        let reason = reason.into();
        self.lock().end.get_or_insert(End { reason, entry });
        self.shared.changed.notify_waiters();
    }

    /// What a transport that failed leaves in the transcript.
    pub(crate) fn receive_nothing_more(&self, reason: String) {
        let entry = self.shared.recorder.push(Event::ServerRaw(reason.clone()));
        self.end(reason, Some(entry));
    }

    fn fresh_id(&self) -> Id {
        let mut state = self.lock();
        let id = state.next_id;
        state.next_id += 1;
        Id::Integer(id)
    }

    fn put(&self, outgoing: Outgoing) {
        // A transport that has stopped writing has told the end of the connection.
        let _ = self.shared.outgoing.send(outgoing);
    }

    async fn wait<T>(
        &self,
        what: String,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<T, Failure> {
        let said = self.shared.waiting_for.say(what.clone());
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut state = self.lock();
                if let Some(found) = look(&mut state) {
                    said.done();
                    return Ok(found);
                }
                if let Some(End { reason, entry }) = state.end.clone() {
                    said.done();
                    return Err(Failure::transport(
                        format!("{reason} while {what} was awaited"),
                        entry,
                    ));
                }
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_answer(&mut self, id: &Id) -> Option<Received> {
        let position = self.answers.get_mut(id)?.pop_front()?;
        self.inbox.get(position).cloned()
    }
}
