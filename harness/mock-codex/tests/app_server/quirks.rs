//! Each quirk switched off: the documented contract holds. With them on, the behaviour of codex
//! 0.169.0 is what the recorded scenarios hold the mock to.

use mock_responses::{Hold, Reply};
use serde_json::{Value, json};

use crate::client::{Client, World};

const FULL_ACCESS: &str = "danger-full-access";

async fn without(world: &World, quirk: &str) -> Client {
    let spec = format!("-{quirk}");
    world.client_with(&["--quirk", &spec]).await
}

/// Starts a thread in which a turn has run.
async fn used_thread(client: &mut Client, params: Value) -> String {
    let thread = client.thread(params).await;
    client.turn(&thread, "go").await;
    thread
}

/// Reads up to and with the end of an item of a kind.
async fn item(client: &mut Client, kind: &str) -> Value {
    loop {
        let mut completed = client.until("item/completed").await;
        if completed["item"]["type"] == kind {
            return completed["item"].take();
        }
    }
}

#[tokio::test]
async fn a_cold_resume_keeps_workspace_write() {
    let world = World::new(vec![Reply::message("one")]).await;
    let mut client = world.client().await;
    let thread = used_thread(&mut client, json!({"sandbox": "workspace-write"})).await;
    client.close().await;
    let mut client = without(&world, "workspace-write-lost-on-cold-resume").await;
    let params = json!({"threadId": thread, "excludeTurns": true});
    let resumed = client.ok("thread/resume", params).await;
    assert_eq!(resumed["sandbox"]["type"], "workspaceWrite");
}

#[tokio::test]
async fn a_resume_of_a_loaded_thread_takes_overrides() {
    let world = World::new(vec![Reply::message("one")]).await;
    let mut client = without(&world, "resume-loaded-ignores-overrides").await;
    let thread = used_thread(&mut client, json!({})).await;
    let params = json!({"threadId": thread, "excludeTurns": true, "sandbox": FULL_ACCESS});
    let resumed = client.ok("thread/resume", params).await;
    assert_eq!(resumed["sandbox"]["type"], "dangerFullAccess");
}

#[tokio::test]
async fn an_early_denial_has_its_item() {
    // Where the machine has no sandbox the call is refused, and its item tells that.
    let arguments = json!({"cmd": "echo x > /denied", "login": false});
    let replies = vec![
        Reply::call("denied", "exec_command", arguments),
        Reply::message("done"),
    ];
    let world = World::new(replies).await;
    let mut client = without(&world, "early-denial-emits-no-item").await;
    let thread = client.thread(json!({"approvalPolicy": "never"})).await;
    client.start_turn(&thread, "go").await;
    let item = item(&mut client, "commandExecution").await;
    assert_eq!(item["id"], "denied");
    assert_eq!(item["status"], "failed");
}

#[tokio::test]
async fn a_steered_answer_is_heard_to_its_end() {
    let first = Reply::stream(["first ", "answer"]);
    let is_delta = |event: &Value| event["type"] == "response.output_text.delta";
    let before_delta = first.events().iter().position(is_delta).unwrap();
    let replies = vec![
        first.hold(Hold::after(before_delta + 1, "rest")),
        Reply::message("second answer"),
    ];
    let world = World::new(replies).await;
    let mut client = without(&world, "steer-drops-stream").await;
    let thread = client.thread(json!({})).await;
    let turn = client.start_turn(&thread, "go").await;
    client.until("item/agentMessage/delta").await;
    let steer = json!({
        "threadId": thread,
        "expectedTurnId": turn,
        "input": [{"type": "text", "text": "and this"}],
    });
    client.ok("turn/steer", steer).await;
    world.model.release("rest").unwrap();
    let first = item(&mut client, "agentMessage").await;
    assert_eq!(first["text"], "first answer");
    let second = item(&mut client, "agentMessage").await;
    assert_eq!(second["text"], "second answer");
}

#[tokio::test]
async fn an_interrupt_ends_the_command() {
    let arguments = json!({"cmd": "sleep 1000", "login": false});
    let world = World::new(vec![Reply::call("long", "exec_command", arguments)]).await;
    let mut client = without(&world, "interrupt-leaves-command-running").await;
    let thread = client
        .thread(json!({"sandbox": FULL_ACCESS, "approvalPolicy": "never"}))
        .await;
    let turn = client.start_turn(&thread, "go").await;
    while client.until("item/started").await["item"]["type"] != "commandExecution" {}
    let params = json!({"threadId": thread, "turnId": turn});
    client.ok("turn/interrupt", params).await;
    let item = item(&mut client, "commandExecution").await;
    assert_eq!(item["exitCode"], -1);
}

#[tokio::test]
async fn a_second_turn_is_refused_while_one_runs() {
    let held = Reply::message("one").hold(Hold::before("answer"));
    let world = World::new(vec![held]).await;
    let mut client = without(&world, "turn-start-steers-running-turn").await;
    let thread = client.thread(json!({})).await;
    client.start_turn(&thread, "go").await;
    let params = json!({"threadId": thread, "input": [{"type": "text", "text": "too"}]});
    let error = client.error("turn/start", params).await;
    assert_eq!(error.1, "a turn is already running in this thread");
    world.model.release("answer").unwrap();
    let ended = client.until("turn/completed").await;
    assert_eq!(ended["turn"]["status"], "completed");
}

#[tokio::test]
async fn never_runs_what_deletes_by_force() {
    let arguments = json!({"cmd": "rm -rf victim", "login": false});
    let replies = vec![
        Reply::call("rm", "exec_command", arguments),
        Reply::message("gone"),
    ];
    let world = World::new(replies).await;
    std::fs::create_dir(world.workspace().join("victim")).unwrap();
    let mut client = without(&world, "never-refuses-dangerous-commands").await;
    used_thread(
        &mut client,
        json!({"sandbox": FULL_ACCESS, "approvalPolicy": "never"}),
    )
    .await;
    assert!(!world.workspace().join("victim").exists());
}
