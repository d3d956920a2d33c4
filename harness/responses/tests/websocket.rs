//! The Responses API over a WebSocket.

use futures_util::{SinkExt, StreamExt};
use mock_responses::{Event, MockResponses, Outcome, Reply};
use serde_json::{Value, json};
use std::sync::mpsc;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn serve(replies: &str) -> (MockResponses, mpsc::Receiver<Event>) {
    let replies: Vec<Reply> = serde_saphyr::from_str(replies).expect("a script");
    let (sender, receiver) = mpsc::channel();
    let builder = MockResponses::builder().replies(replies).websockets(true);
    let builder = builder.observer(move |event| drop(sender.send(event)));
    (builder.start().await.expect("start"), receiver)
}

async fn connect(server: &MockResponses) -> Client {
    let url = format!("ws://{}/v1/responses", server.addr());
    connect_async(url).await.expect("a WebSocket").0
}

async fn ask(client: &mut Client, body: &Value) {
    let text = body.to_string();
    client.send(Message::Text(text.into())).await.expect("send");
}

/// The types of the events up to the last of a response, or to the end.
async fn kinds(client: &mut Client) -> Vec<String> {
    let mut kinds: Vec<String> = Vec::new();
    while let Some(Ok(Message::Text(text))) = client.next().await {
        let event: Value = serde_json::from_str(text.as_str()).expect("JSON");
        kinds.push(event["type"].as_str().expect("a type").to_owned());
        if ["response.completed", "error"].contains(&kinds[kinds.len() - 1].as_str()) {
            break;
        }
    }
    kinds
}

const SHORT: [&str; 3] = [
    "response.created",
    "response.output_item.done",
    "response.completed",
];

#[tokio::test]
async fn requests_on_one_socket_are_answered_in_turn() {
    let (server, _events) =
        serve("[{ message: a }, { http: { status: 429, body: slow } }, { message: b }]").await;
    let mut client = connect(&server).await;
    let create = json!({ "type": "response.create", "input": "x" });
    ask(
        &mut client,
        &json!({ "type": "response.create", "generate": false }),
    )
    .await;
    assert_eq!(
        kinds(&mut client).await,
        ["response.created", "response.completed"]
    );
    ask(&mut client, &create).await;
    ask(&mut client, &create).await;
    assert_eq!(kinds(&mut client).await, SHORT);
    assert_eq!(kinds(&mut client).await, ["error"]);
    ask(&mut client, &create).await;
    assert_eq!(kinds(&mut client).await, SHORT);
    assert_eq!(server.verdict(), []);
    assert_eq!(server.journal().requests()[2].json().expect("JSON"), create);
    ask(&mut client, &create).await;
    assert_eq!(kinds(&mut client).await, ["error"]);
    assert_eq!(server.verdict()[0].rule, "no-reply-left");
}

#[tokio::test]
async fn gates_and_faults_work_between_events() {
    for (fault, count) in [("close", 1), ("reset_peer", 1)] {
        let script = format!("[{{ message: a, fault: {{ {fault}: {{ after_event: 1 }} }} }}]");
        let (server, events) = serve(&script).await;
        let mut client = connect(&server).await;
        ask(&mut client, &json!({})).await;
        assert!(kinds(&mut client).await.len() <= count);
        server.shutdown().await;
        let ended = events.try_iter().any(|event| {
            matches!(event, Event::Finished { outcome: Outcome::Faulted(name), .. } if name == fault)
        });
        assert!(ended, "{fault}");
    }
    let (server, _events) = serve("[{ message: a, hold: { after_event: 1, gate: go } }]").await;
    let mut client = connect(&server).await;
    ask(&mut client, &json!({})).await;
    let first = client.next().await.expect("an event").expect("an event");
    assert!(first.to_text().expect("text").contains("response.created"));
    server.release("go").expect("a gate");
    assert_eq!(kinds(&mut client).await, SHORT[1..]);
}

#[tokio::test]
async fn an_upgrade_is_refused_by_default() {
    let server = MockResponses::builder().start().await.expect("start");
    let refused = connect_async(format!("ws://{}/v1/responses", server.addr())).await;
    let error = refused.expect_err("refused").to_string();
    assert!(error.contains("426"), "{error}");
    assert_eq!(
        server.verdict(),
        [],
        "no violation: it is how a client finds out"
    );
}

#[tokio::test]
async fn an_upgrade_is_refused_with_the_status_that_was_asked_for() {
    for status in [404, 503] {
        let builder = MockResponses::builder().websocket_upgrade(status);
        let server = builder.start().await.expect("start");
        let refused = connect_async(format!("ws://{}/v1/responses", server.addr())).await;
        let error = refused.expect_err("refused").to_string();
        assert!(error.contains(&status.to_string()), "{error}");
        assert_eq!(server.verdict(), []);
    }
}
