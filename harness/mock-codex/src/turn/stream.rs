//! One answer of the model: its events become items, its calls run.

use std::time::Instant;

use futures_util::stream::{FuturesOrdered, StreamExt};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};

use super::Control;
use super::emit::Scope;
use super::model_item::ModelItem;
use super::run::{Turn, backoff};
use super::toolcall::{self, Outcome, ToolCall};
use crate::connection::{Call, Identity};
use crate::model::error::ModelError;
use crate::model::event::Event;
use crate::model::request::Subject;
use crate::model::{Answer, CallError, Endpoint, post};
use crate::protocol::item::Item;
use crate::protocol::reply::TokenUsage;
use crate::quirk::Id as Quirk;

/// What a call without an answer is told as.
const NOT_SENT: &str = "error sending request";

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
    Event(Option<Result<Event, String>>),
    Control(Option<Control>),
}

/// The calls of an answer that run, in their order.
struct Running {
    calls: FuturesOrdered<JoinHandle<Outcome>>,
    /// Ids of the calls without an output yet, and when the first began.
    open: Vec<ToolCall>,
    aborts: Vec<AbortHandle>,
    began: Instant,
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
            Answer::Refused {
                status,
                retry_after,
                body,
            } => {
                let error = ModelError::status(status, retry_after, &body, &endpoint.url);
                if error.is_context_window() {
                    self.scope.fill_context_window();
                }
                if error.info == "usageLimitExceeded" {
                    self.scope.rate_limits();
                }
                return Err(Stop::Failed(error));
            }
        };
        let drops = self.scope.server.quirks.has(Quirk::SteerDropsStream);
        if drops && self.pending.len() > waiting {
            return Ok(Sampled { follow_up: true });
        }
        let mut open: Option<Item> = None;
        let mut begun = false;
        let mut running = Running {
            calls: FuturesOrdered::new(),
            open: Vec::new(),
            aborts: Vec::new(),
            began: Instant::now(),
        };
        let usage = loop {
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
                            self.tell_known_usage();
                        }
                        return Ok(Sampled { follow_up: true });
                    }
                }
                Next::Control(control) => {
                    if let Err(stop) = self.take(control) {
                        self.tell_known_usage();
                        running.abort(&self.scope);
                        return Err(stop);
                    }
                }
                Next::Event(None) => {
                    let cause = "stream closed before response.completed";
                    return Err(self
                        .broken(&mut running, ModelError::disconnected(cause))
                        .await);
                }
                Next::Event(Some(Err(_))) => {
                    let cause = "Transport error: network error: error decoding response body";
                    return Err(self
                        .broken(&mut running, ModelError::disconnected(cause))
                        .await);
                }
                Next::Event(Some(Ok(Event::Completed(usage)))) => {
                    break usage;
                }
                Next::Event(Some(Ok(Event::Failed { code, message }))) => {
                    return Err(self
                        .broken(&mut running, ModelError::failed(&code, &message))
                        .await);
                }
                Next::Event(Some(Ok(Event::Incomplete { reason, usage }))) => {
                    if reason == "max_output_tokens" {
                        self.add_usage(usage);
                    }
                    return Err(self
                        .broken(&mut running, ModelError::incomplete(&reason))
                        .await);
                }
                Next::Event(Some(Ok(event))) => {
                    begun |= event != Event::Created;
                    self.take_event(event, &mut open, &mut running);
                }
            }
        };
        let follow_up = !running.open.is_empty();
        let finished = self.finish_calls(&mut running).await;
        if finished.is_err() {
            running.abort(&self.scope);
        }
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
                Ok(Answer::Refused {
                    status,
                    retry_after,
                    ..
                }) if tries < endpoint.request_max_retries && status.is_server_error() => {
                    tries += 1;
                    self.pause(retry_after.unwrap_or_else(|| backoff(tries)))
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
                Err(CallError::Connect) => {
                    self.tell_unreachable(NOT_SENT);
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
        let scope = self.scope.clone();
        let endpoint = endpoint.clone();
        let (headers, body) = {
            let state = scope.thread.state.borrow();
            let subject = Subject {
                thread: scope.thread.id(),
                session: &scope.thread.meta.session_id,
                turn: &scope.turn,
                turn_started_ms: self.started_ms,
                context_window: &self.context_window,
                installation: &scope.server.installation_id,
                settings: &state.settings,
                output_schema: self.output_schema.as_ref(),
                reviewed: None,
                compaction: self.compacting,
                window: state.compactions,
                read_back: state.read_back,
            };
            let nobody = Identity {
                name: String::new(),
                user_agent: String::new(),
            };
            let identity = scope.client.identity().unwrap_or(&nobody);
            let mut history = state.history.clone();
            if self.compacting {
                history.push(&super::compact::question());
            }
            (subject.headers(identity), subject.body(&history))
        };
        async move { post(&endpoint, &headers, body).await }
    }

    fn take_event(&self, event: Event, open: &mut Option<Item>, running: &mut Running) {
        let scope = &self.scope;
        match event {
            Event::ItemAdded(item) => {
                if let Some(mut item) = ModelItem::parse(&item).and_then(|item| item.to_item()) {
                    scope.item_started(&mut item);
                    *open = Some(item);
                }
            }
            Event::ItemDone(item) => self.item_done(&item, open, running),
            Event::TextDelta { item, delta } => {
                scope.about_item("item/agentMessage/delta", &item, &json!({"delta": delta}));
            }
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
            Event::Created
            | Event::Completed(_)
            | Event::Incomplete { .. }
            | Event::Failed { .. } => {}
        }
    }

    fn item_done(&self, item: &Value, open: &mut Option<Item>, running: &mut Running) {
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
        if let Some(mut done) = item.to_item() {
            match open.take() {
                Some(mut begun) if begun.id() == done.id() => {
                    *done.times_mut() = *begun.times_mut();
                    scope.item_completed(done);
                }
                _ => scope.whole_item(done),
            }
        }
        scope.add_input(item.into_input());
    }

    /// Waits for the calls of an answer and gives the model their outputs.
    async fn finish_calls(&mut self, running: &mut Running) -> Result<(), Stop> {
        while !running.calls.is_empty() {
            tokio::select! {
                biased;
                Some(outcome) = running.calls.next() => match outcome {
                    Ok(Outcome::Output(output)) => {
                        let call = running.open.remove(0);
                        self.scope.add_input(call.output(&output));
                    }
                    Ok(Outcome::Parts(parts)) => {
                        let call = running.open.remove(0);
                        self.scope.add_input(call.output(&parts));
                    }
                    Ok(Outcome::Cancelled) => return Err(Stop::Cancelled),
                    // Nobody cancels the task while it is waited for: it has panicked.
                    Err(_) => {
                        let call = running.open.remove(0);
                        self.scope.add_input(call.output("the tool failed"));
                    }
                },
                control = self.control.recv() => self.take(control)?,
            }
        }
        Ok(())
    }

    async fn broken(&mut self, running: &mut Running, error: ModelError) -> Stop {
        match self.finish_calls(running).await {
            Ok(()) => {
                self.tell_known_usage();
                if error.is_context_window() {
                    self.scope.fill_context_window();
                    self.scope.rate_limits();
                }
                Stop::Failed(error)
            }
            Err(stop) => stop,
        }
    }

    /// Tells again what was counted last, if anything was.
    pub(super) fn tell_last_usage(&self) {
        let known = {
            let state = self.scope.thread.state.borrow();
            let last = state.last_usage.as_ref().map(|(_, last)| *last);
            last.map(|last| (state.usage, last))
        };
        if let Some((total, last)) = known {
            self.scope.tell_usage(total, last);
        }
    }

    /// Tells again what is counted so far, after an answer that counted nothing.
    pub(super) fn tell_known_usage(&self) {
        self.tell_last_usage();
        self.scope.rate_limits();
    }

    /// Counts an answer that broke off among all, though not as the last one.
    fn add_usage(&self, usage: Option<TokenUsage>) {
        let Some(usage) = usage else { return };
        let (mut total, last) = {
            let state = self.scope.thread.state.borrow();
            let last = state.last_usage.as_ref().map(|(_, last)| *last);
            (state.usage, last.unwrap_or_default())
        };
        total += usage;
        self.scope.keep_usage(total, last);
    }

    pub(super) fn tell_usage(&self, usage: Option<TokenUsage>) {
        if let Some(usage) = usage {
            self.scope.count(usage);
        }
        self.scope.rate_limits();
        self.scope.diff.repeat(&self.scope);
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
