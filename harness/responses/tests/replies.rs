//! The kinds of reply, as events.

mod client;

use std::io::Read;

use client::{Raw, events, kinds, post_with};
use mock_responses::{MockResponses, Reply, Split, Stream};
use serde_json::{Value, json};

/// The codes that the API documents for a failed response.
const CODES: [&str; 18] = [
    "server_error",
    "rate_limit_exceeded",
    "invalid_prompt",
    "vector_store_timeout",
    "invalid_image",
    "invalid_image_format",
    "invalid_base64_image",
    "invalid_image_url",
    "image_too_large",
    "image_too_small",
    "image_parse_error",
    "image_content_policy_violation",
    "invalid_image_mode",
    "image_file_too_large",
    "unsupported_image_media_type",
    "empty_image_file",
    "failed_to_download_image",
    "image_file_not_found",
];

fn reply(text: &str) -> Reply {
    serde_saphyr::from_str(text).expect(text)
}

async fn serve(reply: Reply) -> MockResponses {
    let builder = MockResponses::builder().replies(vec![reply]);
    builder.start().await.expect("start")
}

fn deltas<'e>(events: &'e [Value], kind: &str) -> Vec<&'e str> {
    let deltas = events.iter().filter(|event| event["type"] == kind);
    deltas.filter_map(|event| event["delta"].as_str()).collect()
}

#[test]
fn a_text_is_split_by_word_by_characters_or_as_given() {
    const DELTA: &str = "response.output_text.delta";
    for (stream, expected) in [
        (
            "stream: { text: \" It  is\\nso. \", split: word }",
            vec![" ", "It  ", "is\n", "so. "],
        ),
        ("stream: { text: It is }", vec!["It ", "is"]),
        ("stream: { text: naïve, split: 2 }", vec!["na", "ïv", "e"]),
        ("stream: { deltas: [a b, c] }", vec!["a b", "c"]),
        ("stream: [a b, c]", vec!["a b", "c"]),
    ] {
        let events = reply(stream).events();
        assert_eq!(deltas(&events, DELTA), expected, "{stream}");
        let done = events
            .iter()
            .find(|event| event["type"] == "response.output_text.done");
        assert_eq!(done.expect("done")["text"], expected.concat());
    }
    assert_eq!(Stream::of("", Split::Word).deltas, [""]);
    for bad in [
        "stream: {}",
        "stream: { deltas: [a], split: word }",
        "stream: { text: a, split: 0 }",
    ] {
        assert!(serde_saphyr::from_str::<Reply>(bad).is_err(), "{bad}");
    }
}

#[test]
fn arguments_come_whole_or_as_deltas() {
    let call = "call: { id: c, tool: t, arguments: { cmd: ls }";
    let whole = reply(&format!("{{ {call} }} }}")).events();
    assert_eq!(kinds(&whole).len(), 3);
    let split = reply(&format!("{{ {call}, split: 5 }} }}")).events();
    let pieces = deltas(&split, "response.function_call_arguments.delta");
    assert_eq!(pieces, [r#"{"cmd"#, r#"":"ls"#, r#""}"#]);
    let custom = reply("custom_call: { id: c, tool: t, input: 'a b', split: word }").events();
    assert_eq!(
        deltas(&custom, "response.custom_tool_call_input.delta"),
        ["a ", "b"]
    );
}

#[test]
fn items_come_in_the_order_in_which_they_are_written() {
    let text = "
    items:
      - message: { text: let me see, phase: commentary }
      - web_search: rust conformance
      - reasoning: { summary: [thinking] }
      - call: { id: c, tool: t }
      - refusal: no
    style: full
    error: server_error
    ";
    let events = reply(text).events();
    let last = events.last().expect("events");
    let output = last["response"]["output"].as_array().expect("items");
    let items: Vec<_> = output
        .iter()
        .filter_map(|item| item["type"].as_str())
        .collect();
    assert_eq!(
        items,
        [
            "message",
            "web_search_call",
            "reasoning",
            "function_call",
            "message"
        ]
    );
    assert_eq!(
        output[4]["content"][0],
        json!({ "type": "refusal", "refusal": "no" })
    );
    assert_eq!(last["response"]["error"]["code"], "server_error");
    for kind in [
        "response.web_search_call.searching",
        "response.refusal.delta",
        "response.refusal.done",
        "response.function_call_arguments.done",
    ] {
        assert!(kinds(&events).contains(&kind), "{kind}");
    }
    let numbers = events.iter().map(|event| event["sequence_number"].as_u64());
    assert!(
        numbers.eq((0..).map(Some).take(events.len())),
        "numbered without a gap"
    );
    assert!(serde_saphyr::from_str::<Reply>("{ items: [], message: a }").is_err());
    assert!(serde_saphyr::from_str::<Reply>("items: [{ message: a, refusal: b }]").is_err());
}

#[test]
fn every_documented_code_fails_a_response() {
    for code in CODES {
        let events = reply(&format!("error: {code}")).events();
        assert_eq!(kinds(&events), ["response.created", "response.failed"]);
        assert_eq!(events[1]["response"]["error"]["code"], code);
        assert_eq!(events[1]["response"]["status"], "failed");
    }
}

#[tokio::test]
async fn http_errors_have_the_status_headers_and_body_they_are_given() {
    for status in [400, 401, 403, 404, 429, 500, 503] {
        let text = format!(
            "http: {{ status: {status}, headers: {{ retry-after: '2' }}, body: {{ error: {{ code: x }} }} }}"
        );
        let server = serve(reply(&text)).await;
        let answer = post_with(&server, &json!({}), &[]).await;
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers()["retry-after"], "2");
        assert_eq!(
            answer.text().await.expect("a body"),
            r#"{"error":{"code":"x"}}"#
        );
    }
    let server = serve(reply("http: { status: 429, body: slow down }")).await;
    let answer = post_with(&server, &json!({}), &[]).await;
    assert!(answer.headers().get("retry-after").is_none());
    assert_eq!(answer.text().await.expect("a body"), "slow down");
}

/// Decodes a body.
fn decode(encoding: &str, body: &[u8]) -> String {
    let mut text = String::new();
    let read = match encoding {
        "gzip" => flate2::read::GzDecoder::new(body).read_to_string(&mut text),
        "deflate" => flate2::read::ZlibDecoder::new(body).read_to_string(&mut text),
        "br" => brotli::Decompressor::new(body, 4096).read_to_string(&mut text),
        "zstd" => zstd::Decoder::new(body)
            .expect("zstd")
            .read_to_string(&mut text),
        _ => Ok(body.len()).inspect(|_| text = String::from_utf8_lossy(body).into_owned()),
    };
    read.expect(encoding);
    text
}

#[tokio::test]
async fn bodies_are_compressed_as_the_client_asks() {
    let plain = serve(Reply::stream(["a", "b"])).await;
    let expected = post_with(&plain, &json!({}), &[])
        .await
        .text()
        .await
        .expect("a body");
    for (accepted, encoding) in [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("gzip;q=0.5, br;q=0.9", "br"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("identity, sdch", ""),
        ("gzip;q=0", ""),
    ] {
        let server = serve(Reply::stream(["a", "b"]).compress(true)).await;
        let answer = post_with(&server, &json!({}), &[("accept-encoding", accepted)]).await;
        let named = answer.headers().get("content-encoding").cloned();
        let named = named.map(|name| name.to_str().expect("a name").to_owned());
        assert_eq!(named.unwrap_or_default(), encoding, "{accepted}");
        let body = answer.bytes().await.expect("a body");
        assert_eq!(decode(encoding, &body), expected, "{accepted}");
    }
    let asks = [("accept-encoding", "gzip")];
    let server = serve(Reply::stream(["a"])).await;
    let answer = post_with(&server, &json!({}), &asks).await;
    assert!(
        answer.headers().get("content-encoding").is_none(),
        "not unless the script says so"
    );
}

#[tokio::test]
async fn each_compressed_event_can_be_read_when_it_is_there() {
    let script = "{ message: hello, compress: true, hold: { after_event: 2, gate: go } }";
    let server = serve(reply(script)).await;
    let mut raw = Raw::connect(&server).await;
    raw.send(
        b"POST /v1/responses HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
    )
    .await;
    let deadline = std::time::Duration::from_secs(10);
    let mut decoded = String::new();
    while !decoded.contains("response.output_item.done") {
        raw.read_some(deadline).await;
        let Some(head) = raw
            .seen()
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
        else {
            continue;
        };
        let mut rest = &raw.seen()[head + 4..];
        let mut body = Vec::new();
        while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
            let size = std::str::from_utf8(&rest[..line]).expect("a size");
            let size = usize::from_str_radix(size, 16).expect("a size");
            let Some(chunk) = rest.get(line + 2..line + 2 + size) else {
                break;
            };
            body.extend_from_slice(chunk);
            rest = rest.get(line + 4 + size..).unwrap_or_default();
        }
        decoded.clear();
        let mut bytes = Vec::new();
        // It ends early: the rest is still to come.
        let _ = flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut bytes);
        decoded.push_str(&String::from_utf8_lossy(&bytes));
    }
    assert!(!decoded.contains("response.completed"));
    server.release("go").expect("a gate");
}

#[tokio::test]
async fn both_styles_of_every_kind_are_events_that_parse() {
    for kind in [
        "message: a",
        "stream: [a, b]",
        "refusal: a",
        "web_search: a",
        "reasoning: { summary: [a], content: [b] }",
        "call: { id: c, tool: t }",
        "custom_call: { id: c, tool: t, input: a }",
    ] {
        let mut lengths = Vec::new();
        for style in ["minimal", "full"] {
            let server = serve(reply(&format!("{{ {kind}, style: {style} }}"))).await;
            let events = events(&server, &json!({})).await;
            assert_eq!(kinds(&events).last(), Some(&"response.completed"), "{kind}");
            lengths.push(events.len());
        }
        assert!(lengths[0] < lengths[1], "{kind}: {lengths:?}");
    }
}
