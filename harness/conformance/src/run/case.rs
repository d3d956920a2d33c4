//! One case, from its directories to its verdict.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codex_wire::transcript::{Event, Step as StepEntry};
use serde_json::{Map, Value};

use crate::check::told;
use crate::client::address::Token;
use crate::client::approval::Approvals;
use crate::client::connection::Waiting;
use crate::client::driver::{Sdk, call};
use crate::client::failure::Failure;
use crate::run::RunOptions;
use crate::run::checks::{DEADLINE, Outcome, failed, of_step};
use crate::run::driven::Driven;
use crate::run::first_start::Shared;
use crate::run::home;
use crate::run::leftover::Sweep;
use crate::run::listen::Listening;
use crate::run::outcome::{CaseRun, Check, Places, Status};
use crate::run::perform::verb;
use crate::run::places::LaidOut;
use crate::run::record::Recorder;
use crate::run::refer::Refer;
use crate::run::script::{BadReply, Model};
use crate::run::session::{Around, Plan, Session};
use crate::run::world::{self, Listeners};
use crate::scenario::model::{Action, Case, Matcher, Step, Transport};
use crate::scenario::template::Bindings;
use crate::target::Target;
use crate::target::capability;

/// Runs one case on one target, with the client that the options name.
///
/// Whatever happens, nothing of it stays: when the result is there, every process of the case
/// has ended and its directories are gone, unless [`RunOptions::keep`]. The same when the future
/// is dropped.
pub async fn run(case: &Arc<Case>, target: &Target, options: &RunOptions) -> CaseRun {
    let began = Instant::now();
    let ended = |status, checks| CaseRun {
        case: Arc::clone(case),
        target: target.to_string(),
        client: options.client_name().to_owned(),
        status,
        duration: began.elapsed(),
        checks,
        transcript: Vec::new(),
        places: Places::default(),
        notes: Vec::new(),
    };
    if let Some(reason) = options
        .sdk
        .as_ref()
        .and_then(|sdk| not_for(sdk, case, target))
    {
        return ended(Status::Skipped(reason), Vec::new());
    }
    match capability::obstacle(case, target, || target.sandbox_shortfall(options)) {
        Ok(None) => {}
        Ok(Some(reason)) => return ended(Status::Skipped(reason), Vec::new()),
        Err(unknown) => return ended(Status::Broken(unknown.to_string()), Vec::new()),
    }
    let known = options.sdk.as_ref().and_then(|sdk| sdk.capabilities.get());
    if let Some(reason) = known.and_then(|has| call::lacking(has, case)) {
        return ended(Status::Unsupported(reason), Vec::new());
    }
    let laid_out = match LaidOut::make(options.places_under.as_deref()) {
        Ok(laid_out) => laid_out,
        Err(error) => {
            let reason = format!("the directories of the run can't be made: {error}");
            return ended(Status::Broken(reason), Vec::new());
        }
    };
    let mut run = Run::new(case, target, options, laid_out);
    let limit = case
        .timeout
        .or(options.timeout)
        .unwrap_or_else(|| target.default_timeout());
    let start = options
        .sdk
        .as_ref()
        .map_or(limit, |sdk| sdk.start_limit(limit));
    let stop = match tokio::time::timeout(start, run.begin()).await {
        Ok(Ok(())) => match tokio::time::timeout(limit, run.through()).await {
            Ok(done) => done.err(),
            Err(_) => Some(run.deadline(limit)),
        },
        Ok(Err(stop)) => Some(stop),
        Err(_) => Some(run.deadline(start)),
    };
    let finished = run.finish(stop).await;
    CaseRun {
        transcript: finished.transcript,
        places: finished.places,
        notes: finished.notes,
        ..ended(finished.status, finished.checks)
    }
}

/// Why a case didn't get to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// A check failed; it is among the checks.
    Failed,
    /// The time was up; the check is among the checks.
    Deadline,
    /// The environment is at fault.
    Broken(String),
    /// The SDK has no way to do it.
    Unsupported(String),
}

/// A case under way. Its members are dropped in this order: processes before directories.
pub(super) struct Run<'a> {
    pub(super) session: Option<Session>,
    /// The SDK in the reference client's place.
    pub(super) driven: Option<Driven>,
    pub(super) model: Option<Model>,
    pub(super) sweep: Sweep,
    pub(super) laid_out: LaidOut,
    pub(super) case: &'a Case,
    pub(super) target: &'a Target,
    pub(super) options: &'a RunOptions,
    pub(super) recorder: Recorder,
    pub(super) waiting: Waiting,
    pub(super) bindings: Bindings,
    pub(super) listeners: Listeners,
    pub(super) plan: Plan,
    pub(super) approvals: Approvals,
    pub(super) checks: Vec<Check>,
    pub(super) notes: Vec<String>,
    /// The step under way.
    step: Option<&'a Step>,
    /// Did a step end the app-server, or has it seen its end?
    pub(super) end_was_seen: bool,
    /// The step that the SDK has no way to do, as its driver says.
    pub(super) unsupported: Option<String>,
    /// How approvals are answered, as `approve` steps said it.
    pub(super) decisions: Map<String, Value>,
    marker: String,
}

impl<'a> Run<'a> {
    fn new(case: &'a Case, target: &'a Target, options: &'a RunOptions, laid_out: LaidOut) -> Self {
        let mut bindings = Bindings::new();
        laid_out.places().bind(&mut bindings);
        let marker = home::marker();
        Self {
            session: None,
            driven: None,
            model: None,
            sweep: Sweep::of(marker.clone()),
            laid_out,
            case,
            target,
            options,
            recorder: Recorder::start(),
            waiting: Waiting::default(),
            bindings,
            listeners: Listeners::default(),
            plan: Plan {
                launch: None,
                overrides: Map::new(),
                environment: Vec::new(),
                listening: None,
                token: options.token.clone(),
            },
            approvals: Approvals::leaving(answered_by_steps(case)),
            checks: Vec::new(),
            notes: Vec::new(),
            step: None,
            end_was_seen: false,
            unsupported: None,
            decisions: Map::new(),
            marker,
        }
    }

    /// Lays out, and starts the driver where there is one.
    async fn begin(&mut self) -> Result<(), Stop> {
        self.prepare().await?;
        match self.options.sdk.clone() {
            Some(sdk) => self.start_driver(&sdk).await,
            None => Ok(()),
        }
    }

    /// Opens the client, does every step.
    async fn through(&mut self) -> Result<(), Stop> {
        let opened = match &self.options.sdk {
            Some(_) => self.open_driver().await?,
            None => self.open_reference().await?,
        };
        if !opened {
            return Ok(());
        }
        for step in &self.case.steps {
            self.step(step).await?;
        }
        Ok(())
    }

    /// Marks every process of the case.
    pub(super) fn marker(&self) -> &str {
        &self.marker
    }

    /// `CODEX_HOME`, the files, the model.
    async fn prepare(&mut self) -> Result<(), Stop> {
        let broken = |error: &dyn std::fmt::Display| Stop::Broken(error.to_string());
        let launch = self
            .target
            .launch(self.options)
            .map_err(|error| broken(&error))?;
        let mut model = Model::start(&self.recorder, &self.case.model, self.case.model_server)
            .await
            .map_err(|error| broken(&error))?;
        let fed = model.feed(&self.bindings);
        let base_url = model.base_url();
        self.model = Some(model);
        self.fed(fed)?;

        let first_start = match &launch {
            Some(launch) if self.may_have_been_started() => {
                let starts = &self.options.first_starts;
                starts.of(self.target, launch, self.options).await
            }
            _ => None,
        };
        if let Some(first_start) = &first_start {
            first_start
                .put_into(&self.laid_out.places().codex_home)
                .map_err(|error| broken(&format!("the home can't be filled: {error}")))?;
        }
        let laid_out = self.lay_out(&base_url);
        let environment = laid_out.map_err(|failure| {
            let message = format!("the case can't be laid out: {}", failure.message);
            self.checks
                .push(failed("home", message, Some(&self.case.at), None));
            Stop::Failed
        })?;
        let path = (
            first_start.as_ref().and_then(Shared::programs),
            launch.as_ref().map_or(&[][..], |launch| &launch.path),
        );
        let places = self.laid_out.places();
        self.plan.environment = home::environment(places, path, &self.marker, &environment);
        let own = launch.iter().flat_map(|launch| &launch.environment);
        // What the case says goes first: it may be about a machine without a sandbox.
        let own = own.filter(|(name, _)| !environment.contains_key(*name));
        self.plan
            .environment
            .extend(own.map(|(name, value)| (name.into(), value.into())));
        self.plan.launch = launch;
        if self.options.sdk.is_none() {
            self.disturb_pipes()
                .map_err(|error| broken(&format!("the tap can't be made: {error}")))?;
        }
        Ok(())
    }

    /// May the app-server find what an earlier start has left? Not where the case says so, and not
    /// where it lays out files that only a first start takes in.
    fn may_have_been_started(&self) -> bool {
        let in_home = |path: &String| path.starts_with("${codex_home}");
        !self.case.home.first_start.unwrap_or(false)
            && !self.case.files.iter().any(|(path, _)| in_home(path))
    }

    /// Writes what the app-server finds; the result is the case's own environment.
    fn lay_out(&mut self, base_url: &str) -> Result<Map<String, Value>, Failure> {
        let refer = Refer(&self.bindings);
        let places = self.laid_out.places();
        let mut config = home::base_config(base_url);
        home::merge(&mut config, &refer.map(&self.case.home.config)?);
        home::write_config(&places.codex_home, &config)
            .map_err(|error| Failure::harness(error.to_string()))?;
        for (path, text) in &self.case.files {
            let path = world::place(&places.workspace, &refer.text(path)?);
            world::lay_out(&path, &refer.text(text)?)
                .map_err(|error| cant("write", &path, &error))?;
        }
        let mut environment = refer.map(&self.case.home.env)?;
        if !self.case.mock.is_empty() {
            let path = places.root.join("answers.json");
            let answers = self.case.mock.iter().map(|answer| refer.value(answer));
            let answers: Value = answers.collect::<Result<_, _>>()?;
            world::lay_out(&path, &answers.to_string())
                .map_err(|error| cant("write", &path, &error))?;
            environment.insert(
                mock_codex::ANSWERS_VARIABLE.to_owned(),
                path.to_string_lossy().into_owned().into(),
            );
        }
        self.plan.overrides = refer.map(&self.case.home.overrides)?;
        self.plan.listening = self
            .case
            .transport
            .as_ref()
            .map(|transport| listening(transport, &refer))
            .transpose()?;
        Ok(environment)
    }

    /// Starts the app-server with the client on it.
    pub(super) async fn open_session(&mut self) -> Result<(), Stop> {
        let approvals = self.approvals.clone();
        let mut session = Session::open(self.target, &self.plan, approvals, self.around())
            .await
            .map_err(|error| Stop::Broken(error.to_string()))?;
        if let Some(app_server) = session.app_server() {
            self.sweep.knows(app_server.group());
        }
        self.session = Some(session);
        self.end_was_seen = false;
        Ok(())
    }

    /// Does the first client do the handshake?
    pub(super) fn shakes_hands(&self) -> bool {
        let connects = self.case.transport.as_ref().is_none_or(|it| it.connect);
        connects && self.case.home.handshake.unwrap_or(true)
    }

    /// What a session needs to know of the run.
    pub(super) fn around(&self) -> Around<'_> {
        Around {
            places: self.laid_out.places(),
            recorder: &self.recorder,
            waiting: &self.waiting,
        }
    }

    pub(super) async fn handshake(&self) -> Result<Value, Failure> {
        let (reply, _) = self.session()?.client().handshake(&self.case.home).await?;
        Ok(reply)
    }

    async fn step(&mut self, step: &'a Step) -> Result<(), Stop> {
        let verb = verb(&step.action);
        self.step = Some(step);
        self.recorder.push(Event::Step(StepEntry {
            index: step.index,
            verb: verb.to_owned(),
            line: step.at.line,
        }));
        self.listeners.count(&mut self.bindings);
        let outcome = self.perform_as(step).await;
        if let Some(reason) = self.unsupported.take() {
            return Err(Stop::Unsupported(reason));
        }
        if let (Ok(done), Some(name)) = (&outcome, &step.bind) {
            self.bindings.set(name.clone(), done.value.clone());
        }
        let judged = self.own_words(step);
        self.keep_checks(of_step(&judged, verb, &outcome, &self.bindings))?;
        let fed = self
            .model
            .as_mut()
            .map_or(Ok(()), |model| model.feed(&self.bindings));
        self.fed(fed)
    }

    /// The step as it is judged: what an SDK says when it refuses is in its own words.
    fn own_words(&self, step: &'a Step) -> Cow<'a, Step> {
        let raised_by_client = |members: &[(String, Matcher)]| {
            let client = Matcher::Equal("client".into());
            members
                .iter()
                .any(|(name, by)| name == "raised_by" && *by == client)
        };
        match step.error.as_ref().map(|error| &error.value) {
            Some(Matcher::Object(members))
                if self.driven.is_some() && raised_by_client(members) =>
            {
                let mut own = step.clone();
                if let Some(error) = &mut own.error
                    && let Matcher::Object(members) = &mut error.value
                {
                    members.retain(|(name, _)| name != "message");
                }
                Cow::Owned(own)
            }
            _ => Cow::Borrowed(step),
        }
    }

    /// Does a step as the client that it names.
    async fn perform_as(&mut self, step: &Step) -> Outcome {
        if let Some(session) = &mut self.session {
            session.choose(step.client.as_deref())?;
        }
        self.perform(step).await
    }

    pub(super) fn keep_checks(&mut self, checks: Vec<Check>) -> Result<(), Stop> {
        let held = checks.iter().all(|check| check.passed);
        self.checks.extend(checks);
        if held || self.options.goes_on {
            Ok(())
        } else {
            Err(Stop::Failed)
        }
    }

    fn fed(&mut self, fed: Result<(), BadReply>) -> Result<(), Stop> {
        fed.map_err(|BadReply { reply, message }| {
            self.checks
                .push(failed("model.script", message, Some(&reply.at), None));
            Stop::Failed
        })
    }

    /// The time is up: what was it spent on?
    fn deadline(&mut self, limit: Duration) -> Stop {
        let awaited = self.waiting.now();
        let during = self.step.map_or_else(String::new, |step| {
            format!(" in step {} (`{}`)", step.index, verb(&step.action))
        });
        let what = awaited.map_or_else(
            || "nothing in particular".to_owned(),
            |what| format!("for {what}"),
        );
        let driven = self.driven.as_ref();
        let meanwhile = driven.and_then(|driven| driven.taps.seen(told::meanwhile));
        let message = format!(
            "the case was not done after {} s{during}: it waited {what}{}",
            limit.as_secs_f64(),
            meanwhile.unwrap_or_default()
        );
        let at = self.step.map_or(&self.case.at, |step| &step.at);
        let entry = self.recorder.look(|entries| entries.len().checked_sub(1));
        self.checks.push(failed(DEADLINE, message, Some(at), entry));
        Stop::Deadline
    }

    /// The session, where an app-server was started.
    pub(super) fn session(&self) -> Result<&Session, Failure> {
        self.session.as_ref().ok_or_else(no_session)
    }

    /// The session, to change it.
    pub(super) fn session_mut(&mut self) -> Result<&mut Session, Failure> {
        self.session.as_mut().ok_or_else(no_session)
    }
}

/// Why a case is not for an SDK: `None` if it may be.
fn not_for(sdk: &Sdk, case: &Case, target: &Target) -> Option<String> {
    if target.address().is_some() {
        let name = &sdk.name;
        return Some(format!(
            "`{name}` starts codex itself, `{target}` runs already"
        ));
    }
    call::obstacle(case)
}

fn listening(transport: &Transport, refer: &Refer<'_>) -> Result<Listening, Failure> {
    let arguments = transport.arguments.iter().map(|text| refer.text(text));
    let token = transport.token.as_ref().map(|text| refer.text(text));
    Ok(Listening {
        url: refer.text(&transport.listen)?,
        arguments: arguments.collect::<Result<_, _>>()?,
        token: token.transpose()?.as_deref().and_then(Token::new),
        connect: transport.connect,
    })
}

/// Without an app-server there is nothing to do.
pub(super) fn no_session() -> Failure {
    Failure::harness("no app-server is running")
}

/// A file that can't be had.
pub(super) fn cant(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::harness(format!("can't {what} `{}`: {error}", path.display()))
}

/// The methods of server requests that the case answers with `respond`: those that an `await`
/// binds under a name which a `respond` uses.
fn answered_by_steps(case: &Case) -> impl Iterator<Item = String> + '_ {
    let used = |name: &str| {
        case.steps
            .iter()
            .any(|step| matches!(&step.action, Action::Respond { to, .. } if to == name))
    };
    case.steps
        .iter()
        .filter_map(move |step| match (&step.action, &step.bind) {
            (
                Action::Await {
                    method: Some(method),
                    ..
                },
                Some(name),
            ) if used(name) => Some(method.clone()),
            _ => None,
        })
}
