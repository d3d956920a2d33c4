//! What the runner and a driver say to each other, as `docs/drivers.md` describes it.
//!
//! JSON lines: the runner writes a [`Request`] to the driver's stdin and reads one [`Answer`] from
//! its stdout before it writes the next. `fixtures/driver.schema.json` is made from these types.

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The version of the protocol: it changes when a driver that was right no longer is.
pub const VERSION: u32 = 1;

/// A step for the driver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// Counted from 1; the answer carries it.
    pub id: u64,
    /// What to do, as `verb` and `with`.
    #[serde(flatten)]
    pub call: Call,
}

/// What a driver is asked to do. Threads and turns are meant by the ids that earlier results gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "verb", content = "with", rename_all = "snake_case")]
pub enum Call {
    /// Always first: who are you, and what can you do? Starts nothing.
    Hello(Hello),
    /// Make the SDK's client, which starts codex or connects to it, and let it do its handshake.
    Open(Open),
    /// Close the SDK's client as its documentation says. Another `open` may follow.
    Close(Nothing),
    /// Start a thread.
    ThreadStart(Permissions),
    /// Load a thread again.
    ThreadResume(OnThreadWith),
    /// Start a thread from a copy of another's history.
    ThreadFork(OnThreadWith),
    /// Read a thread without loading it.
    ThreadRead(ThreadRead),
    /// List threads; the members are those of `thread/list`.
    ThreadList(Map<String, Value>),
    /// Archive a thread.
    ThreadArchive(OnThread),
    /// Take a thread out of the archive.
    ThreadUnarchive(OnThread),
    /// Name a thread.
    ThreadName(ThreadName),
    /// Compact a thread's history.
    ThreadCompact(OnThread),
    /// Start a turn and wait for its end.
    Run(StartTurn),
    /// Start a turn, don't wait for its end.
    Turn(StartTurn),
    /// Wait for the end of a turn that `turn` started.
    AwaitTurn(OnTurn),
    /// Give a running turn more input.
    Steer(Steer),
    /// Interrupt a running turn.
    Interrupt(OnTurn),
    /// List the models.
    Models(Models),
    /// Read the account.
    Account(Nothing),
    /// Log in with an API key.
    LoginApiKey(LoginApiKey),
    /// Log out.
    Logout(Nothing),
    /// How approval requests are answered from here on.
    Approve(Approve),
}

/// A verb without members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Nothing {}

/// The runner introduces itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hello {
    /// The version of the protocol that the runner speaks.
    pub protocol: u32,
    /// The executable that the SDK has to use as `codex`: an absolute path. The same file is the
    /// first `codex` on `PATH`.
    pub codex: String,
    /// The working directory of the driver and of codex: an absolute path.
    pub directory: String,
    /// `CODEX_HOME`, which the environment of the driver has too.
    pub codex_home: String,
}

/// How the SDK's client is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Open {
    /// One of the transports that the driver named.
    pub transport: Transport,
    /// For `websocket`: where to connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// For `websocket`: the bearer token to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Will `approve` say how approvals are answered? Only then install a handler of the driver's
    /// own, which declines until `approve` says otherwise. Else leave the SDK as it comes.
    #[serde(default)]
    pub approvals: bool,
    /// Ask for the experimental API, or don't; left to the SDK's default if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experimental_api: Option<bool>,
}

/// How an SDK reaches codex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// It starts `codex app-server` and talks to its stdin and stdout.
    Stdio,
    /// It starts `codex exec --json` for each turn.
    Exec,
    /// It connects to an app-server that listens.
    Websocket,
}

/// Permission options, as a scenario has them. What is not given must not be given to the SDK.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Permissions {
    /// An approval mode by its preset's name; wrong ones too, for the SDK to refuse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_mode: Option<Value>,
    /// A sandbox by its preset's name; wrong ones too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Value>,
    /// A full sandbox policy instead, as on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox_policy: Option<Value>,
    /// Further options, by their names and values on the wire: `{model: …, approvalPolicy: …}`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
}

/// A verb on a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OnThread {
    /// The thread's id.
    pub thread: String,
}

/// A verb on a thread that takes permission options.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OnThreadWith {
    /// The thread's id.
    pub thread: String,
    /// The options.
    #[serde(flatten)]
    pub permissions: Permissions,
}

/// `thread_read`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadRead {
    /// The thread's id.
    pub thread: String,
    /// With its turns?
    #[serde(default)]
    pub include_turns: bool,
}

/// `thread_name`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadName {
    /// The thread's id.
    pub thread: String,
    /// Its new name.
    pub name: String,
}

/// `run` and `turn`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StartTurn {
    /// The thread's id.
    pub thread: String,
    /// A text, or a list of input items as on the wire.
    pub input: Value,
    /// The options.
    #[serde(flatten)]
    pub permissions: Permissions,
}

/// A verb on a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OnTurn {
    /// The turn's id.
    pub turn: String,
}

/// `steer`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Steer {
    /// The turn's id.
    pub turn: String,
    /// A text, or a list of input items as on the wire.
    pub input: Value,
}

/// `models`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Models {
    /// Hidden ones too?
    #[serde(default)]
    pub include_hidden: bool,
}

/// `login_api_key`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoginApiKey {
    /// The key.
    pub key: String,
}

/// The answers to approval requests: decisions as on the wire (`accept`, `decline`, …). A kind
/// that is not given stays as it was; `null` leaves such requests unanswered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Approve {
    /// The decision on commands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Value>,
    /// The decision on changes of files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_change: Option<Value>,
    /// The decision on wider permissions: `{permissions, scope}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Value>,
}

/// What a driver says to a request: its id and one of three.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The request's.
    pub id: u64,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done; the members depend on the verb.
    Result(Value),
    /// The SDK raised an error.
    Error(Raised),
    /// The SDK has no way to do this, for this reason.
    Unsupported(String),
}

/// An error as the SDK raised it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Raised {
    /// Where it comes from, as far as the SDK tells.
    pub raised_by: RaisedBy,
    /// The name of its type, for example `ValueError`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its message.
    pub message: String,
    /// The code of the app-server's error, where the SDK has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// The data of the app-server's error, where the SDK has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

/// Who raised an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RaisedBy {
    /// The SDK, before it sent anything. The tap's recording has to agree.
    Client,
    /// The app-server, by an error reply.
    Server,
    /// The way between them: codex ended, a pipe broke, a deadline of the SDK struck.
    Transport,
}

/// The result of `hello`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Capabilities {
    /// The version of the protocol that the driver speaks.
    pub protocol: u32,
    /// The SDK, for example `openai-codex`.
    pub name: String,
    /// The SDK's version, as it says itself or as its package manager does.
    pub version: String,
    /// The verbs that it has; `hello`, `open` and `close` are meant always.
    pub verbs: Vec<String>,
    /// The approval modes that it can express exactly, by their presets' names.
    #[serde(default)]
    pub approval_modes: Vec<String>,
    /// The sandboxes that it can express exactly, by their presets' names.
    #[serde(default)]
    pub sandboxes: Vec<String>,
    /// Does it name modes and sandboxes itself, and refuse other names? If not, steps that try
    /// wrong names are not for it.
    #[serde(default)]
    pub presets: bool,
    /// What it can reach codex by, the best first.
    pub transports: Vec<Transport>,
    /// The kinds of approval that can be answered through it: `command`, `file_change`,
    /// `permissions`.
    #[serde(default)]
    pub approvals: Vec<String>,
}

/// The result of `thread_start`, `thread_resume` and `thread_fork`. Further members are compared
/// with the app-server's reply, by the same names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadResult {
    /// The thread as far as the SDK tells.
    pub thread: Named,
}

/// The result of `turn`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TurnStarted {
    /// The turn's id, or a name that the driver gives it.
    pub id: String,
}

/// The result of `run` and `await_turn`: what the SDK tells of the turn, nothing else. A member
/// that it doesn't tell is left out; one that it tells is compared with what the app-server sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TurnResult {
    /// The turn, with its `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Named>,
    /// `completed`, `interrupted`, `failed`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The final text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_response: Option<Value>,
    /// The completed items in order, each with those of its members that the SDK gives, spelled as
    /// on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<Map<String, Value>>>,
    /// The token usage, with those members that the SDK gives, spelled as on the wire
    /// (`{total: {inputTokens, …}, last: {…}}`, of exec `{input_tokens, …}`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Map<String, Value>>,
    /// The turn's error, where it failed: at least its `message`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
}

/// Something with an id, and whatever else the SDK tells of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Named {
    /// Its id, or a name that the driver gives it until the SDK tells the id.
    pub id: String,
    /// The rest, spelled as on the wire.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What the runner writes, and what it reads.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Protocol {
    /// A line on the driver's stdin.
    request: Request,
    /// A line on the driver's stdout.
    answer: Answer,
    /// The results that have members of their own, by verb.
    results: Results,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Results {
    hello: Capabilities,
    thread: ThreadResult,
    turn: TurnStarted,
    run: TurnResult,
}

/// The JSON Schema of the protocol: `fixtures/driver.schema.json`.
pub fn schema() -> Schema {
    schema_for!(Protocol)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn fixture() -> Value {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/driver.schema.json");
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn the_fixture_is_the_schema() {
        assert!(
            fixture() == schema().to_value(),
            "run `codex-conformance sdk schema > fixtures/driver.schema.json`"
        );
    }

    /// The lines of the conversation in `docs/drivers.md` are what the types read and write.
    #[test]
    fn the_conversation_in_the_document_is_valid() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/drivers.md");
        let document = fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = document
            .lines()
            .filter(|line| line.starts_with("{\"id\""))
            .collect();
        assert!(lines.len() > 10);
        let validator = jsonschema::validator_for(&fixture()).unwrap();
        for line in lines {
            let value: Value = serde_json::from_str(line).unwrap();
            let is_request = value.get("verb").is_some();
            let again = if is_request {
                serde_json::to_value(serde_json::from_str::<Request>(line).unwrap()).unwrap()
            } else {
                serde_json::to_value(serde_json::from_str::<Answer>(line).unwrap()).unwrap()
            };
            assert_eq!(again["id"], value["id"], "{line}");
            let whole = json!({
                "request": if is_request { value.clone() } else { json!({"id": 1, "verb": "logout", "with": {}}) },
                "answer": if is_request { json!({"id": 1, "unsupported": ""}) } else { value },
                "results": {
                    "hello": {"protocol": 1, "name": "", "version": "", "verbs": [], "transports": []},
                    "thread": {"thread": {"id": ""}}, "turn": {"id": ""}, "run": {},
                },
            });
            let errors: Vec<String> = validator
                .iter_errors(&whole)
                .map(|error| error.to_string())
                .collect();
            assert_eq!(errors, [""; 0], "{line}");
        }
    }
}
