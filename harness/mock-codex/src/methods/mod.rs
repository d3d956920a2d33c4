//! The methods: one table from name to handler.
#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "the handlers of the table share one shape"
)]

/// Writes a table of methods: name, parameters, handler. Parameters that need `experimentalApi` say
/// so through [`Params::experimental`].
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

mod account;
mod catalog;
mod configuration;
mod delete;
mod exec;
mod fork;
mod fs;
mod fuzzy;
mod gate;
mod goal;
mod handshake;
mod inject;
mod items;
mod list;
mod listing;
mod metadata;
mod names;
mod offline;
mod paging;
mod read_state;
mod remembered;
mod requested;
mod revert;
mod review;
mod search;
mod source;
mod storage;
mod terminals;
mod threads;
mod trust;
mod turns;
mod turns_list;
mod unserved;
mod variants;

pub(crate) use account::Pending as PendingLogin;
pub(crate) use catalog::usable_skills;
pub(crate) use exec::Commands;
pub(crate) use fs::watch::Watches;
pub(crate) use fuzzy::Searches;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::review::ReviewStartParams;
use crate::protocol::{params as p, thread_params as t};

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

    /// May the parameters be left out?
    const OPTIONAL: bool = false;
}

/// The parameters of a method that has none.
#[derive(Debug)]
pub(crate) struct NoParams;

impl<'de> Deserialize<'de> for NoParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Null => Ok(Self),
            Value::Object(members) if members.is_empty() => Ok(Self),
            other => <()>::deserialize(other)
                .map(|()| Self)
                .map_err(D::Error::custom),
        }
    }
}

impl Params for NoParams {
    const OPTIONAL: bool = true;
}

/// The methods that the mock serves, by family.
const FAMILIES: &[&[Method]] = &[
    TABLE,
    account::METHODS,
    catalog::METHODS,
    configuration::METHODS,
    exec::COMMANDS,
    exec::PROCESSES,
    fs::METHODS,
    fuzzy::METHODS,
    offline::METHODS,
];

const TABLE: &[Method] = methods! {
    "thread/start" p::ThreadStartParams => threads::start;
    "thread/resume" p::ThreadResumeParams => threads::resume;
    "thread/fork" p::ThreadForkParams => fork::fork;
    "thread/read" p::ThreadReadParams => listing::read;
    "thread/list" p::ThreadListParams => list::list;
    "thread/loaded/list" p::ThreadLoadedListParams => listing::loaded_list;
    "thread/turns/list" p::ThreadTurnsListParams => turns_list::list;
    "thread/items/list" t::ThreadItemsListParams => items::list;
    "thread/items/read" t::ThreadItemsReadParams => items::read;
    "thread/search" t::ThreadSearchParams => search::threads;
    "thread/searchOccurrences" t::ThreadSearchOccurrencesParams => search::occurrences;
    "thread/metadata/update" t::ThreadMetadataUpdateParams => metadata::update;
    "thread/memoryMode/set" t::ThreadMemoryModeSetParams => metadata::set_memory_mode;
    "thread/readState/update" t::ThreadReadStateUpdateParams => read_state::update;
    "thread/goal/set" t::ThreadGoalSetParams => goal::set;
    "thread/goal/get" t::ThreadGoalGetParams => goal::get;
    "thread/goal/clear" t::ThreadGoalClearParams => goal::clear;
    "thread/delete" t::ThreadDeleteParams => delete::delete;
    "thread/revert" t::ThreadRevertParams => revert::revert;
    "thread/inject_items" t::ThreadInjectItemsParams => inject::inject;
    "thread/shellCommand" t::ThreadShellCommandParams => turns::shell_command;
    "thread/compact/start" t::ThreadCompactStartParams => turns::compact;
    "thread/archive" p::ThreadArchiveParams => storage::archive;
    "thread/unarchive" p::ThreadUnarchiveParams => storage::unarchive;
    "thread/name/set" p::ThreadSetNameParams => storage::set_name;
    "thread/unsubscribe" p::ThreadUnsubscribeParams => storage::unsubscribe;
    "thread/settings/update" p::ThreadSettingsUpdateParams => turns::update_settings;
    "thread/backgroundTerminals/list" p::ThreadBackgroundTerminalsListParams => terminals::list;
    "thread/backgroundTerminals/terminate" t::ThreadBackgroundTerminalsTerminateParams => terminals::terminate;
    "thread/backgroundTerminals/clean" p::ThreadBackgroundTerminalsCleanParams => terminals::clean;
    "turn/start" p::TurnStartParams => turns::start;
    "turn/steer" p::TurnSteerParams => turns::steer;
    "turn/interrupt" p::TurnInterruptParams => turns::interrupt;
    "review/start" ReviewStartParams => review::start;
    "mock/experimentalMethod" p::MockExperimentalMethodParams => echo;
};

/// `mock/experimentalMethod`, which is there to try the capability.
fn echo(call: &Call, params: p::MockExperimentalMethodParams) -> Result<(), Failure> {
    call.reply(&json!({"echoed": params.value}));
    Ok(())
}

/// Finds the handler of a method and runs it.
pub(crate) fn dispatch(call: &Call, name: &str, params: Option<Value>) -> Result<(), Failure> {
    if name == "initialize" {
        return handshake::initialize(call, parse(params)?);
    }
    if call.client.identity().is_none() {
        return own(call, name, params);
    }
    let server = std::rc::Rc::clone(&call.server);
    server
        .answers
        .answer(call, name, params, |params| own(call, name, params))
}

/// Does the protocol have this method?
pub(crate) fn is_known(name: &str) -> bool {
    names::METHODS.contains(&name)
}

/// The mock's own answer.
fn own(call: &Call, name: &str, params: Option<Value>) -> Result<(), Failure> {
    let variants::Served::Read(params) = variants::serve(call, name, params)? else {
        return Ok(());
    };
    let mut served = FAMILIES.iter().copied().flatten();
    if let Some(method) = served.find(|method| method.name == name) {
        return (method.handle)(call, params);
    }
    if !is_known(name) {
        let known: Vec<String> = names::METHODS
            .iter()
            .map(|known| format!("`{known}`"))
            .collect();
        return Err(Failure::invalid(format!(
            "Invalid request: unknown variant `{name}`, expected one of {}",
            known.join(", ")
        )));
    }
    Err(unserved::refuse(call, name, params.as_ref()))
}

/// Reads parameters; the text of an error is the one that the real one's parser gives.
fn parse<P: Params>(params: Option<Value>) -> Result<P, Failure> {
    let params = match params {
        None | Some(Value::Null) if P::OPTIONAL => json!({}),
        None | Some(Value::Null) => {
            return Err(Failure::invalid("Invalid request: missing field `params`"));
        }
        Some(params) => params,
    };
    let request = json!({"method": "", "params": params});
    serde_json::from_value(request)
        .map(|Request::Call { params }| params)
        .map_err(|error| Failure::invalid(format!("Invalid request: {error}")))
}

/// Requests are told apart by their method, so that serde reads parameters from what it has
/// buffered: with other errors than from JSON, and with an empty map in place of nothing.
#[derive(Deserialize)]
#[serde(tag = "method")]
enum Request<T> {
    #[serde(rename = "")]
    Call { params: T },
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
