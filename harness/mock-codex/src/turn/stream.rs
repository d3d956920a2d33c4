//! One answer of the model: its events become items, its calls run.

use std::rc::Rc;

use bytes::Bytes;
use futures_util::stream::{FuturesOrdered, StreamExt};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};

use super::Control;
use super::emit::Scope;
use super::model_item::{ModelItem, is_foreign};
use super::plan::Proposal;
use super::retry::{NOT_SENT, backoff};
use super::run::{Posted, Turn};
use super::toolcall::{self, Outcome, ToolCall};
use crate::clock::Stopwatch;
use crate::connection::Call;
use crate::model::error::ModelError;
use crate::model::event::{Completed, Event, Failed};
use crate::model::request::{Subject, input, message};
use crate::model::{Answer, Asked, CallError, Endpoint, Events, context};
use crate::protocol::item::Item;
use crate::quirk::Id as Quirk;
use crate::thread::record::Record;
use crate::thread::relay::Relay;

/// A whole answer.
#[derive(Debug)]
pub(super) struct Sampled {
    /// Does the model want to be asked again?
    pub(super) follow_up: bool,
}

/// Why an answer did not come to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// A client asked for it.
    Interrupted(Call),
    /// A client's decision about an approval ends the turn.
    Cancelled,
    /// Something else takes the turn's place.
    Replaced(oneshot::Sender<()>),
    Failed(ModelError),
}

/// What happened next while an answer was awaited.
enum Next {
    Event(Result<Event, ModelError>),
    Control(Option<Control>),
}

/// What the client is told of an answer.
struct Told {
    /// The item under way.
    open: Option<Item>,
    /// The plan that is looked for, where the model plans.
    proposal: Option<Proposal>,
}

/// The calls of an answer that run, in their order.
struct Running {
    calls: FuturesOrdered<JoinHandle<Outcome>>,
    /// Ids of the calls without an output yet, and when the first began.
    open: Vec<ToolCall>,
    aborts: Vec<AbortHandle>,
    began: Stopwatch,
}

impl Turn {
    /// The provider as it is configured now.
    pub(super) fn endpoint(&self) -> Result<Endpoint, Stop> {
        let failed = |message: String| Stop::Failed(ModelError::unavailable(message));
        self.scope.endpoint().map_err(failed)
    }

    /// Posts the request and takes the answer in, once.
    pub(super) async fn attempt(&mut self, endpoint: &Endpoint) -> Result<Sampled, Stop> {
        let waiting = self.pending.len();
        let mut events = match self.post(endpoint).await? {
            Answer::Events(events) => events,
            Answer::Refused(refusal) => return Err(self.refused(ModelError::refused(&refusal))),
        };
        // Over a WebSocket the answer goes on.
        let drops = self.scope.server.quirks.has(Quirk::SteerDropsStream)
            && matches!(events, Events::Http(_));
        if drops && self.pending.len() > waiting {
            return Ok(Sampled { follow_up: true });
        }
        self.over_http = matches!(events, Events::Http(_));
        self.last = Posted::Answered;
        let mut told = Told {
            open: None,
            proposal: self.scope.plans().then(|| Proposal::new(&self.scope)),
        };
        let mut begun = false;
        let mut running = Running {
            calls: FuturesOrdered::new(),
            open: Vec::new(),
            aborts: Vec::new(),
            began: Stopwatch::start(),
        };
        let mut foreign = false;
        let completed = loop {
            let next = tokio::select! {
                biased;
                control = self.control.recv() => Next::Control(control),
                event = events.next() => Next::Event(event),
            };
            match next {
                Next::Control(Some(Control::Steer(said))) => {
                    self.pending.push_back(said);
                    if drops {
                        drop(events);
                        self.finish_calls(&mut running).await?;
                        if begun {
                            self.scope.keep(Record::Dropped);
                            self.tell_known_usage();
                        }
                        self.scope.take_injected();
                        return Ok(Sampled { follow_up: true });
                    }
                }
                Next::Control(control) => {
                    if let Err(stop) = self.take(control) {
                        if begun {
                            self.scope.keep(Record::Dropped);
                        }
                        self.tell_known_usage();
                        running.abort(&self.scope);
                        return Err(stop);
                    }
                }
                Next::Event(Err(error)) => return Err(self.broken(&mut running, error).await),
                Next::Event(Ok(Event::Completed(completed))) => break completed,
                Next::Event(Ok(Event::Failed(failed))) => {
                    return Err(self.failed(&mut running, failed).await);
                }
                Next::Event(Ok(event)) => {
                    begun |= event != Event::Created;
                    foreign |= matches!(&event, Event::ItemDone(item) if is_foreign(item));
                    self.take_event(event, &mut told, &mut running);
                }
            }
        };
        let Completed {
            id,
            usage,
            ends_turn,
        } = completed;
        if let Events::Socket(events) = events {
            events
                .keep(id, (!foreign).then(|| self.whole_input()))
                .await;
        }
        let mut follow_up = !running.open.is_empty() || !ends_turn;
        let finished = self.finish_calls(&mut running).await;
        if finished.is_err() {
            running.abort(&self.scope);
        }
        follow_up |= self.scope.take_injected();
        self.tell_usage(usage);
        finished.map(|()| Sampled { follow_up })
    }

    /// Posts the request; where the network or the server fails, as often as it may.
    pub(super) async fn post(&mut self, endpoint: &Endpoint) -> Result<Answer, Stop> {
        let mut tries = 0;
        let mut unreachable = 0;
        loop {
            let call = self.request(endpoint);
            tokio::pin!(call);
            let answer = loop {
                tokio::select! {
                    answer = &mut call => break answer,
                    control = self.control.recv() => self.take(control)?,
                }
            };
            match answer {
                Ok(Answer::Refused(refusal))
                    if tries < endpoint.request_max_retries && refusal.status.is_server_error() =>
                {
                    tries += 1;
                    self.pause(refusal.wait.unwrap_or_else(|| backoff(tries)))
                        .await?;
                }
                Ok(answer) => return Ok(answer),
                Err(CallError::Broken) if tries < endpoint.request_max_retries => {
                    tries += 1;
                    self.pause(backoff(tries)).await?;
                }
                Err(CallError::Broken) => {
                    return Err(Stop::Failed(ModelError::disconnected(NOT_SENT)));
                }
                Err(CallError::NoToken(cause)) => {
                    return Err(Stop::Failed(ModelError::no_token(&cause)));
                }
                Err(CallError::Connect) => {
                    self.tell_unreachable();
                    unreachable = (unreachable + 1).min(6);
                    self.pause(backoff(unreachable)).await?;
                }
            }
        }
    }

    /// The call itself, independent of the turn so that the turn can listen meanwhile.
    fn request(
        &self,
        endpoint: &Endpoint,
    ) -> impl Future<Output = Result<Answer, CallError>> + use<> {
        let asked = self.asked();
        let endpoint = endpoint.clone();
        let channel = self.scope.thread.channel.clone();
        let server = Rc::clone(&self.scope.server);
        async move { channel.ask(&server.tokens, &endpoint, asked).await }
    }

    fn asked(&self) -> Asked {
        let scope = &self.scope;
        let state = scope.thread.state.borrow();
        let subject = Subject {
            thread: scope.thread.id(),
            session: &scope.thread.meta.session_id,
            turn: &scope.turn,
            turn_started_ms: self.started_ms,
            context_window: &self.context_window,
            installation: &scope.server.installation_id,
            settings: &scope.settings,
            output_schema: self.options.output_schema.as_ref(),
            service_tier: self.options.service_tier.as_deref(),
            parent_turn: self.options.parent.as_deref(),
            subagent: scope.thread.relay.as_ref().map(Relay::subagent),
            compaction: self.compacting,
            window: state.compactions,
            read_back: state.read_back,
        };
        let mut history = state.history.clone();
        if self.compacting {
            history.push(&super::compact::question());
        }
        subject.ask(&scope.server.identity(), &history)
    }

    /// Everything that the model has been shown and has said so far.
    fn whole_input(&self) -> Bytes {
        let state = self.scope.thread.state.borrow();
        input(&self.scope.settings, &state.history).concat().into()
    }

    fn take_event(&self, event: Event, told: &mut Told, running: &mut Running) {
        let scope = &self.scope;
        match event {
            Event::ItemAdded(item) => {
                if let Some(item) = ModelItem::parse(&item).and_then(|item| item.to_item()) {
                    told.begin(scope, item);
                }
            }
            Event::ItemDone(item) => self.item_done(&item, told, running),
            Event::TextDelta { item, delta } => match &mut told.proposal {
                Some(proposal) => proposal.text_added(scope, &item, &delta),
                None => {
                    scope.about_item("item/agentMessage/delta", &item, &json!({"delta": delta}));
                }
            },
            Event::SummaryPartAdded { item, index } => scope.about_item(
                "item/reasoning/summaryPartAdded",
                &item,
                &json!({"summaryIndex": index}),
            ),
            Event::SummaryDelta { item, index, delta } => scope.about_item(
                "item/reasoning/summaryTextDelta",
                &item,
                &json!({"delta": delta, "summaryIndex": index}),
            ),
            Event::ReasoningDelta { item, index, delta } => scope.about_item(
                "item/reasoning/textDelta",
                &item,
                &json!({"delta": delta, "contentIndex": index}),
            ),
            Event::Created | Event::Completed(_) | Event::Failed(_) => {}
        }
    }

    fn item_done(&self, item: &Value, told: &mut Told, running: &mut Running) {
        let scope = &self.scope;
        if let Some(call) = ToolCall::parse(item) {
            scope.add_input(call.to_input());
            running.open.push(call.clone());
            let scope = scope.clone();
            let task = tokio::task::spawn_local(toolcall::run(scope, call));
            running.aborts.push(task.abort_handle());
            running.calls.push_back(task);
            return;
        }
        let Some(item) = ModelItem::parse(item) else {
            return;
        };
        if let Some(done) = item.to_item() {
            told.complete(scope, done);
        }
        scope.add_input(item.into_input());
    }

    fn add_output(&mut self, output: String) {
        self.outputs += output.len();
        self.scope.add_input(output);
    }

    /// Waits for the calls of an answer and gives the model their outputs.
    async fn finish_calls(&mut self, running: &mut Running) -> Result<(), Stop> {
        while !running.calls.is_empty() {
            tokio::select! {
                biased;
                Some(outcome) = running.calls.next() => match outcome {
                    Ok(Outcome::Output(output)) => {
                        let call = running.open.remove(0);
                        self.add_output(call.output(&output));
                    }
                    Ok(Outcome::Parts(parts)) => {
                        let call = running.open.remove(0);
                        self.add_output(call.output(&parts));
                    }
                    Ok(Outcome::Last(output)) => {
                        let call = running.open.remove(0);
                        self.add_output(call.output(&output));
                        return Err(Stop::Cancelled);
                    }
                    Ok(Outcome::Cancelled) => return Err(Stop::Cancelled),
                    // Nobody cancels the task while it is waited for: it has panicked.
                    Err(_) => {
                        let call = running.open.remove(0);
                        self.add_output(call.output("the tool failed"));
                    }
                },
                control = self.control.recv() => self.take(control)?,
            }
        }
        for item in self.scope.told.take() {
            self.scope.add_input(item);
        }
        Ok(())
    }

    /// The provider refuses the request.
    fn refused(&mut self, error: ModelError) -> Stop {
        if error.is_context_window() {
            self.scope.fill_context_window();
        } else if error.is_counted {
            self.tell_known_usage();
        } else {
            self.last = Posted::Refused;
        }
        Stop::Failed(error)
    }

    /// The answer says that it failed.
    async fn failed(&mut self, running: &mut Running, failed: Failed) -> Stop {
        let counted = failed.usage.is_some();
        self.add_usage(failed.usage);
        let stop = self.broken(running, failed.error).await;
        if counted && !self.over_http {
            self.tell_last_usage();
        }
        if failed.filtered {
            let told = message("developer", &[context::CONTENT_FILTERED]);
            self.scope.add_context(told);
        }
        stop
    }

    async fn broken(&mut self, running: &mut Running, error: ModelError) -> Stop {
        match self.finish_calls(running).await {
            Ok(()) => {
                self.tell_known_usage();
                if error.is_context_window() {
                    self.scope.fill_context_window();
                    self.tell_limits();
                }
                Stop::Failed(error)
            }
            Err(stop) => stop,
        }
    }
}

impl Told {
    fn begin(&mut self, scope: &Scope, item: Item) {
        match (&mut self.proposal, item) {
            (Some(proposal), Item::AgentMessage(message)) => proposal.message_added(&message),
            (_, mut item) => {
                scope.item_started(&mut item);
                self.open = Some(item);
            }
        }
    }

    fn complete(&mut self, scope: &Scope, done: Item) {
        let mut done = match (&mut self.proposal, done) {
            (Some(proposal), Item::AgentMessage(message)) => {
                proposal.message_done(scope, message);
                return;
            }
            (_, done) => done,
        };
        match self.open.take() {
            Some(mut begun) if begun.id() == done.id() => {
                *done.times_mut() = *begun.times_mut();
                scope.item_completed(done);
            }
            _ => scope.whole_item(done),
        }
    }
}

impl Running {
    /// Gives up waiting. What was started may go on; the model is told.
    fn abort(&mut self, scope: &Scope) {
        for task in self.aborts.drain(..) {
            task.abort();
        }
        let seconds = self.began.elapsed().as_secs_f64();
        for call in self.open.drain(..) {
            scope.reviews.cut_off(scope, &call.id);
            let output = match scope.dynamic.cut_off(scope, &call.id) {
                Some(text) => text.to_owned(),
                None => call.aborted(seconds),
            };
            scope.add_input(call.output(&output));
        }
        if !scope
            .server
            .quirks
            .has(Quirk::InterruptLeavesCommandRunning)
        {
            scope.thread.terminals.terminate_turn(&scope.turn);
        }
    }
}
