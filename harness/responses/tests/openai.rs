//! The official client for Python (`openai`) reads what the server sends.
//!
//! Runs when the client is installed for `python3`, or for the Python that `OPENAI_PYTHON` names;
//! otherwise it says what installs it, or fails if `CONFORMANCE_REQUIRE` names `python`.

use std::process::Stdio;

use mock_responses::{MockResponses, Reply, Style, Times};
use serde_json::Value;
use tokio::process::Command;

/// The version of the client that this was written against.
const VERSION: &str = "2.8.1";

/// Each kind of reply, the text that its deltas add up to, and whether it is completed.
const REPLIES: [(&str, &str, bool); 11] = [
    ("message: hello there", "hello there", true),
    ("stream: [hello, ' there']", "hello there", true),
    ("refusal: no", "", true),
    ("web_search: a query", "", true),
    (
        "{ reasoning: { summary: [a], content: [b] }, message: hello }",
        "hello",
        true,
    ),
    (
        "call: { id: c, tool: t, arguments: { a: 1 }, split: 3 }",
        "",
        true,
    ),
    (
        "custom_call: { id: c, tool: t, input: some text, split: word }",
        "",
        true,
    ),
    (
        "items: [{ message: a }, { call: { id: c, tool: t } }, { stream: [b, c] }]",
        "abc",
        true,
    ),
    (
        "{ message: '☕', fault: { slice: { bytes: 1 } } }",
        "☕",
        true,
    ),
    ("{ message: a, error: server_error }", "a", false),
    ("{ message: a, incomplete: max_output_tokens }", "a", false),
];

fn python() -> String {
    std::env::var("OPENAI_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

async fn is_installed() -> bool {
    let mut import = Command::new(python());
    import.args(["-c", "import openai"]).stderr(Stdio::null());
    let installed = import.status().await.is_ok_and(|status| status.success());
    if !installed {
        let required = std::env::var("CONFORMANCE_REQUIRE").unwrap_or_default();
        assert!(
            !required.contains("python"),
            "the client is required, but not installed"
        );
        println!("skipped: install it with `python3 -m pip install openai=={VERSION}`");
    }
    installed
}

/// What the client made of a reply that is given this often.
async fn read(reply: Reply) -> Vec<Value> {
    let builder = MockResponses::builder().compress(true);
    let server = builder
        .replies(vec![reply.times(Times::Any)])
        .start()
        .await
        .expect("start");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openai_client.py");
    let mut client = Command::new(python());
    client
        .args([script, &server.base_url(), "1"])
        .kill_on_drop(true);
    // Its own proxy settings would lead it elsewhere.
    client.env("NO_PROXY", "127.0.0.1");
    let output = client.output().await.expect("the client");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let lines = String::from_utf8(output.stdout).expect("text");
    lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[tokio::test]
async fn the_official_client_reads_every_kind_of_reply() {
    if !is_installed().await {
        return;
    }
    for (text, said, completes) in REPLIES {
        for style in [Style::Full, Style::Minimal] {
            let reply: Reply = serde_saphyr::from_str(text).expect(text);
            let seen = read(reply.style(style)).await;
            assert_eq!(seen.len(), 2, "{text}: {seen:?}");
            for seen in seen {
                assert_eq!(seen["error"], Value::Null, "{text}, {style:?}: {seen}");
                let kinds = seen["kinds"].as_array().expect("kinds");
                let completed = kinds.iter().any(|kind| kind == "response.completed");
                assert_eq!(completed, completes, "{text}, {style:?}: {seen}");
                if style == Style::Full {
                    assert_eq!(seen["text"], said, "{text}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_official_client_sees_http_errors_and_broken_streams() {
    if !is_installed().await {
        return;
    }
    for status in [400, 401, 403, 404, 429, 500, 503] {
        let reply: Reply =
            serde_saphyr::from_str(&format!("http: {{ status: {status} }}")).expect("a reply");
        for seen in read(reply).await {
            assert_eq!(seen["status"], status, "{seen}");
        }
    }
    let broken = "{ message: a, fault: { broken_json: { event: 2 } } }";
    for seen in read(serde_saphyr::from_str(broken).expect("a reply")).await {
        let error = seen["error"].as_str().unwrap_or_default();
        assert!(
            error.contains("JSONDecodeError"),
            "the test can see a parse error: {seen}"
        );
    }
}
