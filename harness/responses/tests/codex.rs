//! The real codex against the scripted server: what it does is no violation of any rule.
//!
//! Runs when codex 0.169.0 is installed (`cargo conformance target install codex@0.169.0`, or
//! `CODEX_BIN` names the executable); otherwise it says so, or fails if `CONFORMANCE_REQUIRE` names
//! `codex`.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use mock_responses::{MockResponses, Reply};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const DEADLINE: Duration = Duration::from_secs(30);
const INSTALLED: &str = ".cache/codex-conformance/targets/codex-0.169.0/node_modules/@openai/\
    codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex";

fn executable() -> Option<PathBuf> {
    let named = std::env::var_os("CODEX_BIN").map(PathBuf::from);
    let home = std::env::home_dir().map(|home| home.join(INSTALLED));
    let found = named.into_iter().chain(home).find(|path| path.is_file());
    if found.is_none() {
        let required = std::env::var("CONFORMANCE_REQUIRE").unwrap_or_default();
        assert!(
            !required.contains("codex"),
            "codex is required, but not installed"
        );
        println!("skipped: install it with `cargo conformance target install codex@0.169.0`");
    }
    found
}

/// A codex app-server with a thread.
struct Codex {
    _child: Child,
    _home: tempfile::TempDir,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    thread: String,
    requests: u64,
}

impl Codex {
    async fn start(server: &MockResponses, websockets: bool) -> Option<Self> {
        let executable = executable()?;
        // Not under /tmp, which codex treats in its own way.
        let home = tempfile::tempdir_in("/var/tmp").expect("a home");
        let config = format!(
            "model = 'mock-model'\nmodel_provider = 'mock'\n[model_providers.mock]\nname = 'mock'\n\
             base_url = '{}'\nwire_api = 'responses'\nsupports_websockets = {websockets}\n\
             request_max_retries = 0\nstream_max_retries = 0\n",
            server.base_url()
        );
        std::fs::write(home.path().join("config.toml"), config).expect("a config");
        let mut child = Command::new(executable)
            .arg("app-server")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home.path())
            .env("CODEX_HOME", home.path())
            .current_dir(home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("codex");
        let input = child.stdin.take().expect("stdin");
        let output = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let mut codex = Self {
            _child: child,
            _home: home,
            input,
            output,
            thread: String::new(),
            requests: 0,
        };
        let client = json!({ "name": "test", "title": "test", "version": "1" });
        let capabilities = json!({ "experimentalApi": true });
        let params = json!({ "clientInfo": client, "capabilities": capabilities });
        codex.ask("initialize", params).await;
        let params = json!({ "sandbox": "danger-full-access", "approvalPolicy": "never" });
        let started = codex.ask("thread/start", params).await;
        let thread = started["thread"]["id"].as_str();
        thread.expect("a thread").clone_into(&mut codex.thread);
        Some(codex)
    }

    /// Asks, and returns the result.
    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.requests += 1;
        let id = self.requests;
        let line = json!({ "id": id, "method": method, "params": params }).to_string() + "\n";
        self.input.write_all(line.as_bytes()).await.expect("write");
        let reply = self
            .until(|frame| frame["id"] == id && frame.get("method").is_none())
            .await;
        assert!(reply.get("error").is_none(), "{method}: {reply}");
        reply["result"].clone()
    }

    async fn start_turn(&mut self, text: &str) -> String {
        let input = json!([{ "type": "text", "text": text }]);
        let params = json!({ "threadId": self.thread, "input": input });
        let turn = self.ask("turn/start", params).await;
        turn["turn"]["id"].as_str().expect("a turn").to_owned()
    }

    async fn turn(&mut self, text: &str) -> Value {
        self.start_turn(text).await;
        self.completed().await
    }

    async fn completed(&mut self) -> Value {
        let frame = self
            .until(|frame| frame["method"] == "turn/completed")
            .await;
        frame["params"]["turn"].clone()
    }

    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let read = async {
            loop {
                let line = self
                    .output
                    .next_line()
                    .await
                    .expect("read")
                    .expect("a frame");
                let frame: Value = serde_json::from_str(&line).expect("JSON");
                if wanted(&frame) {
                    return frame;
                }
            }
        };
        tokio::time::timeout(DEADLINE, read)
            .await
            .expect("the frame that was waited for")
    }
}

async fn serve(replies: &str, websockets: bool) -> MockResponses {
    let replies: Vec<Reply> = serde_saphyr::from_str(replies).expect("a script");
    let builder = MockResponses::builder()
        .replies(replies)
        .websockets(websockets);
    builder.start().await.expect("start")
}

#[tokio::test]
async fn what_codex_asks_for_breaks_no_rule() {
    let server = serve(
        "
        - call: { id: c1, tool: exec_command, arguments: { cmd: 'true' } }
        - message: one
        - stream: [two, ' and', ' more']
          hold: { after_event: 5, gate: steered }
        - message: steered
        - stream: [never, ' finished']
          fault: { stall: { after_event: 5 } }
        - message: after the interrupt
        - message: a summary
        - message: after the compaction
        - message: after the model was changed
        - message: after the turn was taken back
        ",
        false,
    )
    .await;
    let Some(mut codex) = Codex::start(&server, false).await else {
        return;
    };
    assert_eq!(codex.turn("a command").await["status"], "completed");

    let turn = codex.start_turn("to be steered").await;
    codex
        .until(|frame| frame["method"] == "item/agentMessage/delta")
        .await;
    let input = json!([{ "type": "text", "text": "rather this" }]);
    let thread = codex.thread.clone();
    let steer = json!({ "threadId": thread, "input": input, "expectedTurnId": turn });
    codex.ask("turn/steer", steer).await;
    server.release("steered").expect("a gate");
    assert_eq!(codex.completed().await["status"], "completed");

    let turn = codex.start_turn("to be interrupted").await;
    codex
        .until(|frame| frame["method"] == "item/agentMessage/delta")
        .await;
    codex
        .ask(
            "turn/interrupt",
            json!({ "threadId": thread, "turnId": turn }),
        )
        .await;
    assert_eq!(codex.turn("go on").await["status"], "completed");

    codex
        .ask("thread/compact/start", json!({ "threadId": thread }))
        .await;
    codex.completed().await;
    assert_eq!(codex.turn("what now?").await["status"], "completed");

    let input = json!([{ "type": "text", "text": "another model" }]);
    let params = json!({ "threadId": thread, "input": input, "model": "other-model",
                         "approvalPolicy": "on-request", "cwd": "/var/tmp" });
    let turn = codex.ask("turn/start", params).await["turn"]["id"].clone();
    codex.completed().await;
    codex
        .ask(
            "thread/revert",
            json!({ "threadId": thread, "beforeTurnId": turn }),
        )
        .await;
    assert_eq!(codex.turn("again").await["status"], "completed");
    assert_eq!(server.verdict(), []);
}

#[tokio::test]
async fn codex_asks_over_a_websocket_and_is_answered() {
    let server = serve(
        "
        - call: { id: c1, tool: exec_command, arguments: { cmd: 'echo over the socket' } }
        - message: done
          when: { output_of: { c1: { contains: over the socket } } }
        - message: again
        ",
        true,
    )
    .await;
    let Some(mut codex) = Codex::start(&server, true).await else {
        return;
    };
    assert_eq!(codex.turn("a command").await["status"], "completed");
    assert_eq!(codex.turn("again").await["status"], "completed");
    assert_eq!(server.verdict(), []);
    let requests = server.journal().requests();
    let methods: Vec<_> = requests
        .iter()
        .map(|request| request.method.as_str())
        .collect();
    assert_eq!(
        methods,
        ["GET", "WEBSOCKET", "WEBSOCKET", "WEBSOCKET", "WEBSOCKET"]
    );
    assert_eq!(requests[1].json().expect("JSON")["generate"], false);
    assert_eq!(
        requests[3].json().expect("JSON")["previous_response_id"],
        "resp-1"
    );
}

#[tokio::test]
async fn codex_falls_back_when_the_upgrade_is_refused() {
    let server = serve("[{ message: one }, { message: two }]", false).await;
    let Some(mut codex) = Codex::start(&server, true).await else {
        return;
    };
    for text in ["one", "two"] {
        assert_eq!(codex.turn(text).await["status"], "completed");
    }
    assert_eq!(server.verdict(), []);
    let requests = server.journal().requests();
    let methods: Vec<_> = requests
        .iter()
        .map(|request| request.method.as_str())
        .collect();
    assert_eq!(methods, ["GET", "POST", "POST"]);
}
