//! What a client of a running server sees.

mod client;

use std::sync::mpsc;
use std::time::Duration;

use client::{Raw, events, kinds, post};
use mock_responses::{Event, MockResponses, Outcome, Reply, Writes};
use serde_json::json;

async fn serve(replies: &str) -> MockResponses {
    let replies: Vec<Reply> = serde_saphyr::from_str(replies).expect("script");
    MockResponses::builder()
        .replies(replies)
        .start()
        .await
        .expect("start")
}

#[tokio::test]
async fn a_message_is_sent_in_the_short_form() {
    let server = serve("- message: hello").await;
    let events = events(&server, &json!({ "input": [] })).await;
    assert_eq!(
        kinds(&events),
        [
            "response.created",
            "response.output_item.done",
            "response.completed"
        ]
    );
    assert_eq!(events[1]["item"]["id"], "msg-1");
    assert_eq!(events[1]["item"]["content"][0]["text"], "hello");
    assert_eq!(events[2]["response"]["id"], "resp-1");
    assert_eq!(events[2]["response"]["usage"]["total_tokens"], 15);
    assert_eq!(server.verdict(), []);
    server.shutdown().await;
}

#[tokio::test]
async fn ids_count_through_the_script() {
    let server = serve("[{message: a}, {stream: [b, c]}, {message: {text: d, id: mine}}]").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let events = events(&server, &json!({})).await;
        let done = events
            .iter()
            .find(|event| event["type"] == "response.output_item.done");
        ids.push(
            done.expect("an item")["item"]["id"]
                .as_str()
                .expect("an id")
                .to_owned(),
        );
    }
    assert_eq!(ids, ["msg-1", "msg-2", "mine"]);
}

#[tokio::test]
async fn an_unscripted_request_is_refused_and_reported() {
    let server = serve("- message: only").await;
    post(&server, &json!({})).await.text().await.expect("body");
    let refused = post(&server, &json!({})).await;
    assert_eq!(refused.status(), 400);
    let body: serde_json::Value =
        serde_json::from_str(&refused.text().await.expect("body")).expect("JSON");
    assert_eq!(body["error"]["code"], "unscripted_request");
    assert_eq!(
        body["error"]["message"],
        "mock-responses: no reply left: the script's only reply was given"
    );
    let verdict = server.verdict();
    assert_eq!(verdict.len(), 1);
    assert_eq!(
        (verdict[0].rule, verdict[0].request),
        ("no-reply-left", Some(1))
    );
    assert_eq!(server.journal().len(), 2);
}

#[tokio::test]
async fn a_gate_holds_the_stream_until_it_is_released() {
    let (sender, events) = mpsc::channel();
    let script = "- { message: late, hold: { after_event: 1, gate: go } }";
    let server = MockResponses::builder()
        .replies(serde_saphyr::from_str(script).expect("script"))
        .observer(move |event| drop(sender.send(event)))
        .start()
        .await
        .expect("start");
    let mut raw = Raw::connect(&server).await;
    raw.post(b"{}").await;
    raw.read_until(b"response.created\"", Duration::from_secs(5))
        .await;
    let sent = |events: &mpsc::Receiver<Event>| {
        events
            .try_iter()
            .filter(|e| matches!(e, Event::SseEvent { .. }))
            .count()
    };
    assert_eq!(sent(&events), 1);
    assert!(
        server
            .release("stop")
            .is_err_and(|error| error.to_string().contains("`go`"))
    );
    assert_eq!(server.verdict()[0].rule, "gate-never-released");
    server.release("go").expect("a known gate");
    raw.read_until(b"\r\n0\r\n\r\n", Duration::from_secs(5))
        .await;
    assert_eq!(server.verdict(), []);
    server.shutdown().await;
    let rest: Vec<_> = events.try_iter().collect();
    assert!(matches!(
        rest.last(),
        Some(Event::Finished {
            outcome: Outcome::Completed,
            ..
        })
    ));
}

#[tokio::test]
async fn per_event_writes_are_chunks_of_their_own() {
    for (writes, chunks) in [(Writes::PerEvent, 3), (Writes::Coalesced, 1)] {
        let server = MockResponses::builder()
            .replies(vec![Reply::message("hello")])
            .writes(writes)
            .start()
            .await
            .expect("start");
        let mut raw = Raw::connect(&server).await;
        raw.post(b"{}").await;
        let text = raw
            .read_until(b"\r\n0\r\n\r\n", Duration::from_secs(5))
            .await;
        let body = text.split_once("\r\n\r\n").expect("a head").1;
        let sizes = body
            .split("\r\n")
            .filter(|line| u32::from_str_radix(line, 16).is_ok());
        assert_eq!(sizes.count() - 1, chunks, "{writes:?}");
    }
}
