//! What a WebSocket listener does that scenarios can't say: pings, and requests that come too fast.

use std::process::Stdio;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(20);

struct Listener {
    _directory: TempDir,
    _child: Child,
    socket: WebSocketStream<TcpStream>,
}

impl Listener {
    /// A server, and a client that has shaken hands.
    async fn start(args: &[&str]) -> Self {
        let directory = tempfile::tempdir_in("/var/tmp").unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_mock-codex"))
            .args(args)
            .args(["app-server", "--listen", "ws://127.0.0.1:0"])
            .env("CODEX_HOME", directory.path())
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap().expect("it listens");
            if let Some((_, address)) = line.split_once("listening on: ws://") {
                break address.to_owned();
            }
        };
        let stream = TcpStream::connect(&address).await.unwrap();
        let url = format!("ws://{address}/");
        let (socket, _) = client_async(url, stream).await.unwrap();
        let mut listener = Self {
            _directory: directory,
            _child: child,
            socket,
        };
        let params = json!({"clientInfo": {"name": "test", "version": "1"}});
        let request = json!({"id": 0, "method": "initialize", "params": params});
        listener.send(Message::text(request.to_string())).await;
        while listener.frame().await["method"] != "remoteControl/status/changed" {}
        listener
    }

    async fn send(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    async fn message(&mut self) -> Message {
        let next = tokio::time::timeout(DEADLINE, self.socket.next()).await;
        next.expect("a message in time").unwrap().unwrap()
    }

    async fn frame(&mut self) -> Value {
        match self.message().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("no frame: {other:?}"),
        }
    }

    /// The pongs up to the answer to a request that is sent behind a ping.
    async fn pongs(&mut self) -> usize {
        self.send(Message::Ping("payload".into())).await;
        let request = json!({"id": 1, "method": "thread/loaded/list", "params": {}});
        self.send(Message::text(request.to_string())).await;
        let mut pongs = 0;
        loop {
            match self.message().await {
                Message::Pong(payload) => {
                    assert_eq!(payload, "payload");
                    pongs += 1;
                }
                Message::Text(_) => return pongs,
                other => panic!("unexpected: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_ping_is_answered_twice_unless_the_quirk_is_off() {
    assert_eq!(Listener::start(&[]).await.pongs().await, 2);
    let off = ["--quirk", "-ping-answered-twice"];
    assert_eq!(Listener::start(&off).await.pongs().await, 1);
}

#[tokio::test]
async fn requests_that_come_too_fast_are_all_answered_some_with_an_overload() {
    const REQUESTS: usize = 5000;
    let mut listener = Listener::start(&[]).await;
    for id in 1..=REQUESTS {
        let request = json!({"id": id, "method": "thread/loaded/list", "params": {}});
        let message = Message::text(request.to_string());
        listener.socket.feed(message).await.unwrap();
    }
    listener.socket.flush().await.unwrap();
    let mut answered = vec![false; REQUESTS + 1];
    let mut overloaded = 0;
    for _ in 0..REQUESTS {
        let frame = listener.frame().await;
        let id = usize::try_from(frame["id"].as_u64().unwrap()).unwrap();
        assert!(!std::mem::replace(&mut answered[id], true), "{id} twice");
        if let Some(error) = frame.get("error") {
            let refusal = json!({"code": -32001, "message": "Server overloaded; retry later."});
            assert_eq!(error, &refusal);
            overloaded += 1;
        }
    }
    assert!((1..REQUESTS).contains(&overloaded), "{overloaded} refused");
}
