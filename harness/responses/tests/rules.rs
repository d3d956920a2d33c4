//! The rules on what a request says about tool calls: each holds, and each can be broken.

mod client;

use client::post;
use mock_responses::{MockResponses, Reply};
use serde_json::{Value, json};

/// What the rules say about a request with this input, as `rule: message`.
async fn broken(input: Value) -> Vec<String> {
    let replies = vec![Reply::message("first"), Reply::message("second")];
    let server = MockResponses::builder()
        .replies(replies)
        .start()
        .await
        .expect("start");
    for body in [json!({ "input": "a text" }), json!({ "input": input })] {
        post(&server, &body).await.text().await.expect("a body");
    }
    let verdict = server.verdict();
    assert_eq!(verdict, server.verdict(), "asking twice changes nothing");
    assert!(
        verdict.iter().all(|violation| violation.request == Some(1)),
        "{verdict:?}"
    );
    verdict
        .iter()
        .map(|violation| format!("{}: {}", violation.rule, violation.message))
        .collect()
}

fn call(id: &str) -> Value {
    json!({ "type": "function_call", "call_id": id, "name": "t", "arguments": "{}" })
}

fn output(id: &str) -> Value {
    json!({ "type": "function_call_output", "call_id": id, "output": "ok" })
}

#[tokio::test]
async fn calls_with_their_outputs_are_fine() {
    let custom = json!({ "type": "custom_tool_call", "call_id": "x", "name": "t", "input": "" });
    let custom_output = json!({ "type": "custom_tool_call_output", "call_id": "x", "output": "" });
    let message = json!({ "role": "user", "content": "hi" });
    let input = json!([
        message,
        call("a"),
        call("b"),
        output("b"),
        output("a"),
        custom,
        custom_output
    ]);
    assert_eq!(broken(input).await, Vec::<String>::new());
}

#[tokio::test]
async fn tool_outputs_wants_an_output_for_each_call() {
    assert_eq!(
        broken(json!([call("a"), call("b"), output("a")])).await,
        [
            "tool-outputs: request 2: the `function_call` with call id `b` has no \
          `function_call_output`"
        ]
    );
}

#[tokio::test]
async fn tool_outputs_wants_a_call_before_each_output() {
    let orphan = "tool-outputs: request 2: the `function_call_output` of call `a` has no such \
                  call before it";
    assert_eq!(broken(json!([output("a")])).await, [orphan]);
    assert_eq!(broken(json!([output("a"), call("a")])).await, [orphan]);
}

#[tokio::test]
async fn tool_outputs_wants_the_output_to_be_of_the_calls_kind() {
    let custom = json!({ "type": "custom_tool_call_output", "call_id": "a", "output": "" });
    assert_eq!(
        broken(json!([call("a"), custom])).await,
        [
            "tool-outputs: request 2: the `custom_tool_call_output` of call `a` has no such call \
             before it",
            "tool-outputs: request 2: the `function_call` with call id `a` has no \
             `function_call_output`",
        ]
    );
}

#[tokio::test]
async fn tool_outputs_wants_one_output_only() {
    assert_eq!(
        broken(json!([call("a"), output("a"), output("a")])).await,
        ["tool-outputs: request 2: call `a` has more than one `function_call_output`"]
    );
}

#[tokio::test]
async fn unique_call_ids_wants_each_id_once() {
    assert_eq!(
        broken(json!([call("a"), call("a"), output("a")])).await,
        ["unique-call-ids: request 2: call id `a` is used by more than one call"]
    );
}
