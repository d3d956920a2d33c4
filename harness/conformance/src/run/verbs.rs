//! The verbs that take more than a request, and the steps on files and gates.

use codex_wire::preset::Method;
use serde_json::{Map, Value};

use crate::check::expect;
use crate::check::model::of_turn;
use crate::client::failure::Failure;
use crate::run::case::{Run, Stop, cant};
use crate::run::checks::{Done, Outcome};
use crate::run::home;
use crate::run::refer::Refer;
use crate::run::session::Stopped;
use crate::run::world;
use crate::scenario::model::{Matcher, Permissions, Step, Turn};

impl Run<'_> {
    /// A request without more to it.
    pub(super) async fn call(&self, method: &str, params: Value) -> Outcome {
        Done::of(self.session()?.client().request(method, params).await)
    }

    /// A request on a thread, maybe with one more member.
    pub(super) async fn on_thread(
        &self,
        method: &str,
        thread: &str,
        more: Option<(&str, Value)>,
    ) -> Outcome {
        let mut params = Map::new();
        params.insert(
            "threadId".into(),
            Refer(&self.bindings).thread(thread)?.into(),
        );
        params.extend(more.map(|(name, value)| (name.to_owned(), value)));
        self.call(method, Value::Object(params)).await
    }

    /// `thread_start`, `thread_resume`, `thread_fork`.
    pub(super) async fn thread_call(
        &self,
        method: Method,
        thread: Option<&str>,
        permissions: &Permissions,
    ) -> Outcome {
        let refer = Refer(&self.bindings);
        let thread = thread.map(|name| refer.thread(name)).transpose()?;
        let permissions = refer.permissions(permissions)?;
        let client = self.session()?.client();
        Done::of(
            client
                .with_permissions(method, thread.as_deref(), &permissions)
                .await,
        )
    }

    /// `turn`: `{id, thread_id, turn}`.
    pub(super) async fn start_turn(&mut self, turn: &Turn) -> Outcome {
        let refer = Refer(&self.bindings);
        let thread = refer.thread(&turn.thread)?;
        let input = refer.value(&turn.input)?;
        let permissions = refer.permissions(&turn.permissions)?;
        let client = self.session_mut()?.client_mut();
        Done::of(client.start_turn(&thread, &input, &permissions).await)
    }

    /// The end of a turn, with what its requests told the model.
    pub(super) async fn end_of_turn(&self, turn: &str) -> Outcome {
        let ended = self.session()?.client().await_turn(turn).await?;
        let (requests, told) = self.recorder.look(|entries| of_turn(entries, turn));
        let mut value = ended.result;
        value["told"] = told;
        value["requests"] = requests.into();
        Ok(Done {
            value,
            entry: Some(ended.entry),
        })
    }

    /// `restart`: `{code, signal, initialize}` of the old one's end and the new one's reply.
    pub(super) async fn restart(&mut self, config: &Map<String, Value>) -> Outcome {
        let config = Refer(&self.bindings).map(config)?;
        let grace = self.options.grace;
        let mut value = match self.session_mut()?.stop(grace).await {
            Stopped::Ended(exit) | Stopped::Terminated(exit) => exit.to_value(),
            Stopped::Killed => {
                let message =
                    "the app-server did not end after its stdin was closed, and was killed";
                return Err(Failure::transport(message, None));
            }
            Stopped::LeftRunning => {
                return Err(Failure::harness("the app-server isn't ours to restart"));
            }
        };
        self.session = None;
        if !config.is_empty() {
            home::merge_into_file(&self.laid_out.places().codex_home, &config)
                .map_err(|error| Failure::harness(error.to_string()))?;
        }
        match self.open_session().await {
            Ok(()) => {}
            Err(Stop::Broken(reason)) => return Err(Failure::harness(reason)),
            Err(Stop::Failed | Stop::Deadline | Stop::Unsupported(_)) => {
                unreachable!("starting makes no checks")
            }
        }
        if self.shakes_hands() {
            value["initialize"] = self.handshake().await?;
        }
        Ok(Done::with(value))
    }

    /// `models`
    pub(super) async fn models(&self, include_hidden: bool) -> Outcome {
        let mut params = Map::new();
        if include_hidden {
            params.insert("includeHidden".into(), true.into());
        }
        self.call("model/list", Value::Object(params)).await
    }

    /// `approve`: from here on, also after a restart.
    pub(super) fn approve(&mut self, answers: &Map<String, Value>) -> Outcome {
        let answers = Refer(&self.bindings).map(answers)?;
        self.approvals.set(&answers).map_err(Failure::harness)?;
        let approvals = self.approvals.clone();
        self.session()?
            .client()
            .connection()
            .approvals(|own| *own = approvals);
        Ok(Done::default())
    }

    /// `file`: `{exists, kind, text}`, judged by the step's own checks.
    pub(super) fn look_at(&mut self, step: &Step, path: &str, checks: &Matcher) -> Outcome {
        let path = Refer(&self.bindings).text(path)?;
        let path = world::place(&self.laid_out.places().workspace, &path);
        let value = world::look_at(&path).map_err(|error| cant("read", &path, &error))?;
        let id = format!("step-{}.file", step.index);
        let subject = format!("`{}`", path.display());
        let check = expect::check(
            id,
            &subject,
            (checks, &step.at),
            Some(&value),
            &self.bindings,
        );
        self.checks.push(check);
        Ok(Done::with(value))
    }

    /// `listen`: `{port, connections}`, the count kept up to date for later steps.
    pub(super) fn listen(&mut self, step: &Step) -> Outcome {
        let opened = self.listeners.open(step.index, step.bind.as_deref());
        let value = opened.map_err(|error| Failure::harness(format!("can't listen: {error}")))?;
        Ok(Done::with(value))
    }

    /// `release`: opens a gate of the script.
    pub(super) fn release(&self, gate: &str) -> Outcome {
        let gate = Refer(&self.bindings).text(gate)?;
        let model = self.model.as_ref();
        let model = model.ok_or_else(|| Failure::harness("the case has no model"))?;
        model.release(&gate).map_err(Failure::harness)?;
        Ok(Done::default())
    }
}
