//! One turn, from its start to `turn/completed`.

use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::emit::{Scope, complain};
use super::stream::{Sampled, Stop};
use super::{Control, Said, input};
use crate::clock;
use crate::connection::{Call, Client};
use crate::model::context;
use crate::model::error::{ModelError, Retry};
use crate::model::request::message;
use crate::protocol::item::{Item, Times, UserMessage};
use crate::protocol::reply::{ThreadStatus, TurnError, TurnStatus};
use crate::server::Server;
use crate::thread::Thread;
use crate::thread::record::{ItemKind, Record, TurnEnded, TurnStarted, Unread};
use crate::thread::state::ActiveTurn;
use crate::thread::turns::{ItemsView, TurnRecord};

/// The first wait before another try; each further one is twice as long.
const FIRST_RETRY: Duration = Duration::from_millis(200);

/// What a turn begins with.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) server: Rc<Server>,
    pub(crate) thread: Rc<Thread>,
    pub(crate) client: Rc<Client>,
    pub(crate) said: Said,
    pub(crate) output_schema: Option<Value>,
}

/// A running turn.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) scope: Scope,
    pub(super) control: UnboundedReceiver<Control>,
    /// What the user said meanwhile, for the next request.
    pub(super) pending: VecDeque<Said>,
    pub(super) output_schema: Option<Value>,
    pub(super) started_ms: i64,
    pub(super) context_window: String,
    began: std::time::Instant,
}

/// How a turn ends.
enum End {
    Completed,
    Failed(ModelError),
    /// With the call to answer, if a call asked for it.
    Interrupted(Option<Call>),
}

/// Writes a turn's start down and sets it going; gives its id. The caller replies at once.
pub(crate) fn start(start: Start) -> io::Result<String> {
    let Start {
        server,
        thread,
        client,
        said,
        output_schema,
    } = start;
    let id = clock::new_id();
    let started_ms = clock::now_ms();
    // What an interrupted turn has asked is of no interest any more.
    for request in server.approvals.abandon(thread.id()) {
        server.resolved(thread.id(), request);
    }
    open_rollout(&thread, &said)?;
    let line = thread.state.borrow().ordinals.next();
    thread.record(Record::TurnStarted(TurnStarted {
        id: id.clone(),
        at_ms: started_ms,
        line,
    }))?;
    let (sender, control) = unbounded_channel();
    {
        let mut state = thread.state.borrow_mut();
        state.unsaved = None;
        state.active = Some(ActiveTurn {
            id: id.clone(),
            control: sender,
        });
    }
    let turn = Turn {
        scope: Scope {
            server,
            thread,
            client,
            turn: id.as_str().into(),
            diff: Rc::default(),
            dynamic: Rc::default(),
        },
        control,
        pending: VecDeque::from([said]),
        output_schema,
        started_ms,
        context_window: clock::new_id(),
        began: std::time::Instant::now(),
    };
    tokio::task::spawn_local(turn.run());
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
        (first, state.rollout.is_some())
    };
    if first && has_file {
        // It was made by a name, before anything was said.
        return thread.write_summary();
    }
    thread.materialise().map(|_| ())
}

impl Turn {
    async fn run(mut self) {
        let server = Rc::clone(&self.scope.server);
        server.set_status(
            &self.scope.thread,
            ThreadStatus::Active {
                active_flags: Vec::new(),
            },
        );
        self.tell_turn("turn/started");
        let end = self.steps().await;
        self.finish(end);
    }

    async fn steps(&mut self) -> End {
        loop {
            while let Some(said) = self.pending.pop_front() {
                self.say(said);
            }
            let sampled = match self.scope.check_saved() {
                Ok(()) => self.sample().await,
                Err(error) => Err(Stop::Failed(error)),
            };
            if let (Ok(_), Err(error)) = (&sampled, self.scope.check_saved()) {
                return End::Failed(error);
            }
            match sampled {
                Ok(Sampled { follow_up: true }) => {}
                Ok(Sampled { follow_up: false }) if !self.pending.is_empty() => {}
                Ok(Sampled { follow_up: false }) => return End::Completed,
                Err(Stop::Interrupted(call)) => return End::Interrupted(Some(call)),
                Err(Stop::Cancelled) => return End::Interrupted(None),
                Err(Stop::Failed(error)) => return End::Failed(error),
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
            if error.retry != Retry::Stream || tries >= endpoint.stream_max_retries {
                return Err(Stop::Failed(error));
            }
            tries += 1;
            self.tell_retry(tries, endpoint.stream_max_retries, &error);
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
        if let Some(message) = input::to_model(&said.input) {
            self.scope.add_input(message);
        }
        if !said.input.is_empty() {
            self.scope.whole_item(item);
        }
    }

    /// Tells the model about permissions and surroundings: all at first, later what changed.
    fn tell_model_context(&self) {
        let (settings, told) = {
            let state = self.scope.thread.state.borrow();
            (state.settings.clone(), state.told.clone())
        };
        let Some(told) = told else {
            let permissions = context::permissions(&settings);
            let deferred = context::deferred_tools(&settings);
            let collaboration = context::collaboration(&settings);
            let texts: Vec<&str> = settings
                .developer_instructions
                .as_deref()
                .into_iter()
                .chain([context::SKILLS, &permissions])
                .chain(deferred.as_deref())
                .chain(collaboration.as_deref())
                .collect();
            self.scope.add_context(message("developer", &texts));
            self.scope
                .add_context(message("user", &[&context::environment(&settings, true)]));
            return;
        };
        if told.model != settings.model {
            self.scope
                .add_context(message("developer", &[context::MODEL_SWITCH]));
        }
        let collaboration = context::collaboration(&settings);
        if let Some(text) = collaboration.filter(|_| told.collaboration != settings.collaboration) {
            self.scope.add_context(message("developer", &[&text]));
        }
        let permissions = context::permissions(&settings);
        if context::permissions(&told) != permissions {
            self.scope
                .add_context(message("developer", &[&permissions]));
        }
        let moved = told.cwd != settings.cwd;
        if moved || context::filesystem(&told) != context::filesystem(&settings) {
            let environment = context::environment(&settings, moved);
            self.scope.add_context(message("user", &[&environment]));
        }
    }

    fn finish(self, end: End) {
        let Self { scope, began, .. } = self;
        let (status, error, call) = match end {
            End::Completed => (TurnStatus::Completed, None, None),
            End::Failed(error) => (TurnStatus::Failed, Some(error.to_turn_error()), None),
            End::Interrupted(call) => (TurnStatus::Interrupted, None, call),
        };
        if status == TurnStatus::Interrupted {
            scope.add_input(message("user", &[context::TURN_ABORTED]));
        }
        scope.keep(Record::TurnEnded(TurnEnded {
            id: scope.turn.to_string(),
            status,
            error: error.clone(),
            at_ms: clock::now_ms(),
            duration_ms: i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX),
        }));
        scope.thread.state.borrow_mut().active = None;
        let news = status == TurnStatus::Failed
            || (status == TurnStatus::Completed && has_agent_message(&scope));
        let news = news && !scope.thread.ephemeral;
        if news {
            mark_unread(&scope);
        }
        if let Err(error) = scope.thread.touch() {
            complain(scope.thread.id(), &error);
        }
        if let Some(call) = call {
            call.reply(&json!({}));
        }
        if news && status == TurnStatus::Completed {
            tell_read_state(&scope);
        }
        match &error {
            None => scope.server.set_status(&scope.thread, ThreadStatus::Idle),
            Some(error) => {
                scope
                    .server
                    .set_status(&scope.thread, ThreadStatus::SystemError);
                tell_error(&scope, error, false);
                if news {
                    tell_read_state(&scope);
                }
            }
        }
        tell_completed(&scope);
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

    fn tell_retry(&self, tries: u64, of: u64, cause: &ModelError) {
        let error = TurnError {
            message: format!("Reconnecting... {tries}/{of}"),
            codex_error_info: json!({
                "responseStreamDisconnected": {"httpStatusCode": cause.http_status()},
            }),
            additional_details: Some(cause.message.clone()),
            misalignment: None,
        };
        tell_error(&self.scope, &error, true);
    }
}

/// The wait before try number `n + 1`.
pub(super) fn backoff(n: u64) -> Duration {
    FIRST_RETRY * 2u32.saturating_pow(u32::try_from(n - 1).unwrap_or(u32::MAX).min(10))
}

/// Sends `error`.
pub(super) fn tell_error(scope: &Scope, error: &TurnError, will_retry: bool) {
    scope.thread.notify(
        "error",
        &json!({
            "error": error,
            "willRetry": will_retry,
            "threadId": scope.thread.id(),
            "turnId": &*scope.turn,
        }),
    );
}

fn has_agent_message(scope: &Scope) -> bool {
    let state = scope.thread.state.borrow();
    let turn = state.turns.iter().rfind(|turn| turn.id == *scope.turn);
    turn.is_some_and(|turn| turn.items.iter().any(|item| item.kind == ItemKind::Agent))
}

fn mark_unread(scope: &Scope) {
    let mut state = scope.thread.state.borrow_mut();
    let turn = state
        .unread
        .as_ref()
        .map_or_else(|| scope.turn.to_string(), |u| u.turn.clone());
    state.unread = Some(Unread {
        turn,
        revision: uuid::Uuid::new_v4().to_string(),
    });
}

fn tell_read_state(scope: &Scope) {
    let read_state = scope.thread.state.borrow().read_state(scope.thread.id());
    scope.thread.notify(
        "thread/readState/changed",
        &json!({"threadId": scope.thread.id(), "readState": read_state}),
    );
}

fn tell_completed(scope: &Scope) {
    let thread = &scope.thread;
    let view = {
        let state = thread.state.borrow();
        state
            .turns
            .iter()
            .rfind(|turn| turn.id == *scope.turn)
            .map(TurnRecord::closing_view)
    };
    thread.notify(
        "turn/completed",
        &json!({"threadId": thread.id(), "turn": view}),
    );
}
