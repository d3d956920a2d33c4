//! What a client of a running server sees.

mod client;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use client::{Raw, events, kinds, post};
use mock_responses::{Event, Hold, MockResponses, Outcome, Pause, Reply, Writes};
use serde_json::json;
use tokio::io::AsyncWriteExt;

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
async fn each_event_is_a_chunk_of_its_own() {
    for writes in [Writes::PerEvent, Writes::Coalesced] {
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
        assert_eq!(sizes.count() - 1, 3, "{writes:?}");
    }
}

#[tokio::test]
async fn pace_keeps_to_an_absolute_schedule() {
    let (sender, told) = mpsc::channel();
    let script = "[{ message: a, pace: { before: 20ms, between: 10ms } }]";
    let server = MockResponses::builder()
        .replies(serde_saphyr::from_str(script).expect("script"))
        .observer(move |event| {
            if matches!(event, Event::Reply { .. } | Event::SseEvent { .. }) {
                sender.send(Instant::now()).expect("the test listens");
            }
        })
        .start()
        .await
        .expect("start");
    assert_eq!(events(&server, &json!({})).await.len(), 3);
    let times: Vec<_> = told.try_iter().collect();
    for (event, due) in [(1, 20), (2, 30), (3, 40)] {
        assert!(
            times[event] - times[0] >= Duration::from_millis(due),
            "event {event}"
        );
    }
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_everything() {
    for writes in [Writes::PerEvent, Writes::Coalesced] {
        let delta = "x".repeat(200_000);
        let server = MockResponses::builder()
            .replies(vec![Reply::stream(vec![delta; 8]), Reply::message("next")])
            .writes(writes)
            .start()
            .await
            .expect("start");
        let mut raw = Raw::connect(&server).await;
        raw.post(b"{}").await;
        // Another request is served while nobody reads this one.
        assert_eq!(events(&server, &json!({})).await.len(), 3);
        let text = raw
            .read_until(b"\r\n0\r\n\r\n", Duration::from_secs(20))
            .await;
        assert_eq!(text.matches("event: response.output_text.delta").count(), 8);
        // Each delta is in the stream five times: by itself, and in text, part, item and output.
        assert_eq!(text.matches('x').count() / 200_000, 5 * 8);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journals_order_is_the_order_of_the_replies() {
    const REQUESTS: usize = 200;
    let (sender, told) = mpsc::channel();
    let server = MockResponses::builder()
        .replies(
            (0..REQUESTS)
                .map(|number| Reply::message(number.to_string()))
                .collect(),
        )
        .observer(move |event| drop(sender.send(event)))
        .start()
        .await
        .expect("start");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..REQUESTS {
        let mut raw = Raw::connect(&server).await;
        tasks.spawn(async move {
            raw.post(b"{}").await;
            raw.read_until(b"\r\n0\r\n\r\n", Duration::from_secs(20))
                .await
        });
    }
    tasks.join_all().await;
    assert_eq!(server.verdict(), []);
    assert_eq!(server.journal().len(), REQUESTS);
    let arrivals: Vec<_> = server
        .journal()
        .requests()
        .iter()
        .map(|r| r.index)
        .collect();
    assert_eq!(arrivals, (0..REQUESTS).collect::<Vec<_>>());
    let mut replies = 0;
    for event in told.try_iter() {
        if let Event::Reply {
            request,
            reply,
            status,
        } = event
        {
            assert_eq!((reply, status), (Some(request), 200));
            replies += 1;
        }
    }
    assert_eq!(replies, REQUESTS);
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let server = serve("[{ message: a }, { http: { status: 500 } }, { message: b }]").await;
    let mut raw = Raw::connect(&server).await;
    raw.post(b"{}").await;
    raw.read_until(b"\r\n0\r\n\r\n", Duration::from_secs(5))
        .await;
    raw.post(b"{}").await;
    raw.read_until(b"HTTP/1.1 500", Duration::from_secs(5))
        .await;
    raw.post(b"{}").await;
    raw.read_until(b"\"text\":\"b\"", Duration::from_secs(5))
        .await;
    assert_eq!(server.verdict(), []);
}

#[tokio::test]
async fn the_journal_keeps_requests_as_they_came() {
    let server = serve("- message: a").await;
    let mut raw = Raw::connect(&server).await;
    let body = "{ \"input\" :\t[ ] ,\r\n\"é\": 1e0 }".as_bytes();
    let head = format!(
        "POST /v1/responses?x=1 HTTP/1.1\r\nHost: mock\r\nX-B: 2\r\nX-A: 1\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    raw.stream.write_all(head.as_bytes()).await.expect("write");
    raw.stream.write_all(body).await.expect("write");
    raw.read_until(b"\r\n0\r\n\r\n", Duration::from_secs(5))
        .await;
    let request = &server.journal().requests()[0];
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/v1/responses")
    );
    assert_eq!(request.query.as_deref(), Some("x=1"));
    let names: Vec<_> = request
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["host", "x-b", "x-a", "content-length"]);
    assert_eq!(&request.body[..], body);
}

#[tokio::test]
async fn a_gate_that_was_released_early_stays_open() {
    let server = serve("[{ message: a, hold: { before: true, gate: go }, times: 2 }]").await;
    server.release("go").expect("a known gate");
    for _ in 0..2 {
        assert_eq!(events(&server, &json!({})).await.len(), 3);
    }
    assert_eq!(server.verdict(), []);
    server
        .push(Reply::message("b").hold(Hold::after(3, "end")))
        .expect("a good reply");
    assert_eq!(
        server.verdict()[1].message,
        "the gate `end` was never released (no reply got there)"
    );
}

#[tokio::test]
async fn a_dropped_server_ends_its_connections() {
    let server = serve("[{ message: a, fault: { stall: { after_event: 1 } } }]").await;
    let addr = server.addr();
    let mut raw = Raw::connect(&server).await;
    raw.post(b"{}").await;
    raw.read_until(b"response.created", Duration::from_secs(5))
        .await;
    drop(server);
    let (text, _) = raw.read_to_end(Duration::from_secs(5)).await;
    assert_eq!(text.matches("event: ").count(), 1);
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn an_observer_that_panics_takes_only_its_connection_down() {
    let server = MockResponses::builder()
        .replies(vec![Reply::message("a"), Reply::message("b")])
        .observer(|event| {
            assert!(
                !matches!(event, Event::Reply { request: 0, .. }),
                "the first one fails"
            );
        })
        .start()
        .await
        .expect("start");
    let mut raw = Raw::connect(&server).await;
    raw.post(b"{}").await;
    assert_eq!(raw.read_to_end(Duration::from_secs(5)).await.0, "");
    assert_eq!(
        events(&server, &json!({})).await[1]["item"]["content"][0]["text"],
        "b"
    );
    server.shutdown().await;
}

#[test]
fn a_pause_is_a_number_with_a_unit() {
    for (text, microseconds) in [
        ("0ms", 0),
        ("20ms", 20_000),
        ("1.5s", 1_500_000),
        ("7us", 7),
        ("2m", 120_000_000),
    ] {
        let pause: Pause = text.parse().expect(text);
        assert_eq!(
            Duration::from(pause),
            Duration::from_micros(microseconds),
            "{text}"
        );
    }
    for text in ["", "5", "ms", "-1ms", "5 parsecs", "1e400s", "nans", "infs"] {
        let error = text.parse::<Pause>().expect_err(text);
        assert!(
            error
                .to_string()
                .starts_with(&format!("`{text}` is not a length of time"))
        );
    }
}

#[tokio::test]
async fn the_schedule_stands_still_while_a_gate_is_closed() {
    const BETWEEN: Duration = Duration::from_millis(100);
    let (sender, told) = mpsc::channel();
    let reply = Reply::message("a").pace(Pause::default(), BETWEEN.into());
    let server = MockResponses::builder()
        .replies(vec![reply.hold(Hold::after(1, "go"))])
        .observer(move |event| {
            if matches!(event, Event::SseEvent { .. }) {
                sender.send(Instant::now()).expect("the test listens");
            }
        })
        .start()
        .await
        .expect("start");
    let mut raw = Raw::connect(&server).await;
    raw.post(b"{}").await;
    raw.read_until(b"response.created\"", Duration::from_secs(5))
        .await;
    // Time is what this is about: by now the other events would be due, were it not for the gate.
    tokio::time::sleep(2 * BETWEEN).await;
    let released = Instant::now();
    server.release("go").expect("a known gate");
    raw.read_until(b"\r\n0\r\n\r\n", Duration::from_secs(5))
        .await;
    let last = told.try_iter().last().expect("events");
    // Two gaps, less how late the first event was.
    assert!(last - released > BETWEEN, "{:?}", last - released);
}
