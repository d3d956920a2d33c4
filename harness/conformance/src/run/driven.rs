//! A case whose client is an SDK behind its driver.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::Path;

use codex_tap::{Plan as TapPlan, Sink};
use serde_json::{Map, Value, json};

use crate::check::told;
use crate::client::driver::process::{Driver, Misbehaviour};
use crate::client::driver::protocol::{
    self, Approve, Call, Capabilities, Hello, Nothing, Open, Outcome as Answered, Raised, Transport,
};
use crate::client::driver::proxy::Proxy;
use crate::client::driver::seen::Seen;
use crate::client::driver::taps::Taps;
use crate::client::driver::{Sdk, call, tap};
use crate::client::failure::{Failure, RaisedBy};
use crate::run::case::{Run, Stop};
use crate::run::checks::{Done, Outcome, failed, passed};
use crate::run::home;
use crate::run::perform::verb;
use crate::run::process::Exit;
use crate::run::refer::Refer;
use crate::scenario::model::{Action, Location, Permissions, Step};
use crate::target::Target;

/// An SDK under test: its driver, and the taps on what it starts.
pub(super) struct Driven {
    pub(super) driver: Driver,
    pub(super) taps: Taps,
    pub(super) capabilities: Capabilities,
    /// The driver's names of threads and turns, by the ids on the wire.
    names: HashMap<String, String>,
    /// What was done, for the checks at the end.
    pub(super) windows: Vec<Window>,
    /// Did it do something that is no answer? Then it isn't asked for anything more.
    pub(super) misbehaved: bool,
    /// Is the SDK's client open?
    pub(super) is_open: bool,
    /// The tap of a WebSocket, where the case has one.
    proxy: Option<Proxy>,
}

/// A step, and what was sent since it began.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    /// The step's number; 0 for what is done before the first.
    pub(crate) step: usize,
    /// Where it stands.
    pub(crate) at: Location,
    /// Its verb.
    pub(crate) verb: &'static str,
    /// What was sent before it.
    pub(crate) from: usize,
    /// The options that it gave.
    pub(crate) permissions: Option<Permissions>,
    /// How approvals are answered in it; `None` where nobody said.
    pub(crate) answers: Map<String, Value>,
    /// Did the SDK say that it refused, before anything was sent?
    pub(crate) refused: bool,
}

impl Run<'_> {
    /// Starts the driver, to where it has told what it is.
    pub(super) async fn start_driver(&mut self, sdk: &Sdk) -> Result<(), Stop> {
        let driven = self.introduce_driver(sdk).await?;
        self.sweep_knows(&driven);
        self.driven = Some(driven);
        Ok(())
    }

    /// Lets the SDK open its client; false: it refused to, as the case wants it.
    pub(super) async fn open_driver(&mut self) -> Result<bool, Stop> {
        self.unsupported_beforehand()?;
        if self.case.transport.is_some() {
            self.listen_for_driver().await?;
        }
        let opened = self.open_client().await;
        if let Some(reason) = self.unsupported.take() {
            return Err(Stop::Unsupported(reason));
        }
        self.judge_opening("open", "the SDK's client can't be opened", opened)
    }

    /// Starts the app-server, which an SDK with a WebSocket doesn't, and the tap before it.
    async fn listen_for_driver(&mut self) -> Result<(), Stop> {
        if let Some(listening) = &mut self.plan.listening {
            listening.connect = false;
        }
        self.open_session().await?;
        let broken = |error: &dyn std::fmt::Display| Stop::Broken(error.to_string());
        let session = self.session().map_err(|failure| broken(&failure))?;
        let address = session.address().map_err(|failure| broken(&failure))?;
        let behind = address.to_string().trim_start_matches("ws://").to_owned();
        let began_us = self.recorder.began_us();
        if let Some(driven) = &mut self.driven {
            let taps = driven.taps.path().to_owned();
            let proxy = Proxy::listen(behind, taps, began_us).await;
            driven.proxy = Some(proxy.map_err(|error| broken(&error))?);
        }
        Ok(())
    }

    fn sweep_knows(&mut self, driven: &Driven) {
        if let Some(group) = driven.driver.group() {
            self.sweep.knows(group);
        }
    }

    async fn introduce_driver(&mut self, sdk: &Sdk) -> Result<Driven, Stop> {
        let broken = |error: &dyn std::fmt::Display| Stop::Broken(error.to_string());
        let root = self.laid_out.places().root.clone();
        let taps = Taps::listen(root.join("tap.sock"), &self.recorder)
            .map_err(|error| broken(&format!("the taps can't be listened for: {error}")))?;
        let bin = root.join("bin");
        let codex = bin.join("codex");
        std::fs::create_dir(&bin)
            .and_then(|()| tap::write(&codex, &self.tap_plan(&taps), self.tap_program()))
            .map_err(|error| broken(&format!("the tap can't be made: {error}")))?;
        let environment = with_path(&self.plan.environment, &bin);
        let workspace = &self.laid_out.places().workspace;
        let said = self.waiting.say("the driver to start".into());
        let started = sdk.start(&environment, workspace).await;
        said.done();
        let process = started.map_err(|error| broken(&error))?;
        let mut driven = Driven {
            driver: process,
            taps,
            capabilities: no_capabilities(),
            names: HashMap::new(),
            windows: Vec::new(),
            misbehaved: false,
            is_open: false,
            proxy: None,
        };
        let places = self.laid_out.places();
        let hello = Call::Hello(Hello {
            protocol: protocol::VERSION,
            codex: codex.to_string_lossy().into_owned(),
            directory: places.workspace.to_string_lossy().into_owned(),
            codex_home: places.codex_home.to_string_lossy().into_owned(),
        });
        let said = self.waiting.say("the driver's answer to `hello`".into());
        let answered = driven.driver.call(hello).await;
        said.done();
        match answered.and_then(|answer| introduced(&answer)) {
            Ok(capabilities) => {
                // Another case may have been quicker; it was told the same.
                let _ = sdk.capabilities.set(capabilities.clone());
                driven.capabilities = capabilities;
            }
            Err(misbehaviour) => {
                let message = misbehaviour.to_string();
                driven.driver.kill().await;
                self.keep_checks(vec![failed("driver", message, Some(&self.case.at), None)])?;
            }
        }
        Ok(driven)
    }

    /// The program that a stand-in starts: the one that has the `mock` command.
    fn tap_program(&self) -> Option<&Path> {
        self.options.mock_program.as_deref()
    }

    /// What the tap runs: the target, with the case's own options before the SDK's arguments.
    fn tap_plan(&self, taps: &Taps) -> TapPlan {
        let takes_arguments = !matches!(self.target, Target::Command { .. });
        let (program, before, environment) = match &self.plan.launch {
            None => Default::default(),
            Some(launch) => {
                let mut launch = launch.clone();
                if takes_arguments {
                    launch.after.clear();
                }
                let before = launch.arguments(&self.plan.overrides, std::iter::empty());
                let own = launch.environment.iter();
                let environment =
                    own.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
                (
                    launch.program,
                    before,
                    environment.collect::<BTreeMap<_, _>>(),
                )
            }
        };
        let mut environment = environment;
        environment.insert(home::MARKER_VARIABLE.to_owned(), self.marker().to_owned());
        TapPlan {
            program,
            before,
            takes_arguments,
            environment,
            sink: Sink::Socket(taps.path().to_owned()),
            began_us: Some(self.recorder.began_us()),
            disturb: self.disturbance(),
        }
    }

    /// Steps that the driver says it has no way to do: nothing is tried then.
    fn unsupported_beforehand(&self) -> Result<(), Stop> {
        let Some(driven) = &self.driven else {
            return Ok(());
        };
        let lacking = call::lacking(&driven.capabilities, self.case);
        lacking.map_or(Ok(()), |reason| Err(Stop::Unsupported(reason)))
    }

    /// `open`
    pub(super) async fn open_client(&mut self) -> Result<(), Failure> {
        let approvals = self
            .case
            .steps
            .iter()
            .any(|step| matches!(step.action, Action::Approve { .. }));
        let transport = self.driven.as_ref().map_or(Transport::Stdio, |driven| {
            let offered = driven.capabilities.transports.iter();
            let mut fitting = offered.filter(|transport| **transport != Transport::Websocket);
            fitting.next().copied().unwrap_or(Transport::Stdio)
        });
        let proxy = self
            .driven
            .as_ref()
            .and_then(|driven| driven.proxy.as_ref());
        let token = self
            .case
            .transport
            .as_ref()
            .and_then(|it| it.token.as_ref());
        let token = token
            .map(|token| Refer(&self.bindings).text(token))
            .transpose()?;
        let open = Open {
            transport: proxy.map_or(transport, |_| Transport::Websocket),
            url: proxy.map(|proxy| proxy.url().to_owned()),
            token,
            approvals,
            experimental_api: self.case.home.experimental_api,
        };
        let at = self.case.at.clone();
        self.ask(Call::Open(open), Window::of(0, &at, "open"))
            .await?;
        if let Some(driven) = &mut self.driven {
            driven.is_open = true;
        }
        Ok(())
    }

    /// Does a verb through the driver.
    pub(super) async fn drive(&mut self, step: &Step) -> Outcome {
        let name = verb(&step.action);
        if let Action::Restart { config } = &step.action {
            return self.restart_driven(step, config).await;
        }
        let refer = Refer(&self.bindings);
        let names = self.driven.as_ref().map(|driven| &driven.names);
        let call = call::of(&step.action, &refer, |id| {
            names
                .and_then(|names| names.get(id))
                .map_or_else(|| id.to_owned(), Clone::clone)
        })?;
        let mut window = Window::of(step.index, &step.at, name);
        window.permissions = call::permissions(&step.action)
            .map(|given| refer.permissions(given))
            .transpose()?;
        if let Call::Approve(approve) = &call {
            self.decided(approve);
        }
        self.ask(call, window).await
    }

    fn decided(&mut self, approve: &Approve) {
        let given = serde_json::to_value(approve).unwrap_or_default();
        if let Value::Object(given) = given {
            self.decisions.extend(given);
        }
    }

    /// Asks the driver, and holds what it tells against what was sent.
    async fn ask(&mut self, call: Call, mut window: Window) -> Outcome {
        let awaited_turn = match &call {
            Call::AwaitTurn(on) => Some(on.turn.clone()),
            _ => None,
        };
        window.answers.clone_from(&self.decisions);
        let Some(driven) = &mut self.driven else {
            return Err(Failure::harness("no driver is running"));
        };
        window.from = driven.taps.seen(Seen::len);
        let what = format!("the driver's answer to `{}`", window.verb);
        let said = self.waiting.say(what);
        let answered = driven.driver.call(call).await;
        said.done();
        let answered = match answered {
            Ok(answered) => answered,
            Err(misbehaviour) => {
                driven.misbehaved = true;
                driven.windows.push(window);
                return Err(Failure::harness(misbehaviour.to_string()));
            }
        };
        window.refused = matches!(&answered, Answered::Error(raised) if raised.raised_by == protocol::RaisedBy::Client);
        driven.windows.push(window.clone());
        match answered {
            Answered::Unsupported(reason) => {
                self.unsupported = Some(format!("`{}`: {reason}", window.verb));
                Err(Failure::harness(reason))
            }
            Answered::Error(raised) => self.raised(&window, &raised),
            Answered::Result(value) => self.told(&window, &value, awaited_turn.as_deref()),
        }
    }

    /// The SDK raised an error: does what was sent bear it out?
    fn raised(&mut self, window: &Window, raised: &Raised) -> Outcome {
        let Some(driven) = &mut self.driven else {
            return Err(Failure::harness("no driver is running"));
        };
        let (wrong, outcome) = driven.taps.seen(|seen| told::raised(seen, window, raised));
        self.say_wrong(window, "raised", wrong);
        outcome.map(|(value, entry)| Done { value, entry })
    }

    /// The SDK told a result: is it what the app-server said?
    fn told(&mut self, window: &Window, value: &Value, awaited: Option<&str>) -> Outcome {
        let Some(driven) = &mut self.driven else {
            return Err(Failure::harness("no driver is running"));
        };
        // A turn that was started before is known on the wire by its own id: the name itself, what
        // the SDK tells with its end, or what was seen when it was started.
        let known = awaited.map(|name| {
            let told = value["turn"]["id"].as_str();
            let on_wire = |id: &&str| driven.taps.seen(|seen| seen.turn(id).is_some());
            let ids = driven.names.iter();
            let mut same = ids.filter(|(_, known)| *known == name);
            let id = Some(name).filter(on_wire).or(told.filter(on_wire));
            id.or_else(|| same.next().map(|(id, _)| id.as_str()))
                .unwrap_or(name)
                .to_owned()
        });
        let (wrong, outcome) = driven
            .taps
            .seen(|seen| told::result(seen, window, value, known.as_deref()));
        if let Ok((on_wire, _)) = &outcome {
            for place in ["/thread/id", "/turn/id", "/id", "/thread_id"] {
                let ids = (on_wire.pointer(place), value.pointer(place));
                if let (Some(Value::String(id)), Some(Value::String(name))) = ids
                    && id != name
                {
                    driven.names.insert(id.clone(), name.clone());
                }
            }
        }
        self.say_wrong(window, "told", wrong);
        outcome.map(|(value, entry)| Done { value, entry })
    }

    /// Adds a failed check without ending the case: the wire goes on, whatever the SDK tells.
    fn say_wrong(&mut self, window: &Window, what: &str, wrong: Option<String>) {
        let id = format!("step-{}.{what}", window.step);
        let check = match wrong {
            None => passed(id, Some(&window.at)),
            Some(message) => {
                let message = format!("`{}`: {message}", window.verb);
                failed(id, message, Some(&window.at), None)
            }
        };
        self.checks.push(check);
    }

    /// `restart`: the client is closed, and opened again in the same driver.
    async fn restart_driven(&mut self, step: &Step, config: &Map<String, Value>) -> Outcome {
        let config = Refer(&self.bindings).map(config)?;
        let window = Window::of(step.index, &step.at, "close");
        self.ask(Call::Close(Nothing {}), window).await?;
        let (Some(driven), Some(sdk)) = (&mut self.driven, &self.options.sdk) else {
            return Err(Failure::harness("no driver is running"));
        };
        let grace = sdk.patience(self.options.grace);
        if !driven.taps.all_ended(grace).await {
            sdk.litters();
            let message = format!(
                "after `close` the SDK left running: {}",
                driven.taps.seen(Seen::running).join(", ")
            );
            return Err(Failure::transport(message, None));
        }
        let exit = driven.taps.seen(|seen| {
            let last = seen.processes().last().and_then(|process| process.exit);
            last.map_or(json!({}), Exit::to_value)
        });
        if !config.is_empty() {
            home::merge_into_file(&self.laid_out.places().codex_home, &config)
                .map_err(|error| Failure::harness(error.to_string()))?;
        }
        self.open_client().await?;
        Ok(Done::with(exit))
    }
}

impl Driven {
    /// Closes the SDK's client and ends the driver; the result says what is wrong about it.
    pub(super) async fn end(
        &mut self,
        sdk: &Sdk,
        grace: std::time::Duration,
    ) -> Vec<(&'static str, Option<String>)> {
        let mut all = Vec::new();
        if self.is_open {
            let closed =
                tokio::time::timeout(grace, self.driver.call(Call::Close(Nothing {}))).await;
            all.push(("close", closing(closed.ok(), grace)));
            let ended = self.taps.all_ended(sdk.patience(grace)).await;
            let left = (!ended).then(|| {
                sdk.litters();
                format!(
                    "after `close` the SDK has left running: {}; each of its users collects such processes",
                    self.taps.seen(Seen::running).join(", ")
                )
            });
            all.push(("close.processes", left));
        }
        all.push(("driver", self.driver.end(grace).await.err()));
        self.driver.kill().await;
        all
    }
}

/// What is wrong with the answer to `close`.
fn closing(
    answered: Option<Result<Answered, Misbehaviour>>,
    grace: std::time::Duration,
) -> Option<String> {
    match answered {
        None => Some(format!(
            "the SDK's client did not close within {} s",
            grace.as_secs_f64()
        )),
        Some(Err(misbehaviour)) => Some(misbehaviour.to_string()),
        Some(Ok(Answered::Error(raised))) => Some(format!(
            "closing the SDK's client failed: {}: {}",
            raised.kind, raised.message
        )),
        Some(Ok(_)) => None,
    }
}

impl Window {
    fn of(step: usize, at: &Location, verb: &'static str) -> Self {
        Self {
            step,
            at: at.clone(),
            verb,
            from: 0,
            permissions: None,
            answers: Map::new(),
            refused: false,
        }
    }

    /// The method of the protocol that the verb stands for.
    pub(crate) fn method(&self) -> Option<&'static str> {
        call::method(self.verb)
    }
}

/// What a driver says of itself, and that it speaks our protocol.
fn introduced(answer: &Answered) -> Result<Capabilities, Misbehaviour> {
    let wrong = |why: String| Misbehaviour::Result {
        verb: "hello".into(),
        why,
    };
    let value = match answer {
        Answered::Result(value) => value,
        Answered::Error(raised) => {
            return Err(wrong(format!("{}: {}", raised.kind, raised.message)));
        }
        Answered::Unsupported(reason) => return Err(wrong(reason.clone())),
    };
    let capabilities: Capabilities =
        serde_json::from_value(value.clone()).map_err(|error| wrong(error.to_string()))?;
    if capabilities.protocol != protocol::VERSION {
        return Err(wrong(format!(
            "it speaks version {} of the protocol, the runner speaks {}",
            capabilities.protocol,
            protocol::VERSION
        )));
    }
    Ok(capabilities)
}

fn no_capabilities() -> Capabilities {
    Capabilities {
        protocol: protocol::VERSION,
        name: String::new(),
        version: String::new(),
        verbs: Vec::new(),
        approval_modes: Vec::new(),
        sandboxes: Vec::new(),
        presets: false,
        transports: Vec::new(),
        approvals: Vec::new(),
    }
}

/// The environment with `bin` searched first.
fn with_path(environment: &[(OsString, OsString)], bin: &Path) -> Vec<(OsString, OsString)> {
    let mut all = environment.to_vec();
    for (name, value) in &mut all {
        if name == "PATH" {
            let paths = std::iter::once(bin.to_owned()).chain(std::env::split_paths(value));
            if let Ok(joined) = std::env::join_paths(paths) {
                *value = joined;
            }
        }
    }
    all
}

impl From<protocol::RaisedBy> for RaisedBy {
    fn from(by: protocol::RaisedBy) -> Self {
        match by {
            protocol::RaisedBy::Client => Self::Client,
            protocol::RaisedBy::Server => Self::Server,
            protocol::RaisedBy::Transport => Self::Transport,
        }
    }
}
