//! One client's connection: its requests, the app-server's, and what it sees of threads.

use std::collections::HashMap;

use super::bounded::Latest;
use super::finding::Notes;
use super::question::{Approval, Questions, judge_turn};
use super::seen::Thread;
use super::settings::Settings;
use super::sight;
use super::table::RuleId;
use crate::frame::Id;

/// The most threads of a connection that are remembered.
const THREADS: usize = 1024;
/// The most requests that wait for an answer at once.
const WAITING: usize = 65_536;

/// Methods whose answer comes when something ends that may last for ever.
const MAY_WAIT: [&str; 6] = [
    "command/exec",
    "account/login/start",
    "mcpServer/oauth/login",
    "feedback/upload",
    "thread/compact/start",
    "process/spawn",
];

/// Notifications without which turns can't be followed.
const FOLLOWED: [&str; 4] = ["turn/", "item/", "thread/", "serverRequest/"];

/// One client.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) initialized: bool,
    /// The client doesn't want notifications that rules follow.
    opted_out: bool,
    requests: HashMap<Id, Vec<Asked>>,
    waiting: usize,
    /// The client sends what may be no frame: which answers are due is unknown.
    raw: bool,
    /// The number of the last request that was answered.
    answered: usize,
    questions: Questions,
    pub(super) threads: Latest<Thread>,
    emitted: Option<(i64, usize)>,
}

/// A request of the client that waits for its answer.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) at: usize,
    pub(super) method: Box<str>,
    pub(super) thread: Option<Box<str>>,
    pub(super) settings: Settings,
    opts_out: bool,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            initialized: false,
            opted_out: false,
            requests: HashMap::new(),
            waiting: 0,
            raw: false,
            answered: 0,
            questions: Questions::default(),
            threads: Latest::up_to(THREADS),
            emitted: None,
        }
    }
}

impl Connection {
    /// Does this client hear everything that rules follow?
    pub(super) fn hears_all(&self) -> bool {
        !self.opted_out
    }

    pub(super) fn thread(&mut self, id: &str) -> &mut Thread {
        self.threads.entry(id, Thread::default)
    }

    /// Does the client wait for an answer that may subscribe it to a thread?
    fn subscribes(&self) -> bool {
        self.requests
            .values()
            .flatten()
            .any(|asked| gives_thread(&asked.method))
    }

    /// Does the app-server wait for an answer with this id?
    pub(super) fn is_asked(&self, id: &Id) -> bool {
        self.questions.has_unanswered(id)
    }

    /// Does the client wait for an answer with this id?
    pub(super) fn awaits(&self, id: &Id) -> bool {
        self.requests.contains_key(id)
    }

    /// The client sends a request.
    pub(super) fn request(&mut self, id: Id, frame: &sight::Frame<'_>, at: usize) {
        if self.waiting >= WAITING {
            self.requests.clear();
            self.waiting = 0;
        }
        let method = frame.method.as_deref().unwrap_or_default();
        let params = frame.params.as_ref();
        let settings = params.map_or_else(Settings::default, |params| match method {
            "turn/start" | "thread/settings/update" => Settings::asked_of_turn(params),
            method if gives_thread(method) => Settings::asked_of_thread(params),
            _ => Settings::default(),
        });
        let opts_out = params
            .and_then(|params| params.capabilities.as_ref())
            .and_then(|capabilities| capabilities.opt_out_notification_methods.as_ref())
            .is_some_and(|methods| {
                let followed = |name: &str| FOLLOWED.iter().any(|start| name.starts_with(start));
                methods.iter().any(|name| followed(name))
            });
        let asked = Asked {
            at,
            method: method.into(),
            thread: params
                .and_then(|params| params.thread_id.as_deref())
                .map(Into::into),
            settings,
            opts_out,
        };
        self.requests.entry(id).or_default().push(asked);
        self.waiting += 1;
    }

    /// The app-server answers.
    pub(super) fn answer(&mut self, id: &Id, notes: &mut Notes<'_>) -> Option<Asked> {
        let Some(all) = self.requests.get_mut(id) else {
            let other = other_type(id).filter(|other| self.requests.contains_key(other));
            if let Some(other) = other {
                let message = format!("the answer has the id {id}, the request had {other}");
                notes.broken(RuleId::AnswerIdType, None, message);
                return self.answer(&other, notes);
            }
            if !self.raw {
                let message = format!(
                    "no open request has the id {id}: it was answered before, or never asked"
                );
                notes.broken(RuleId::AnswerMatches, None, message);
            }
            return None;
        };
        let asked = all.remove(0);
        if all.is_empty() {
            self.requests.remove(id);
        }
        self.waiting = self.waiting.saturating_sub(1);
        self.answered = self.answered.max(asked.at);
        Some(asked)
    }

    /// The handshake is done. A second one is that of another connection under the same name:
    /// then the result is true.
    pub(super) fn initialize(&mut self, asked: &Asked, notes: &mut Notes<'_>) -> bool {
        let again = self.initialized;
        if again {
            let later = |waiting: &Asked| waiting.at > asked.at;
            let kept: HashMap<_, _> = self
                .requests
                .extract_if(|_, all| all.iter().any(later))
                .collect();
            self.end(notes);
            *self = Self {
                requests: kept,
                ..Self::default()
            };
        }
        self.initialized = true;
        self.opted_out = asked.opts_out;
        again
    }

    /// Something other than an answer is sent: was there a handshake?
    pub(super) fn before_handshake(&mut self, frame: &sight::Frame<'_>, notes: &mut Notes<'_>) {
        let asks = |asked: &Asked| &*asked.method == "initialize";
        let waits = self.requests.values().flatten().any(asks);
        if !self.initialized && waits {
            let method = frame.method.as_deref().unwrap_or_default();
            let message = format!("`{method}` is sent before `initialize` is answered");
            notes.broken(RuleId::HandshakeFirst, None, message);
        }
    }

    /// `thread/started`: a thread that another one made comes with its turns.
    pub(super) fn announced(&mut self, thread: Option<&sight::Thread<'_>>) {
        let child = thread.filter(|thread| thread.parent_thread_id.is_some());
        if let Some(id) = child.and_then(|thread| thread.id.as_deref()) {
            self.thread(id).subscribed = true;
        }
    }

    /// May this client be told of the turns of this thread?
    pub(super) fn hears_of(&self, thread: &str) -> bool {
        let known = self.threads.get(thread);
        known.is_some_and(|thread| thread.subscribed) || !self.initialized || self.subscribes()
    }

    /// The client sends a text as it is; is it a frame with its line end?
    pub(super) fn is_raw(&mut self, whole: bool) {
        self.raw |= !whole;
    }

    /// The app-server asks the client.
    pub(super) fn question(&mut self, id: &Id, frame: &sight::Frame<'_>, notes: &mut Notes<'_>) {
        self.questions.ask(id, frame, notes);
        let params = frame.params.as_ref();
        let thread = params.and_then(|params| self.threads.get(params.thread_id.as_deref()?));
        if let Some(thread) = thread.filter(|thread| thread.whole) {
            judge_turn(frame, thread.running(), notes);
        }
    }

    /// The client answers the app-server: what does it approve?
    pub(super) fn client_answers(&mut self, id: &Id, frame: &sight::Frame<'_>) -> Option<Approval> {
        self.questions.answer(id, frame)
    }

    /// `serverRequest/resolved`.
    pub(super) fn resolved(&mut self, id: &Id, thread: &str, notes: &mut Notes<'_>) {
        let followed = self.threads.get(thread).is_some_and(|thread| thread.whole);
        self.questions.resolve(id, (thread, followed), notes);
    }

    /// A turn ends: which questions of it are left?
    pub(super) fn turn_ends(&mut self, turn: &sight::Turn<'_>, notes: &mut Notes<'_>) {
        self.questions.turn_ends(turn, notes);
    }

    /// The stamp of a notification.
    pub(super) fn emitted(&mut self, at_ms: i64, notes: &mut Notes<'_>) {
        if let Some((before, at)) = self.emitted.filter(|(before, _)| at_ms < *before) {
            let message = format!(
                "`emittedAtMs` is {} ms before that of frame {at}",
                before - at_ms
            );
            notes.broken(RuleId::EmittedInOrder, Some(at), message);
        }
        self.emitted = Some((at_ms, notes.at.number));
    }

    /// The connection ends.
    pub(super) fn end(&mut self, notes: &mut Notes<'_>) {
        let mut left: Vec<_> = self
            .requests
            .drain()
            .flat_map(|(id, all)| all.into_iter().map(move |asked| (id.clone(), asked)))
            .filter(|(_, asked)| asked.at < self.answered)
            .filter(|(_, asked)| !MAY_WAIT.contains(&&*asked.method))
            .collect();
        left.sort_by_key(|(_, asked)| asked.at);
        self.turns_left(notes);
        for (id, asked) in left.into_iter().filter(|_| !self.raw) {
            let message = format!(
                "`{}` with the id {id} has no answer, later requests have",
                asked.method
            );
            notes.broken(RuleId::RequestAnswered, Some(asked.at), message);
        }
    }

    /// Turns whose thread says that it does nothing any more, and that have no end.
    fn turns_left(&mut self, notes: &mut Notes<'_>) {
        let answered = self.answered;
        let left = self
            .threads
            .values_mut()
            .filter_map(|(_, thread)| thread.left_open(answered));
        for (turn, since) in left {
            let message = format!("turn `{turn}` has no `turn/completed`, its thread is at rest");
            notes.broken(RuleId::TurnCompletedOnce, Some(since), message);
        }
    }
}

/// Does the answer to this method make the client hear of a thread's turns?
pub(super) fn gives_thread(method: &str) -> bool {
    ["thread/start", "thread/resume", "thread/fork"].contains(&method)
}

/// The same id as a string, or as a number.
fn other_type(id: &Id) -> Option<Id> {
    match id {
        Id::Integer(n) => Some(Id::String(n.to_string())),
        Id::String(text) => text.parse().ok().map(Id::Integer),
    }
}
