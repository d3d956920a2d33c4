//! The steps: one table of names, members and meanings, which the decoder, its messages and the
//! JSON Schema read.

use super::model::{Action, Matcher, Permissions, Turn};
use super::shape::{Field, Fields, Record, Shape, may, must};

/// Who can do a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Every client.
    Verb,
    /// The reference client alone.
    Wire,
    /// The runner itself, whatever the client.
    World,
}

/// A kind of step.
pub(crate) struct StepKind {
    pub(crate) name: &'static str,
    pub(crate) group: Group,
    pub(crate) doc: &'static str,
    pub(crate) body: Body,
    /// Makes the action of a checked body.
    pub(crate) build: fn(&Record<'_>) -> Action,
}

/// What stands behind a step's name.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    /// A map with these members.
    Fields(Fields),
    /// Likewise; a plain value stands for the first member.
    Short(Fields),
    /// A map with any members.
    Open,
    /// Nothing.
    Nothing,
}

const PERMISSIONS: &[Field] = &[
    may(
        "approval_mode",
        Shape::Any,
        "the approval mode; wrong ones too, for the client to refuse",
    ),
    may("sandbox", Shape::Any, "the sandbox preset; wrong ones too"),
    may(
        "sandbox_policy",
        Shape::Any,
        "a full policy instead of a preset",
    ),
    may(
        "params",
        Shape::Map,
        "further members of the request's params, as they go on the wire",
    ),
];
const THREAD: &[Field] = &[must(
    "thread",
    Shape::Result,
    "the `as` of the step that gave the thread",
)];
const TURN_NAME: &[Field] = &[must("turn", Shape::Result, "the `as` of the `turn` step")];
const INPUT: &[Field] = &[must(
    "input",
    Shape::Any,
    "a text, or a list of input items",
)];

const fn kind(
    group: Group,
    name: &'static str,
    body: Body,
    build: fn(&Record<'_>) -> Action,
    doc: &'static str,
) -> StepKind {
    StepKind {
        name,
        group,
        doc,
        body,
        build,
    }
}

use Body::{Fields as Map_, Nothing, Open, Short};
use Group::{Verb, Wire, World};

/// Every kind of step.
pub(crate) const STEPS: [StepKind; 35] = [
    kind(
        Verb,
        "thread_start",
        Map_(&[PERMISSIONS]),
        |r| Action::ThreadStart(permissions(r)),
        "start a thread",
    ),
    kind(
        Verb,
        "thread_resume",
        Short(&[THREAD, PERMISSIONS]),
        |r| Action::ThreadResume {
            thread: r.text("thread"),
            permissions: permissions(r),
        },
        "load a thread again",
    ),
    kind(
        Verb,
        "thread_fork",
        Short(&[THREAD, PERMISSIONS]),
        |r| Action::ThreadFork {
            thread: r.text("thread"),
            permissions: permissions(r),
        },
        "start a thread from a copy of another's history",
    ),
    kind(
        Verb,
        "thread_read",
        Short(&[
            THREAD,
            &[may(
                "include_turns",
                Shape::Flag,
                "with its turns; default: false",
            )],
        ]),
        |r| Action::ThreadRead {
            thread: r.text("thread"),
            include_turns: r.flag("include_turns").unwrap_or(false),
        },
        "read a thread without loading it",
    ),
    kind(
        Verb,
        "thread_list",
        Open,
        |r| Action::ThreadList {
            params: r.node.to_object(),
        },
        "list threads; the members are the request's params",
    ),
    kind(
        Verb,
        "thread_archive",
        Short(&[THREAD]),
        |r| Action::ThreadArchive {
            thread: r.text("thread"),
        },
        "archive a thread",
    ),
    kind(
        Verb,
        "thread_unarchive",
        Short(&[THREAD]),
        |r| Action::ThreadUnarchive {
            thread: r.text("thread"),
        },
        "take a thread out of the archive",
    ),
    kind(
        Verb,
        "thread_name",
        Map_(&[THREAD, &[must("name", Shape::Text, "the new name")]]),
        |r| Action::ThreadName {
            thread: r.text("thread"),
            name: r.text("name"),
        },
        "name a thread",
    ),
    kind(
        Verb,
        "thread_compact",
        Short(&[THREAD]),
        |r| Action::ThreadCompact {
            thread: r.text("thread"),
        },
        "compact a thread's history",
    ),
    kind(
        Verb,
        "run",
        Map_(&[THREAD, INPUT, PERMISSIONS]),
        |r| Action::Run(turn(r)),
        "start a turn and wait for its end",
    ),
    kind(
        Verb,
        "turn",
        Map_(&[THREAD, INPUT, PERMISSIONS]),
        |r| Action::Turn(turn(r)),
        "start a turn without waiting",
    ),
    kind(
        Verb,
        "steer",
        Map_(&[TURN_NAME, INPUT]),
        |r| Action::Steer {
            turn: r.text("turn"),
            input: r.any("input").unwrap_or_default(),
        },
        "give a running turn more input",
    ),
    kind(
        Verb,
        "interrupt",
        Short(&[TURN_NAME]),
        |r| Action::Interrupt {
            turn: r.text("turn"),
        },
        "interrupt a running turn",
    ),
    kind(
        Verb,
        "await_turn",
        Short(&[TURN_NAME]),
        |r| Action::AwaitTurn {
            turn: r.text("turn"),
        },
        "wait for the end of a started turn",
    ),
    kind(
        Verb,
        "models",
        Map_(&[&[may(
            "include_hidden",
            Shape::Flag,
            "hidden ones too; default: false",
        )]]),
        |r| Action::Models {
            include_hidden: r.flag("include_hidden").unwrap_or(false),
        },
        "list the models",
    ),
    kind(
        Verb,
        "account",
        Nothing,
        |_| Action::Account,
        "read the account",
    ),
    kind(
        Verb,
        "login_api_key",
        Short(&[&[must("key", Shape::Text, "the key; any text does")]]),
        |r| Action::LoginApiKey { key: r.text("key") },
        "log in with an API key",
    ),
    kind(Verb, "logout", Nothing, |_| Action::Logout, "log out"),
    kind(
        Verb,
        "restart",
        Map_(&[&[may(
            "config",
            Shape::Map,
            "merged over the home's config.toml before",
        )]]),
        |r| Action::Restart {
            config: r.map("config"),
        },
        "stop the app-server and start it again on the same home",
    ),
    kind(
        Verb,
        "approve",
        Map_(&[&[
            may("command", Shape::Any, "the decision on commands"),
            may(
                "file_change",
                Shape::Any,
                "the decision on changes of files",
            ),
            may(
                "permissions",
                Shape::Any,
                "the decision on wider permissions",
            ),
        ]]),
        |r| Action::Approve {
            answers: r.node.to_object(),
        },
        "how the client answers approval requests from here on",
    ),
    kind(
        Wire,
        "request",
        Short(&[&[
            must("method", Shape::Text, "the method"),
            may(
                "params",
                Shape::Any,
                "the params; left out of the frame if not given",
            ),
            may("id", Shape::Any, "the id; chosen if not given"),
        ]]),
        |r| Action::Request {
            method: r.text("method"),
            params: r.any("params"),
            id: r.any("id"),
        },
        "send a request and wait for its answer",
    ),
    kind(
        Wire,
        "notify",
        Short(&[&[
            must("method", Shape::Text, "the method"),
            may("params", Shape::Any, "the params"),
        ]]),
        |r| Action::Notify {
            method: r.text("method"),
            params: r.any("params"),
        },
        "send a notification",
    ),
    kind(
        Wire,
        "send_line",
        Short(&[&[
            may("text", Shape::Text, "the line as text"),
            may(
                "repeat",
                Shape::Count,
                "`@PAD@` in the text stands for this many `x`: long lines without long files",
            ),
            may("hex", Shape::Hex, "the line as pairs of hexadecimal digits"),
            may(
                "bare",
                Shape::Flag,
                "without a line feed at the end; default: false",
            ),
        ]]),
        |r| Action::SendLine {
            bytes: r.hex("hex").unwrap_or_else(|| padded(r)),
            bare: r.flag("bare").unwrap_or(false),
        },
        "send these bytes as they are, malformed or not",
    ),
    kind(
        Wire,
        "await",
        Short(&[&[
            may("method", Shape::Text, "the frame's method"),
            may("where", Shape::Matcher, "what the frame looks like"),
        ]]),
        |r| Action::Await {
            method: r.maybe_text("method"),
            matching: r.matcher("where"),
        },
        "wait for a frame of the app-server",
    ),
    kind(
        Wire,
        "respond",
        Short(&[&[
            must(
                "to",
                Shape::Result,
                "the `as` of the `await` that got the request",
            ),
            may("result", Shape::Any, "the result"),
            may("error", Shape::Any, "the error instead of a result"),
        ]]),
        |r| Action::Respond {
            to: r.text("to"),
            result: r.any("result"),
            error: r.any("error"),
        },
        "answer a request of the app-server",
    ),
    kind(
        Wire,
        "close_stdin",
        Nothing,
        |_| Action::CloseStdin,
        "close the app-server's stdin and wait for its end; gives {code, signal}",
    ),
    kind(
        Wire,
        "signal",
        Short(&[&[must(
            "name",
            Shape::Choice(&["SIGTERM", "SIGKILL", "SIGINT"]),
            "the signal",
        )]]),
        |r| Action::Signal {
            name: r.text("name"),
        },
        "send a signal and wait for the end; gives {code, signal}",
    ),
    kind(
        Wire,
        "connect",
        Map_(&[&[
            may("token", Shape::Text, "the bearer token that it sends"),
            may(
                "handshake",
                Shape::Flag,
                "do the handshake too; default: true",
            ),
            may(
                "experimental_api",
                Shape::Flag,
                "`capabilities.experimentalApi`; default: true",
            ),
            may(
                "opt_out",
                Shape::Texts,
                "`capabilities.optOutNotificationMethods`",
            ),
        ]]),
        |r| Action::Connect {
            token: r.maybe_text("token"),
            handshake: r.flag("handshake").unwrap_or(true),
            experimental_api: r.flag("experimental_api"),
            opt_out: r.texts("opt_out"),
        },
        "connect another client to a listener; `as` names it, and is its `clientInfo.name`",
    ),
    kind(
        Wire,
        "disconnect",
        Nothing,
        |_| Action::Disconnect,
        "close the client's connection to a listener",
    ),
    kind(
        Wire,
        "http",
        Short(&[&[
            must("path", Shape::Text, "the path"),
            may("method", Shape::Text, "the method; default: GET"),
            may(
                "upgrade",
                Shape::Flag,
                "ask for a WebSocket, with the headers that it takes; default: false",
            ),
            may(
                "headers",
                Shape::Map,
                "headers; `~` takes one of the upgrade's away",
            ),
        ]]),
        |r| Action::Http {
            method: r.maybe_text("method").unwrap_or_else(|| "GET".into()),
            path: r.text("path"),
            upgrade: r.flag("upgrade").unwrap_or(false),
            headers: r.map("headers"),
        },
        "send an HTTP request to a listener; gives {status, headers, body}",
    ),
    kind(
        Wire,
        "exit",
        Nothing,
        |_| Action::Exit,
        "wait for the app-server's end; gives {code, signal}",
    ),
    kind(
        World,
        "jwt",
        Map_(&[&[
            must("secret", Shape::Text, "what it is signed with, by HS256"),
            may(
                "header",
                Shape::Map,
                "members of its header, over `alg` and `typ`",
            ),
            may("claims", Shape::Map, "its claims"),
            may(
                "times",
                Shape::Map,
                "claims that are times, in seconds from now",
            ),
        ]]),
        |r| Action::Jwt {
            secret: r.text("secret"),
            header: r.map("header"),
            claims: r.map("claims"),
            times: r.map("times"),
        },
        "make a JSON Web Token; gives its text",
    ),
    kind(
        World,
        "file",
        Map_(&[&[
            must("path", Shape::Text, "the file"),
            may("exists", Shape::Matcher, "is it there?"),
            may("text", Shape::Matcher, "its content"),
            may("kind", Shape::Matcher, "`file`, `directory` or `symlink`"),
        ]]),
        |r| Action::File {
            path: r.text("path"),
            checks: file_checks(r),
        },
        "look at the disk",
    ),
    kind(
        World,
        "release",
        Short(&[&[must(
            "gate",
            Shape::Text,
            "the gate, as a `hold` of the script names it",
        )]]),
        |r| Action::Release {
            gate: r.text("gate"),
        },
        "open a gate of the script",
    ),
    kind(
        World,
        "listen",
        Nothing,
        |_| Action::Listen,
        "open a loopback listener; gives {port, connections}",
    ),
];

/// The kind of a name.
pub(crate) fn find(name: &str) -> Option<&'static StepKind> {
    STEPS.iter().find(|kind| kind.name == name)
}

impl StepKind {
    /// The members of its body.
    pub(crate) fn fields(&self) -> Fields {
        match self.body {
            Body::Fields(fields) | Body::Short(fields) => fields,
            Body::Open | Body::Nothing => &[],
        }
    }
}

impl Action {
    /// Who can do it: a client that isn't the reference client has no wire steps.
    pub fn group(&self) -> Group {
        match self {
            Self::Request { .. }
            | Self::Notify { .. }
            | Self::SendLine { .. }
            | Self::Await { .. }
            | Self::Respond { .. }
            | Self::CloseStdin
            | Self::Signal { .. }
            | Self::Connect { .. }
            | Self::Disconnect
            | Self::Http { .. }
            | Self::Exit => Wire,
            Self::Jwt { .. } | Self::File { .. } | Self::Release { .. } | Self::Listen => World,
            _ => Verb,
        }
    }
}

/// The line of a `send_line`, with its padding written out.
fn padded(record: &Record<'_>) -> Vec<u8> {
    let text = record.text("text");
    let repeat = record.any("repeat").and_then(|count| count.as_u64());
    match repeat.and_then(|count| usize::try_from(count).ok()) {
        Some(count) => text.replace("@PAD@", &"x".repeat(count)).into_bytes(),
        None => text.into_bytes(),
    }
}

fn permissions(record: &Record<'_>) -> Permissions {
    Permissions {
        approval_mode: record.any("approval_mode"),
        sandbox: record.any("sandbox"),
        sandbox_policy: record.any("sandbox_policy"),
        params: record.map("params"),
    }
}

fn turn(record: &Record<'_>) -> Turn {
    Turn {
        thread: record.text("thread"),
        input: record.any("input").unwrap_or_default(),
        permissions: permissions(record),
    }
}

fn file_checks(record: &Record<'_>) -> Matcher {
    let named = |name: &str| Some((name.to_owned(), record.matcher(name)?));
    Matcher::Object(
        ["exists", "text", "kind"]
            .into_iter()
            .filter_map(named)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::source::{Sources, Span};
    use crate::scenario::yaml::{Kind, Node};

    #[test]
    fn names_are_unique_and_groups_agree_with_the_actions() {
        for (index, kind) in STEPS.iter().enumerate() {
            assert!(
                !STEPS[..index].iter().any(|other| other.name == kind.name),
                "{}",
                kind.name
            );
            let source = Sources::default().add(std::path::Path::new("x"), "");
            let node = Node {
                span: Span {
                    source,
                    start: 0,
                    end: 0,
                },
                kind: Kind::Null,
            };
            assert_eq!(
                (kind.build)(&Record::empty(&node)).group(),
                kind.group,
                "{}",
                kind.name
            );
        }
    }
}
