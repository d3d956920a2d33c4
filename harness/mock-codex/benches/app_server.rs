//! How long an app-server takes: to start, for a thread, for a turn.
//!
//! With `CODEX_BIN` set to the real executable, both take turns in one run, and the ratio of the
//! medians is printed. `MOCK_CODEX_BIN` names another build of the mock, such as that of
//! `cargo static-mock`. `MOCK_CODEX_SANDBOX` chooses the mock's sandbox. Absolute figures don't travel
//! between machines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use mock_codex::sandbox::capability::BACKEND_VARIABLE;
use mock_responses::{MockResponses, Reply, Times};
use serde_json::{Value, json};

/// How often each thing is done by the mock; the real one is given fewer, since it is slow.
const ROUNDS: usize = 40;

/// A running app-server.
struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    next: u64,
}

impl Server {
    /// Starts it and waits for the reply to `initialize`.
    fn start(executable: &Path, directory: &Path) -> Self {
        let mut child = Command::new(executable)
            .arg("app-server")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", directory.join("user"))
            .env("CODEX_HOME", directory.join("home"))
            .envs(std::env::var_os(BACKEND_VARIABLE).map(|backend| (BACKEND_VARIABLE, backend)))
            .current_dir(directory.join("workspace"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the executable starts");
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut server = Self {
            child,
            stdin,
            stdout,
            next: 0,
        };
        server.call(
            "initialize",
            &json!({"clientInfo": {"name": "bench", "version": "1"}}),
        );
        server
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        let id = self.send(method, params);
        self.wait(|frame| frame["id"] == id)
    }

    /// Sends a request; gives its id.
    fn send(&mut self, method: &str, params: &Value) -> u64 {
        self.next += 1;
        let id = self.next;
        let line = format!(
            "{}\n",
            json!({"id": id, "method": method, "params": params})
        );
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(line.as_bytes()).expect("the server reads");
        id
    }

    fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let mut line = String::new();
            let read = self.stdout.read_line(&mut line).expect("the server writes");
            assert!(read > 0, "the server has ended");
            let frame: Value = serde_json::from_str(&line).expect("a frame is JSON");
            if wanted(&frame) {
                return frame;
            }
        }
    }

    fn thread(&mut self) -> String {
        let reply = self.call("thread/start", &json!({"approvalPolicy": "never"}));
        reply["result"]["thread"]["id"]
            .as_str()
            .expect("a thread has an id")
            .to_owned()
    }

    fn start_turn(&mut self, thread: &str) {
        let input = json!([{"type": "text", "text": "go"}]);
        self.send("turn/start", &json!({"threadId": thread, "input": input}));
    }

    /// What it keeps in memory, in KiB.
    fn resident(&self) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("it runs");
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next())
            .and_then(|kib| kib.parse().ok())
            .expect("the kernel tells it")
    }

    fn turn(&mut self, thread: &str) {
        self.start_turn(thread);
        self.wait(|frame| frame["method"] == "turn/completed");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // Nothing else is to be done about a server that doesn't end.
        let _ = self.child.wait();
    }
}

/// An executable with its own home.
struct Peer {
    executable: PathBuf,
    directory: tempfile::TempDir,
    server: Option<(Server, String)>,
}

impl Peer {
    fn new(executable: PathBuf, base_url: &str) -> Self {
        // It is started in another directory.
        let executable = std::path::absolute(executable).expect("there is a current directory");
        let directory = tempfile::tempdir_in("/var/tmp").expect("a directory can be made");
        for name in ["home", "user", "workspace"] {
            std::fs::create_dir(directory.path().join(name)).expect("a directory can be made");
        }
        let config = format!(
            "model = \"mock-model\"\nmodel_provider = \"mock\"\n[model_providers.mock]\n\
             name = \"mock\"\nbase_url = \"{base_url}\"\nwire_api = \"responses\"\n\
             request_max_retries = 0\nstream_max_retries = 0\n"
        );
        std::fs::write(directory.path().join("home/config.toml"), config).expect("it is written");
        Self {
            executable,
            directory,
            server: None,
        }
    }

    /// The long-lived server and its thread.
    fn server(&mut self) -> &mut (Server, String) {
        let (executable, directory) = (&self.executable, self.directory.path());
        self.server.get_or_insert_with(|| {
            let mut server = Server::start(executable, directory);
            let thread = server.thread();
            (server, thread)
        })
    }
}

/// What is measured: its name, and one round of it.
type Measure = (&'static str, fn(&MockResponses, &mut Peer) -> Duration);

const MEASURES: &[Measure] = &[
    // What each case of a suite pays: nothing of an earlier run is there.
    ("spawn to initialize, new home", |model, peer| {
        let fresh = Peer::new(peer.executable.clone(), &model.base_url());
        spawned(&fresh)
    }),
    ("spawn to initialize, used home", |_, peer| spawned(peer)),
    ("thread/start", |_, peer| {
        let (server, _) = peer.server();
        timed(|| drop(server.thread()))
    }),
    ("one-message turn", |model, peer| {
        script(model, [Reply::message("done")]);
        let (server, thread) = peer.server();
        timed(|| server.turn(thread))
    }),
    ("turn with a sandboxed command", |model, peer| {
        let arguments = json!({"cmd": "true"});
        script(
            model,
            [
                Reply::call("c", "exec_command", arguments),
                Reply::message("done"),
            ],
        );
        let (server, thread) = peer.server();
        timed(|| server.turn(thread))
    }),
];

/// How long it takes until the reply to `initialize` is there.
fn spawned(peer: &Peer) -> Duration {
    let begin = Instant::now();
    let server = Server::start(&peer.executable, peer.directory.path());
    let took = begin.elapsed();
    drop(server);
    took
}

/// How many threads work at once.
const AT_ONCE: usize = 8;
/// How many turns each of them runs.
const TURNS_EACH: usize = 5;
/// How many threads show what one costs.
const MANY: usize = 200;
/// The turn that is compared with the tenth.
const LATE_TURN: usize = 1_000;

/// Turns a second with several threads at once.
fn turns_per_second(model: &MockResponses, peer: &Peer) -> f64 {
    any_number(model);
    let mut server = Server::start(&peer.executable, peer.directory.path());
    let threads: Vec<String> = (0..AT_ONCE).map(|_| server.thread()).collect();
    let begin = Instant::now();
    for _ in 0..TURNS_EACH {
        for thread in &threads {
            server.start_turn(thread);
        }
        for _ in &threads {
            server.wait(|frame| frame["method"] == "turn/completed");
        }
    }
    let turns = u32::try_from(AT_ONCE * TURNS_EACH).expect("it is small");
    f64::from(turns) / begin.elapsed().as_secs_f64()
}

/// What a server keeps in memory: in KiB after the handshake and for each of many threads.
fn memory(peer: &Peer) -> (f64, f64) {
    let mut server = Server::start(&peer.executable, peer.directory.path());
    let before = server.resident();
    for _ in 0..MANY {
        server.thread();
    }
    let each = (server.resident() - before) / f64::from(u32::try_from(MANY).expect("it is small"));
    (before, each)
}

/// How long the start of a thread takes after few others and after many, in milliseconds.
fn starts(peer: &Peer) -> (f64, f64) {
    let mut server = Server::start(&peer.executable, peer.directory.path());
    let times: Vec<Duration> = (0..MANY).map(|_| timed(|| drop(server.thread()))).collect();
    let few = times[..10].to_vec();
    (median(few), median(times[MANY - 10..].to_vec()))
}

/// How long something takes early and late in a thread, in milliseconds.
struct Ageing {
    early: f64,
    late: f64,
}

/// How long a turn takes, and how long its request takes when it is sent without any app-server:
/// the whole history goes to the model each time, and that much of a turn is the transfer's and the
/// model's, whoever sends it.
fn turns_of_a_thread(model: &MockResponses, peer: &Peer) -> (Ageing, Ageing) {
    any_number(model);
    let mut server = Server::start(&peer.executable, peer.directory.path());
    let thread = server.thread();
    let times: Vec<Duration> = (0..LATE_TURN + 5)
        .map(|_| timed(|| server.turn(&thread)))
        .collect();
    let around = |turn: usize| median(times[turn - 5..turn + 5].to_vec());
    let bare = |turn: usize| {
        let request = model.journal().get(turn).expect("it was asked that often");
        sent_bare(model, &request.body)
    };
    let turns = Ageing {
        early: around(10),
        late: around(LATE_TURN),
    };
    let requests = Ageing {
        early: bare(10),
        late: bare(LATE_TURN),
    };
    (turns, requests)
}

/// How long the model takes to answer `body`, sent on a connection that is open.
fn sent_bare(model: &MockResponses, body: &[u8]) -> f64 {
    let mut stream = TcpStream::connect(model.addr()).expect("the model listens");
    stream.set_nodelay(true).expect("a socket can be set up");
    let head = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: bench\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut ask = || {
        stream.write_all(head.as_bytes()).expect("the model reads");
        stream.write_all(body).expect("the model reads");
        let mut answer = Vec::new();
        let mut buffer = [0; 16 * 1024];
        while !answer.ends_with(b"0\r\n\r\n") {
            let read = stream.read(&mut buffer).expect("the model answers");
            answer.extend_from_slice(&buffer[..read]);
        }
    };
    median((0..ROUNDS).map(|_| timed(&mut ask)).collect())
}

/// Lets the model answer as often as it is asked.
fn any_number(model: &MockResponses) {
    model.reset();
    script(model, [Reply::message("done").times(Times::Any)]);
}

/// Prints a row; `more_is_better` turns the ratio round.
fn row(name: &str, ours: f64, theirs: Option<f64>, more_is_better: bool) {
    match theirs {
        None => println!("{name:<32} {ours:>10.3}"),
        Some(theirs) => {
            let ratio = if more_is_better {
                ours / theirs
            } else {
                theirs / ours
            };
            println!("{name:<32} {ours:>10.3} {theirs:>10.3} {ratio:>8.1}");
        }
    }
}

fn script<const N: usize>(model: &MockResponses, replies: [Reply; N]) {
    for reply in replies {
        model.push(reply).expect("the reply is well formed");
    }
}

fn timed(run: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    run();
    begin.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime starts");
    let start = MockResponses::builder().start();
    let model = runtime.block_on(start).expect("the model starts");
    let mock = std::env::var_os("MOCK_CODEX_BIN");
    let mock = mock.unwrap_or_else(|| env!("CARGO_BIN_EXE_mock-codex").into());
    let mut mock = Peer::new(mock.into(), &model.base_url());
    let mut real =
        std::env::var_os("CODEX_BIN").map(|path| Peer::new(path.into(), &model.base_url()));
    println!(
        "{:<32} {:>10} {:>10} {:>8}",
        "median, ms", "mock", "real", "ratio"
    );
    for (name, measure) in MEASURES {
        let mut times = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            times.0.push(measure(&model, &mut mock));
            if let Some(real) = real.as_mut().filter(|_| round % 4 == 0) {
                times.1.push(measure(&model, real));
            }
        }
        let theirs = (!times.1.is_empty()).then(|| median(times.1));
        row(name, median(times.0), theirs, false);
    }
    let real = real.as_ref();
    row(
        "turns/s, 8 threads at once",
        turns_per_second(&model, &mock),
        real.map(|real| turns_per_second(&model, real)),
        true,
    );
    let (ours, theirs) = (memory(&mock), real.map(memory));
    row("KiB after initialize", ours.0, theirs.map(|it| it.0), false);
    row("KiB a further thread", ours.1, theirs.map(|it| it.1), false);
    let (few, many) = starts(&mock);
    println!("thread/start: the first 10 {few:.3} ms, the last of {MANY} {many:.3} ms");
    let (turns, requests) = turns_of_a_thread(&model, &mock);
    for (name, it) in [("a turn", turns), ("its request, sent bare", requests)] {
        let Ageing { early, late } = it;
        println!("{name}: number 10 of a thread {early:.3} ms, number {LATE_TURN} {late:.3} ms");
    }
}
