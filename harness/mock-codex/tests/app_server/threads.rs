//! Threads: refusals, settings, lists.

use mock_responses::Reply;
use serde_json::{Value, json};

use crate::client::World;

#[tokio::test]
async fn conflicts_and_bad_values_are_refused() {
    let world = World::new(vec![]).await;
    let mut client = world.client().await;
    let rows: [(Value, &str); 9] = [
        (
            json!({"permissions": ":read-only", "sandbox": "read-only"}),
            "`permissions` cannot be combined with `sandbox`",
        ),
        (
            json!({"permissions": ":nope"}),
            "failed to load configuration: default_permissions refers to unknown built-in profile `:nope`",
        ),
        (
            json!({"sandbox": "dangerFullAccess"}),
            "Invalid request: unknown variant `dangerFullAccess`, expected one of `read-only`, `workspace-write`, `danger-full-access`",
        ),
        (
            json!({"approvalPolicy": "on-failure"}),
            "Invalid request: unknown variant `on-failure`, expected one of `untrusted`, `on-request`, `granular`, `never`",
        ),
        (
            json!({"approvalsReviewer": "bogus"}),
            "Invalid request: unknown variant `bogus`, expected one of `user`, `auto_review`, `guardian_subagent`",
        ),
        (
            json!({"runtimeWorkspaceRoots": ["rel"]}),
            "Invalid request: AbsolutePathBuf deserialized without a base path",
        ),
        (
            json!({"modelProvider": "nope"}),
            "failed to load configuration: Model provider `nope` not found",
        ),
        (
            json!({"config": {"approval_policy": "bogus"}}),
            "failed to load configuration: unknown variant `bogus`, expected one of `untrusted`, `on-failure`, `on-request`, `granular`, `never`\nin `approval_policy`\n",
        ),
        (
            json!([]),
            "Invalid request: invalid length 0, expected struct ThreadStartParams with 27 elements",
        ),
    ];
    for (params, message) in rows {
        let error = client.error("thread/start", params).await;
        assert_eq!(error, (-32600, message.to_owned()));
    }
    let list = client.ok("thread/loaded/list", json!({})).await;
    assert_eq!(list["data"], json!([]));
}

#[tokio::test]
async fn a_turn_refuses_bad_values() {
    let world = World::new(vec![]).await;
    let mut client = world.client().await;
    let thread = client.thread(json!({})).await;
    let rows: [(&str, Value, &str); 5] = [
        (
            "sandboxPolicy",
            json!("danger-full-access"),
            "Invalid request: invalid type: string \"danger-full-access\", expected internally tagged enum SandboxPolicyDeserialize",
        ),
        (
            "sandboxPolicy",
            json!({}),
            "Invalid request: missing field `type`",
        ),
        (
            "sandboxPolicy",
            json!({"type": "workspaceWrite", "writableRoots": ["~/x"]}),
            "Invalid request: AbsolutePathBuf deserialized without a base path",
        ),
        (
            "effort",
            json!(""),
            "Invalid request: reasoning_effort must not be empty",
        ),
        (
            "input",
            json!([{"type": "image", "url": "http://x/y.png"}]),
            "remote image URLs are not supported; use an inline data URL instead",
        ),
    ];
    for (member, value, message) in rows {
        let mut params = json!({"threadId": thread, "input": [{"type": "text", "text": "x"}]});
        params[member] = value;
        let error = client.error("turn/start", params).await;
        assert_eq!(error, (-32600, message.to_owned()));
    }
}

#[tokio::test]
async fn overrides_of_a_turn_stick() {
    let world = World::new(vec![Reply::message("a"), Reply::message("b")]).await;
    let mut client = world.client().await;
    let thread = client.thread(json!({})).await;
    client
        .ok(
            "turn/start",
            json!({
                "threadId": thread,
                "input": [],
                "approvalPolicy": "never",
                "sandboxPolicy": {"type": "dangerFullAccess"},
            }),
        )
        .await;
    client.until("turn/completed").await;
    client.turn(&thread, "again").await;
    let resumed = client
        .ok("thread/resume", json!({"threadId": thread}))
        .await;
    assert_eq!(resumed["approvalPolicy"], "never");
    assert_eq!(resumed["sandbox"], json!({"type": "dangerFullAccess"}));
    assert_eq!(resumed["activePermissionProfile"], Value::Null);
    let body = world.model.journal().requests()[1].json().unwrap();
    let metadata = body["client_metadata"]["x-codex-turn-metadata"]
        .as_str()
        .unwrap();
    assert!(
        metadata.contains("\"sandbox_mode\":\"danger-full-access\""),
        "{metadata}"
    );
}

#[tokio::test]
async fn lists_have_pages() {
    let world = World::new(vec![
        Reply::message("a"),
        Reply::message("b"),
        Reply::message("c"),
    ])
    .await;
    let mut client = world.client().await;
    let mut threads = Vec::new();
    for text in ["one", "two", "three"] {
        let thread = client.thread(json!({})).await;
        client.turn(&thread, text).await;
        threads.push(thread);
    }
    threads.reverse();
    let first = client.ok("thread/list", json!({"limit": 2})).await;
    let second = client
        .ok(
            "thread/list",
            json!({"limit": 2, "cursor": first["nextCursor"]}),
        )
        .await;
    let ids: Vec<&str> = [&first, &second]
        .iter()
        .flat_map(|page| page["data"].as_array().unwrap())
        .map(|thread| thread["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, threads);
    assert_eq!(first["data"][0]["preview"], "three");
    assert_eq!(second["nextCursor"], Value::Null);
    let error = client.error("thread/list", json!({"cursor": "zz"})).await;
    assert_eq!(error, (-32600, "invalid cursor: zz".to_owned()));
}

#[tokio::test]
async fn methods_that_are_not_there_say_so() {
    let world = World::new(vec![]).await;
    let mut client = world.client().await;
    let (code, message) = client
        .error("thread/timeline/list", json!({"threadId": "x"}))
        .await;
    assert_eq!(code, -32601);
    let text = "mock-codex does not implement `thread/timeline/list`; to script an answer, ";
    assert!(message.starts_with(text), "{message}");
}
