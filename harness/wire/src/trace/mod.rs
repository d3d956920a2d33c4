//! Trace rules: what holds for any honest session, judged frame by frame.
//!
//! A [`Tracer`] is shown what was seen on the wire, in order, and tells which [`Rule`]s are
//! broken. It needs to know of a frame only who sent it, to which client, and where it stands.
//! Its memory depends on what is open at one time (requests, turns, items), not on how long the
//! log is.
//!
//! ```
//! use codex_wire::trace::{Moment, Sight, Tracer};
//! let mut tracer = Tracer::default();
//! let frame = serde_json::from_str(r#"{"id": 7, "result": {}}"#)?;
//! let at = Moment { number: 1, client: "" };
//! tracer.see(at, &Sight::Server(frame));
//! let findings = tracer.take();
//! assert_eq!(findings[0].rule.id, "answer-matches-request");
//! # Ok::<(), serde_json::Error>(())
//! ```

mod bounded;
mod connection;
mod direction;
mod entries;
mod finding;
mod item;
mod lenient;
pub mod log;
mod question;
mod seen;
mod settings;
mod sight;
mod table;
mod text;
mod thread;
mod told;
mod turn;

pub use entries::judge;
pub use finding::Finding;
pub use sight::{Frame, ModelRequest, Moment, Sight};
pub use table::{EXCEPTIONS, Exception, ExceptionId, RULES, Rule, RuleId};

use bounded::Latest;
use connection::Connection;
use finding::Notes;
use thread::Threads;

/// The most clients that are remembered.
const CLIENTS: usize = 1024;

/// Judges a session, frame by frame.
#[derive(Debug)]
pub struct Tracer {
    connections: Latest<Connection>,
    threads: Threads,
    abridged: bool,
    last: usize,
    findings: Vec<Finding>,
}

impl Default for Tracer {
    fn default() -> Self {
        Self {
            connections: Latest::up_to(CLIENTS),
            threads: Threads::default(),
            abridged: false,
            last: 0,
            findings: Vec::new(),
        }
    }
}

impl Tracer {
    /// Leaves out the rules that need every frame: the log doesn't have them all.
    pub fn abridge(&mut self) {
        self.abridged = true;
    }

    /// Are rules left out because the log leaves frames out?
    pub fn is_abridged(&self) -> bool {
        self.abridged
    }

    /// Takes out what was found so far.
    pub fn take(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// Looks at the next moment.
    pub fn see(&mut self, at: Moment<'_>, sight: &Sight<'_>) {
        self.last = at.number;
        match sight {
            Sight::Client(frame) => self.client(at, frame),
            Sight::ClientRaw(text) => self.client_raw(at, text),
            Sight::Server(frame) => self.server(at, frame),
            Sight::Either(frame) => {
                let connection = self.connections.get(at.client);
                if direction::is_servers(frame, connection) {
                    self.server(at, frame);
                } else {
                    self.client(at, frame);
                }
            }
            Sight::Model(request) => {
                let whole = !self.abridged;
                let findings = &mut self.findings;
                let mut notes = Notes {
                    findings,
                    at,
                    whole,
                };
                self.threads.model_asked(request, &mut notes);
            }
            Sight::Restarted => self.end(),
            Sight::Abridged => self.abridged = true,
            Sight::Other => {}
        }
    }

    /// The log ends, or the app-server does: what is still open?
    pub fn end(&mut self) {
        for (client, connection) in self.connections.values_mut() {
            let at = Moment {
                number: self.last,
                client,
            };
            let whole = !self.abridged && connection.hears_all();
            let findings = &mut self.findings;
            connection.end(&mut Notes {
                findings,
                at,
                whole,
            });
        }
        self.connections = Latest::up_to(CLIENTS);
        self.threads.unload();
    }

    fn client(&mut self, at: Moment<'_>, frame: &Frame<'_>) {
        let connection = self.connections.entry(at.client, Connection::default);
        match (&*frame.id, &*frame.method) {
            (Some(id), Some(method)) => {
                connection.request(id.clone(), frame, at.number);
                self.threads.asked(method, frame);
            }
            (Some(id), None) => {
                let mut approval = connection.client_answers(id, frame);
                if approval.is_none() {
                    // A client may answer what only another one was asked.
                    let mut all = self.connections.values_mut();
                    approval = all.find_map(|(_, other)| other.client_answers(id, frame));
                }
                if let Some(approval) = approval {
                    self.threads.approved(&approval);
                }
            }
            _ => {}
        }
    }

    /// Lines that the app-server may read as frames, or not.
    fn client_raw(&mut self, at: Moment<'_>, text: &str) {
        for line in text.split_inclusive('\n') {
            let frame = serde_json::from_str::<Frame<'_>>(line).ok();
            let connection = self.connections.entry(at.client, Connection::default);
            connection.is_raw(frame.is_some() && line.ends_with('\n'));
            if let Some(frame) = frame {
                self.client(at, &frame);
            }
        }
    }

    fn server(&mut self, at: Moment<'_>, frame: &Frame<'_>) {
        let connection = self.connections.entry(at.client, Connection::default);
        let whole = !self.abridged && connection.hears_all();
        let findings = &mut self.findings;
        let notes = &mut Notes {
            findings,
            at,
            whole,
        };
        match (&*frame.id, &*frame.method) {
            (Some(id), Some(_)) => {
                connection.before_handshake(frame, notes);
                connection.question(id, frame, notes);
            }
            (Some(id), None) => {
                if let Some(asked) = connection.answer(id, notes) {
                    self.threads.answered(connection, &asked, frame, notes);
                }
            }
            (None, Some(_)) => {
                connection.before_handshake(frame, notes);
                self.threads.notified(connection, frame, notes);
            }
            (None, None) => {}
        }
    }
}
