//! What is said before and at `initialize`, and to lines that are no messages.

use serde_json::{Value, json};

use crate::client::World;

fn client_info() -> Value {
    json!({"clientInfo": {"name": "test", "version": "1"}})
}

#[tokio::test]
async fn nothing_works_before_the_handshake() {
    let world = World::new(vec![]).await;
    let mut client = world.spawn(&[]);
    let rows = [
        ("thread/list", json!({}), "Not initialized"),
        (
            "initialize",
            json!({}),
            "Invalid request: missing field `clientInfo`",
        ),
        (
            "initialize",
            json!({"clientInfo": {"name": "a\nb", "version": "1"}}),
            "Invalid clientInfo.name: 'a\nb'. Must be a valid HTTP header value.",
        ),
    ];
    for (method, params, message) in rows {
        assert_eq!(
            client.error(method, params).await,
            (-32600, message.to_owned())
        );
    }
    let (code, message) = client.error("zzz/zzz", json!({})).await;
    assert_eq!(code, -32600);
    assert!(
        message.starts_with(
            "Invalid request: unknown variant `zzz/zzz`, expected one of `initialize`, "
        )
    );
    let result = client.ok("initialize", client_info()).await;
    assert!(
        result["userAgent"]
            .as_str()
            .unwrap()
            .starts_with("test/0.169.0 (")
    );
    let second = client.error("initialize", client_info()).await;
    assert_eq!(second, (-32600, "Already initialized".to_owned()));
}

#[tokio::test]
async fn lines_that_are_no_messages_get_no_reply() {
    let world = World::new(vec![]).await;
    let mut client = world.client().await;
    let lines = [
        "garbage",
        "",
        "[]",
        "5",
        "null",
        "{}",
        r#"{"id":1.5,"method":"thread/list","params":{}}"#,
        r#"{"id":9,"method":"thread/list","method":"x","params":{}}"#,
    ];
    for line in lines {
        client.line(line.as_bytes()).await;
    }
    // The next frame answers the next request: nothing came for the lines.
    client.methods();
    client
        .line(br#"{"id":"s","method":"thread/loaded/list","params":{},"jsonrpc":"2.0"}"#)
        .await;
    let frame = client.frame().await;
    assert_eq!(
        frame,
        json!({"id": "s", "result": {"data": [], "nextCursor": null}})
    );
}

#[tokio::test]
async fn bad_utf8_and_the_end_of_stdin_end_the_server_well() {
    let world = World::new(vec![]).await;
    let mut client = world.client().await;
    client.line(b"\xff").await;
    assert_eq!(client.exit().await, Some(0));
    let client = world.client().await;
    assert_eq!(client.close().await, Some(0));
}

#[tokio::test]
async fn the_experimental_part_needs_the_capability() {
    let world = World::new(vec![]).await;
    let mut client = world.spawn(&[]);
    client.ok("initialize", client_info()).await;
    let rows = [
        (
            "thread/start",
            json!({"permissions": ":workspace"}),
            "thread/start.permissions",
        ),
        (
            "mock/experimentalMethod",
            json!({}),
            "mock/experimentalMethod",
        ),
        (
            "thread/settings/update",
            json!({"threadId": "x"}),
            "thread/settings/update",
        ),
    ];
    for (method, params, what) in rows {
        let expected = format!("{what} requires experimentalApi capability");
        assert_eq!(client.error(method, params).await, (-32600, expected));
    }
}

#[tokio::test]
async fn notifications_can_be_opted_out_of() {
    let world = World::new(vec![]).await;
    let mut client = world.spawn(&[]);
    let mut params = client_info();
    params["capabilities"] = json!({"optOutNotificationMethods": ["thread/started"]});
    client.ok("initialize", params).await;
    client.ok("thread/start", json!({})).await;
    client.ok("thread/loaded/list", json!({})).await;
    assert!(!client.methods().contains(&"thread/started".to_owned()));
}

#[tokio::test]
async fn a_broken_configuration_is_told_and_refused() {
    let world = World::with_config(vec![], "sandbox_mode = \"bogus\"").await;
    let mut client = world.spawn(&[]);
    client.ok("initialize", client_info()).await;
    let warning = client.until("configWarning").await;
    assert_eq!(warning["summary"], "Invalid configuration; using defaults.");
    assert_eq!(
        warning["range"],
        json!({"start": {"line": 1, "column": 16}, "end": {"line": 1, "column": 22}})
    );
    let (code, message) = client.error("thread/start", json!({})).await;
    assert_eq!(code, -32600);
    assert!(
        message.starts_with("failed to load configuration: "),
        "{message}"
    );
    assert!(message.contains(":1:16: unknown variant `bogus`, expected one of `read-only`"));
}
