//! The journal: large ones go to disk, and the rule that inputs grow.

mod client;

use client::{post, post_with};
use mock_responses::{MockResponses, Reply, StartError, Times};
use serde_json::{Value, json};

async fn start(memory: usize) -> MockResponses {
    let replies = vec![Reply::message("a").times(Times::Any)];
    let builder = MockResponses::builder()
        .replies(replies)
        .journal_memory(memory);
    builder.start().await.expect("start")
}

#[tokio::test]
async fn requests_on_disk_are_as_they_came() {
    let (disk, memory) = (start(0).await, start(usize::MAX).await);
    for number in 0..50 {
        let body = json!({ "input": format!("{number} é ").repeat(number * 100) });
        let secret = format!("Bearer {}", number / 10);
        for server in [&disk, &memory] {
            post_with(
                server,
                &body,
                &[("authorization", &secret), ("x-number", "n")],
            )
            .await;
        }
    }
    let (disk, memory) = (disk.journal(), memory.journal());
    assert_eq!((disk.len(), memory.len()), (50, 50));
    for (there, here) in disk.iter().zip(memory.iter()) {
        assert_eq!(there.body, here.body);
        let headers = |request: &mock_responses::Request| {
            let kept = request.headers.iter().filter(|(name, _)| name != "host");
            kept.cloned().collect::<Vec<_>>()
        };
        assert_eq!(headers(&there), headers(&here));
        assert_eq!(
            (there.index, &there.path, there.truncated),
            (here.index, &here.path, false)
        );
    }
    assert!(
        disk.iter()
            .zip(disk.iter().skip(1))
            .all(|(a, b)| a.arrived <= b.arrived)
    );
    assert_eq!(disk.since(48).len(), 2);
    assert!(disk.get(50).is_none());
}

#[tokio::test]
async fn a_rule_can_be_switched_off_by_name() {
    for (off, expected) in [(None, vec!["tool-outputs"]), (Some("tool-outputs"), vec![])] {
        let mut builder = MockResponses::builder().replies(vec![Reply::message("a")]);
        if let Some(rule) = off {
            builder = builder.without_rule(rule);
        }
        let server = builder.start().await.expect("start");
        let call = json!({ "type": "function_call", "call_id": "c", "name": "t", "arguments": "" });
        post(&server, &json!({ "input": [call] })).await;
        let rules: Vec<_> = server
            .verdict()
            .iter()
            .map(|violation| violation.rule)
            .collect();
        assert_eq!(rules, expected);
    }
    let unknown = MockResponses::builder()
        .without_rule("tool-output")
        .start()
        .await;
    let Err(StartError::Rule(error)) = unknown else {
        panic!("there is no such rule");
    };
    assert!(
        error
            .to_string()
            .starts_with("there is no rule `tool-output`; the rules: `tool-outputs`")
    );
}

fn user(text: &str) -> Value {
    json!({ "role": "user", "content": text })
}

/// What the rule says about these inputs of one conversation.
async fn grows(inputs: &[Value], headers: &[(&str, &str)]) -> Vec<String> {
    let server = start(usize::MAX).await;
    for input in inputs {
        let body = json!({ "prompt_cache_key": "k", "input": input });
        post_with(&server, &body, headers).await;
    }
    let verdict = server.verdict();
    assert!(
        verdict
            .iter()
            .all(|violation| violation.rule == "input-grows"),
        "{verdict:?}"
    );
    verdict
        .into_iter()
        .map(|violation| violation.message)
        .collect()
}

#[tokio::test]
async fn an_input_grows_or_it_is_said_why_not() {
    let (a, b, c) = (user("a"), user("b"), user("c"));
    let fine = [json!([a]), json!([a, b]), json!([a, b]), json!([a, b, c])];
    assert_eq!(grows(&fine, &[]).await, [""; 0]);
    let reordered = json!([{ "content": "a", "role": "user" }, b]);
    assert_eq!(grows(&[json!([a]), reordered], &[]).await, [""; 0]);
    assert_eq!(
        grows(&[json!([a, b]), json!([a])], &[]).await,
        ["request 2: the input lacks the last 1 items that request 1 had"]
    );
    assert_eq!(
        grows(&[json!([a, b]), json!([a, c, b])], &[]).await,
        [
            "request 2: item 2 of the input is not the one that request 1 had there: \
          `{\"role\":\"user\",\"content\":\"c\"}…`"
        ]
    );
    let compacts = [("x-codex-turn-metadata", r#"{"request_kind": "compaction"}"#)];
    assert_eq!(
        grows(&[json!([a, b]), json!([c])], &compacts).await,
        [""; 0]
    );
    let read_back = [(
        "x-codex-turn-metadata",
        r#"{"history_initialization": "cold_resume"}"#,
    )];
    let taken_back = [json!([a]), json!([a, b]), json!([a, c])];
    assert_eq!(grows(&taken_back, &read_back).await, [""; 0]);
    assert_eq!(grows(&[json!([a]), json!([b])], &read_back).await.len(), 1);
}

#[tokio::test]
async fn conversations_have_inputs_of_their_own() {
    let server = start(usize::MAX).await;
    for (thread, input) in [("1", "a"), ("2", "b"), ("1", "a")] {
        let body = json!({ "input": [user(input)] });
        post_with(&server, &body, &[("thread-id", thread)]).await;
    }
    assert_eq!(server.verdict(), []);
}

#[tokio::test]
async fn parallel_conversations_keep_their_replies_apart() {
    let script = "
        - { message: one-1, thread: one, when: { user_text: first } }
        - { message: two-1, thread: two }
        - { message: one-2, thread: one }
        - { message: two-2, thread: two }
        - { message: one-3, thread: one }
    ";
    let replies: Vec<Reply> = serde_saphyr::from_str(script).expect("a script");
    let server = MockResponses::builder()
        .replies(replies)
        .start()
        .await
        .expect("start");
    let mut texts = Vec::new();
    // The second conversation asks first, and they take turns in no order.
    for (thread, text) in [
        ("b", "second"),
        ("a", "first"),
        ("a", "x"),
        ("a", "x"),
        ("b", "x"),
    ] {
        let answer = post_with(&server, &json!({ "input": text }), &[("thread-id", thread)]).await;
        let body = answer.text().await.expect("a body");
        let found = body
            .split(r#""text":""#)
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        texts.push(found.unwrap_or_default().to_owned());
    }
    assert_eq!(texts, ["two-1", "one-1", "one-2", "one-3", "two-2"]);
    let late = post_with(&server, &json!({ "input": "x" }), &[("thread-id", "b")]).await;
    assert_eq!(late.status(), 400);
    assert_eq!(server.verdict()[0].rule, "no-reply-left");
    server
        .push(Reply::message("for one").thread("one"))
        .expect("a reply");
    post_with(&server, &json!({ "input": "x" }), &[("thread-id", "b")]).await;
    let verdict = server.verdict();
    assert_eq!(
        verdict[1].message,
        "request 7: replies left, but none matches: reply 6 (`message`): is for the thread `one`, \
         and the request's thread is `two`"
    );
}
