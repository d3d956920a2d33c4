//! A loaded thread.

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::PathBuf;
use std::rc::Rc;

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::Settings;
use super::goal::Goal;
use super::history::History;
use super::ordinals::Ordinals;
use super::record::{Meta, Record, StoredItem, Summary, TurnEnded, TurnStarted, Unread, Usage};
use super::relay::Relay;
use super::store::Rollout;
use super::turns::TurnRecord;
use crate::approval::{Grant, Waiting};
use crate::clock;
use crate::connection::Client;
use crate::model::Channel;
use crate::permission::Grants;
use crate::protocol::input::AdditionalContext;
use crate::protocol::reply::{
    GitInfo, ReadState, ThreadStatus, TokenUsage, TurnStatus, UnreadPosition,
};
use crate::tools::exec::SessionStore;
use crate::turn::{Control, Terminals};

/// A thread in memory. Everything runs on one thread of execution; borrows never cross an await.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) meta: Meta,
    pub(crate) ephemeral: bool,
    /// Where the rollout file is, or will be with the first turn; `None` if ephemeral.
    pub(crate) path: Option<PathBuf>,
    pub(crate) state: RefCell<State>,
    pub(crate) sessions: Rc<SessionStore>,
    pub(crate) terminals: Rc<Terminals>,
    /// The commands that the client has approved for this session.
    pub(crate) approved: RefCell<HashSet<Grant>>,
    /// The files whose changes the client has approved for this session.
    pub(crate) approved_files: RefCell<HashSet<PathBuf>>,
    /// The permissions that the client has granted.
    pub(crate) granted: RefCell<Grants>,
    /// The questions that are open.
    pub(crate) waiting: Waiting,
    /// The way to its model.
    pub(crate) channel: Channel,
    /// What the reviewer of this thread was asked and said, once it was.
    pub(crate) review: RefCell<Option<Conversation>>,
    /// Where everything goes that is told of it, if it is nobody's thread but works for another.
    pub(crate) relay: Option<Relay>,
}

/// The conversation with a reviewer, which has an id of its own.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) id: String,
    pub(crate) context_window: String,
    pub(crate) history: History,
    pub(crate) channel: Channel,
    /// Has the reviewer said anything yet?
    pub(crate) has_answered: bool,
    /// Was it told what earlier decisions mean?
    pub(crate) is_guided: bool,
}

/// What a thread began with, which lists go on to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Began {
    pub(crate) cwd: PathBuf,
    pub(crate) model: String,
}

impl Began {
    /// With these settings.
    pub(crate) fn with(settings: &Settings) -> Self {
        Self {
            cwd: settings.cwd.clone(),
            model: settings.model.clone(),
        }
    }
}

/// The parts of a thread that change.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) began: Began,
    pub(crate) preview: String,
    pub(crate) name: Option<String>,
    pub(crate) updated_ms: i64,
    pub(crate) turns: Vec<TurnRecord>,
    pub(crate) history: History,
    pub(crate) ordinals: Ordinals,
    /// The settings that the model was last told of.
    pub(crate) told: Option<Settings>,
    /// What the running turn began with, once the settings have changed.
    of_turn: Option<Box<Settings>>,
    pub(crate) usage: TokenUsage,
    pub(crate) last_usage: Option<(String, TokenUsage)>,
    /// Was anything counted since the model's input was last compacted?
    pub(crate) counted: bool,
    pub(crate) status: ThreadStatus,
    pub(crate) unread: Option<Unread>,
    /// When the last turn began.
    pub(crate) recency_ms: i64,
    pub(crate) git: Option<GitInfo>,
    pub(crate) daybreak: Option<bool>,
    /// What the client added last for the model.
    pub(crate) additional_context: AdditionalContext,
    pub(crate) goal: Option<Goal>,
    /// The tokens up to which the goal was charged.
    pub(crate) goal_counted: i64,
    /// The objective that the model was last told of.
    pub(crate) goal_told: Option<String>,
    /// See [`Summary::since_revert`].
    pub(crate) since_revert: Option<String>,
    /// Was the history read back from disk?
    pub(crate) read_back: bool,
    /// How often the model's input was compacted.
    pub(crate) compactions: u32,
    pub(crate) active: Option<ActiveTurn>,
    /// What the client has injected and the running turn has not shown the model yet. It may come to
    /// nothing, and the model is asked once more all the same.
    pub(crate) injected: Option<Vec<Box<RawValue>>>,
    /// The turn that the last turn, a review, runs or ran as.
    pub(crate) reviewed_as: Option<String>,
    pub(crate) rollout: Option<Rollout>,
    /// Why the running turn could not be written down.
    pub(crate) unsaved: Option<String>,
    pub(crate) subscribers: Vec<Rc<Client>>,
}

/// The running turn.
#[derive(Debug, Clone)]
pub(crate) struct ActiveTurn {
    pub(crate) id: String,
    pub(crate) kind: TurnKind,
    /// The shape of its answer.
    pub(crate) output_schema: Option<serde_json::Value>,
    pub(crate) control: mpsc::UnboundedSender<Control>,
}

impl ActiveTurn {
    /// What runs in it, where that takes nothing in that the user says.
    pub(crate) fn not_steerable(&self) -> Option<TurnKind> {
        (self.kind != TurnKind::Regular).then_some(self.kind)
    }
}

/// What runs in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TurnKind {
    Regular,
    Review,
    Compact,
}

impl State {
    /// The state of a thread that nothing has happened in.
    pub(crate) fn new(settings: Settings, created_ms: i64) -> Self {
        Self {
            began: Began::with(&settings),
            settings,
            preview: String::new(),
            name: None,
            updated_ms: created_ms,
            turns: Vec::new(),
            history: History::default(),
            ordinals: Ordinals::default(),
            told: None,
            of_turn: None,
            usage: TokenUsage::default(),
            last_usage: None,
            counted: true,
            status: ThreadStatus::Idle,
            unread: None,
            recency_ms: created_ms,
            git: None,
            daybreak: None,
            additional_context: AdditionalContext::new(),
            goal: None,
            goal_counted: 0,
            goal_told: None,
            since_revert: None,
            read_back: false,
            compactions: 0,
            active: None,
            injected: None,
            reviewed_as: None,
            rollout: None,
            unsaved: None,
            subscribers: Vec::new(),
        }
    }

    /// Takes in one record of a rollout; a running turn without an end is an interrupted one.
    pub(crate) fn replay(&mut self, record: Record) {
        let line = self.ordinals.count(&record, self.turns.is_empty());
        match record {
            Record::Meta(_) | Record::Dropped | Record::Copied => {}
            Record::Settings(settings) => {
                let before = std::mem::replace(&mut self.settings, *settings);
                if self
                    .turns
                    .last()
                    .is_some_and(|turn| turn.status == TurnStatus::InProgress)
                {
                    self.of_turn.get_or_insert_with(|| Box::new(before));
                }
            }
            Record::TurnStarted(started) => self.start_turn(started),
            Record::Item(item) => self.add_item(StoredItem { line, ..item }),
            Record::Input(item) => self.history.push(item.get()),
            Record::Context(item) => {
                self.told = Some(self.in_force().clone());
                self.history.push(item.get());
            }
            Record::Usage(Usage { turn, total, last }) => {
                self.usage = total;
                self.counted = true;
                self.last_usage = Some((turn, last));
            }
            Record::TurnEnded(end) => self.end_turn(&end),
            Record::Compacted(items) => {
                self.history = History::default();
                for item in items {
                    self.history.push(item.get());
                }
                self.compactions += 1;
                self.counted = false;
                self.told = Some(self.in_force().clone());
            }
            Record::Goal(goal) => self.goal = goal.map(|goal| *goal),
            Record::Summary(summary) => {
                self.updated_ms = summary.updated_ms;
                self.preview = summary.preview;
                self.name = summary.name;
                self.unread = summary.unread;
                self.recency_ms = summary.recency_ms.max(self.recency_ms);
                self.git = summary.git;
                self.daybreak = summary.daybreak;
                self.since_revert = summary.since_revert;
            }
        }
    }

    /// The settings that a running turn began with, else those of the next.
    fn in_force(&self) -> &Settings {
        self.of_turn.as_deref().unwrap_or(&self.settings)
    }

    fn start_turn(&mut self, started: TurnStarted) {
        let is_root = |turn: &TurnRecord| Some(&turn.id) == started.root.as_ref();
        let within = self.turns.iter().rposition(is_root);
        if within.is_none() {
            self.close_cut_turn();
        }
        if started.root.is_none() {
            self.of_turn = None;
        }
        self.recency_ms = started.at_ms;
        let turn = TurnRecord {
            id: started.id,
            root: started.root,
            line: started.line,
            status: TurnStatus::InProgress,
            error: None,
            started_ms: started.at_ms,
            completed_ms: None,
            duration_ms: None,
            refused: false,
            items: Vec::new(),
        };
        // A part of a turn is listed before it.
        self.turns.insert(within.unwrap_or(self.turns.len()), turn);
    }

    /// Ends a turn that still runs elsewhere, or that ran when the server was killed: nobody knows
    /// when it ends.
    pub(crate) fn close_cut_turn(&mut self) {
        if let Some(turn) = self.turns.last_mut()
            && turn.status == TurnStatus::InProgress
        {
            turn.status = TurnStatus::Interrupted;
        }
    }

    /// Has nothing unread any more if the first unread turn is gone; `true` if it was.
    pub(crate) fn forget_unread_turn(&mut self) -> bool {
        let Some(unread) = &mut self.unread else {
            return false;
        };
        if let Some(UnreadPosition::Turn { turn_id }) = &unread.first
            && !self.turns.iter().any(|turn| turn.id == *turn_id)
        {
            unread.first = None;
            unread.revision = crate::clock::new_random_id();
            return true;
        }
        false
    }

    fn add_item(&mut self, item: StoredItem) {
        if let Some(turn) = self
            .turns
            .iter_mut()
            .rev()
            .find(|turn| turn.id == item.turn)
        {
            turn.items.push(item);
        }
    }

    fn end_turn(&mut self, end: &TurnEnded) {
        // What a turn consisted of has no end of its own.
        let parts = self
            .turns
            .iter_mut()
            .filter(|turn| turn.root.as_ref() == Some(&end.id));
        parts.for_each(|part| part.status = TurnStatus::Interrupted);
        if let Some(turn) = self.turns.iter_mut().rev().find(|turn| turn.id == end.id) {
            turn.status = end.status;
            turn.error.clone_from(&end.error);
            turn.completed_ms = Some(end.at_ms);
            turn.duration_ms = Some(end.duration_ms);
            turn.refused = end.refused;
            self.of_turn = None;
        }
    }

    /// What a list shows.
    pub(crate) fn summary(&self) -> Summary {
        Summary {
            updated_ms: self.updated_ms,
            preview: self.preview.clone(),
            name: self.name.clone(),
            cwd: self.began.cwd.clone(),
            provider: self.settings.provider.clone(),
            model: self.settings.model.clone(),
            effort: self.settings.effort.clone(),
            unread: self.unread.clone(),
            recency_ms: self.recency_ms,
            git: self.git.clone(),
            daybreak: self.daybreak,
            since_revert: self.since_revert.clone(),
            told: self.told.is_some(),
        }
    }

    /// The read state, once there is one. A thread with a file has one from the start.
    pub(crate) fn read_state(&self, id: &str) -> Option<ReadState> {
        let initial = || self.rollout.is_some().then(|| ReadState::initial(id));
        self.unread.as_ref().map(Unread::view).or_else(initial)
    }
}

impl Thread {
    /// Its id.
    pub(crate) fn id(&self) -> &str {
        &self.meta.id
    }

    /// What of it its reader has seen, if it has one.
    pub(crate) fn read_state(&self) -> Option<ReadState> {
        let state = self.state.borrow();
        state
            .read_state(self.id())
            .filter(|_| self.meta.has_reader())
    }

    /// A loaded thread that nobody follows yet.
    pub(crate) fn new(meta: Meta, path: Option<PathBuf>, ephemeral: bool, state: State) -> Self {
        Self {
            meta,
            ephemeral,
            path,
            state: RefCell::new(state),
            sessions: Rc::default(),
            terminals: Rc::default(),
            approved: RefCell::default(),
            approved_files: RefCell::default(),
            granted: RefCell::default(),
            waiting: Waiting::default(),
            channel: Channel::default(),
            review: RefCell::default(),
            relay: None,
        }
    }

    /// Sends a notification to everyone who follows the thread.
    pub(crate) fn notify(&self, method: &str, params: &impl Serialize) {
        if let Some(relay) = &self.relay {
            return relay.notify(method, params);
        }
        let state = self.state.borrow();
        let Some((last, others)) = state.subscribers.split_last() else {
            return;
        };
        let frame = crate::connection::notification(method, params);
        for client in others {
            client.deliver(method, frame.clone());
        }
        last.deliver(method, frame);
    }

    /// Does this client get the thread's notifications?
    pub(crate) fn subscribe(&self, client: &Rc<Client>) {
        let mut state = self.state.borrow_mut();
        if !state
            .subscribers
            .iter()
            .any(|known| Rc::ptr_eq(known, client))
        {
            state.subscribers.push(Rc::clone(client));
        }
    }

    /// Takes in what was injected while a turn ran; `true` if there was anything.
    pub(crate) fn take_injected(&self) -> std::io::Result<bool> {
        let injected = self.state.borrow_mut().injected.take();
        let any = injected.is_some();
        for item in injected.into_iter().flatten() {
            self.record(Record::Input(item))?;
        }
        Ok(any)
    }

    /// Takes in a change and writes it down, if the thread has a file.
    pub(crate) fn record(&self, record: Record) -> std::io::Result<()> {
        if let Some(relay) = &self.relay {
            relay.record(&record)?;
        }
        let mut state = self.state.borrow_mut();
        if let Some(rollout) = &mut state.rollout {
            rollout.append(&record)?;
        }
        state.replay(record);
        Ok(())
    }

    /// Makes the thread's file if there is none yet; `false` if the thread never has one.
    pub(crate) fn materialise(&self) -> std::io::Result<bool> {
        let mut state = self.state.borrow_mut();
        let Some(path) = &self.path else {
            return Ok(false);
        };
        if state.rollout.is_none() {
            let records = [
                Record::Settings(Box::new(state.settings.clone())),
                Record::Summary(Box::new(state.summary())),
            ];
            state.rollout = Some(Rollout::create(path, self.meta.clone(), &records)?);
        }
        Ok(true)
    }

    /// Shows the goal where nobody has said anything yet.
    pub(crate) fn name_after_goal(&self) {
        let mut state = self.state.borrow_mut();
        if state.preview.is_empty()
            && let Some(goal) = &state.goal
        {
            let objective = goal.objective.clone();
            state.preview = objective;
        }
    }

    /// Says that the thread was used just now, and writes its summary.
    pub(crate) fn touch(&self) -> std::io::Result<()> {
        self.state.borrow_mut().updated_ms = clock::later_ms();
        self.write_summary()
    }

    /// Writes the summary that lists read.
    pub(crate) fn write_summary(&self) -> std::io::Result<()> {
        let mut state = self.state.borrow_mut();
        let summary = Record::Summary(Box::new(state.summary()));
        match &mut state.rollout {
            Some(rollout) => rollout.append(&summary),
            None => Ok(()),
        }
    }
}
