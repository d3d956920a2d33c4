//! Who gets which reply, and what a request gets that nothing is for.

mod client;

use client::{post, post_with};
use mock_responses::{MockResponses, Reply, Violation};
use serde_json::{Value, json};

async fn serve(replies: &str) -> MockResponses {
    let replies: Vec<Reply> = serde_saphyr::from_str(replies).expect("script");
    MockResponses::builder()
        .replies(replies)
        .start()
        .await
        .expect("start")
}

/// The texts of the messages that these requests get; `None` for a refusal.
async fn texts(server: &MockResponses, bodies: &[Value]) -> Vec<Option<String>> {
    let mut texts = Vec::new();
    for body in bodies {
        texts.push(text_of(post(server, body).await).await);
    }
    texts
}

async fn text_of(answer: reqwest::Response) -> Option<String> {
    let ok = answer.status() == 200;
    let body = answer.text().await.expect("a body");
    let (_, rest) = body.split_once(r#""type":"output_text","text":""#)?;
    ok.then(|| rest.split('"').next().unwrap_or_default().to_owned())
}

fn user(text: &str) -> Value {
    json!({ "model": "m", "input": [
        { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "old" }] },
        { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }] },
    ]})
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

fn only(verdict: &[Violation]) -> &Violation {
    assert_eq!(verdict.len(), 1, "{verdict:?}");
    &verdict[0]
}

#[tokio::test]
async fn replies_with_when_come_first_and_the_others_in_order() {
    let server = serve(
        "
        - message: first
        - { message: weather, when: { user_text: { contains: rain } } }
        - message: second
        ",
    )
    .await;
    let bodies = [user("a"), user("will it rain?"), user("still rain?")];
    assert_eq!(
        texts(&server, &bodies).await,
        some(&["first", "weather", "second"])
    );
    assert_eq!(server.verdict(), []);
}

#[tokio::test]
async fn times_says_how_often() {
    let server = serve(
        "
        - { message: twice, times: 2 }
        - { message: always, when: { model: other }, times: any }
        - message: last
        ",
    )
    .await;
    let other = json!({ "model": "other" });
    let bodies = [
        user("a"),
        other.clone(),
        user("b"),
        other.clone(),
        user("c"),
        other,
    ];
    assert_eq!(
        texts(&server, &bodies).await,
        some(&["twice", "always", "twice", "always", "last", "always"])
    );
    assert_eq!(server.verdict(), []);
}

#[tokio::test]
async fn every_matcher_can_hold_and_can_fail() {
    let output = json!({ "model": "m", "input": [
        { "type": "function_call", "call_id": "c", "name": "t", "arguments": "{}" },
        { "type": "function_call_output", "call_id": "c", "output": [{ "text": "exit 0" }] },
    ]});
    let cases = [
        ("header: { x-Test: 'on' }", "header: { x-test: 'off' }"),
        (
            "header: { x-none: { absent: true } }",
            "header: { x-test: { absent: true } }",
        ),
        (
            "path: { matches: '/v\\d/responses$' }",
            "path: /v2/responses",
        ),
        ("model: { any_of: [a, m] }", "model: { any_of: [a, b] }"),
        (
            "pointer: { /input/0/type: function_call }",
            "pointer: { /input/1/type: function_call }",
        ),
        (
            "pointer: { /input/0: { name: t } }",
            "pointer: { /input/0: { name: u } }",
        ),
        (
            "pointer: { /input/7: { absent: true } }",
            "pointer: { /model: { absent: true } }",
        ),
        (
            "output_of: { c: { contains: 'exit 0' } }",
            "output_of: { d: { contains: 'exit 0' } }",
        ),
        ("user_text: { absent: true }", "user_text: { contains: a }"),
        ("{}", "subagent: guardian"),
    ];
    for (holds, fails) in cases {
        for (when, expected) in [(holds, 200), (fails, 400)] {
            let server = serve(&format!("[{{ message: a, when: {} }}]", flow(when))).await;
            let answer = post_with(&server, &output, &[("x-test", "on")]).await;
            assert_eq!(answer.status(), expected, "{when}");
        }
    }
}

fn flow(when: &str) -> String {
    if when == "{}" {
        when.to_owned()
    } else {
        format!("{{ {when} }}")
    }
}

#[tokio::test]
async fn a_subagent_never_takes_a_reply_of_the_main_conversation() {
    let server = serve(
        "
        - message: main
        - { message: verdict, when: { subagent: guardian } }
        ",
    )
    .await;
    let guardian = [("x-openai-subagent", "guardian")];
    let review = [("x-openai-subagent", "review")];
    let answer = post_with(&server, &user("a"), &guardian).await;
    assert_eq!(text_of(answer).await.as_deref(), Some("verdict"));
    assert_eq!(post_with(&server, &user("a"), &review).await.status(), 400);
    assert_eq!(texts(&server, &[user("a")]).await, some(&["main"]));

    let verdict = server.verdict();
    let violation = only(&verdict);
    assert_eq!(
        (violation.rule, violation.request),
        ("no-reply-matches", Some(1))
    );
    assert_eq!(
        violation.message,
        "request 2: replies left, but none matches: reply 1 (`message`): has no `when`, and the \
         request comes from the subagent `review`"
    );
}

#[tokio::test]
async fn a_refusal_lists_what_was_tried_and_what_failed() {
    let server = serve(
        "
        - { message: a, when: { user_text: { contains: rain } } }
        - { message: b, when: { header: { authorization: Bearer right } } }
        ",
    )
    .await;
    let secret = [("authorization", "Bearer hunter2")];
    let answer = post_with(&server, &user("sun"), &secret).await;
    assert_eq!(answer.status(), 400);
    let body = answer.text().await.expect("a body");
    assert!(
        body.contains("`user_text`: expected something that contains `rain`, got"),
        "{body}"
    );
    assert!(
        body.contains("reply 2 (`message`): `header` `authorization`"),
        "{body}"
    );
    assert!(!body.contains("hunter2"), "{body}");
    let journal = server.journal().requests();
    assert!(!format!("{journal:?}").contains("hunter2"));
    assert_eq!(journal[0].header("Authorization"), Some("Bearer hunter2"));
    let rules: Vec<_> = server
        .verdict()
        .iter()
        .map(|violation| violation.rule)
        .collect();
    assert_eq!(
        rules,
        ["no-reply-matches", "reply-left-over", "reply-left-over"]
    );
}

#[tokio::test]
async fn models_are_listed_and_other_paths_are_unknown() {
    let server = serve("[]").await;
    let models = reqwest::get(format!("{}/models", server.base_url()))
        .await
        .expect("an answer");
    let models: Value = serde_json::from_str(&models.text().await.expect("a body")).expect("JSON");
    assert_eq!(models["data"][0]["object"], "model");
    assert_eq!(server.verdict(), []);

    let other = reqwest::get(format!("{}/files?a=b", server.base_url()))
        .await
        .expect("an answer");
    assert_eq!(other.status(), 404);
    let verdict = server.verdict();
    assert_eq!(
        only(&verdict).message,
        "request 2: there is no `GET /v1/files` here"
    );
    assert_eq!(server.journal().requests()[1].query.as_deref(), Some("a=b"));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_413() {
    let server = MockResponses::builder()
        .replies(vec![Reply::message("a")])
        .max_body(100)
        .start()
        .await
        .expect("start");
    assert_eq!(post(&server, &user(&"x".repeat(100))).await.status(), 413);
    let request = &server.journal().requests()[0];
    assert!(request.truncated && request.body.len() == 100);
    assert_eq!(server.verdict()[0].rule, "body-too-large");
    assert_eq!(texts(&server, &[json!({})]).await, some(&["a"]));
}

#[tokio::test]
async fn a_body_that_is_not_json_is_a_violation_but_gets_its_reply() {
    let server = serve("- message: a").await;
    let url = format!("{}/responses", server.base_url());
    let answer = reqwest::Client::new()
        .post(url)
        .body("{ not json")
        .send()
        .await;
    assert_eq!(answer.expect("an answer").status(), 200);
    assert_eq!(only(&server.verdict()).rule, "json-body");
    assert_eq!(&server.journal().requests()[0].body[..], b"{ not json");
}

#[tokio::test]
async fn two_servers_keep_apart() {
    let (one, two) = (serve("- message: one").await, serve("- message: two").await);
    assert_ne!(one.addr(), two.addr());
    assert_eq!(texts(&two, &[json!({})]).await, some(&["two"]));
    assert_eq!(one.journal().len(), 0);
    assert_eq!(one.verdict()[0].rule, "reply-left-over");
    assert_eq!(two.verdict(), []);
}

#[tokio::test]
async fn replies_can_be_added_while_it_runs() {
    let server = serve("[]").await;
    server.push(Reply::message("late")).expect("a good reply");
    assert_eq!(texts(&server, &[json!({})]).await, some(&["late"]));
    let bad = server.push(Reply::verbatim(vec![json!({ "no": "type" })]));
    assert_eq!(
        bad.expect_err("a bad reply").to_string(),
        "event 1 has no `type`"
    );
}
