//! An independent HTTP server as the model: what the crate understands is not only what our own
//! scripted server writes.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// An answer that comes as one body with its length, where a model streams.
fn whole_body(text: &str) -> ResponseTemplate {
    let events = [
        json!({"type": "response.created", "response": {"id": "resp-1"}}),
        json!({
            "type": "response.output_item.done",
            "output_index": 0,
            "item": {
                "type": "message",
                "role": "assistant",
                "id": "msg-1",
                "content": [{"type": "output_text", "text": text}],
            },
        }),
        json!({
            "type": "response.completed",
            "response": {
                "id": "resp-1",
                "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
            },
        }),
    ];
    let mut body = String::new();
    for event in &events {
        let name = event["type"].as_str().unwrap();
        write!(body, "event: {name}\r\ndata: {event}\r\n\r\n").unwrap();
    }
    ResponseTemplate::new(200).set_body_raw(body, "text/event-stream; charset=utf-8")
}

/// Runs a turn and gives `turn/completed` with the usage that was told.
fn turn(base_url: &str) -> (Value, Value) {
    let directory = tempfile::tempdir_in("/var/tmp").unwrap();
    let config = format!(
        "model = \"m\"\nmodel_provider = \"p\"\n[model_providers.p]\nname = \"p\"\n\
         base_url = \"{base_url}/v1\"\nwire_api = \"responses\"\n\
         request_max_retries = 0\nstream_max_retries = 0\n"
    );
    std::fs::write(directory.path().join("config.toml"), config).unwrap();
    let mut child: Child = Command::new(env!("CARGO_BIN_EXE_mock-codex"))
        .arg("app-server")
        .env("CODEX_HOME", directory.path())
        .current_dir(directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut frames = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let mut send = |id: u64, method: &str, params: Value| {
        let call = json!({"id": id, "method": method, "params": params});
        writeln!(stdin, "{call}").unwrap();
    };
    send(
        1,
        "initialize",
        json!({"clientInfo": {"name": "t", "version": "1"}}),
    );
    send(2, "thread/start", json!({}));
    let started = frames.find(|frame| frame["id"] == 2).unwrap();
    let thread = &started["result"]["thread"]["id"];
    let input = json!([{"type": "text", "text": "hi"}]);
    send(3, "turn/start", json!({"threadId": thread, "input": input}));
    let mut usage = Value::Null;
    let ended = frames
        .find_map(|mut frame| {
            if frame["method"] == "thread/tokenUsage/updated" {
                usage = frame["params"]["tokenUsage"]["last"].take();
            }
            (frame["method"] == "turn/completed").then(|| frame["params"]["turn"].take())
        })
        .unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    (ended, usage)
}

async fn turn_against(server: &MockServer) -> (Value, Value) {
    let base_url = server.uri();
    let run = tokio::task::spawn_blocking(move || turn(&base_url));
    tokio::time::timeout(Duration::from_secs(30), run)
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn a_body_that_comes_whole_is_read_like_a_stream() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/responses"))
        .and(header("content-type", "application/json"))
        .and(body_partial_json(json!({"model": "m", "stream": true})))
        .respond_with(whole_body("hello from elsewhere"))
        .expect(1)
        .mount(&server)
        .await;
    let (turn, usage) = turn_against(&server).await;
    assert_eq!(turn["status"], "completed");
    assert_eq!(turn["items"][0]["text"], "hello from elsewhere");
    assert_eq!(usage["totalTokens"], 5);
}

#[tokio::test]
async fn an_answer_that_is_no_stream_of_events_fails_the_turn() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"output": []})))
        .mount(&server)
        .await;
    let (turn, _) = turn_against(&server).await;
    assert_eq!(turn["status"], "failed");
    assert_eq!(
        turn["error"]["message"],
        "stream disconnected before completion: stream closed before response.completed"
    );
}
