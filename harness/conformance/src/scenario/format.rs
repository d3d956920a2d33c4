//! The tables of a scenario file's own members.

use super::shape::{Field, Fields, Shape, may, must};
use crate::target::capability::Capability;

/// The members of a scenario file.
pub(crate) const SCENARIO: Fields = &[
    &[
        must("name", Shape::Text, "one sentence that says what holds"),
        may("about", Shape::Text, "more about it"),
        may(
            "refs",
            Shape::Texts,
            "where it comes from: issues, documented sentences",
        ),
        may(
            "transport",
            Shape::Record(TRANSPORT),
            "how clients reach the app-server; default: on its pipes",
        ),
        may(
            "targets",
            Shape::Choices(TARGETS),
            "the targets that it is meant for; default: all",
        ),
        may(
            "timeout",
            Shape::Duration,
            "the longest that a case may take",
        ),
        may(
            "matrix",
            Shape::Map,
            "dimensions: one case for each combination of their values",
        ),
        may(
            "include",
            Shape::TextOrTexts,
            "files with shared parts, relative to this one",
        ),
        may(
            "expect",
            Shape::Record(EXPECT),
            "what must hold of the whole run",
        ),
        may(
            "snapshot",
            Shape::Choices(PROJECTIONS),
            "the projections of the transcript to keep",
        ),
    ],
    SHARED,
];

/// The members of a file that others include.
pub(crate) const PART: Fields = &[
    &[may(
        "include",
        Shape::TextOrTexts,
        "files with shared parts, relative to this one",
    )],
    SHARED,
];

const SHARED: &[Field] = &[
    may(
        "tags",
        Shape::Texts,
        "for selecting; a case tagged `waits` waits for a clock most of its time and runs beside the jobs",
    ),
    may(
        "requires",
        Shape::Choices(&Capability::NAMES),
        "capabilities without which a case is skipped",
    ),
    may(
        "home",
        Shape::Record(HOME),
        "CODEX_HOME before the run, and the client's handshake",
    ),
    may(
        "files",
        Shape::TextMap,
        "files laid out before the run: path and text",
    ),
    may(
        "model",
        Shape::List,
        "the script: one reply per request the app-server sends",
    ),
    may(
        "model_server",
        Shape::Record(MODEL_SERVER),
        "how the script is served",
    ),
    may(
        "mock",
        Shape::List,
        "answers that the mock gives in its own place, each {method, params, result | error, \
         notifications, times} or {login, outcome}; other targets are skipped",
    ),
    may(
        "disturb",
        Shape::Record(DISTURB),
        "what is done to the app-server's output on its way to the client",
    ),
    may("steps", Shape::List, "what is done, in order"),
];

/// The members of `transport`.
pub(crate) const TRANSPORT: Fields = &[&[
    must(
        "listen",
        Shape::Text,
        "what stands behind `--listen`: `ws://127.0.0.1:0`, `unix://PATH`, `unix://`",
    ),
    may(
        "arguments",
        Shape::Texts,
        "further arguments of the app-server",
    ),
    may(
        "token",
        Shape::Text,
        "the bearer token that the first client sends",
    ),
    may(
        "connect",
        Shape::Flag,
        "connect a client before the first step; default: true",
    ),
]];

/// The members of `disturb`.
pub(crate) const DISTURB: Fields = &[&[
    may(
        "pieces",
        Shape::Count,
        "written in pieces of so many bytes, each when the one before has been read",
    ),
    may(
        "together",
        Shape::Flag,
        "everything from the start of a turn to its end is written at once",
    ),
    may(
        "noise",
        Shape::Count,
        "so many bytes on stderr before each turn: lines in colour, and a long one",
    ),
    may(
        "binary",
        Shape::Flag,
        "the noise begins with bytes that are no UTF-8",
    ),
    may(
        "delay",
        Shape::Duration,
        "how much later the app-server starts",
    ),
    may(
        "long_line",
        Shape::Count,
        "a notification of so many bytes is put in before the first turn",
    ),
    may(
        "end_at",
        Shape::Text,
        "the method of the frame after which the app-server is killed, once a case; of `codex exec` \
         the type of an event, with `/` for its dot",
    ),
]];

/// The members of `model_server`.
pub(crate) const MODEL_SERVER: Fields = &[&[may(
    "websocket_upgrade",
    Shape::Count,
    "the status that an upgrade to a WebSocket is answered with: 101 serves the script over it \
     too, any other refuses it; default: 426",
)]];

/// The members of `home`.
pub(crate) const HOME: Fields = &[&[
    may(
        "config",
        Shape::Map,
        "merged over the harness's own config.toml",
    ),
    may(
        "overrides",
        Shape::Map,
        "each becomes `-c key=value` on the command line",
    ),
    may(
        "env",
        Shape::Map,
        "environment of the app-server, beside the allow-listed one",
    ),
    may(
        "experimental_api",
        Shape::Flag,
        "`capabilities.experimentalApi`; default: true",
    ),
    may(
        "handshake",
        Shape::Flag,
        "do the handshake before the first step; default: true",
    ),
    may(
        "first_start",
        Shape::Flag,
        "there is nothing but the configuration: a codex may otherwise find the databases and the \
         skills that its first start leaves; default: false",
    ),
    may(
        "opt_out",
        Shape::Texts,
        "`capabilities.optOutNotificationMethods`",
    ),
]];

/// The members of `expect`.
pub(crate) const EXPECT: Fields = &[&[
    may("model", Shape::Record(EXPECT_MODEL), "what the model got"),
    may(
        "open_error",
        Shape::Matcher,
        "how opening the client fails: no step is done then; one that opens later fails in a step",
    ),
    may(
        "frames",
        Shape::Records(FRAMES),
        "how often frames must be on the wire",
    ),
    may(
        "stderr",
        Shape::Matcher,
        "the app-server's stderr as one text",
    ),
    may(
        "leftover_replies",
        Shape::Flag,
        "replies of the script may stay unused; default: false",
    ),
    may(
        "allow",
        Shape::Texts,
        "rules of the model's journal that are broken on purpose",
    ),
    may(
        "off_schema",
        Shape::Texts,
        "places of the client's frames that are outside of the schema on purpose, as JSON \
         pointers, with `*` for anything; a step that expects an `error` needs none",
    ),
]];

/// The members of `expect.model`.
pub(crate) const EXPECT_MODEL: Fields = &[&[
    may(
        "requests",
        Shape::Matcher,
        "how many requests the model got",
    ),
    may(
        "outputs",
        Shape::MatcherMap,
        "what the model was told of each call, by call id",
    ),
    may(
        "request",
        Shape::MatcherIndex,
        "single requests, by their index from 0: \
         {method, path, headers, body, told: {sandbox, sandbox_mode}}",
    ),
]];

/// The members of an element of `expect.frames`.
pub(crate) const FRAMES: Fields = &[&[
    must("from", Shape::Choice(&["client", "server"]), "the sender"),
    may(
        "client",
        Shape::Text,
        "whose wire, by the `as` of its `connect`; default: the first client's",
    ),
    may(
        "method",
        Shape::Text,
        "the method; answers have that of their request",
    ),
    may("where", Shape::Matcher, "what the frame looks like"),
    may(
        "count",
        Shape::Matcher,
        "how many such frames; default: at least one",
    ),
]];

/// The members of a step, beside the one that says what is done.
pub(crate) const STEP: Fields = &[&[
    may("as", Shape::Text, "a name for the result, for later steps"),
    may(
        "client",
        Shape::Result,
        "which client does it, by the `as` of its `connect`; default: the first",
    ),
    may("expect", Shape::Matcher, "checks on the result"),
    may(
        "error",
        Shape::Matcher,
        "the step must fail like this: {code, message, raised}",
    ),
]];

/// The kinds of target.
pub(crate) const TARGETS: &[&str] = &["mock", "codex", "cmd", "ws", "unix"];

/// The projections of a transcript.
pub(crate) const PROJECTIONS: &[&str] = &["client", "server", "model"];
