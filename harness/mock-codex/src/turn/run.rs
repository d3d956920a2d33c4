//! One turn, from its start to `turn/completed`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::emit::Scope;
use super::finish::End;
use super::retry::backoff;
use super::shell::{self, ShellCommand};
use super::stream::{Sampled, Stop};
use super::{
    Control, Said, additional, code_review, compact, context as telling, goal, input, skill,
};
use crate::clock;
use crate::connection::Client;
use crate::model::error::Retry;
use crate::protocol::item::{Item, Times, UserMessage};
use crate::protocol::reply::ThreadStatus;
use crate::server::Server;
use crate::thread::Thread;
use crate::thread::record::{Record, TurnStarted};
use crate::thread::state::{ActiveTurn, TurnKind};
use crate::thread::turns::ItemsView;

/// What a turn begins with.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) server: Rc<Server>,
    pub(crate) thread: Rc<Thread>,
    pub(crate) client: Rc<Client>,
    pub(crate) work: Work,
    pub(crate) options: TurnOptions,
}

/// What holds for one turn alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct TurnOptions {
    /// The form of the answer.
    pub(crate) output_schema: Option<Value>,
    pub(crate) service_tier: Option<String>,
    /// The turn that it is part of, as the client says.
    pub(crate) parent: Option<String>,
}

/// What a turn is for.
#[derive(Debug)]
pub(crate) enum Work {
    /// The model answers the user.
    Answer(Said),
    /// The model goes on towards the thread's goal.
    Goal,
    /// A command of the user, without the model.
    Shell(ShellCommand),
    /// The model sums up what it was shown.
    Compact,
    /// Somebody else reviews changes of code.
    Review(Review),
}

impl Work {
    /// Is the model told nothing of settings before it?
    fn is_bare(&self) -> bool {
        matches!(self, Self::Shell(_) | Self::Compact | Self::Review(_))
    }

    fn kind(&self) -> TurnKind {
        match self {
            Self::Answer(_) | Self::Goal | Self::Shell(_) => TurnKind::Regular,
            Self::Compact => TurnKind::Compact,
            Self::Review(_) => TurnKind::Review,
        }
    }

    /// The turn's id, where it has one already.
    fn id(&self) -> Option<&str> {
        match self {
            Self::Review(review) => Some(&review.turn),
            _ => None,
        }
    }
}

/// A review of code that is asked for.
#[derive(Debug)]
pub(crate) struct Review {
    /// The id that its turn gets.
    pub(crate) turn: String,
    /// What is reviewed, for people.
    pub(crate) hint: String,
    /// What the reviewer is asked.
    pub(crate) question: String,
}

/// What became of a request to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Posted {
    Answered,
    /// The provider refused it, and said nothing of tokens or limits.
    Refused,
}

/// A running turn.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) scope: Scope,
    pub(super) control: UnboundedReceiver<Control>,
    /// What the user said meanwhile, for the next request.
    pub(super) pending: VecDeque<Said>,
    pub(super) options: TurnOptions,
    pub(super) started_ms: i64,
    pub(super) context_window: String,
    /// Did the answer under way, or the last one, come over HTTP?
    pub(super) over_http: bool,
    /// Is the next request for a summary?
    pub(super) compacting: bool,
    /// How many bytes of output the last answer's calls have given the model.
    pub(super) outputs: usize,
    /// What became of the last request.
    pub(super) last: Posted,
    /// What the model has yet to hear of commands of the user that have ended.
    pub(super) heard: Rc<RefCell<Vec<String>>>,
    pub(super) began: crate::clock::Stopwatch,
    /// Is it told already how it ended, and that there is something to read?
    pub(super) end_told: bool,
}

/// Writes a turn's start down and sets it going; gives its id. The caller replies at once.
pub(crate) fn start(start: Start) -> io::Result<String> {
    let Start {
        server,
        thread,
        client,
        work,
        options,
    } = start;
    let id = work.id().map_or_else(clock::new_id, str::to_owned);
    // Lists sort threads by it.
    let started_ms = clock::later_ms();
    match &work {
        Work::Answer(said) => open_rollout(&thread, said)?,
        Work::Goal => {
            thread.name_after_goal();
            thread.materialise()?;
        }
        Work::Shell(_) | Work::Compact | Work::Review(_) => {
            thread.materialise()?;
        }
    }
    let line = thread.state.borrow().ordinals.next();
    thread.record(Record::TurnStarted(TurnStarted {
        id: id.clone(),
        at_ms: started_ms,
        line,
        bare: work.is_bare(),
        root: None,
    }))?;
    let (sender, control) = unbounded_channel();
    {
        let mut state = thread.state.borrow_mut();
        state.goal_counted = state.usage.total_tokens;
        state.unsaved = None;
        state.reviewed_as = None;
        state.active = Some(ActiveTurn {
            id: id.clone(),
            kind: work.kind(),
            output_schema: options.output_schema.clone(),
            control: sender,
        });
    }
    let scope = Scope::new(server, thread, client, &id);
    let turn = Turn {
        options,
        ..Turn::new(scope, control, started_ms)
    };
    tokio::task::spawn_local(turn.run(work));
    Ok(id)
}

/// The file of a thread appears with its first turn.
fn open_rollout(thread: &Thread, said: &Said) -> io::Result<()> {
    if thread.ephemeral {
        return Ok(());
    }
    let (first, has_file) = {
        let mut state = thread.state.borrow_mut();
        let first = state.preview.is_empty();
        if first {
            state.preview = input::preview(&said.input);
        }
        if state.since_revert.as_deref() == Some("") {
            state.since_revert = Some(input::preview(&said.input));
        }
        (first, state.rollout.is_some())
    };
    if first && has_file {
        // It was made by a name, before anything was said.
        return thread.write_summary();
    }
    thread.materialise().map(|_| ())
}

impl Turn {
    /// A turn that has done nothing yet.
    pub(super) fn new(scope: Scope, control: UnboundedReceiver<Control>, started_ms: i64) -> Self {
        Self {
            scope,
            control,
            pending: VecDeque::new(),
            options: TurnOptions::default(),
            started_ms,
            context_window: clock::new_id(),
            over_http: true,
            compacting: false,
            outputs: 0,
            last: Posted::Answered,
            heard: Rc::default(),
            began: crate::clock::Stopwatch::start(),
            end_told: false,
        }
    }

    async fn run(mut self, work: Work) {
        if work.kind() != TurnKind::Review {
            self.begin(&Rc::clone(&self.scope.thread));
        }
        let end = match work {
            Work::Answer(said) => {
                self.pending.push_back(said);
                match self.make_room().await {
                    Ok(()) => self.steps().await,
                    Err(stop) => stop.into(),
                }
            }
            Work::Goal => {
                self.tell_model_context();
                goal::tell(&self.scope);
                self.steps().await
            }
            Work::Shell(command) => self.shell(&command).await,
            Work::Compact => match compact::run(&mut self).await {
                Ok(()) => End::Completed,
                Err(stop) => stop.into(),
            },
            Work::Review(review) => code_review::run(&mut self, review).await,
        };
        self.finish(end);
    }

    /// Compacts the history if it has come to the limit.
    async fn make_room(&mut self) -> Result<(), Stop> {
        let is_full = {
            let state = self.scope.thread.state.borrow();
            let counted = state.last_usage.as_ref().map(|(_, last)| last.total_tokens);
            let outputs = compact::tokens(std::mem::take(&mut self.outputs));
            let limit = self.scope.settings.window.limit();
            counted.is_some_and(|counted| counted.saturating_add(outputs) >= limit)
        };
        if is_full {
            compact::run(self).await
        } else {
            Ok(())
        }
    }

    /// Tells that it has begun, as what `thread` does.
    pub(super) fn begin(&self, thread: &Thread) {
        let active = ThreadStatus::Active {
            active_flags: Vec::new(),
        };
        self.scope.server.set_status(thread, active);
        self.tell_turn("turn/started");
    }

    /// Runs a command of the user as the whole turn.
    async fn shell(&mut self, command: &ShellCommand) -> End {
        let scope = self.scope.clone();
        let running = shell::run(&scope, command);
        tokio::pin!(running);
        loop {
            let stop = tokio::select! {
                told = &mut running => {
                    self.scope.add_input(told);
                    return End::Completed;
                }
                control = self.control.recv() => match self.take(control) {
                    Ok(()) => continue,
                    Err(stop) => stop,
                },
            };
            command.stop.cancel();
            self.scope.add_input(running.await);
            return stop.into();
        }
    }

    pub(super) async fn steps(&mut self) -> End {
        loop {
            while let Some(said) = self.pending.pop_front() {
                self.say(said);
            }
            self.hear();
            let sampled = match self.scope.check_saved() {
                Ok(()) => self.sample().await,
                Err(error) => Err(Stop::Failed(error)),
            };
            if let (Ok(_), Err(error)) = (&sampled, self.scope.check_saved()) {
                return End::Failed(error);
            }
            let goes_on = match sampled {
                Ok(Sampled { follow_up }) => {
                    follow_up || !self.pending.is_empty() || !self.heard.borrow().is_empty()
                }
                Err(stop) => return stop.into(),
            };
            if !goes_on {
                return End::Completed;
            }
            if let Err(stop) = self.make_room().await {
                return stop.into();
            }
        }
    }

    /// Asks the model once, with the tries that the provider is given.
    async fn sample(&mut self) -> Result<Sampled, Stop> {
        let mut tries = 0;
        loop {
            let endpoint = self.endpoint()?;
            let error = match self.attempt(&endpoint).await {
                Err(Stop::Failed(error)) => error,
                other => return other,
            };
            if error.retry != Retry::Stream {
                return Err(Stop::Failed(error));
            }
            let over_socket = self.scope.thread.channel.has_sockets(&endpoint).await;
            if tries >= endpoint.stream_max_retries {
                if !over_socket {
                    return Err(Stop::Failed(error));
                }
                self.leave_sockets(&error).await;
                tries = 0;
                continue;
            }
            tries += 1;
            // The first try over a WebSocket is nobody's business.
            if !(over_socket && tries == 1) {
                self.tell_retry(tries, endpoint.stream_max_retries, &error);
            }
            self.pause(error.wait.unwrap_or_else(|| backoff(tries)))
                .await?;
        }
    }

    /// Waits; what the user says meanwhile is kept, and an interrupt ends the turn.
    pub(super) async fn pause(&mut self, time: Duration) -> Result<(), Stop> {
        let sleep = tokio::time::sleep(time);
        tokio::pin!(sleep);
        loop {
            tokio::select! {
                () = &mut sleep => return Ok(()),
                control = self.control.recv() => self.take(control)?,
            }
        }
    }

    /// Takes in what reached the turn where nothing has to be dropped for it.
    pub(super) fn take(&mut self, control: Option<Control>) -> Result<(), Stop> {
        match control {
            Some(Control::Steer(said)) => {
                self.pending.push_back(said);
                Ok(())
            }
            Some(Control::Interrupt(call)) => Err(Stop::Interrupted(call)),
            Some(Control::End) => Err(Stop::Cancelled),
            Some(Control::Replace(done)) => Err(Stop::Replaced(done)),
            Some(Control::Shell(command)) => {
                self.run_beside(command);
                Ok(())
            }
            // The thread holds the other end for as long as the turn runs.
            None => Ok(()),
        }
    }

    fn say(&self, said: Said) {
        self.tell_model_context();
        let item = Item::UserMessage(UserMessage {
            id: clock::new_id(),
            client_id: said.client_id,
            content: said.input.clone(),
            times: Times::started(clock::now_ms()),
        });
        for added in additional::news(&self.scope.thread, said.context) {
            self.scope.add_input(added);
        }
        if let Some(message) = input::to_model(&said.input) {
            self.scope.add_input(message);
        }
        for message in skill::named(&self.scope, &said.input) {
            self.scope.add_input(message);
        }
        if !said.input.is_empty() {
            self.scope.whole_item(item);
        }
    }

    /// Tells the model about permissions and surroundings: all at first, later what changed.
    fn tell_model_context(&self) {
        for message in telling::news(&self.scope.thread, &self.scope.settings) {
            self.scope.add_context(message);
        }
    }

    /// Runs a command of the user beside the model, which hears of it in its next request.
    pub(super) fn run_beside(&self, command: ShellCommand) {
        let (scope, heard) = (self.scope.clone(), Rc::clone(&self.heard));
        tokio::task::spawn_local(async move {
            let told = shell::run(&scope, &command).await;
            let active = scope.thread.state.borrow().active.clone();
            if active.is_some_and(|turn| turn.id == *scope.turn) {
                heard.borrow_mut().push(told);
            } else {
                scope.add_input(told);
            }
        });
    }

    /// Puts what commands of the user have said into the history.
    pub(super) fn hear(&self) {
        for told in self.heard.take() {
            self.scope.add_input(told);
        }
    }

    fn tell_turn(&self, method: &str) {
        let thread = &self.scope.thread;
        let view = thread
            .state
            .borrow()
            .turns
            .last()
            .map(|turn| turn.view(ItemsView::NotLoaded));
        thread.notify(method, &json!({"threadId": thread.id(), "turn": view}));
    }
}
