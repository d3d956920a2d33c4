//! Steps of a scenario as requests to a driver.

use codex_wire::preset::{ApprovalMode, SandboxPreset};
use serde_json::Value;

use crate::client::driver::protocol::{
    Approve, Call, Capabilities, LoginApiKey, Models, Nothing, OnThread, OnThreadWith, OnTurn,
    Permissions as Given, StartTurn, Steer, ThreadName, ThreadRead, Transport as Reached,
};
use crate::client::failure::Failure;
use crate::run::refer::Refer;
use crate::scenario::model::{Action, Case, Matcher, Permissions, Step, Transport, Turn};
use crate::scenario::steps::Group;
use crate::target::capability::Capability;

/// What a case about variants of the protocol requires.
const VARIANTS: &str = Capability::Variants.name();

/// The methods that verbs stand for.
const METHODS: [(&str, &str); 18] = [
    ("thread_start", "thread/start"),
    ("thread_resume", "thread/resume"),
    ("thread_fork", "thread/fork"),
    ("thread_read", "thread/read"),
    ("thread_list", "thread/list"),
    ("thread_archive", "thread/archive"),
    ("thread_unarchive", "thread/unarchive"),
    ("thread_name", "thread/name/set"),
    ("thread_compact", "thread/compact/start"),
    ("run", "turn/start"),
    ("turn", "turn/start"),
    ("steer", "turn/steer"),
    ("interrupt", "turn/interrupt"),
    ("models", "model/list"),
    ("account", "account/read"),
    ("login_api_key", "account/login/start"),
    ("logout", "account/logout"),
    ("open", "initialize"),
];

/// The method of the protocol that a verb stands for.
pub fn method(verb: &str) -> Option<&'static str> {
    let found = METHODS.iter().find(|(known, _)| *known == verb);
    found.map(|(_, method)| *method)
}

/// The permission options of a step, where it has some.
pub fn permissions(action: &Action) -> Option<&Permissions> {
    match action {
        Action::ThreadStart(permissions)
        | Action::ThreadResume { permissions, .. }
        | Action::ThreadFork { permissions, .. }
        | Action::Run(Turn { permissions, .. })
        | Action::Turn(Turn { permissions, .. }) => Some(permissions),
        _ => None,
    }
}

/// Why no driver can do a case: `None` if one may.
pub fn obstacle(case: &Case) -> Option<String> {
    let home = &case.home;
    if home.handshake == Some(false) {
        return Some("it has no handshake, which SDKs do by themselves".into());
    }
    if !home.opt_out.is_empty() {
        return Some("it opts out of notifications, which SDKs have no common way for".into());
    }
    let plain =
        |it: &Transport| it.connect && it.arguments.is_empty() && it.listen.starts_with("ws://");
    if !case.transport.as_ref().is_none_or(plain) {
        return Some("it is about listeners; SDKs connect to a plain one at most".into());
    }
    case.steps.iter().find_map(|step| {
        let verb = crate::run::verb(&step.action);
        let wire = step.action.group() == Group::Wire;
        (wire || step.client.is_some()).then(|| {
            format!(
                "step {} (`{verb}`) is for the reference client alone",
                step.index
            )
        })
    })
}

/// What the SDK has no way to do of a case, by what its driver says: nothing is tried then.
pub fn lacking(has: &Capabilities, case: &Case) -> Option<String> {
    if case.transport.is_some() && !has.transports.contains(&Reached::Websocket) {
        return Some("it connects to no WebSocket".into());
    }
    let is_played = !case.mock.is_empty() || case.requires.iter().any(|it| it == VARIANTS);
    if is_played && has.transports == [Reached::Exec] {
        return Some("it starts `codex exec`, and what is played here is an app-server".into());
    }
    case.steps.iter().find_map(|step| lacks(has, step))
}

fn lacks(has: &Capabilities, step: &Step) -> Option<String> {
    let verb = crate::run::verb(&step.action);
    let meant = step.action.group() == Group::Verb && verb != "restart";
    if meant && !has.verbs.iter().any(|known| known == verb) {
        return Some(format!("it has no `{verb}`"));
    }
    if let Action::Approve { answers } = &step.action {
        let other = answers.keys().find(|kind| !has.approvals.contains(kind));
        return other.map(|kind| format!("approvals of `{kind}` can't be answered through it"));
    }
    let permissions = permissions(&step.action)?;
    let none = permissions
        .approval_mode
        .as_ref()
        .is_none_or(Value::is_null);
    let start = matches!(step.action, Action::ThreadStart(_));
    let judged = step
        .expect
        .as_ref()
        .is_some_and(|expect| is_about_approvals(&expect.value));
    if start && none && judged && !has.presets {
        return Some("it names no approval mode that it could have as a default".into());
    }
    let modes = ApprovalMode::ALL.map(ApprovalMode::name);
    let sandboxes = SandboxPreset::ALL.map(SandboxPreset::name);
    let mode = (
        &permissions.approval_mode,
        &has.approval_modes,
        &modes[..],
        "approval mode",
    );
    let sandbox = (
        &permissions.sandbox,
        &has.sandboxes,
        &sandboxes[..],
        "sandbox preset",
    );
    [mode, sandbox]
        .into_iter()
        .find_map(|(given, has_them, known, what)| {
            let given = given.as_ref().filter(|given| !given.is_null())?;
            let name = given.as_str().unwrap_or_default();
            if has_them.iter().any(|one| one == name) {
                return None;
            }
            if known.contains(&name) {
                return Some(format!("it has no {what} `{name}`"));
            }
            (!has.presets)
                .then(|| format!("it names no {what}s that it could refuse {given} beside"))
        })
}

/// Does it matter to a matcher how approvals are set?
fn is_about_approvals(matcher: &Matcher) -> bool {
    match matcher {
        Matcher::Preset(_) => true,
        Matcher::Object(members) => members
            .iter()
            .any(|(name, matcher)| name.starts_with("approval") || is_about_approvals(matcher)),
        Matcher::AllOf(all) | Matcher::AnyOf(all) => all.iter().any(is_about_approvals),
        _ => false,
    }
}

/// The request for a step; `name` gives the driver's name for an id.
///
/// # Errors
/// The step names something that isn't there.
pub(crate) fn of(
    action: &Action,
    refer: &Refer<'_>,
    name: impl Fn(&str) -> String,
) -> Result<Call, Failure> {
    let thread = |given: &str| Ok::<_, Failure>(name(&refer.thread(given)?));
    let turn = |given: &str| Ok::<_, Failure>(name(&refer.turn(given)?));
    let on = |given: &str| {
        Ok::<_, Failure>(OnThread {
            thread: thread(given)?,
        })
    };
    let start = |turn: &Turn| {
        Ok::<_, Failure>(StartTurn {
            thread: thread(&turn.thread)?,
            input: refer.value(&turn.input)?,
            permissions: given(&turn.permissions, refer)?,
        })
    };
    Ok(match action {
        Action::ThreadStart(permissions) => Call::ThreadStart(given(permissions, refer)?),
        Action::ThreadResume {
            thread: name,
            permissions,
        } => Call::ThreadResume(OnThreadWith {
            thread: thread(name)?,
            permissions: given(permissions, refer)?,
        }),
        Action::ThreadFork {
            thread: name,
            permissions,
        } => Call::ThreadFork(OnThreadWith {
            thread: thread(name)?,
            permissions: given(permissions, refer)?,
        }),
        Action::ThreadRead {
            thread: name,
            include_turns,
        } => Call::ThreadRead(ThreadRead {
            thread: thread(name)?,
            include_turns: *include_turns,
        }),
        Action::ThreadList { params } => Call::ThreadList(refer.map(params)?),
        Action::ThreadArchive { thread } => Call::ThreadArchive(on(thread)?),
        Action::ThreadUnarchive { thread } => Call::ThreadUnarchive(on(thread)?),
        Action::ThreadCompact { thread } => Call::ThreadCompact(on(thread)?),
        Action::ThreadName { thread: of, name } => Call::ThreadName(ThreadName {
            thread: thread(of)?,
            name: refer.text(name)?,
        }),
        Action::Run(turn) => Call::Run(start(turn)?),
        Action::Turn(turn) => Call::Turn(start(turn)?),
        Action::AwaitTurn { turn: name } => Call::AwaitTurn(OnTurn { turn: turn(name)? }),
        Action::Interrupt { turn: name } => Call::Interrupt(OnTurn { turn: turn(name)? }),
        Action::Steer { turn: name, input } => Call::Steer(Steer {
            turn: turn(name)?,
            input: refer.value(input)?,
        }),
        Action::Models { include_hidden } => Call::Models(Models {
            include_hidden: *include_hidden,
        }),
        Action::Account => Call::Account(Nothing {}),
        Action::Logout => Call::Logout(Nothing {}),
        Action::LoginApiKey { key } => Call::LoginApiKey(LoginApiKey {
            key: refer.text(key)?,
        }),
        Action::Approve { answers } => {
            let answers = refer.map(answers)?;
            let of = |kind: &str| answers.get(kind).cloned();
            Call::Approve(Approve {
                command: of("command"),
                file_change: of("file_change"),
                permissions: of("permissions"),
            })
        }
        _ => return Err(Failure::harness("drivers have no such step")),
    })
}

/// The options as a driver gets them: what a matrix leaves out with `null` isn't there.
fn given(permissions: &Permissions, refer: &Refer<'_>) -> Result<Given, Failure> {
    let Permissions {
        approval_mode,
        sandbox,
        sandbox_policy,
        params,
    } = refer.permissions(permissions)?;
    let there = |given: Option<Value>| given.filter(|value| !value.is_null());
    Ok(Given {
        approval_mode: there(approval_mode),
        sandbox: there(sandbox),
        sandbox_policy: there(sandbox_policy),
        params,
    })
}
