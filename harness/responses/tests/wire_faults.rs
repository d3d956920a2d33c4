//! Faults on the bytes of an answer, as a raw TCP client sees them.

mod client;

use std::io::ErrorKind;
use std::time::Duration;

use client::Raw;
use mock_responses::{Hold, MockResponses, Reply};
use tokio::net::TcpStream;

const SOON: Duration = Duration::from_secs(10);
const LAST_CHUNK: &str = "\r\n0\r\n\r\n";

async fn serve(replies: &str) -> MockResponses {
    let replies: Vec<Reply> = serde_saphyr::from_str(replies).expect("a script");
    let builder = MockResponses::builder().replies(replies).seed(7);
    builder.start().await.expect("start")
}

/// Everything that is sent for one request, and how the connection ended.
async fn all(server: &MockResponses) -> (Vec<u8>, std::io::Result<()>) {
    let mut raw = Raw::connect(server).await;
    raw.post(b"{}").await;
    raw.read_all(SOON).await
}

/// The whole answer when nothing goes wrong.
async fn whole(reply: &str) -> Vec<u8> {
    let server = serve(&format!(
        "[{{ {reply}, fault: {{ drop_connection: idle }} }}]"
    ))
    .await;
    let (bytes, end) = all(&server).await;
    end.expect("a FIN");
    bytes
}

/// The chunks of a body.
fn chunks(answer: &[u8]) -> Vec<Vec<u8>> {
    let head = find(answer, b"\r\n\r\n").expect("a head") + 4;
    let mut rest = &answer[head..];
    let mut chunks = Vec::new();
    while let Some(line) = find(rest, b"\r\n") {
        let size = std::str::from_utf8(&rest[..line]).expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a size");
        chunks.push(rest[line + 2..line + 2 + size].to_vec());
        assert_eq!(&rest[line + 2 + size..line + 4 + size], b"\r\n");
        rest = &rest[line + 4 + size..];
        if size == 0 {
            break;
        }
    }
    assert_eq!(rest, b"", "nothing after the last chunk");
    chunks
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn nothing_is_sent_before_the_head() {
    for (fault, reset) in [("close", false), ("reset_peer", true)] {
        let script = format!("[{{ message: a, fault: {{ {fault}: {{ before_head: true }} }} }}]");
        let (bytes, end) = all(&serve(&script).await).await;
        assert_eq!(bytes, b"", "{fault}");
        let end = end.map_err(|error| error.kind());
        let expected = if reset {
            Err(ErrorKind::ConnectionReset)
        } else {
            Ok(())
        };
        assert_eq!(end, expected, "{fault}");
    }
}

#[tokio::test]
async fn a_stall_before_the_head_keeps_the_connection() {
    let server = serve("[{ message: a, fault: { stall: { before_head: true } } }]").await;
    let mut raw = Raw::connect(&server).await;
    raw.post(b"{}").await;
    while server.journal().is_empty() {
        tokio::task::yield_now().await;
    }
    // Only the shutdown ends it, so that what came until then is all there is.
    server.shutdown().await;
    assert_eq!(raw.read_all(SOON).await.0, b"");
}

#[tokio::test]
async fn an_answer_can_break_off_at_any_byte() {
    let expected = whole("message: 'é'").await;
    let body: usize = chunks(&expected).iter().map(Vec::len).sum();
    for byte in (0..expected.len()).step_by(7) {
        let close =
            format!("[{{ message: 'é', fault: {{ close: {{ after_wire_byte: {byte} }} }} }}]");
        let (bytes, end) = all(&serve(&close).await).await;
        end.expect("a FIN");
        assert_eq!(bytes, expected[..byte], "wire byte {byte}");
    }
    let whole_body = chunks(&expected).concat();
    for byte in (0..=body).step_by(31) {
        let close = format!("[{{ message: 'é', fault: {{ close: {{ after_byte: {byte} }} }} }}]");
        let (mut bytes, end) = all(&serve(&close).await).await;
        end.expect("a FIN");
        assert!(!text(&bytes).ends_with(LAST_CHUNK), "byte {byte}");
        bytes.extend_from_slice(b"0\r\n\r\n");
        assert_eq!(chunks(&bytes).concat(), whole_body[..byte], "byte {byte}");
    }
}

#[tokio::test]
async fn a_clean_end_at_a_byte_is_a_whole_body() {
    let fault = "{ close: { after_byte: 40, end: clean } }";
    let server = serve(&format!(
        "[{{ message: a, fault: {fault} }}, {{ message: b }}]"
    ))
    .await;
    let mut raw = Raw::connect(&server).await;
    raw.post(b"{}").await;
    let first = raw.read_until(LAST_CHUNK.as_bytes(), SOON).await;
    assert_eq!(chunks(first.as_bytes()).concat().len(), 40);
    // The connection is kept.
    raw.post(b"{}").await;
    raw.read_until(br#""text":"b""#, SOON).await;
}

#[tokio::test]
async fn a_reset_at_a_byte_is_a_reset() {
    let server = serve(
        "[{ message: a, hold: { after_byte: 9, gate: read }, fault: { reset_peer: { after_byte: 9 } } }]",
    )
    .await;
    let mut raw = Raw::connect(&server).await;
    raw.post(b"{}").await;
    // Read before the reset, which may take away what is not read.
    raw.read_until(b"9\r\nevent: re\r\n", SOON).await;
    server.release("read").expect("a gate");
    let (_, end) = raw.read_all(SOON).await;
    assert_eq!(end.expect_err("a reset").kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn slices_are_chunks_that_add_up_to_the_body() {
    let expected = chunks(&whole("message: 'naïve ☕ 𝄞'").await).concat();
    for slice in [
        "{ bytes: 1 }",
        "{ bytes: 7 }",
        "{ random: 9 }",
        "{ at: [3, 100, 101, 99999] }",
    ] {
        let script = format!("[{{ message: 'naïve ☕ 𝄞', fault: {{ slice: {slice} }} }}]");
        let server = serve(&script).await;
        let mut raw = Raw::connect(&server).await;
        raw.post(b"{}").await;
        let answer = raw.read_until(LAST_CHUNK.as_bytes(), SOON).await;
        drop(answer);
        let chunks = chunks(raw.seen());
        assert_eq!(text(&chunks.concat()), text(&expected), "{slice}");
        match slice {
            "{ bytes: 1 }" => assert_eq!(chunks.len(), expected.len() + 1),
            "{ random: 9 }" => {
                assert!(chunks.iter().all(|chunk| chunk.len() <= 9));
                assert!(chunks.iter().any(|chunk| chunk.len() != chunks[0].len()));
            }
            "{ bytes: 7 }" => assert!(chunks.iter().all(|chunk| chunk.len() <= 7)),
            _ => assert_eq!(chunks[0], expected[..3]),
        }
    }
}

#[tokio::test]
async fn slices_go_through_what_they_are_asked_to_go_through() {
    for (inside, before, after) in [
        ("utf8", &b"\xE2"[..], &b"\x98\x95"[..]),
        ("data", b"\nda", b"ta:"),
        ("crlf", b"\r", b"\n"),
    ] {
        let script = format!("[{{ message: '☕', fault: {{ slice: {{ inside: {inside} }} }} }}]");
        let server = serve(&script).await;
        let mut raw = Raw::connect(&server).await;
        raw.post(b"{}").await;
        raw.read_until(LAST_CHUNK.as_bytes(), SOON).await;
        let chunks = chunks(raw.seen());
        let split = chunks
            .windows(2)
            .filter(|pair| pair[0].ends_with(before) && pair[1].starts_with(after));
        let whole = [before, after].concat();
        let left: usize = chunks
            .iter()
            .filter(|chunk| find(chunk, &whole).is_some())
            .count();
        // Each event has one `data:` and three line ends; the text is in the item and the output.
        let expected = match inside {
            "utf8" => 2,
            "data" => 3,
            _ => 9,
        };
        assert_eq!((split.count(), left), (expected, 0), "{inside}");
    }
}

#[tokio::test]
async fn slices_of_the_wire_are_writes_of_their_own() {
    let expected = whole("message: a").await;
    let script = "[{ message: a, times: any, fault: { slice: { wire: 50, pause: 5ms } } }]";
    let server = serve(script).await;
    let mut places = std::collections::BTreeSet::new();
    // Reads that come late see several writes at once, but never a part of one; so that on a busy
    // machine it may take several answers to see it cut at ten places.
    while places.len() < 10 {
        let mut raw = Raw::connect(&server).await;
        raw.post(b"{}").await;
        let ends = raw.read_ends(LAST_CHUNK.as_bytes(), SOON).await;
        assert_eq!(text(raw.seen()), text(&expected));
        let cut = |end: &usize| end.is_multiple_of(50) || *end == expected.len();
        assert!(ends.iter().all(cut), "{ends:?}");
        places.extend(ends);
    }
}

#[tokio::test]
async fn a_trickle_takes_its_time() {
    let server =
        serve("[{ http: { status: 200, body: abc }, fault: { trickle: { every: 1ms } } }]");
    let server = server.await;
    let mut raw = Raw::connect(&server).await;
    let began = std::time::Instant::now();
    raw.post(b"{}").await;
    let answer = raw.read_until(b"abc", SOON).await;
    let least = Duration::from_millis(answer.len() as u64 - 2);
    assert!(
        began.elapsed() >= least,
        "{:?} for {} bytes",
        began.elapsed(),
        answer.len()
    );
}

#[tokio::test]
async fn a_hold_at_a_byte_shows_exactly_so_much() {
    let server = serve("[{ message: '☕', hold: { after_byte: 20, gate: go } }]").await;
    let mut raw = Raw::connect(&server).await;
    raw.post(b"{}").await;
    let seen = raw
        .read_until(b"14\r\nevent: response.crea\r\n", SOON)
        .await;
    assert!(seen.ends_with("crea\r\n"), "{seen}");
    server.release("go").expect("a gate");
    raw.read_until(LAST_CHUNK.as_bytes(), SOON).await;
    assert_eq!(server.verdict(), []);
}

#[tokio::test]
async fn a_blank_line_can_be_missing() {
    let server = serve("[{ message: a, fault: { missing_blank_line: { after_event: 1 } } }]").await;
    let mut raw = Raw::connect(&server).await;
    raw.post(b"{}").await;
    raw.read_until(LAST_CHUNK.as_bytes(), SOON).await;
    let body = text(&chunks(raw.seen()).concat());
    let blocks: Vec<_> = body.split("\n\n").collect();
    assert_eq!(
        blocks.len(),
        3,
        "two events and what follows the last blank line: {body}"
    );
    assert_eq!(blocks[0].matches("event: ").count(), 2, "{body}");
    assert_eq!(blocks[1].matches("event: ").count(), 1, "{body}");
}

#[tokio::test]
async fn events_can_be_doubled_swapped_broken_and_blown_up() {
    let cases = [
        (
            "duplicate_event: { event: 2 }",
            ["created", "item.done", "item.done", "completed"].as_slice(),
        ),
        (
            "swap_events: { event: 1 }",
            &["item.done", "created", "completed"],
        ),
        (
            "broken_json: { event: 2 }",
            &["created", "item.done", "completed"],
        ),
        (
            "oversized_event: { event: 2, bytes: 100000 }",
            &["created", "item.done", "completed"],
        ),
    ];
    for (fault, kinds) in cases {
        let server = serve(&format!("[{{ message: a, fault: {{ {fault} }} }}]")).await;
        let mut raw = Raw::connect(&server).await;
        raw.post(b"{}").await;
        raw.read_until(LAST_CHUNK.as_bytes(), SOON).await;
        let body = text(&chunks(raw.seen()).concat());
        let lines = |prefix| {
            body.lines()
                .filter_map(move |line| line.strip_prefix(prefix))
        };
        let seen: Vec<_> = lines("event: ").collect();
        assert_eq!(seen.len(), kinds.len(), "{fault}: {body}");
        assert!(
            seen.iter()
                .zip(kinds)
                .all(|(seen, kind)| seen.ends_with(kind)),
            "{fault}"
        );
        let data: Vec<_> = lines("data: ").collect();
        let parsed = data
            .iter()
            .map(|data| serde_json::from_str::<serde_json::Value>(data).is_ok());
        let broken = usize::from(fault.starts_with("broken"));
        assert_eq!(parsed.filter(|ok| !ok).count(), broken, "{fault}");
        if fault.starts_with("oversized") {
            assert_eq!(data[1].len(), 100_000);
        }
    }
}

#[tokio::test]
async fn an_oversized_event_has_16_mib_by_default() {
    let server = serve("[{ message: a, fault: { oversized_event: { event: 1 } } }]").await;
    let (url, client) = (
        format!("{}/responses", server.base_url()),
        reqwest::Client::new(),
    );
    let answer = client.post(url).body("{}").send().await.expect("an answer");
    let body = answer.text().await.expect("a body");
    let data = body
        .lines()
        .nth(1)
        .and_then(|line| line.strip_prefix("data: "));
    assert_eq!(data.expect("data").len(), 16 * 1024 * 1024);
}

#[tokio::test]
async fn a_length_can_be_wrong_both_ways() {
    for by in [10, -10] {
        let script = format!("[{{ message: a, fault: {{ wrong_length: {{ by: {by} }} }} }}]");
        let (bytes, end) = all(&serve(&script).await).await;
        end.expect("a FIN");
        let answer = text(&bytes);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: i64 = length.expect("a length").parse().expect("a number");
        assert_eq!(length - i64::try_from(body.len()).expect("short"), by);
        assert!(body.starts_with("event: response.created\n"), "{body}");
        assert!(!head.contains("chunked"), "{head}");
    }
}

#[tokio::test]
async fn a_chunk_size_can_be_none() {
    for (size, expected) in [("", "xyz"), (", size: '-1'", "-1")] {
        let script = format!("[{{ message: a, fault: {{ bad_chunk: {{ event: 2{size} }} }} }}]");
        let (bytes, end) = all(&serve(&script).await).await;
        end.expect("a FIN");
        let line = format!("\n\n\r\n{expected}\r\nevent: response.output_item.done\n");
        assert!(text(&bytes).contains(&line), "{}", text(&bytes));
    }
}

#[tokio::test]
async fn a_kept_connection_is_dropped_between_two_requests() {
    let (bytes, end) =
        all(&serve("[{ message: a, fault: { drop_connection: idle } }]").await).await;
    end.expect("a FIN");
    assert!(text(&bytes).ends_with(LAST_CHUNK) && !text(&bytes).contains("connection: close"));

    let server =
        serve("[{ message: a, fault: { drop_connection: next_request } }, { message: b }]");
    let server = server.await;
    let mut raw = Raw::connect(&server).await;
    raw.post(b"{}").await;
    raw.read_until(LAST_CHUNK.as_bytes(), SOON).await;
    raw.post(b"{}").await;
    let (_, end) = raw.read_all(SOON).await;
    assert_eq!(end.expect_err("a reset").kind(), ErrorKind::ConnectionReset);
    assert_eq!(
        server.journal().len(),
        1,
        "the second request was never read"
    );
}

#[tokio::test]
async fn connections_are_refused_when_it_is_the_replys_turn() {
    let server = serve(
        "
        - message: first
        - { message: never, fault: { refuse: { gate: up } } }
        - message: second
        ",
    )
    .await;
    let mut raw = Raw::connect(&server).await;
    let mut idle = Raw::connect(&server).await;
    raw.post(b"{}").await;
    // The answer is finished, then its connection ends as the idle one does.
    let (bytes, end) = raw.read_all(SOON).await;
    end.expect("a FIN");
    assert!(text(&bytes).ends_with(LAST_CHUNK));
    assert_eq!(idle.read_all(SOON).await.0, b"");
    let refused = TcpStream::connect(server.addr()).await;
    assert_eq!(
        refused.expect_err("refused").kind(),
        ErrorKind::ConnectionRefused
    );
    let verdict = server.verdict();
    assert_eq!(
        verdict.last().map(|last| last.rule),
        Some("gate-never-released")
    );
    server.release("up").expect("a gate");
    let bytes = loop {
        if TcpStream::connect(server.addr()).await.is_ok() {
            let mut raw = Raw::connect(&server).await;
            raw.post(b"{}").await;
            break raw.read_until(LAST_CHUNK.as_bytes(), SOON).await;
        }
        tokio::task::yield_now().await;
    };
    assert!(bytes.contains(r#""text":"second""#), "{bytes}");
    assert_eq!(server.verdict(), []);
}

#[tokio::test]
async fn connections_are_refused_for_a_time() {
    let server = serve("[{ message: a, fault: { refuse: { for: 30ms } } }, { message: b }]").await;
    let began = std::time::Instant::now();
    let mut refused = 0;
    while let Err(error) = TcpStream::connect(server.addr()).await {
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        refused += 1;
        tokio::task::yield_now().await;
    }
    assert!(
        refused > 0 && began.elapsed() >= Duration::from_millis(25),
        "{refused}"
    );
}

#[tokio::test]
async fn chance_can_be_had_again() {
    let script = "[{ message: a, times: any, fault: { random: { percent: 60, of: [
        { close: { after_event: 1 } }, { http: 500 }, no_terminal_event, { slice: { random: 5 } } ] } } }]";
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        let replies = serde_saphyr::from_str::<Vec<Reply>>(script).expect("a script");
        let server = MockResponses::builder()
            .replies(replies)
            .seed(seed)
            .start()
            .await;
        let server = server.expect("start");
        assert_eq!(server.seed(), seed);
        let mut answers = Vec::new();
        for _ in 0..20 {
            let mut raw = Raw::connect(&server).await;
            raw.post(b"{}").await;
            let end = raw
                .read_to_either(&[b"0\r\n\r\n", b"content-length: 0\r\n\r\n"], SOON)
                .await;
            answers.push((text(raw.seen()), end));
        }
        runs.push(answers);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
    let count = |needle: &str| {
        runs[0]
            .iter()
            .filter(|(answer, _)| answer.contains(needle))
            .count()
    };
    assert!(count("HTTP/1.1 500") > 0 && count("completed") > 3);
}

#[tokio::test]
async fn http_1_0_gets_a_body_that_ends_with_the_connection() {
    let server = serve("[{ message: a }]").await;
    let mut raw = Raw::connect(&server).await;
    raw.send(b"POST /v1/responses HTTP/1.0\r\ncontent-length: 2\r\n\r\n{}")
        .await;
    let (bytes, end) = raw.read_all(SOON).await;
    end.expect("a FIN");
    let answer = text(&bytes);
    assert!(
        answer.ends_with("}\n\n") && answer.contains("connection: close\r\n"),
        "{answer}"
    );
}

#[test]
fn faults_that_mean_nothing_are_refused() {
    let cases = [
        ("close: {}", "the fault needs one place"),
        (
            "close: { after_event: 1, after_byte: 2 }",
            "the fault needs one place",
        ),
        (
            "close: { before_head: true, end: clean }",
            "`end: clean` needs",
        ),
        ("slice: {}", "`slice` needs one of"),
        ("slice: { bytes: 0 }", "at least 1 byte"),
        ("trickle: { bytes: 0, every: 1ms }", "at least 1 byte"),
        (
            "swap_events: { event: 3 }",
            "`swap_events` is about event 3, but the reply has 3 events",
        ),
        (
            "duplicate_event: { event: 0 }",
            "`duplicate_event` is about event 0",
        ),
        ("bad_chunk: { event: 4 }", "`bad_chunk` is about event 4"),
        ("close: { after_event: 4 }", "`fault` is after event 4"),
        ("refuse: {}", "`refuse` needs either"),
        ("random: { of: [] }", "`random` needs"),
        (
            "random: { of: [{ refuse: { for: 1s } }] }",
            "`refuse` can't be a matter of chance",
        ),
        (
            "stall: { after_event: 1 }, http: 500",
            "a reply has one fault",
        ),
        ("nonsense: 1", "unknown field `nonsense`"),
    ];
    for (fault, expected) in cases {
        let reply = format!("{{ message: a, fault: {{ {fault} }} }}");
        let error = serde_saphyr::from_str::<Reply>(&reply)
            .expect_err(fault)
            .to_string();
        assert!(error.contains(expected), "{fault}: {error}");
    }
    let plain = "{ http: { status: 500 }, fault: { broken_json: { event: 1 } } }";
    let error = serde_saphyr::from_str::<Reply>(plain)
        .expect_err(plain)
        .to_string();
    assert!(
        error.contains("`broken_json` needs a reply with events"),
        "{error}"
    );
    let timed = "{ message: a, times: 2, fault: { refuse: { for: 1s } } }";
    let error = serde_saphyr::from_str::<Reply>(timed)
        .expect_err(timed)
        .to_string();
    assert!(
        error.contains("`refuse` needs a reply that is taken in order"),
        "{error}"
    );
    assert!(
        Reply::message("a")
            .hold(Hold::after_byte(3, "g"))
            .events()
            .len()
            == 3
    );
}
