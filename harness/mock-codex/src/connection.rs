//! One client: what it may see, and how frames reach it.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

use bytes::Bytes;
use codex_wire::frame::{ErrorObject, Frame, Id};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, de};
use serde_json::Value;

use crate::clock;
use crate::failure::Failure;
use crate::methods::{self, Commands, Watches};
use crate::mutant::{self, Filter};
use crate::outbox::{Outbox, Outgoing};
use crate::server::Server;

/// A connected client.
#[derive(Debug)]
pub(crate) struct Client {
    outbox: Outbox,
    /// A defect that was asked for.
    filter: Option<Filter>,
    identity: OnceCell<Identity>,
    experimental: Cell<bool>,
    opted_out: RefCell<HashSet<String>>,
    /// The paths that it watches.
    pub(crate) watches: Watches,
    /// The commands that run for it.
    pub(crate) commands: Commands,
}

/// Who the client said it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identity {
    /// The originator of its threads.
    pub(crate) name: String,
    /// The user agent of model requests.
    pub(crate) user_agent: String,
}

/// One request on its way through a handler, which answers it exactly once.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) server: Rc<Server>,
    pub(crate) client: Rc<Client>,
    id: Id,
}

/// A line of a client. A member that is there twice makes it unreadable.
#[derive(Debug, Deserialize)]
struct Envelope {
    id: Option<Id>,
    method: Option<String>,
    params: Option<Value>,
    result: Option<Value>,
    error: Option<ErrorObject>,
}

/// A line that is no envelope may still pass for a notification, which needs less of it.
#[derive(Debug, Deserialize)]
struct Notification {
    #[serde(rename = "method")]
    _method: String,
    #[serde(rename = "params")]
    _params: Option<IgnoredAny>,
}

/// Notifications that only clients with `experimentalApi` get.
const EXPERIMENTAL: &[&str] = &["thread/readState/changed", "thread/settings/updated"];

impl Envelope {
    fn parse(line: &[u8]) -> serde_json::Result<Self> {
        if !line.trim_ascii_start().starts_with(b"{") {
            return Err(de::Error::custom("a message is a JSON object"));
        }
        serde_json::from_slice(line)
    }
}

impl Client {
    /// A client whose frames go into `outbox`.
    pub(crate) fn new(outbox: Outbox) -> Self {
        Self {
            outbox,
            filter: mutant::filter(),
            identity: OnceCell::new(),
            experimental: Cell::new(false),
            opted_out: RefCell::default(),
            watches: Watches::default(),
            commands: Commands::default(),
        }
    }

    /// Takes the handshake; `false` if there was one already.
    pub(crate) fn initialize(
        &self,
        identity: Identity,
        experimental: bool,
        opted_out: Vec<String>,
    ) -> bool {
        if self.identity.set(identity).is_err() {
            return false;
        }
        self.experimental.set(experimental);
        *self.opted_out.borrow_mut() = opted_out.into_iter().collect();
        true
    }

    /// Who it is, after the handshake.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.get()
    }

    /// Did it ask for the experimental part of the protocol?
    pub(crate) fn experimental(&self) -> bool {
        self.experimental.get()
    }

    /// Sends a notification unless the client has opted out of it.
    pub(crate) fn notify(&self, method: &str, params: &impl Serialize) {
        self.deliver(method, notification(method, params));
    }

    /// Sends a written notification unless the client has opted out of it.
    pub(crate) fn deliver(&self, method: &str, frame: Bytes) {
        let wanted = self.identity.get().is_some()
            && (self.experimental() || !EXPERIMENTAL.contains(&method))
            && !self.opted_out.borrow().contains(method);
        if wanted {
            self.send(frame);
        }
    }

    /// Sends a request of the server.
    pub(crate) fn request(&self, id: i64, method: &str, params: &impl Serialize) {
        #[derive(Serialize)]
        struct ServerRequest<'a, P> {
            method: &'a str,
            id: i64,
            params: &'a P,
        }
        self.send(line(&ServerRequest { method, id, params }));
    }

    fn send(&self, frame: Bytes) {
        match &self.filter {
            None => self.outbox.put(Outgoing::Frame(frame)),
            Some(filter) => {
                for frame in filter.pass(frame) {
                    self.outbox.put(Outgoing::Frame(frame));
                }
            }
        }
    }

    /// Answers a ping.
    pub(crate) fn pong(&self, payload: Bytes) {
        self.outbox.put(Outgoing::Pong(payload));
    }

    /// Says that nothing more will be sent.
    pub(crate) fn hang_up(&self) {
        self.outbox.close();
    }

    /// Refuses a message because too much waits already; `false` if it is nothing that gets an
    /// answer.
    pub(crate) fn refuse(&self, message: &[u8]) -> bool {
        let Ok(Envelope {
            id: Some(id),
            method: Some(_),
            ..
        }) = Envelope::parse(message)
        else {
            return false;
        };
        self.send(
            Frame::error(id, Failure::overloaded().into_object())
                .to_line()
                .into(),
        );
        true
    }

    /// Handles one line of the client.
    pub(crate) fn receive(self: &Rc<Self>, server: &Rc<Server>, line: &[u8]) {
        let envelope = match Envelope::parse(line) {
            Ok(envelope) => envelope,
            // Two ids make it no request, as codex 0.169.0 reads it, and notifications of clients
            // mean nothing.
            Err(_) if serde_json::from_slice::<Notification>(line).is_ok() => return,
            Err(error) => {
                return crate::complain(&format!("Failed to deserialize JSONRPCMessage: {error}"));
            }
        };
        match envelope {
            Envelope {
                id: Some(id),
                method: Some(method),
                params,
                ..
            } => {
                let call = Call {
                    server: Rc::clone(server),
                    client: Rc::clone(self),
                    id,
                };
                if let Err(failure) = methods::dispatch(&call, &method, params) {
                    call.fail(failure);
                }
            }
            Envelope {
                id: Some(id),
                result: Some(result),
                ..
            } => {
                answered(server, &id, Ok(result));
            }
            Envelope {
                id: Some(id),
                error: Some(error),
                ..
            } => {
                answered(server, &id, Err(error.message));
            }
            Envelope {
                method: Some(_), ..
            } => {}
            Envelope { .. } => crate::complain(
                "Failed to deserialize JSONRPCMessage: data did not match any variant of untagged \
                 enum JSONRPCMessage",
            ),
        }
    }
}

impl Call {
    /// Answers with a result.
    pub(crate) fn reply(&self, result: &impl Serialize) {
        #[derive(Serialize)]
        struct Reply<'a, R> {
            id: &'a Id,
            result: &'a R,
        }
        self.client.send(line(&Reply {
            id: &self.id,
            result,
        }));
    }

    /// Answers with an error.
    pub(crate) fn fail(&self, failure: Failure) {
        let frame = Frame::error(self.id.clone(), failure.into_object());
        self.client.send(frame.to_line().into());
    }
}

/// Gives an answer of the client to whoever asked.
fn answered(server: &Rc<Server>, id: &Id, answer: Result<Value, String>) {
    let resolved = |thread: &str, id: i64| server.resolved(thread, id);
    if !server.approvals.answer(id, answer, resolved) {
        crate::complain(&format!("could not find callback for {id:?}"));
    }
}

/// A notification of the server, written.
pub(crate) fn notification(method: &str, params: &impl Serialize) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Notification<'a, P> {
        method: &'a str,
        params: &'a P,
        emitted_at_ms: i64,
    }
    line(&Notification {
        method,
        params,
        emitted_at_ms: clock::now_ms(),
    })
}

fn line(frame: &impl Serialize) -> Bytes {
    let mut line = Vec::with_capacity(512);
    // Writing to memory doesn't fail, and no map of a frame has keys other than strings.
    let _ = serde_json::to_writer(&mut line, frame);
    line.push(b'\n');
    line.into()
}
