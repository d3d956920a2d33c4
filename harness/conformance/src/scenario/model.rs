//! What a scenario file says, after loading: typed, located, and still with its `${variables}`.
//!
//! A file becomes a [`Case`], or several where it has a `matrix`. Matrix variables are already
//! put in; what is left in strings (`${workspace}`, `${denied.thread.id}`) is known only while
//! the case runs.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

/// A place in a scenario file; line and column are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The file, as it was named to the loader.
    pub file: PathBuf,
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// One run of a scenario: the unit that passes, fails or is skipped.
#[derive(Clone, Debug)]
pub struct Case {
    /// `<area>/<file stem>`, and `[dimension=value,…]` behind it for a matrix: unique.
    pub id: String,
    /// `<area>/<file stem>`, the same for all cases of a file.
    pub scenario: String,
    /// Where the file begins.
    pub at: Location,
    /// One sentence that says what holds.
    pub name: String,
    /// More about it.
    pub about: Option<String>,
    /// Where the case comes from.
    pub refs: Vec<String>,
    /// For selecting.
    pub tags: Vec<String>,
    /// Capabilities without which the case is skipped, for example `kernel-sandbox`.
    pub requires: Vec<String>,
    /// The targets it is meant for, by kind (`mock`, `codex`); empty: all.
    pub targets: Vec<String>,
    /// The longest that the case may take; `None`: the run's default.
    pub timeout: Option<Duration>,
    /// What stands in `CODEX_HOME` before the run.
    pub home: Home,
    /// How clients reach the app-server; `None`: on its pipes.
    pub transport: Option<Transport>,
    /// Files laid out before the run: path (with variables) and text.
    pub files: Vec<(String, String)>,
    /// The script of the model: each a reply of `mock_responses`, as JSON with variables. They
    /// may name results of any step (a listener's port), so they are put in when served.
    pub model: Vec<Located<Value>>,
    /// How the script is served.
    pub model_server: ModelServer,
    /// What the mock answers in its own place: entries of its file of answers, with variables.
    pub mock: Vec<Value>,
    /// What is done to the app-server's output on its way to the client; `None`: nothing.
    pub disturb: Option<Disturb>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What must hold of the whole run.
    pub expect: CaseExpect,
    /// The projections of the transcript that are kept.
    pub snapshot: Vec<Projection>,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it begins.
    pub at: Location,
}

/// `CODEX_HOME` before the run.
#[derive(Clone, Debug, Default)]
pub struct Home {
    /// Merged over the harness's own `config.toml`.
    pub config: Map<String, Value>,
    /// Options on the app-server's command line: each becomes `-c key=value`.
    pub overrides: Map<String, Value>,
    /// Environment of the app-server, beside the allow-listed one.
    pub env: Map<String, Value>,
    /// `capabilities.experimentalApi` of the reference client; true unless said otherwise.
    pub experimental_api: Option<bool>,
    /// Do the handshake before the first step? False for cases about the handshake itself.
    pub handshake: Option<bool>,
    /// Does the app-server have to find an empty `CODEX_HOME`, with its configuration alone?
    /// Otherwise one may have been started in it and have ended, see
    /// [`FirstStarts`](crate::run::FirstStarts).
    pub first_start: Option<bool>,
    /// `capabilities.optOutNotificationMethods` of the reference client.
    pub opt_out: Vec<String>,
}

/// A listener, and who connects to it. Strings may have variables.
#[derive(Clone, Debug)]
pub struct Transport {
    /// What stands behind `--listen`.
    pub listen: String,
    /// Further arguments of the app-server.
    pub arguments: Vec<String>,
    /// The bearer token that the first client sends.
    pub token: Option<String>,
    /// Does a client connect before the first step?
    pub connect: bool,
}

/// What is done to the app-server's output on its way to the client, on any target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disturb {
    /// Bytes of a piece; each is written when the one before has been read. 0: no pieces.
    pub pieces: usize,
    /// Is everything from the start of a turn to its end written at once?
    pub together: bool,
    /// Bytes on stderr before each turn.
    pub noise: usize,
    /// Is the noise no UTF-8?
    pub binary: bool,
    /// How much later the app-server starts.
    pub delay: Duration,
    /// Length of a line that is put in before the first turn.
    pub long_line: usize,
    /// The frame after which the app-server is killed, the first time.
    pub end_at: Option<String>,
}

/// How the script is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelServer {
    /// The status that an upgrade to a WebSocket is answered with: with 101 the script is served
    /// over it too; `None`: 426.
    pub websocket_upgrade: Option<u16>,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Counted from 1.
    pub index: usize,
    /// Where it begins.
    pub at: Location,
    /// What is done.
    pub action: Action,
    /// `client`: which client does it, by the name that a `connect` gave it; `None`: the first.
    pub client: Option<String>,
    /// `as`: the name under which later steps find the result.
    pub bind: Option<String>,
    /// `expect`: checks on the result.
    pub expect: Option<Located<Matcher>>,
    /// `error`: the step must fail like this.
    pub error: Option<Located<Matcher>>,
}

/// What a step does. `thread` and `turn` members name an earlier result.
#[derive(Clone, Debug)]
#[expect(
    missing_docs,
    reason = "members have the names and meanings of the file format's table"
)]
pub enum Action {
    // ---- verbs: every client has them, or says that it hasn't
    /// `thread_start`
    ThreadStart(Permissions),
    /// `thread_resume`
    ThreadResume {
        thread: String,
        permissions: Permissions,
    },
    /// `thread_fork`
    ThreadFork {
        thread: String,
        permissions: Permissions,
    },
    /// `thread_read`
    ThreadRead { thread: String, include_turns: bool },
    /// `thread_list`
    ThreadList { params: Map<String, Value> },
    /// `thread_archive`
    ThreadArchive { thread: String },
    /// `thread_unarchive`
    ThreadUnarchive { thread: String },
    /// `thread_name`
    ThreadName { thread: String, name: String },
    /// `thread_compact`
    ThreadCompact { thread: String },
    /// `run`: start a turn and wait for its end.
    Run(Turn),
    /// `turn`: start a turn; don't wait.
    Turn(Turn),
    /// `steer`: more input for a running turn.
    Steer { turn: String, input: Value },
    /// `interrupt`
    Interrupt { turn: String },
    /// `await_turn`: wait for the end of a started turn.
    AwaitTurn { turn: String },
    /// `models`
    Models { include_hidden: bool },
    /// `account`
    Account,
    /// `login_api_key`
    LoginApiKey { key: String },
    /// `logout`
    Logout,
    /// `restart`: stop the app-server and start it again on the same home; `config` is merged
    /// over the home's `config.toml` before.
    Restart { config: Map<String, Value> },
    /// `approve`: how the client answers approval requests from here on, by kind
    /// (`command`, `file_change`); a decision of the protocol.
    Approve { answers: Map<String, Value> },
    // ---- wire: the reference client alone
    /// `request`: any method; the id is chosen unless given.
    Request {
        method: String,
        params: Option<Value>,
        id: Option<Value>,
    },
    /// `notify`: any notification.
    Notify {
        method: String,
        params: Option<Value>,
    },
    /// `send_line`: these bytes, as they are; a `\n` is added unless `bare`. Variables in
    /// bytes that are UTF-8 are put in when the step runs.
    SendLine { bytes: Vec<u8>, bare: bool },
    /// `await`: the next frame of the server that matches, or one that came since the last
    /// `await` for the same method.
    Await {
        method: Option<String>,
        matching: Option<Matcher>,
    },
    /// `respond`: the answer to a server request that an `await` bound.
    Respond {
        to: String,
        result: Option<Value>,
        error: Option<Value>,
    },
    /// `close_stdin`: and wait for the app-server's end; the result is `{code, signal}`.
    CloseStdin,
    /// `signal`: send it (`SIGTERM`, `SIGKILL`, `SIGINT`) and wait for the end.
    Signal { name: String },
    /// `connect`: another client, named by `as`; the result is the reply to its `initialize`.
    Connect {
        token: Option<String>,
        handshake: bool,
        experimental_api: Option<bool>,
        opt_out: Vec<String>,
    },
    /// `disconnect`: closes the client's connection.
    Disconnect,
    /// `http`: a request to the app-server's address; the result is `{status, headers, body}`.
    Http {
        method: String,
        path: String,
        upgrade: bool,
        headers: Map<String, Value>,
    },
    /// `exit`: wait for the app-server's end; the result is `{code, signal}`.
    Exit,
    // ---- world: for both
    /// `jwt`: a JSON Web Token; the result is its text.
    Jwt {
        secret: String,
        header: Map<String, Value>,
        claims: Map<String, Value>,
        times: Map<String, Value>,
    },
    /// `file`: a look at the disk; the result is `{exists, text, kind}`, which `checks` (an
    /// object matcher on the members that the file names) judges.
    File { path: String, checks: Matcher },
    /// `release`: opens a gate of the script.
    Release { gate: String },
    /// `listen`: a loopback listener; the result is `{port, connections}`.
    Listen,
}

/// The permission options of a verb, as a person writes them: names stay strings here, so that
/// scenarios can also give wrong ones; the client types them and refuses.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    /// `approval_mode`
    pub approval_mode: Option<Value>,
    /// `sandbox`
    pub sandbox: Option<Value>,
    /// `sandbox_policy`
    pub sandbox_policy: Option<Value>,
    /// `params`: further members of the request's params, as they go on the wire.
    pub params: Map<String, Value>,
}

/// The options of `run` and `turn`.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The thread, by the name of an earlier result.
    pub thread: String,
    /// A text, or a list of input items.
    pub input: Value,
    /// The permission options.
    pub permissions: Permissions,
}

/// What must be true of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Matcher {
    /// Equal to this; numbers by value, strings after variables are put in. Also
    /// `{equals: …}`, which takes an object or list as a whole.
    Equal(Value),
    /// An object whose named members match; others may be there.
    Object(Vec<(String, Matcher)>),
    /// A list of the same length whose elements match.
    Array(Vec<Matcher>),
    /// `{contains: x}`: a string with this part, or a list with an element that matches.
    Contains(Box<Matcher>),
    /// `{matches: re}`: a string that this regular expression finds something in.
    Matches(String),
    /// `{any_of: […]}`
    AnyOf(Vec<Matcher>),
    /// `{all_of: […]}`
    AllOf(Vec<Matcher>),
    /// `{not: x}`
    Not(Box<Matcher>),
    /// `{absent: true}`: the member isn't there; `{absent: false}`: it is.
    Absent(bool),
    /// `{type: …}`: null, boolean, integer, number, string, array or object.
    Type(String),
    /// `{length: n}`: of a string (characters), list or object.
    Length(Box<Matcher>),
    /// `{each: x}`: every element matches.
    Each(Box<Matcher>),
    /// `{same_as: ${name}}`: equal to an earlier result, or a part of one.
    SameAs(Value),
    /// `{preset: {method, approval_mode, sandbox}}`: has exactly the permission members that
    /// `codex_wire::preset` puts on the wire for this choice, and none of the others.
    Preset(Value),
}

/// Checks on the whole run.
#[derive(Clone, Debug, Default)]
pub struct CaseExpect {
    /// `open_error`: how opening the client fails, or else the first step.
    pub open_error: Option<Located<Matcher>>,
    /// `model.requests`: how many requests the model got.
    pub model_requests: Option<Located<Matcher>>,
    /// `model.outputs`: what the model was told of each call, by call id.
    pub model_outputs: Vec<(String, Located<Matcher>)>,
    /// `model.request`: checks on single requests, by their index from 0: matched against
    /// `{method, path, headers, body, told: {sandbox, sandbox_mode}}`.
    pub model_request: Vec<(usize, Located<Matcher>)>,
    /// `frames`: how often a frame must be on the wire.
    pub frames: Vec<Located<FrameCount>>,
    /// `stderr`: of the app-server, as one text.
    pub stderr: Option<Located<Matcher>>,
    /// `leftover_replies: true`: replies of the script may stay unused.
    pub leftover_replies: bool,
    /// `allow`: rules of the model's journal that this case breaks on purpose.
    pub allow: Vec<String>,
    /// `off_schema`: places of the client's frames that are outside of the schema on purpose, as
    /// JSON pointers; `*` stands for anything.
    pub off_schema: Vec<String>,
}

/// How often a frame must be on the wire.
#[derive(Clone, Debug)]
pub struct FrameCount {
    /// The sender.
    pub from: Side,
    /// Whose wire, by the name that a `connect` gave; `None`: the first client's.
    pub client: Option<String>,
    /// The method; answers have the method of their request.
    pub method: Option<String>,
    /// `where`: what the frame looks like.
    pub matching: Option<Matcher>,
    /// How many such frames: a number or a matcher on it.
    pub count: Matcher,
}

/// An end of the client's wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Client,
    /// The app-server.
    Server,
}

/// What is kept of a transcript in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Projection {
    /// What the client sent.
    Client,
    /// What the app-server sent to the client.
    Server,
    /// What the app-server asked the model.
    Model,
}
