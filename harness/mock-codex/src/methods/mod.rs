//! The methods: one table from name to handler.
#![allow(
    clippy::needless_pass_by_value,
    reason = "the handlers of the table share one shape"
)]

mod fork;
mod gate;
mod handshake;
mod listing;
mod names;
mod requested;
mod storage;
mod terminals;
mod threads;
mod turns;
mod turns_list;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::config;
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params as p;

/// A handler answers through the call, or fails.
type Handler = fn(&Call, Option<Value>) -> Result<(), Failure>;

/// One method that the mock serves.
struct Method {
    name: &'static str,
    handle: Handler,
}

/// Parameters of a method, and what of them needs `experimentalApi`.
pub(crate) trait Params: DeserializeOwned {
    /// The method or member that the client may not use without it, as the error names it.
    fn experimental(&self) -> Option<&'static str> {
        None
    }
}

macro_rules! methods {
    ($($name:literal $params:ty => $handler:path;)*) => {
        &[$(Method {
            name: $name,
            handle: |call, params| {
                let params: $params = parse(params)?;
                ready(call, &params)?;
                $handler(call, params)
            },
        }),*]
    };
}

const TABLE: &[Method] = methods! {
    "thread/start" p::ThreadStartParams => threads::start;
    "thread/resume" p::ThreadResumeParams => threads::resume;
    "thread/fork" p::ThreadForkParams => fork::fork;
    "thread/read" p::ThreadReadParams => listing::read;
    "thread/list" p::ThreadListParams => listing::list;
    "thread/loaded/list" p::ThreadLoadedListParams => listing::loaded_list;
    "thread/turns/list" p::ThreadTurnsListParams => turns_list::list;
    "thread/archive" p::ThreadArchiveParams => storage::archive;
    "thread/unarchive" p::ThreadUnarchiveParams => storage::unarchive;
    "thread/name/set" p::ThreadSetNameParams => storage::set_name;
    "thread/unsubscribe" p::ThreadUnsubscribeParams => storage::unsubscribe;
    "thread/settings/update" p::ThreadSettingsUpdateParams => turns::update_settings;
    "thread/backgroundTerminals/list" p::ThreadBackgroundTerminalsListParams => terminals::list;
    "thread/backgroundTerminals/clean" p::ThreadBackgroundTerminalsCleanParams => terminals::clean;
    "turn/start" p::TurnStartParams => turns::start;
    "turn/steer" p::TurnSteerParams => turns::steer;
    "turn/interrupt" p::TurnInterruptParams => turns::interrupt;
    "command/exec" p::CommandExecParams => command_exec;
    "mock/experimentalMethod" p::MockExperimentalMethodParams => echo;
};

/// Methods without a handler that need `experimentalApi`, with the members that are looked for
/// before.
const EXPERIMENTAL: &[(&str, &[&str])] = &[
    ("process/spawn", &["command"]),
    ("collaborationMode/list", &[]),
    ("project/list", &[]),
    ("thread/search", &["searchTerm"]),
    ("thread/queue/list", &["threadId"]),
    ("server/diagnostics", &[]),
    ("environment/add", &["environmentId", "execServerUrl"]),
];

/// `command/exec`: checked as codex 0.169.0 does, and then refused, since the mock doesn't run it.
fn command_exec(_: &Call, params: p::CommandExecParams) -> Result<(), Failure> {
    if params.permission_profile.is_some() && params.sandbox_policy.is_some() {
        return Err(Failure::invalid(
            "`permissionProfile` cannot be combined with `sandboxPolicy`",
        ));
    }
    if let Some(name) = &params.permission_profile {
        config::profile_of(name).map_err(|problem| {
            Failure::invalid(format!("invalid permission profile: {problem}"))
        })?;
    }
    Err(Failure::unsupported(
        "mock-codex does not implement `command/exec`",
    ))
}

/// `mock/experimentalMethod`, which is there to try the capability.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the handlers of the table share one shape"
)]
fn echo(call: &Call, params: p::MockExperimentalMethodParams) -> Result<(), Failure> {
    call.reply(&json!({"echoed": params.value}));
    Ok(())
}

/// Finds the handler of a method and runs it.
pub(crate) fn dispatch(call: &Call, name: &str, params: Option<Value>) -> Result<(), Failure> {
    if name == "initialize" {
        return handshake::initialize(call, parse(params)?);
    }
    if let Some(method) = TABLE.iter().find(|method| method.name == name) {
        return (method.handle)(call, params);
    }
    if !names::METHODS.contains(&name) {
        let known: Vec<String> = names::METHODS
            .iter()
            .map(|known| format!("`{known}`"))
            .collect();
        return Err(Failure::invalid(format!(
            "Invalid request: unknown variant `{name}`, expected one of {}",
            known.join(", ")
        )));
    }
    initialized(call)?;
    if let Some((_, required)) = EXPERIMENTAL.iter().find(|(known, _)| *known == name) {
        let given = |member: &str| params.as_ref().is_some_and(|p| p.get(member).is_some());
        if let Some(missing) = required.iter().find(|member| !given(member)) {
            return Err(Failure::invalid(format!(
                "Invalid request: missing field `{missing}`"
            )));
        }
        gate(call, Some(name))?;
    }
    Err(Failure::unsupported(format!(
        "mock-codex does not implement `{name}`"
    )))
}

/// Reads parameters; the text of an error is the one that the real one's parser gives.
fn parse<P: DeserializeOwned>(params: Option<Value>) -> Result<P, Failure> {
    match params {
        None | Some(Value::Null) => {
            Err(Failure::invalid("Invalid request: missing field `params`"))
        }
        Some(params) => serde_json::from_value(params)
            .map_err(|error| Failure::invalid(format!("Invalid request: {}", wording(&error)))),
    }
}

/// The text of an error of the parser. The one enum of ours that differs in shape from codex's
/// (`granular` holds a struct there too, but as its members) is made to say the same.
fn wording(error: &serde_json::Error) -> String {
    error
        .to_string()
        .replace("expected newtype variant", "expected struct variant")
}

/// May the client make this call now?
fn ready(call: &Call, params: &impl Params) -> Result<(), Failure> {
    initialized(call)?;
    gate(call, params.experimental())
}

fn initialized(call: &Call) -> Result<(), Failure> {
    match call.client.identity() {
        Some(_) => Ok(()),
        None => Err(Failure::invalid("Not initialized")),
    }
}

fn gate(call: &Call, what: Option<&str>) -> Result<(), Failure> {
    match what {
        Some(what) if !call.client.experimental() => Err(Failure::invalid(format!(
            "{what} requires experimentalApi capability"
        ))),
        _ => Ok(()),
    }
}
