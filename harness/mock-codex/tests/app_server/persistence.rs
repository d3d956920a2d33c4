//! What is still there after a restart, a kill and a fork.

use std::fs::OpenOptions;
use std::io::Write as _;

use mock_responses::Reply;
use serde_json::{Value, json};

use crate::client::World;

#[tokio::test]
async fn a_thread_is_read_back_after_a_restart() {
    let world = World::new(vec![Reply::message("one"), Reply::message("two")]).await;
    let mut client = world.client().await;
    let thread = client.thread(json!({"approvalPolicy": "never"})).await;
    client.turn(&thread, "hello").await;
    client
        .ok(
            "thread/name/set",
            json!({"threadId": thread, "name": " named "}),
        )
        .await;
    assert_eq!(client.close().await, Some(0));

    let mut client = world.client().await;
    let list = client.ok("thread/list", json!({})).await;
    assert_eq!(list["data"][0]["name"], "named");
    assert_eq!(list["data"][0]["status"]["type"], "notLoaded");
    let input = json!([{"type": "text", "text": "x"}]);
    let error = client
        .error("turn/start", json!({"threadId": thread, "input": input}))
        .await;
    assert_eq!(error.1, format!("thread not found: {thread}"));
    let resumed = client
        .ok("thread/resume", json!({"threadId": thread}))
        .await;
    assert_eq!(resumed["approvalPolicy"], "never");
    assert_eq!(resumed["thread"]["turns"][0]["items"][1]["text"], "one");
    client.turn(&thread, "again").await;
    let body = world.model.journal().requests()[1].json().unwrap();
    let texts: Vec<&Value> = body["input"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| &i["content"][0]["text"])
        .collect();
    assert_eq!(texts[texts.len() - 3..], ["hello", "one", "again"]);
}

#[tokio::test]
async fn a_killed_turn_is_interrupted_and_a_torn_line_is_cut() {
    let world = World::new(vec![Reply::message("one"), Reply::message("two")]).await;
    let mut client = world.client().await;
    let thread = client.thread(json!({})).await;
    client.turn(&thread, "hello").await;
    let read = client.ok("thread/read", json!({"threadId": thread})).await;
    let path = read["thread"]["path"].as_str().unwrap().to_owned();
    client.kill().await;
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"turn_started\":{\"id\":\"t\",\"at_ms\":1,\"line\":14}}\n{\"item\":{\"tu")
        .unwrap();

    let mut client = world.client().await;
    let resumed = client
        .ok("thread/resume", json!({"threadId": thread}))
        .await;
    assert_eq!(resumed["thread"]["turns"][1]["status"], "interrupted");
    assert!(std::fs::read(&path).unwrap().ends_with(b"\n"));
    assert_eq!(client.turn(&thread, "on").await["status"], "completed");
}

#[tokio::test]
async fn workspace_write_is_lost_by_the_quirk_and_kept_without_it() {
    let cases = [
        (vec![], "readOnly"),
        (
            vec!["--quirk", "-workspace-write-lost-on-fork"],
            "workspaceWrite",
        ),
    ];
    for (args, expected) in cases {
        let world = World::new(vec![Reply::message("one")]).await;
        let mut client = world.client_with(&args).await;
        let thread = client.thread(json!({"sandbox": "workspace-write"})).await;
        client.turn(&thread, "hello").await;
        let params = json!({"threadId": thread, "excludeTurns": true});
        let fork = client.ok("thread/fork", params).await;
        assert_eq!(fork["sandbox"]["type"], expected, "{args:?}");
        assert_eq!(fork["thread"]["forkedFromId"], thread.as_str());
    }
}

#[tokio::test]
async fn foreign_files_are_left_out() {
    let world = World::new(vec![]).await;
    let day = world.home().join("sessions/2026/01/02");
    std::fs::create_dir_all(&day).unwrap();
    let name = "rollout-2026-01-02T03-04-05-01a1fca9-0671-79e0-a9be-477f95701f6c.jsonl";
    std::fs::write(
        day.join(name),
        "{\"timestamp\":\"…\",\"type\":\"session_meta\"}\n",
    )
    .unwrap();
    std::fs::write(day.join("notes.txt"), "x").unwrap();
    let mut client = world.client().await;
    let list = client.ok("thread/list", json!({})).await;
    assert_eq!(list["data"], json!([]));
}

#[tokio::test]
async fn an_unwritable_home_fails_the_request_and_nothing_else() {
    let world = World::new(vec![]).await;
    let mut client = world.client().await;
    let thread = client.thread(json!({})).await;
    // A file where the directory should be: fails for root as well.
    std::fs::write(world.home().join("sessions"), "in the way").unwrap();
    let input = json!([{"type": "text", "text": "x"}]);
    let error = client
        .error("turn/start", json!({"threadId": thread, "input": input}))
        .await;
    assert_eq!(error.0, -32603);
    client.ok("thread/loaded/list", json!({})).await;
}
