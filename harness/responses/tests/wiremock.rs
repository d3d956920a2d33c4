//! The script and the rules on a `wiremock::MockServer`.

#![cfg(feature = "wiremock")]

use mock_responses::Reply;
use mock_responses::wiremock::{ObeysRules, ScriptResponder};
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer};

async fn mount(replies: &str) -> (MockServer, ScriptResponder) {
    let replies: Vec<Reply> = serde_saphyr::from_str(replies).expect("a script");
    let script = ScriptResponder::new(replies).expect("a script for whole bodies");
    let server = MockServer::start().await;
    let mock = Mock::given(method("POST"))
        .and(ObeysRules)
        .respond_with(script.clone());
    mock.mount(&server).await;
    (server, script)
}

async fn post(server: &MockServer, body: &Value) -> (u16, String) {
    let url = format!("{}/v1/responses", server.uri());
    let answer = reqwest::Client::new()
        .post(url)
        .body(body.to_string())
        .send()
        .await;
    let answer = answer.expect("an answer");
    (
        answer.status().as_u16(),
        answer.text().await.expect("a body"),
    )
}

#[tokio::test]
async fn replies_matchers_and_faults_on_text_work() {
    let (server, script) = mount(
        "
        - { message: one, fault: no_terminal_event }
        - { message: rain, when: { user_text: weather } }
        - { http: { status: 429, headers: { retry-after: '1' }, body: slow } }
        ",
    )
    .await;
    let (_, body) = post(&server, &json!({ "input": "weather" })).await;
    assert!(body.contains(r#""text":"rain""#), "{body}");
    let (_, body) = post(&server, &json!({ "input": "x" })).await;
    assert!(
        body.contains("output_item.done") && !body.contains("response.completed"),
        "{body}"
    );
    assert_eq!(post(&server, &json!({})).await, (429, "slow".to_owned()));
    assert_eq!(script.verdict(), []);
    assert_eq!(post(&server, &json!({})).await.0, 400);
    assert_eq!(script.verdict()[0].rule, "no-reply-left");
    assert_eq!(script.journal().len(), 4);
}

#[tokio::test]
async fn a_request_that_breaks_a_rule_matches_no_mock() {
    let (server, script) = mount("[{ message: one }]").await;
    let output = json!({ "type": "function_call_output", "call_id": "c", "output": "" });
    assert_eq!(post(&server, &json!({ "input": [output] })).await.0, 404);
    assert_eq!(script.journal().len(), 0);
}

#[test]
fn what_needs_the_socket_is_refused() {
    for (reply, what) in [
        ("{ message: a, hold: { after_event: 1, gate: g } }", "hold"),
        (
            "{ message: a, fault: { close: { after_event: 1 } } }",
            "close",
        ),
        ("{ message: a, fault: { slice: { bytes: 1 } } }", "slice"),
        (
            "{ message: a, fault: { random: { of: [{ http: 500 }, { stall: { after_event: 0 } }] } } }",
            "stall",
        ),
    ] {
        let reply: Reply = serde_saphyr::from_str(reply).expect(reply);
        let error = ScriptResponder::new(vec![reply])
            .expect_err(what)
            .to_string();
        assert_eq!(
            error,
            format!("reply 1: `{what}` can't be done with a body that is sent whole")
        );
    }
}
