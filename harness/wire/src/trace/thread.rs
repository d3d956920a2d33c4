//! What is known of threads, whichever client sees them, and what each frame means for them.

use super::bounded::{Latest, Ring};
use super::connection::{Asked, Connection, gives_thread};
use super::finding::Notes;
use super::item;
use super::question::Approval;
use super::seen::Thread;
use super::settings::{Life, Settings};
use super::sight::{self, Frame};
use super::table::{ExceptionId, RuleId};
use super::told::{Told, written};

/// The most threads that are remembered.
const THREADS: usize = 4096;
/// The most settings of one thread that wait for their answers.
const PENDING: usize = 64;
/// The most approvals that are remembered.
const APPROVED: usize = 1024;

/// How it is told that the administrator does not allow a setting.
const DISALLOWED: &str = " is disallowed by requirements; ";

/// All threads.
#[derive(Debug)]
pub(super) struct Threads {
    known: Latest<Known>,
    /// May commands run outside the sandbox because the client said so for good?
    granted: bool,
    /// Was it told that the administrator does not allow some setting?
    required: bool,
    /// The items whose approval was given, with their threads.
    approved: Ring<(Box<str>, Box<str>)>,
}

/// What every client must be told alike.
#[derive(Debug, Default)]
struct Known {
    settings: Settings,
    /// What was set when the running turn began; what is set meanwhile is meant for the next one
    /// (codex 0.169.0).
    of_turn: Option<Settings>,
    /// Settings that were asked for, and not yet answered.
    pending: Vec<Settings>,
    /// Was it started, resumed or forked since the app-server began? `None`: nobody knows.
    loaded: Option<bool>,
    /// Has it had a turn?
    turns: bool,
}

impl Default for Threads {
    fn default() -> Self {
        Self {
            known: Latest::up_to(THREADS),
            granted: false,
            required: false,
            approved: Ring::up_to(APPROVED),
        }
    }
}

impl Threads {
    /// The app-server ended: nothing is loaded any more.
    pub(super) fn unload(&mut self) {
        for (_, known) in self.known.values_mut() {
            known.loaded = Some(false);
            known.pending.clear();
        }
    }

    /// A client allows something.
    pub(super) fn approved(&mut self, approval: &Approval) {
        let (thread, item) = (approval.thread.clone(), approval.item.clone());
        self.approved.push((thread, item));
        self.granted |= approval.for_good;
    }

    /// A client asks for settings.
    pub(super) fn asked(&mut self, method: &str, frame: &Frame<'_>) {
        let Some(params) = &*frame.params else { return };
        let Some(thread) = params.thread_id.as_deref() else {
            return;
        };
        if sets(method) {
            let settings = Settings::asked_of_turn(params);
            let pending = &mut self.known(thread).pending;
            if !settings.is_empty() && pending.len() < PENDING {
                pending.push(settings);
            }
        }
    }

    /// A request of a client is answered.
    pub(super) fn answered(
        &mut self,
        connection: &mut Connection,
        asked: &Asked,
        frame: &Frame<'_>,
        notes: &mut Notes<'_>,
    ) {
        let result = frame.result.as_ref();
        let about = asked.thread.as_deref();
        if let Some(thread) = about.filter(|_| sets(&asked.method)) {
            let known = self.known(thread);
            if let Some(at) = known.pending.iter().position(|one| *one == asked.settings) {
                let settings = known.pending.remove(at);
                if frame.error.is_none() {
                    known.settings = known.settings.with(&settings);
                }
            }
        }
        let Some(result) = result.filter(|_| frame.error.is_none()) else {
            return;
        };
        match &*asked.method {
            "initialize" => self.greeted(connection, asked, notes),
            method if gives_thread(method) => self.given(connection, asked, result, notes),
            "turn/start" => {
                let turn = result.turn.as_ref().and_then(|turn| turn.id.as_deref());
                if let (Some(thread), Some(turn)) = (about, turn) {
                    connection.thread(thread).replied(turn, asked.at, notes);
                }
            }
            "review/start" => {
                let turn = result.turn.as_ref().and_then(|turn| turn.id.as_deref());
                if let (Some(thread), Some(turn)) = (about, turn) {
                    connection
                        .thread(thread)
                        .review_replied(turn, notes.at.number);
                }
            }
            "turn/steer" => {
                if let Some(thread) = about {
                    connection.thread(thread).steered();
                }
            }
            "thread/unsubscribe" => {
                if let Some(thread) = about {
                    let thread = connection.thread(thread);
                    thread.subscribed = false;
                    thread.lost();
                }
            }
            "thread/revert" | "thread/rollback" => {
                if let Some(thread) = about {
                    connection.thread(thread).reverted();
                }
            }
            _ => {}
        }
    }

    /// The reply to `initialize`. A second one may be that of another process: whether a thread is
    /// loaded is unknown then.
    fn greeted(&mut self, connection: &mut Connection, asked: &Asked, notes: &mut Notes<'_>) {
        if connection.initialize(asked, notes) {
            for (_, known) in self.known.values_mut() {
                known.loaded = None;
            }
        }
    }

    /// The reply to `thread/start`, `thread/resume` or `thread/fork`.
    fn given(
        &mut self,
        connection: &mut Connection,
        asked: &Asked,
        result: &sight::Answer<'_>,
        notes: &mut Notes<'_>,
    ) {
        let Some(thread) = &*result.thread else {
            return;
        };
        let Some(id) = thread.id.as_deref() else {
            return;
        };
        let reported = Settings::replied(result);
        match &*asked.method {
            "thread/start" => {
                let reported = (&reported, self.required);
                asked.settings.judge_start(reported, asked.at, notes);
            }
            "thread/fork" => {
                let parent = asked.thread.as_deref().or(thread.forked_from_id.as_deref());
                if let Some(parent) = parent.and_then(|parent| self.known.get(parent)) {
                    let pending = parent.pending.is_empty();
                    let settings = pending.then(|| parent.settings.clone());
                    let settings = settings.unwrap_or_default();
                    let reported = (&reported, self.required);
                    settings.judge_fork(&asked.settings, reported, notes);
                }
            }
            _ => {
                let required = self.required;
                let known = self.known(id);
                if known.pending.is_empty() {
                    let life = match known.loaded {
                        Some(true) => Life::Loaded,
                        Some(false) if !known.turns => Life::NoTurn,
                        Some(false) => Life::Stored,
                        None => Life::Unknown,
                    };
                    let now = (&reported, required, life);
                    known.settings.judge_resume(&asked.settings, now, notes);
                }
            }
        }
        let known = self.known(id);
        known.settings = known.settings.with(&reported);
        known.loaded = Some(true);
        let status = thread.status.as_ref();
        connection.thread(id).given(status, notes.at.number);
    }

    /// A notification.
    pub(super) fn notified(
        &mut self,
        connection: &mut Connection,
        frame: &Frame<'_>,
        notes: &mut Notes<'_>,
    ) {
        if let Some(at_ms) = *frame.emitted_at_ms {
            connection.emitted(at_ms, notes);
        }
        let method = frame.method.as_deref().unwrap_or_default();
        let Some(params) = &*frame.params else { return };
        let mut said = [&params.summary, &params.message].into_iter();
        self.required |= said.any(|text| text.as_deref().is_some_and(|it| it.contains(DISALLOWED)));
        let Some(thread) = params.thread_id.as_deref() else {
            if method == "thread/started" {
                connection.announced(params.thread.as_deref());
            }
            return;
        };
        let is_of_a_turn = method.starts_with("turn/") || method.starts_with("item/");
        if is_of_a_turn && !connection.hears_of(thread) {
            let message = format!(
                "`{method}` of thread `{thread}`, which this client has not started, resumed or forked"
            );
            notes.broken(RuleId::SubscribedOnly, None, message);
            return;
        }
        match method {
            "thread/status/changed" => self.status(connection, thread, params, notes),
            "thread/settings/updated" => self.updated(thread, params, notes),
            "thread/tokenUsage/updated" => {
                if let Some(usage) = &*params.token_usage {
                    connection.thread(thread).tokens(usage, notes);
                }
            }
            "turn/started" => {
                let known = self.known(thread);
                known.turns = true;
                known.of_turn = Some(known.settings.clone());
                if let Some(turn) = &*params.turn {
                    connection.thread(thread).start(turn, notes);
                }
            }
            "turn/completed" => {
                self.known(thread).of_turn = None;
                if let Some(turn) = &*params.turn {
                    connection.turn_ends(turn, notes);
                    connection.thread(thread).complete(turn, notes);
                }
            }
            "serverRequest/resolved" => {
                if let Some(id) = &*params.request_id {
                    connection.resolved(id, thread, notes);
                }
            }
            "error" => {
                if let Some(turn) = params.turn_id.as_deref() {
                    connection.thread(thread).broke(turn);
                }
            }
            method if method.starts_with("item/") => {
                self.item(connection.thread(thread), (thread, method), params, notes);
            }
            _ => {}
        }
    }

    /// `item/…`, as a notification.
    fn item(
        &mut self,
        seen: &mut Thread,
        (thread, method): (&str, &str),
        params: &sight::Params<'_>,
        notes: &mut Notes<'_>,
    ) {
        let turn = params.turn_id.as_deref().unwrap_or_default();
        match (method, &*params.item) {
            ("item/started", Some(item)) => seen.start_item(turn, item, notes),
            ("item/completed", Some(item)) => {
                item::judge_alone(item, notes);
                self.judge_writes(thread, item, notes);
                seen.complete_item(turn, item, notes);
            }
            ("item/autoApprovalReview/completed", _) => {
                if let Some(item) = params.target_item_id.as_deref() {
                    self.approved.push((thread.into(), item.into()));
                }
            }
            _ => {
                if let Some(item) = params.item_id.as_deref() {
                    seen.delta(method, (turn, item), params, notes);
                }
            }
        }
    }

    /// Did an item write under a sandbox that is read-only?
    fn judge_writes(&self, thread: &str, item: &sight::Item<'_>, notes: &mut Notes<'_>) {
        let known = self.known.get(thread);
        let read_only = known.is_some_and(|known| {
            let mut all = known.of_turn.iter().chain([&known.settings]);
            all.all(Settings::is_read_only) && known.pending.is_empty()
        });
        if !read_only || item.status.as_deref() != Some("completed") {
            return;
        }
        let id = item.id.as_deref().unwrap_or_default();
        let what = match item.r#type.as_deref() {
            Some("commandExecution") => item
                .command
                .as_deref()
                .filter(|_| *item.exit_code == Some(0))
                .and_then(written)
                .map(|file| format!("command `{id}` wrote `{file}`")),
            Some("fileChange") => Some(format!("patch `{id}` was applied")),
            _ => None,
        };
        let Some(what) = what else { return };
        let why = if item.source.as_deref() == Some("userShell") {
            Some(ExceptionId::UserShellOutside)
        } else {
            let asked = |(of, item): &(Box<str>, Box<str>)| &**of == thread && &**item == id;
            (self.granted || self.approved.iter().any(asked))
                .then_some(ExceptionId::ApprovedOutside)
        };
        let message = format!("{what} while the thread's sandbox is read-only");
        notes.judged(RuleId::ReadOnlyWroteNothing, why, None, message);
    }

    /// `thread/status/changed`.
    fn status(
        &mut self,
        connection: &mut Connection,
        thread: &str,
        params: &sight::Params<'_>,
        notes: &mut Notes<'_>,
    ) {
        let Some(status) = &*params.status else {
            return;
        };
        if status.r#type.as_deref() == Some("notLoaded") {
            self.known(thread).loaded = Some(false);
        }
        connection.thread(thread).status(status, notes);
    }

    /// `thread/settings/updated`.
    fn updated(&mut self, thread: &str, params: &sight::Params<'_>, notes: &mut Notes<'_>) {
        let Some(settings) = &*params.thread_settings else {
            return;
        };
        let reported = Settings::updated(settings);
        let known = self.known(thread);
        // It may come before the answer to the request that it is for.
        let differs = known.settings.differs(&reported);
        let mut coming = known.settings.clone();
        let expected = known.pending.iter().position(|settings| {
            coming = coming.with(settings);
            coming.differs(&reported).is_none()
        });
        match (expected, differs) {
            (Some(last), _) => drop(known.pending.drain(..=last)),
            (None, Some((name, set, now))) => {
                let message = format!("`{name}` was set to `{set}`, reported is `{now}`");
                notes.broken(RuleId::SettingsReported, None, message);
            }
            (None, None) => {}
        }
        known.settings = known.settings.with(&reported);
    }

    /// The app-server asks the model.
    pub(super) fn model_asked(&mut self, request: &sight::ModelRequest<'_>, notes: &mut Notes<'_>) {
        let Some(told) = Told::of(request) else {
            return;
        };
        let Some(known) = self.known.get(&told.thread) else {
            return;
        };
        let Some(mode) = known.settings.mode() else {
            return;
        };
        // What was asked for and not yet reported may be in force already, and what was set during
        // a turn not yet.
        let modes = || {
            let asked = known.pending.iter().chain(&known.of_turn);
            asked.map(Settings::mode).chain([Some(mode)])
        };
        let may_be = |told: &str| modes().any(|mode| mode.is_none_or(|mode| mode == told));
        for (told, by) in [
            (&told.metadata, "the turn's metadata"),
            (&told.text, "the text"),
        ] {
            if let Some(told) = told.as_deref().filter(|told| !may_be(told)) {
                let external = told == "danger-full-access"
                    && modes().any(|mode| mode == Some("external-sandbox"));
                let why = external.then_some(ExceptionId::ExternalToldAsFull);
                let message = format!("{by} tells the model `{told}`, in force is `{mode}`");
                notes.judged(RuleId::SandboxTold, why, None, message);
            }
        }
    }

    fn known(&mut self, thread: &str) -> &mut Known {
        self.known.entry(thread, Known::default)
    }
}

/// Can this method change a thread's settings?
fn sets(method: &str) -> bool {
    ["turn/start", "thread/settings/update"].contains(&method)
}
