//! The server's own paths, as a client in another language uses them.

mod client;

use client::{Raw, post, post_with};
use mock_responses::{MockResponses, Reply, StartError};
use serde_json::{Value, json};

async fn start() -> MockResponses {
    MockResponses::builder()
        .seed(7)
        .start()
        .await
        .expect("start")
}

fn url(server: &MockResponses, path: &str) -> String {
    format!("http://{}/__mock/{path}", server.addr())
}

async fn get(server: &MockResponses, path: &str) -> (u16, Value) {
    answer(reqwest::get(url(server, path)).await.expect("an answer")).await
}

async fn act(server: &MockResponses, path: &str, body: &str) -> (u16, Value) {
    let request = reqwest::Client::new().post(url(server, path));
    answer(
        request
            .body(body.to_owned())
            .send()
            .await
            .expect("an answer"),
    )
    .await
}

async fn answer(answer: reqwest::Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).expect("JSON"))
}

#[tokio::test]
async fn a_script_can_be_written_and_watched() {
    let server = start().await;
    let replies = r#"[{"message": "a", "thread": "main"},
        {"message": "b", "hold": {"after_event": 0, "gate": "the gate"}}]"#;
    assert_eq!(
        act(&server, "replies", replies).await,
        (200, json!({ "added": 2 }))
    );
    assert_eq!(
        act(&server, "replies", r#"{"message": "c"}"#).await.1["added"],
        1
    );
    post_with(
        &server,
        &json!({ "input": "x" }),
        &[("authorization", "Bearer hunter2")],
    )
    .await;
    let (_, state) = get(&server, "state").await;
    assert_eq!(state["seed"], 7);
    assert_eq!(state["requests"], 1);
    let first = json!({ "number": 1, "kind": "message", "thread": "main", "given": 1, "left": 0 });
    assert_eq!(state["replies"][0], first);
    let gate = json!([{ "name": "the gate", "open": false, "reached": false }]);
    assert_eq!(state["gates"], gate);

    let (_, journal) = get(&server, "journal").await;
    assert_eq!(journal["requests"][0]["body"], r#"{"input":"x"}"#);
    assert!(!journal.to_string().contains("hunter2"));
    assert_eq!(
        get(&server, "journal?since=1").await.1,
        json!({ "requests": [] })
    );
    assert_eq!(get(&server, "journal/0").await.1["method"], "POST");

    assert_eq!(act(&server, "gates/the%20gate", "").await, (200, json!({})));
    let (_, verdict) = get(&server, "verdict").await;
    assert_eq!(verdict["violations"][0]["rule"], "reply-left-over");

    act(&server, "reset", "").await;
    let empty = json!({ "seed": 7, "requests": 0, "replies": [], "gates": [] });
    assert_eq!(get(&server, "state").await.1, empty);
    assert_eq!(server.verdict(), []);
    assert_eq!(post(&server, &json!({})).await.status(), 400);
}

#[tokio::test]
async fn a_frame_of_the_clients_wire_opens_a_gate() {
    let server = start().await;
    let reply = r#"{"message": "a", "hold": {"after_event": 1, "until": {"client_received":
        {"method": "item/started", "params": {"/item/type": "agentMessage"}}}}}"#;
    act(&server, "replies", reply).await;
    let started = r#"{"method": "item/started", "params": {"item": {"type": "agentMessage"}}}"#;
    // What comes before the request doesn't count.
    act(&server, "signal", started).await;
    let mut raw = Raw::connect(&server).await;
    raw.post(b"{}").await;
    let soon = std::time::Duration::from_secs(10);
    raw.read_until(b"response.created", soon).await;
    act(&server, "signal", r#"{"method": "item/completed"}"#).await;
    act(
        &server,
        "signal",
        r#"{"method": "item/started", "params": {"item": {}}}"#,
    )
    .await;
    let verdict = server.verdict();
    assert_eq!(verdict[0].rule, "gate-never-released");
    assert!(
        verdict[0]
            .message
            .contains("`until client_received item/started`"),
        "{verdict:?}"
    );
    act(&server, "signal", started).await;
    raw.read_until(b"response.completed", soon).await;
    assert_eq!(server.verdict(), []);
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let server = start().await;
    let cases = [
        (
            "replies",
            r#"[{"message": "a"}, {"mesage": "b"}]"#,
            400,
            "reply 2: unknown field `mesage`",
        ),
        ("replies", "not json", 400, "not JSON"),
        ("gates/none", "", 404, "no reply waits for the gate `none`"),
        ("nothing", "", 404, "there is no `POST /__mock/nothing`"),
        ("signal", "{}", 400, "missing field `method`"),
    ];
    for (path, body, status, message) in cases {
        let (seen, answer) = act(&server, path, body).await;
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(
            seen == status && error.contains(message),
            "{path}: {seen} {answer}"
        );
    }
    assert_eq!(get(&server, "journal/7").await.0, 404);
    assert_eq!(get(&server, "journal?since=x").await.0, 400);
    let state = get(&server, "state").await.1;
    assert_eq!(
        state["replies"],
        json!([]),
        "all replies of a list are added, or none"
    );
    let page = reqwest::Client::new()
        .get(url(&server, "state"))
        .header("origin", "http://x");
    assert_eq!(page.send().await.expect("an answer").status(), 403);
}

#[tokio::test]
async fn only_loopback_unless_asked_for() {
    let everywhere = "0.0.0.0:0".parse().expect("an address");
    let refused = MockResponses::builder().listen(everywhere).start().await;
    assert!(matches!(refused, Err(StartError::NotLoopback(addr)) if addr == everywhere));
    let asked = MockResponses::builder()
        .listen(everywhere)
        .beyond_loopback(true);
    drop(asked.start().await.expect("asked for"));
    let ipv6 = MockResponses::builder().listen("[::1]:0".parse().expect("an address"));
    let server = ipv6
        .replies(vec![Reply::message("a")])
        .start()
        .await
        .expect("loopback");
    assert_eq!(post(&server, &json!({})).await.status(), 200);
    let taken = MockResponses::builder().listen(server.addr()).start().await;
    assert!(taken.is_err_and(|error| error.to_string().starts_with("can't listen on [::1]")));
}
