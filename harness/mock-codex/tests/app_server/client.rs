//! A client for tests: one process, its home and its scripted model.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use mock_responses::{MockResponses, Reply};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// A home, a workspace and a model, which outlive the processes that use them.
pub(crate) struct World {
    directory: TempDir,
    pub(crate) model: MockResponses,
}

impl World {
    /// A fresh one, whose model gives these replies.
    pub(crate) async fn new(replies: Vec<Reply>) -> Self {
        Self::with_config(replies, "").await
    }

    /// The same with settings at the top of `config.toml`.
    pub(crate) async fn with_config(replies: Vec<Reply>, settings: &str) -> Self {
        let directory = tempfile::tempdir_in("/var/tmp").unwrap();
        let model = MockResponses::builder()
            .replies(replies)
            .start()
            .await
            .unwrap();
        for name in ["home", "workspace", "user"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        let world = Self { directory, model };
        world.configure(settings);
        world
    }

    /// Writes `config.toml` again.
    pub(crate) fn configure(&self, settings: &str) {
        let config = format!(
            "{settings}\nmodel = \"mock-model\"\nmodel_provider = \"mock\"\n\
             [model_providers.mock]\nname = \"mock\"\nbase_url = \"{}\"\n\
             wire_api = \"responses\"\nrequest_max_retries = 0\nstream_max_retries = 0\n",
            self.model.base_url()
        );
        std::fs::write(self.home().join("config.toml"), config).unwrap();
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.directory.path().join("workspace")
    }

    /// Starts a server without a handshake.
    pub(crate) fn spawn(&self, args: &[&str]) -> Client {
        self.spawn_under(&[], args)
    }

    /// The same through a program that runs what follows its own arguments.
    fn spawn_under(&self, wrapper: &[&str], args: &[&str]) -> Client {
        let user = self.directory.path().join("user");
        spawn(&self.home(), &self.workspace(), &user, wrapper, args)
    }

    /// Starts a server and shakes hands.
    pub(crate) async fn client(&self) -> Client {
        self.client_with(&[]).await
    }

    /// The same with arguments before `app-server`.
    pub(crate) async fn client_with(&self, args: &[&str]) -> Client {
        self.spawn(args).shake_hands().await
    }

    /// The same through a program that runs what follows its own arguments.
    pub(crate) async fn client_under(&self, wrapper: &[&str]) -> Client {
        self.spawn_under(wrapper, &[]).shake_hands().await
    }
}

fn spawn(home: &Path, workspace: &Path, user: &Path, wrapper: &[&str], args: &[&str]) -> Client {
    let words: Vec<&str> = wrapper
        .iter()
        .copied()
        .chain([env!("CARGO_BIN_EXE_mock-codex")])
        .collect();
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .args(args)
        .arg("app-server")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", user)
        .env("CODEX_HOME", home)
        .current_dir(workspace)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    Client {
        stdin: child.stdin.take(),
        lines: BufReader::new(child.stdout.take().unwrap()).lines(),
        child,
        next: 0,
        seen: Vec::new(),
    }
}

/// A running server and what it has said.
pub(crate) struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    next: i64,
    seen: Vec<Value>,
}

impl Client {
    async fn shake_hands(mut self) -> Self {
        let params = json!({
            "clientInfo": {"name": "test", "version": "1"},
            "capabilities": {"experimentalApi": true},
        });
        self.ok("initialize", params).await;
        self.until("remoteControl/status/changed").await;
        self
    }

    /// How many bytes the server has read so far, of anything.
    pub(crate) fn bytes_read(&self) -> u64 {
        let path = format!("/proc/{}/io", self.child.id().unwrap());
        let text = std::fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("rchar: "));
        line.unwrap().parse().unwrap()
    }

    /// Sends a line as it is.
    pub(crate) async fn line(&mut self, line: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(line).await.unwrap();
        stdin.write_all(b"\n").await.unwrap();
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Value {
        let line = tokio::time::timeout(DEADLINE, self.lines.next_line())
            .await
            .unwrap_or_else(|_| panic!("no frame in time after {:#?}", self.seen))
            .unwrap()
            .expect("the server has closed its stdout");
        let frame: Value = serde_json::from_str(&line).unwrap();
        self.seen.push(frame.clone());
        frame
    }

    /// Calls a method and gives the whole answer.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        let request = json!({"id": id, "method": method, "params": params});
        self.line(request.to_string().as_bytes()).await;
        loop {
            let frame = self.frame().await;
            if frame["id"] == id && frame.get("method").is_none() {
                return frame;
            }
        }
    }

    /// Calls a method that must succeed and gives its result.
    pub(crate) async fn ok(&mut self, method: &str, params: Value) -> Value {
        let mut answer = self.call(method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// Calls a method that must fail and gives code and text.
    pub(crate) async fn error(&mut self, method: &str, params: Value) -> (i64, String) {
        let answer = self.call(method, params).await;
        let error = &answer["error"];
        assert!(error.is_object(), "{method}: {answer}");
        (
            error["code"].as_i64().unwrap(),
            error["message"].as_str().unwrap().to_owned(),
        )
    }

    /// Reads up to and with a notification and gives its parameters.
    pub(crate) async fn until(&mut self, method: &str) -> Value {
        loop {
            let mut frame = self.frame().await;
            if frame["method"] == method {
                return frame["params"].take();
            }
        }
    }

    /// Starts a thread and gives its id.
    pub(crate) async fn thread(&mut self, params: Value) -> String {
        let result = self.ok("thread/start", params).await;
        self.until("thread/started").await;
        result["thread"]["id"].as_str().unwrap().to_owned()
    }

    /// Runs a turn to its end and gives it.
    pub(crate) async fn turn(&mut self, thread: &str, text: &str) -> Value {
        self.start_turn(thread, text).await;
        self.until("turn/completed").await["turn"].take()
    }

    /// Starts a turn and gives its id.
    pub(crate) async fn start_turn(&mut self, thread: &str, text: &str) -> String {
        let input = json!([{"type": "text", "text": text}]);
        let result = self
            .ok("turn/start", json!({"threadId": thread, "input": input}))
            .await;
        result["turn"]["id"].as_str().unwrap().to_owned()
    }

    /// The methods of the notifications so far, since the last call of this.
    pub(crate) fn methods(&mut self) -> Vec<String> {
        std::mem::take(&mut self.seen)
            .iter()
            .filter_map(|frame| frame["method"].as_str().map(str::to_owned))
            .collect()
    }

    /// Closes stdin and waits for the end; gives the exit code.
    pub(crate) async fn close(mut self) -> Option<i32> {
        self.stdin = None;
        self.exit().await
    }

    /// Waits for the end; gives the exit code.
    pub(crate) async fn exit(&mut self) -> Option<i32> {
        tokio::time::timeout(DEADLINE, self.child.wait())
            .await
            .unwrap()
            .unwrap()
            .code()
    }

    /// Kills it without a warning.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}
