//! Each fault, as a client sees it that looks at the bytes.

mod client;

use std::io::ErrorKind;
use std::sync::mpsc;
use std::time::Duration;

use client::{Raw, events, kinds, post};
use mock_responses::{Event, MockResponses, Outcome, Reply};
use serde_json::json;

const SOON: Duration = Duration::from_secs(5);
const LAST_CHUNK: &str = "\r\n0\r\n\r\n";

async fn serve(reply: &str) -> (MockResponses, mpsc::Receiver<Event>) {
    let (sender, receiver) = mpsc::channel();
    let server = MockResponses::builder()
        .replies(vec![
            serde_saphyr::from_str::<Reply>(reply).expect("a reply"),
        ])
        .observer(move |event| drop(sender.send(event)))
        .start()
        .await
        .expect("start");
    (server, receiver)
}

/// Shuts down and returns how the only answer ended.
async fn outcome(server: MockResponses, events: mpsc::Receiver<Event>) -> Outcome {
    server.shutdown().await;
    let mut outcomes = events.try_iter().filter_map(|event| match event {
        Event::Finished { outcome, .. } => Some(outcome),
        _ => None,
    });
    let outcome = outcomes.next().expect("an outcome");
    assert_eq!(outcomes.next(), None, "an answer ends once");
    outcome
}

/// Waits until an event has been told.
async fn wait_for(
    events: mpsc::Receiver<Event>,
    is_it: impl Fn(&Event) -> bool + Send + 'static,
) -> mpsc::Receiver<Event> {
    let wait = tokio::task::spawn_blocking(move || {
        while !is_it(&events.recv_timeout(SOON).expect("the event")) {}
        events
    });
    wait.await.expect("the event")
}

#[tokio::test]
async fn without_a_fault_the_last_chunk_is_there() {
    let (server, seen) = serve("message: whole").await;
    let mut raw = Raw::connect(&server).await;
    raw.post(b"{}").await;
    raw.read_until(LAST_CHUNK.as_bytes(), SOON).await;
    assert_eq!(outcome(server, seen).await, Outcome::Completed);
}

#[tokio::test]
async fn close_cuts_the_body_after_the_event() {
    for (after_event, last) in [
        (0, "HTTP/1.1 200"),
        (1, "response.created"),
        (2, "item.done"),
    ] {
        let fault =
            format!("{{ message: a, fault: {{ close: {{ after_event: {after_event} }} }} }}");
        let (server, seen) = serve(&fault).await;
        let mut raw = Raw::connect(&server).await;
        raw.post(b"{}").await;
        let (text, end) = raw.read_to_end(SOON).await;
        end.expect("a FIN, not a reset");
        assert_eq!(text.matches("event: ").count(), after_event, "{text}");
        assert!(text.contains(last) && !text.contains(LAST_CHUNK), "{text}");
        assert_eq!(outcome(server, seen).await, Outcome::Faulted("close"));
    }
}

#[tokio::test]
async fn close_can_end_the_body_as_if_it_were_whole() {
    let (server, seen) =
        serve("{ message: a, fault: { close: { after_event: 1, end: clean } } }").await;
    assert_eq!(
        kinds(&events(&server, &json!({})).await),
        ["response.created"]
    );
    assert_eq!(outcome(server, seen).await, Outcome::Faulted("close"));
}

#[tokio::test]
async fn no_terminal_event_leaves_out_the_last_event_only() {
    for fault in ["no_terminal_event", "{ no_terminal_event: true }"] {
        let (server, seen) = serve(&format!("{{ message: a, fault: {fault} }}")).await;
        assert_eq!(
            kinds(&events(&server, &json!({})).await),
            ["response.created", "response.output_item.done"]
        );
        assert_eq!(
            outcome(server, seen).await,
            Outcome::Faulted("no_terminal_event")
        );
    }
}

#[tokio::test]
async fn stall_sends_nothing_more_and_keeps_the_connection() {
    let (server, seen) = serve("{ message: a, fault: { stall: { after_event: 2 } } }").await;
    let mut raw = Raw::connect(&server).await;
    raw.post(b"{}").await;
    raw.read_until(b"output_item.done", SOON).await;
    // Only the shutdown ends the connection, so that what came until then is all there is.
    let reader = tokio::spawn(async move { raw.read_to_end(SOON).await.0 });
    assert_eq!(outcome(server, seen).await, Outcome::Faulted("stall"));
    let text = reader.await.expect("the reader");
    assert_eq!(text.matches("event: ").count(), 2, "{text}");
}

#[tokio::test]
async fn reset_peer_is_a_real_reset() {
    for after_event in [0, 1, 3] {
        let fault =
            format!("{{ message: a, fault: {{ reset_peer: {{ after_event: {after_event} }} }} }}");
        let (server, seen) = serve(&fault).await;
        let mut raw = Raw::connect(&server).await;
        raw.post(b"{}").await;
        let (text, end) = raw.read_to_end(SOON).await;
        assert_eq!(end.expect_err("a reset").kind(), ErrorKind::ConnectionReset);
        assert!(text.matches("event: ").count() <= after_event, "{text}");
        assert_eq!(outcome(server, seen).await, Outcome::Faulted("reset_peer"));
    }
}

#[tokio::test]
async fn an_http_fault_takes_the_place_of_the_reply() {
    let fault = "{ status: 429, headers: { retry-after: '1' }, body: { error: { code: slow } } }";
    let (server, seen) = serve(&format!("{{ message: a, fault: {{ http: {fault} }} }}")).await;
    let answer = post(&server, &json!({})).await;
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(
        answer.text().await.expect("a body"),
        r#"{"error":{"code":"slow"}}"#
    );
    assert_eq!(outcome(server, seen).await, Outcome::Faulted("http"));

    let (server, _) = serve("{ message: a, fault: { http: 503 } }").await;
    assert_eq!(post(&server, &json!({})).await.status(), 503);
}

#[tokio::test]
async fn an_http_reply_is_sent_as_it_is() {
    let (server, seen) = serve("http: { status: 401, body: 'bad key' }").await;
    let answer = post(&server, &json!({})).await;
    assert_eq!(
        (answer.status().as_u16(), answer.content_length()),
        (401, Some(7))
    );
    assert_eq!(answer.text().await.expect("a body"), "bad key");
    assert_eq!(outcome(server, seen).await, Outcome::Completed);
}

#[tokio::test]
async fn a_client_that_goes_away_is_told_apart() {
    for position in ["before: true", "after_event: 1"] {
        let hold = format!("{{ message: a, hold: {{ {position}, gate: never }} }}");
        let (server, seen) = serve(&hold).await;
        let mut raw = Raw::connect(&server).await;
        raw.post(b"{}").await;
        let seen = wait_for(seen, |event| matches!(event, Event::Reply { .. })).await;
        drop(raw);
        let gone = |event: &Event| {
            matches!(
                event,
                Event::Finished {
                    outcome: Outcome::ClientClosed,
                    ..
                }
            )
        };
        wait_for(seen, gone).await;
        server.shutdown().await;
    }
}

#[tokio::test]
async fn a_closed_gate_does_not_keep_the_server_up() {
    for position in ["before: true", "after_event: 0", "after_event: 3"] {
        let hold = format!("{{ message: a, hold: {{ {position}, gate: never }} }}");
        let (server, seen) = serve(&hold).await;
        let mut raw = Raw::connect(&server).await;
        raw.post(b"{}").await;
        wait_for(seen, |event| matches!(event, Event::Reply { .. })).await;
        let verdict = server.verdict();
        assert_eq!(verdict[0].rule, "gate-never-released");
        assert!(verdict[0].message.contains("`never`"), "{verdict:?}");
        tokio::time::timeout(SOON, server.shutdown())
            .await
            .expect("an end");
    }
}
