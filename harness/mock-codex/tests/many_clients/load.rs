//! Many clients on one server, each with a thread of its own, and a count of what they saw.
//!
//! Every client follows its own thread, and hears the status of all others. Whatever is missing,
//! doubled or out of order is an error that names it.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use mock_responses::MockResponses;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// What the model answers, always.
const PIECES: [&str; 4] = ["one", " two", " three", " four"];

/// What a client sees of a turn of its own, in this order.
const TURN: [&str; 15] = [
    "thread/status/changed",
    "turn/started",
    "item/started",
    "item/completed",
    "item/started",
    "item/agentMessage/delta",
    "item/agentMessage/delta",
    "item/agentMessage/delta",
    "item/agentMessage/delta",
    "item/completed",
    "thread/tokenUsage/updated",
    "account/rateLimits/updated",
    "thread/readState/changed",
    "thread/status/changed",
    "turn/completed",
];

/// The code of an answer that asks to try again later.
const OVERLOADED: i64 = -32001;

/// How long a client that is asked to try again waits.
const AGAIN: Duration = Duration::from_millis(20);

/// How many clients there are, and what each does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Clients at once.
    pub(crate) clients: usize,
    /// Turns of each, one after the other.
    pub(crate) turns: usize,
    /// How long all of it may take.
    pub(crate) deadline: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Frames that all clients together received.
    pub(crate) frames: usize,
    /// Answers that asked to try again.
    pub(crate) retries: usize,
    /// From the first turn to the last frame.
    pub(crate) took: Duration,
}

/// What is read of every frame.
#[derive(Deserialize)]
struct Frame {
    id: Option<u64>,
    method: Option<String>,
    #[serde(default)]
    params: Params,
    result: Option<Value>,
    error: Option<ErrorObject>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    thread_id: Option<String>,
    delta: Option<String>,
    status: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct ErrorObject {
    code: i64,
    message: String,
}

type Socket = WebSocketStream<TcpStream>;

struct Client {
    socket: Socket,
    next: u64,
    thread: String,
    /// What has come of the turn under way.
    turn: Vec<Frame>,
    /// How often each thread's status changed, in this client's eyes.
    statuses: HashMap<String, usize>,
    figures: Figures,
}

/// Runs the load on the executable.
pub(crate) async fn run(program: &Path, load: Load) -> Figures {
    let script = json!([{"stream": PIECES, "times": "any"}]);
    let model = MockResponses::builder()
        .replies(serde_json::from_value(script).expect("the script is right"))
        .start()
        .await
        .expect("the model starts");
    let directory = tempfile::tempdir_in("/var/tmp").expect("a directory");
    let (child, address) = start(program, directory.path(), &model.base_url()).await;
    let all = async {
        let barrier = Arc::new(Barrier::new(load.clients));
        let mut clients = JoinSet::new();
        for number in 0..load.clients {
            let client = one(address.clone(), number, load, Arc::clone(&barrier));
            clients.spawn(client);
        }
        let mut all = Figures::default();
        while let Some(figures) = clients.join_next().await {
            let figures = figures.expect("a client has seen what it must not");
            all.frames += figures.frames;
            all.retries += figures.retries;
            all.took = all.took.max(figures.took);
        }
        all
    };
    let figures = tokio::time::timeout(load.deadline, all)
        .await
        .expect("the clients were not done in time");
    drop(child);
    figures
}

async fn start(program: &Path, directory: &Path, model: &str) -> (Child, String) {
    let config = format!(
        "model = \"mock-model\"\nmodel_provider = \"mock\"\n[model_providers.mock]\n\
         name = \"mock\"\nbase_url = \"{model}\"\nwire_api = \"responses\"\n"
    );
    std::fs::write(directory.join("config.toml"), config).expect("the configuration");
    let mut child = Command::new(program)
        .args(["app-server", "--listen", "ws://127.0.0.1:0"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", directory)
        .env("CODEX_HOME", directory)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the server starts");
    let stderr = child.stderr.take().expect("its stderr");
    let mut lines = BufReader::new(stderr).lines();
    loop {
        let line = lines.next_line().await.expect("its stderr can be read");
        let line = line.expect("it says where it listens");
        if let Some((_, address)) = line.split_once("listening on: ws://") {
            let address = address.to_owned();
            tokio::spawn(async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    eprintln!("{line}");
                }
            });
            return (child, address);
        }
    }
}

/// One client, from its connection to the last frame that it must see.
async fn one(address: String, number: usize, load: Load, barrier: Arc<Barrier>) -> Figures {
    let mut client = Client::connect(&address, number).await;
    // Nobody starts a thread before everybody listens: then all see the same.
    barrier.wait().await;
    let began = Instant::now();
    let started = client.call("thread/start", &json!({})).await;
    let thread = started["thread"]["id"].as_str();
    client.thread = thread.expect("a thread has an id").into();
    for _ in 0..load.turns {
        client.turn().await;
    }
    client.until_all_are_done(load).await;
    client.figures.took = began.elapsed();
    // Who leaves early would spare the server work.
    barrier.wait().await;
    client.figures
}

impl Client {
    async fn connect(address: &str, number: usize) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        let url = format!("ws://{address}/");
        let (socket, _) = client_async(url, stream).await.expect("a WebSocket");
        let mut client = Self {
            socket,
            next: 0,
            thread: String::new(),
            turn: Vec::new(),
            statuses: HashMap::new(),
            figures: Figures::default(),
        };
        let info = json!({"name": format!("client-{number}"), "version": "1"});
        let params = json!({"clientInfo": info, "capabilities": {"experimentalApi": true}});
        client.call("initialize", &params).await;
        client
    }

    /// A request; one that is refused because there are too many is sent again.
    async fn call(&mut self, method: &str, params: &Value) -> Value {
        loop {
            self.next += 1;
            let id = self.next;
            let request = json!({"id": id, "method": method, "params": params});
            let message = Message::text(request.to_string());
            self.socket.send(message).await.expect("it is sent");
            let frame = loop {
                let frame = self.frame().await;
                if frame.id == Some(id) {
                    break frame;
                }
            };
            match frame.error {
                None => return frame.result.unwrap_or_default(),
                Some(error) if error.code == OVERLOADED => {
                    self.figures.retries += 1;
                    tokio::time::sleep(AGAIN).await;
                }
                Some(error) => panic!("`{method}` failed: {}", error.message),
            }
        }
    }

    /// A turn of its own: every frame of it, in order.
    async fn turn(&mut self) {
        let input = json!([{"type": "text", "text": "go"}]);
        let params = json!({"threadId": self.thread, "input": input});
        self.call("turn/start", &params).await;
        while self.turn.len() < TURN.len() {
            self.frame().await;
        }
        let turn = std::mem::take(&mut self.turn);
        let methods: Vec<_> = turn.iter().filter_map(|f| f.method.as_deref()).collect();
        assert_eq!(methods, TURN, "a turn of {}", self.thread);
        let pieces: Vec<_> = turn
            .iter()
            .filter_map(|f| f.params.delta.as_deref())
            .collect();
        assert_eq!(pieces, PIECES, "a turn of {}", self.thread);
    }

    /// Reads on until every thread of all clients has told both changes of each turn.
    async fn until_all_are_done(&mut self, load: Load) {
        let whole = 2 * load.turns;
        let done = |client: &Self| {
            client.statuses.len() == load.clients
                && client.statuses.values().all(|count| *count >= whole)
        };
        while !done(self) {
            self.frame().await;
        }
        assert!(self.statuses.values().all(|count| *count == whole));
        assert!(self.turn.is_empty(), "frames behind the last turn");
    }

    /// The next frame; what it tells of this client's turn is kept, and a status is counted.
    async fn frame(&mut self) -> Frame {
        let text = loop {
            match self
                .socket
                .next()
                .await
                .expect("it is open")
                .expect("it is readable")
            {
                Message::Text(text) => break text,
                Message::Close(_) => panic!("the server closed the connection"),
                _ => {}
            }
        };
        self.figures.frames += 1;
        let frame: Frame = serde_json::from_str(&text).expect("a frame");
        if frame.method.as_deref() == Some("thread/status/changed") {
            self.count(&frame);
        }
        let ours = frame.params.thread_id.as_ref() == Some(&self.thread)
            || frame.method.as_deref() == Some("account/rateLimits/updated");
        let warning = frame.method.as_deref() == Some("warning");
        if ours && !warning {
            self.turn.push(Frame {
                result: None,
                error: None,
                ..frame
            });
            return Frame::nothing();
        }
        frame
    }

    /// A status: active and idle take turns, for every thread.
    fn count(&mut self, frame: &Frame) {
        let thread = frame
            .params
            .thread_id
            .clone()
            .expect("a status has a thread");
        let status = frame.params.status.as_ref().expect("and a status");
        let count = self.statuses.entry(thread).or_default();
        let expected = if count.is_multiple_of(2) {
            "active"
        } else {
            "idle"
        };
        assert_eq!(
            status["type"], expected,
            "status number {count} of a thread"
        );
        *count += 1;
    }
}

impl Frame {
    fn nothing() -> Self {
        Self {
            id: None,
            method: None,
            params: Params::default(),
            result: None,
            error: None,
        }
    }
}
