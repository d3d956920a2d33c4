//! What a script says and what it expands to.

use eventsource_stream::Eventsource;
use futures_util::{StreamExt, stream};
use mock_responses::{MockResponses, Reply};
use proptest::prelude::*;
use serde_json::{Value, json};

fn kinds(reply: &str) -> Vec<String> {
    let reply: Reply = serde_saphyr::from_str(reply).expect("a reply");
    let kind = |event: &Value| {
        event["type"]
            .as_str()
            .expect("a type")
            .replace("response.", "")
    };
    reply.events().iter().map(kind).collect()
}

#[test]
fn a_stream_is_the_whole_sequence() {
    let text = [
        "output_item.added",
        "content_part.added",
        "output_text.delta",
    ];
    let done = [
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ];
    let mut expected = vec!["created", "in_progress"];
    expected.extend(text);
    expected.push("output_text.delta");
    expected.extend(done);
    assert_eq!(kinds("stream: [a, b]"), expected);
    assert_eq!(
        kinds("{ stream: [a, b], style: minimal }"),
        [
            "created",
            "output_item.added",
            "output_text.delta",
            "output_text.delta",
            "output_item.done",
            "completed"
        ]
    );
}

#[test]
fn items_come_in_a_fixed_order() {
    let reply: Reply = serde_saphyr::from_str(
        "
        custom_call: { id: c3, tool: apply_patch, input: '*** Begin Patch' }
        calls: [{ id: c1, tool: a, arguments: { x: [1, 2] } }, { id: c2, tool: b, arguments: '{' }]
        message: { text: hello, phase: commentary }
        reasoning: { summary: [why], content: [how] }
        ",
    )
    .expect("a reply");
    let events = reply.events();
    let items: Vec<_> = events[1..6].iter().map(|event| &event["item"]).collect();
    let types: Vec<_> = items
        .iter()
        .map(|item| item["type"].as_str().expect("a type"))
        .collect();
    assert_eq!(
        types,
        [
            "reasoning",
            "message",
            "function_call",
            "function_call",
            "custom_tool_call"
        ]
    );
    assert_eq!(
        items[0]["summary"],
        json!([{ "type": "summary_text", "text": "why" }])
    );
    assert_eq!(items[1]["phase"], "commentary");
    assert_eq!(items[2]["arguments"], r#"{"x":[1,2]}"#);
    assert_eq!(items[3]["arguments"], "{");
    assert_eq!(items[4]["input"], "*** Begin Patch");
    assert_eq!(
        events[6]["response"]["output"].as_array().map(Vec::len),
        Some(5)
    );
    let numbers: Vec<_> = events
        .iter()
        .map(|event| event["sequence_number"].as_u64())
        .collect();
    assert_eq!(numbers, (0..7).map(Some).collect::<Vec<_>>());
}

#[test]
fn reasoning_in_a_stream_has_deltas() {
    assert_eq!(
        kinds("{ reasoning: { summary: [s], content: [c] }, stream: [a] }")[2..10],
        [
            "output_item.added",
            "reasoning_summary_part.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "reasoning_summary_part.done",
            "reasoning_text.delta",
            "reasoning_text.done",
            "output_item.done"
        ]
    );
}

#[test]
fn calls_in_full_have_argument_deltas() {
    assert_eq!(
        kinds("{ call: { id: a, tool: t }, style: full }")[2..6],
        [
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done"
        ]
    );
}

#[test]
fn a_response_can_fail_or_be_incomplete_also_after_items() {
    let reply: Reply =
        serde_saphyr::from_str("{ message: half, error: { code: server_error, message: boom } }")
            .expect("a reply");
    let last = reply.events().pop().expect("events");
    assert_eq!(last["type"], "response.failed");
    assert_eq!(
        last["response"]["error"],
        json!({ "code": "server_error", "message": "boom" })
    );

    let last = Reply::incomplete("max_output_tokens")
        .events()
        .pop()
        .expect("events");
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(
        last["response"]["incomplete_details"]["reason"],
        "max_output_tokens"
    );
}

#[test]
fn usage_is_summed_up_unless_a_total_is_given() {
    let usage = |usage: &str| {
        let reply: Reply =
            serde_saphyr::from_str(&format!("{{ message: a, usage: {usage} }}")).expect("a reply");
        reply.events().pop().expect("events")["response"]["usage"].clone()
    };
    assert_eq!(
        usage("{ input_tokens: 7, cached_input_tokens: 3, reasoning_output_tokens: 2 }"),
        json!({
            "input_tokens": 7, "input_tokens_details": { "cached_tokens": 3 },
            "output_tokens": 5, "output_tokens_details": { "reasoning_tokens": 2 },
            "total_tokens": 12,
        })
    );
    assert_eq!(usage("{ total_tokens: 99 }")["total_tokens"], 99);
}

#[test]
fn verbatim_events_stay_as_they_are() {
    let reply = "events: [{ type: response.created, odd: [1, null] }, { type: made.up }]";
    let reply: Reply = serde_saphyr::from_str(reply).expect("a reply");
    assert_eq!(
        reply.events(),
        [
            json!({ "type": "response.created", "odd": [1, null] }),
            json!({ "type": "made.up" })
        ]
    );
}

/// Replies that are refused, and what the message says.
const REFUSED: &[(&str, &str)] = &[
    ("mesage: a", "unknown field `mesage`, expected one of"),
    (
        "message: { txt: a }",
        "unknown field `txt`, expected one of",
    ),
    (
        "message: 4",
        "invalid type: integer `4`, expected a text or a map with `text`",
    ),
    ("usage: {}", "a reply needs one of `message`, `stream`"),
    (
        "{ message: a, stream: [b] }",
        "`message` can't stand beside `stream` in one reply",
    ),
    (
        "{ http: { status: 500 }, message: a }",
        "`http` can't stand beside `message`",
    ),
    ("http: { status: 99 }", "`99` is not a status code"),
    (
        "http: { status: 200, headers: { 'a b': c } }",
        "`a b` is not a header that can be set",
    ),
    (
        "stream: a",
        "invalid type: string \"a\", expected a list of texts or a map",
    ),
    (
        "call: { id: a, tool: b, arguments: 3 }",
        "`arguments` is a map, or a text",
    ),
    ("events: [{ kind: a }]", "event 1 has no `type`"),
    (
        "events: [{ type: \"a\\nb\" }]",
        "the `type` of event 1 has a line break",
    ),
    (
        "{ message: a, times: 0 }",
        "invalid value: integer `0`, expected a number from 1 or",
    ),
    (
        "{ message: a, times: some }",
        "expected a number from 1 or `any`",
    ),
    (
        "{ message: a, pace: { before: 5 } }",
        "expected a length of time with its unit",
    ),
    (
        "{ message: a, pace: { before: 5 parsecs } }",
        "expected a length of time with its unit",
    ),
    (
        "{ message: a, hold: { gate: g } }",
        "`hold` needs one of `after_event: N`, `after_byte: N`, `before: true`",
    ),
    (
        "{ message: a, hold: { after_event: 4, gate: g } }",
        "`hold` is after event 4, but the reply has 3 events",
    ),
    (
        "{ message: a, fault: { stall: { after_event: 4 } } }",
        "`fault` is after event 4, but the reply has 3 events",
    ),
    (
        "{ message: a, fault: boom }",
        "unknown fault `boom`, expected `no_terminal_event`",
    ),
    ("{ message: a, fault: {} }", "a reply has one fault"),
    (
        "{ events: [{ type: a }], fault: no_terminal_event }",
        "needs a reply that ends with",
    ),
    (
        "{ message: a, when: { user_text: { contain: b } } }",
        "unknown matcher `contain`",
    ),
    (
        "{ message: a, when: { model: 4 } }",
        "`4` is not a text: put it in quotes",
    ),
    (
        "{ message: a, when: { path: { matches: '(' } } }",
        "is not a regular expression",
    ),
    (
        "{ message: a, when: { path: { contains: a, matches: b } } }",
        "a matcher has one operator",
    ),
];

#[test]
fn a_bad_reply_says_what_is_wrong_in_yaml_and_as_a_value() {
    for (reply, expected) in REFUSED {
        let error = serde_saphyr::from_str::<Reply>(reply)
            .expect_err(reply)
            .to_string();
        assert!(error.contains(expected), "{reply}\n{error}");
        let value: Value = serde_saphyr::from_str(reply).expect("YAML");
        let error = serde_json::from_value::<Reply>(value)
            .expect_err(reply)
            .to_string();
        assert!(error.contains(expected), "{reply}\n{error}");
    }
}

#[test]
fn a_schema_names_every_member() {
    let schema = schemars::schema_for!(Reply);
    let members = schema
        .get("properties")
        .and_then(Value::as_object)
        .expect("properties");
    for member in [
        "message", "stream", "when", "pace", "hold", "fault", "times",
    ] {
        assert!(members.contains_key(member), "{member}");
    }
    assert_eq!(schema.get("additionalProperties"), Some(&json!(false)));
}

#[tokio::test]
async fn a_script_with_a_bad_reply_does_not_start() {
    let replies = vec![
        Reply::message("a"),
        Reply::http(700, Value::Null),
        Reply::verbatim(vec![json!(3)]),
    ];
    let error = MockResponses::builder()
        .replies(replies)
        .start()
        .await
        .expect_err("bad");
    assert_eq!(error.to_string(), "reply 3: event 1 has no `type`");
}

/// The bytes of a reply's events, as the server frames them.
async fn sent(reply: Reply) -> Vec<u8> {
    let server = MockResponses::builder()
        .replies(vec![reply])
        .start()
        .await
        .expect("start");
    let url = format!("{}/responses", server.base_url());
    let answer = reqwest::Client::new()
        .post(url)
        .body("{}")
        .send()
        .await
        .expect("an answer");
    answer.bytes().await.expect("a body").to_vec()
}

async fn parse(bytes: Vec<u8>) -> Vec<Value> {
    let chunks = stream::iter([Ok::<_, std::io::Error>(bytes)]);
    let events = chunks.eventsource().map(|event| {
        let event = event.expect("an event");
        let data: Value = serde_json::from_str(&event.data).expect("JSON");
        assert_eq!(data["type"], event.event.as_str());
        data
    });
    events.collect().await
}

/// Texts, also with what might break the framing: line breaks of any kind, NUL, separators.
fn text() -> impl Strategy<Value = String> {
    "\\PC{0,12}|[\r\n\u{2028}\u{85}\u{0} ]{1,3}"
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(text(), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_sent_parses_back_and_the_deltas_are_the_texts(
        deltas in texts(),
        summary in texts(),
        content in texts(),
        arguments in text(),
        full in any::<bool>(),
    ) {
        let reply = json!({
            "stream": deltas,
            "reasoning": { "summary": summary, "content": content },
            "call": { "id": "c", "tool": arguments, "arguments": arguments },
            "custom_call": { "id": "d", "tool": "t", "input": arguments },
            "style": if full { "full" } else { "minimal" },
        });
        let reply: Reply = serde_json::from_value(reply).expect("a reply");
        let expected = reply.events();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let events = runtime.block_on(async { parse(sent(reply).await).await });
        prop_assert_eq!(&events, &expected);

        let concatenated = |kind: &str| -> String {
            let of_kind = events.iter().filter(|event| event["type"] == kind);
            of_kind.filter_map(|event| event["delta"].as_str()).collect()
        };
        let full_only = |text: String| if full { text } else { String::new() };
        for (kind, text) in [
            ("response.output_text.delta", deltas.concat()),
            ("response.reasoning_summary_text.delta", full_only(summary.concat())),
            ("response.reasoning_text.delta", full_only(content.concat())),
            ("response.function_call_arguments.delta", full_only(arguments.clone())),
            ("response.custom_tool_call_input.delta", full_only(arguments.clone())),
        ] {
            prop_assert_eq!(concatenated(kind), text, "{}", kind);
        }

        let done: Vec<_> = events
            .iter()
            .filter(|event| event["type"] == "response.output_item.done")
            .map(|event| event["item"].clone())
            .collect();
        prop_assert_eq!(&done[1]["content"][0]["text"], &json!(deltas.concat()));
        prop_assert_eq!(done[2]["arguments"].as_str(), Some(arguments.as_str()));
        let last = events.last().expect("events");
        prop_assert_eq!(&last["response"]["output"], &json!(done));
        for (index, item) in done.iter().enumerate() {
            let of_item = events.iter().filter(|event| event["item_id"] == item["id"]);
            for event in of_item.filter(|event| event["item_id"].is_string()) {
                prop_assert_eq!(event["output_index"].as_u64(), u64::try_from(index).ok());
            }
        }
    }
}
