//! The servers that are compared, each in a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use mock_responses::{MockResponses, Reply, Style, Times, When, Writes};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};

/// A server to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Mock,
    MockPerEvent,
    Aimock,
    Python,
    Wiremock,
    Raw,
    RawPerEvent,
}

impl Peer {
    pub(crate) const ALL: [Self; 7] = [
        Self::Mock,
        Self::MockPerEvent,
        Self::Aimock,
        Self::Python,
        Self::Wiremock,
        Self::Raw,
        Self::RawPerEvent,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mock => "mock-responses",
            Self::MockPerEvent => "mock-responses per event",
            Self::Aimock => "aimock",
            Self::Python => "python per event",
            Self::Wiremock => "wiremock whole body",
            Self::Raw => "raw sockets",
            Self::RawPerEvent => "raw sockets per event",
        }
    }

    fn command(self) -> Command {
        let dir = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers"));
        let installed = std::env::var_os("PEERS").map_or_else(|| dir.clone(), PathBuf::from);
        match self {
            Self::Aimock => {
                let mut node = Command::new("node");
                node.arg(installed.join("aimock.mjs"));
                node
            }
            Self::Python => {
                let mut python = Command::new("python3");
                python.arg(dir.join("server.py"));
                python
            }
            own => {
                let program = std::env::current_exe().expect("this program");
                let mut command = Command::new(program);
                command.args(["serve", own.name()]);
                command
            }
        }
    }
}

/// A server that runs.
pub(crate) struct Server {
    pub(crate) peer: Peer,
    pub(crate) addr: SocketAddr,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts a server; the error says why it isn't there.
    pub(crate) async fn start(peer: Peer) -> Result<Self, String> {
        let mut command = peer.command();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let line = lines.next_line().await.map_err(|error| error.to_string())?;
        let line = line.ok_or("it ended at once: run benches/peers/run.sh")?;
        let addr = line.trim_start_matches("http://").parse();
        let addr = addr.map_err(|_| format!("it said `{line}`"))?;
        Ok(Self {
            peer,
            addr,
            child,
            lines,
        })
    }

    fn status(&self, field: &str) -> u64 {
        let pid = self.child.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// Its memory now, in KB.
    pub(crate) fn memory(&self) -> u64 {
        self.status("VmRSS")
    }

    /// The most memory it had, in KB.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.status("VmHWM")
    }

    /// Ends it, and returns its last words.
    pub(crate) async fn finish(mut self) -> String {
        drop(self.child.stdin.take());
        let line = self.lines.next_line().await.ok().flatten();
        line.unwrap_or_default()
    }
}

/// The reply: 23 events.
fn reply() -> Reply {
    let deltas = (0..19).map(|number| format!("a delta of some length {number} "));
    let when: When = serde_saphyr::from_str("model: mock-model").expect("a matcher");
    let reply = Reply::stream(deltas)
        .style(Style::Minimal)
        .when(when)
        .times(Times::Any);
    assert_eq!(reply.events().len(), 23);
    reply
}

/// Is one of the servers, until standard input ends.
pub(crate) fn run(name: &str) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        match name {
            "mock-responses" => mock(Writes::Coalesced).await,
            "mock-responses per event" => mock(Writes::PerEvent).await,
            "raw sockets" => raw(false).await,
            "raw sockets per event" => raw(true).await,
            "wiremock whole body" => whole_body().await,
            other => panic!("no such server: {other}"),
        }
    });
}

async fn until_told() {
    tokio::io::stdin()
        .read_to_end(&mut Vec::new())
        .await
        .expect("stdin");
}

async fn mock(writes: Writes) {
    let builder = MockResponses::builder()
        .replies(vec![reply()])
        .writes(writes);
    let server = builder.start().await.expect("start");
    println!("http://{}", server.addr());
    until_told().await;
    let (mut requests, mut bytes) = (0_u64, 0_u64);
    for request in server.journal().iter() {
        requests += 1;
        bytes += request.body.len() as u64;
        assert!(
            request.body.ends_with(b"]}"),
            "request {requests} is not whole"
        );
    }
    println!(
        "{requests} requests with {} MB can be read",
        bytes / 1024 / 1024
    );
}

async fn whole_body() {
    use wiremock::matchers::body_partial_json;
    use wiremock::{Mock, MockServer, ResponseTemplate};
    let answer = ResponseTemplate::new(200).set_body_raw(events().concat(), "text/event-stream");
    let model = serde_json::json!({ "model": "mock-model" });
    let server = MockServer::start().await;
    Mock::given(body_partial_json(model))
        .respond_with(answer)
        .mount(&server)
        .await;
    println!("{}", server.uri());
    until_told().await;
}

fn events() -> Vec<Vec<u8>> {
    let events = reply().events();
    let events = events.iter().map(|event| {
        let kind = event["type"].as_str().expect("a type");
        format!("event: {kind}\ndata: {event}\n\n").into_bytes()
    });
    events.collect()
}

/// Sockets that count the bytes of a request, and answer with the same chunks: the floor.
async fn raw(per_event: bool) {
    let mut chunks: Vec<Vec<u8>> = events()
        .into_iter()
        .map(|event| {
            let size = format!("{:X}\r\n", event.len()).into_bytes();
            [size, event, b"\r\n".to_vec()].concat()
        })
        .collect();
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
        cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
    chunks[0].splice(0..0, head.iter().copied());
    chunks
        .last_mut()
        .expect("events")
        .extend_from_slice(b"0\r\n\r\n");
    let chunks = if per_event {
        chunks
    } else {
        vec![chunks.concat()]
    };
    let chunks: std::sync::Arc<[Vec<u8>]> = chunks.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("http://{}", listener.local_addr().expect("an address"));
    let accept = async {
        while let Ok((mut stream, _)) = listener.accept().await {
            let chunks = std::sync::Arc::clone(&chunks);
            stream.set_nodelay(true).expect("nodelay");
            tokio::spawn(async move {
                let mut request = Vec::with_capacity(64 * 1024);
                loop {
                    match stream.read_buf(&mut request).await {
                        Ok(0) | Err(_) => return,
                        Ok(_) if !request.ends_with(b"]}") => continue,
                        Ok(_) => request.clear(),
                    }
                    for chunk in chunks.iter() {
                        if stream.write_all(chunk).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = until_told() => {}
    }
}
