//! Turns: the order of what is told, commands, steering, interrupts, failures.

use mock_responses::{Reply, When};
use serde_json::json;

use crate::client::World;

#[tokio::test]
async fn a_message_turn_is_told_in_order() {
    let world = World::new(vec![Reply::stream(["Hel", "lo"])]).await;
    let mut client = world.client().await;
    let thread = client.thread(json!({})).await;
    client.methods();
    let turn = client.turn(&thread, "hi").await;
    assert_eq!(turn["status"], "completed");
    assert_eq!(turn["items"][0]["text"], "Hello");
    assert_eq!(
        client.methods(),
        [
            "warning",
            "thread/status/changed",
            "turn/started",
            "item/started",
            "item/completed",
            "item/started",
            "item/agentMessage/delta",
            "item/agentMessage/delta",
            "item/completed",
            "thread/tokenUsage/updated",
            "account/rateLimits/updated",
            "thread/readState/changed",
            "thread/status/changed",
            "turn/completed",
        ]
    );
}

#[tokio::test]
async fn a_command_runs_and_the_model_reads_its_output() {
    let arguments = json!({"cmd": "echo $((6 * 7)); exit 3", "login": false});
    let world = World::new(vec![
        Reply::call("call-1", "exec_command", arguments),
        Reply::message("done"),
    ])
    .await;
    let mut client = world.client().await;
    let thread = client
        .thread(json!({"sandbox": "danger-full-access", "approvalPolicy": "never"}))
        .await;
    client.start_turn(&thread, "go").await;
    let item = loop {
        let completed = client.until("item/completed").await;
        if completed["item"]["type"] == "commandExecution" {
            break completed["item"].clone();
        }
    };
    assert_eq!(item["status"], "failed");
    assert_eq!(item["exitCode"], 3);
    assert_eq!(item["aggregatedOutput"], "42\n");
    assert_eq!(item["command"], "/bin/bash -c 'echo $((6 * 7)); exit 3'");
    client.until("turn/completed").await;
    let body = world.model.journal().requests()[1].json().unwrap();
    let output = body["input"].as_array().unwrap().last().unwrap()["output"].clone();
    let output = output.as_str().unwrap();
    assert!(output.contains("Process exited with code 3\n"), "{output}");
    assert!(output.ends_with("Output:\n42\n"), "{output}");
}

#[tokio::test]
async fn what_can_not_be_called_is_answered() {
    let world = World::new(vec![
        Reply::call("c1", "no_such_tool", json!({})),
        Reply::call("c2", "exec_command", json!({"foo": 1})),
        Reply::call("c3", "exec_command", json!({"cmd": "rm -rf x"})),
        Reply::call(
            "c4",
            "exec_command",
            json!({"cmd": "true", "sandbox_permissions": "require_escalated"}),
        ),
        Reply::message("done"),
    ])
    .await;
    let mut client = world.client().await;
    let thread = client.thread(json!({"approvalPolicy": "never"})).await;
    client.turn(&thread, "go").await;
    let body = world.model.journal().requests()[4].json().unwrap();
    let outputs: Vec<&str> = body["input"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|item| item["output"].as_str())
        .collect();
    assert_eq!(outputs[0], "unsupported call: no_such_tool");
    assert_eq!(
        outputs[1],
        "failed to parse function arguments: missing field `cmd` at line 1 column 9"
    );
    assert!(outputs[2].contains("rm -f style commands are not permitted"));
    assert!(outputs[3].starts_with("approval policy is Never; reject command"));
}

#[tokio::test]
async fn an_approved_command_leaves_the_sandbox() {
    let arguments = json!({
        "cmd": "touch made", "login": false,
        "sandbox_permissions": "require_escalated", "justification": "may I?",
    });
    let world = World::new(vec![
        Reply::call("c1", "exec_command", arguments.clone()),
        Reply::message("made it"),
        Reply::call("c2", "exec_command", arguments),
        Reply::message("no"),
    ])
    .await;
    let mut client = world.client().await;
    let thread = client.thread(json!({})).await;
    for (id, decision, made) in [(0, "decline", false), (1, "accept", true)] {
        client.start_turn(&thread, "go").await;
        let request = client.until("item/commandExecution/requestApproval").await;
        assert_eq!(request["reason"], "may I?");
        let answer = json!({"id": id, "result": {"decision": decision}});
        client.line(answer.to_string().as_bytes()).await;
        client.until("serverRequest/resolved").await;
        client.until("turn/completed").await;
        assert_eq!(world.workspace().join("made").exists(), made);
    }
}

#[tokio::test]
async fn an_interrupt_ends_the_turn_at_once() {
    let world = World::new(vec![
        Reply::call(
            "c1",
            "exec_command",
            json!({"cmd": "sleep 60", "login": false}),
        ),
        Reply::message("after"),
    ])
    .await;
    let mut client = world.client().await;
    let thread = client
        .thread(json!({"sandbox": "danger-full-access", "approvalPolicy": "never"}))
        .await;
    let turn = client.start_turn(&thread, "go").await;
    loop {
        let started = client.until("item/started").await;
        if started["item"]["type"] == "commandExecution" {
            break;
        }
    }
    client
        .ok(
            "turn/interrupt",
            json!({"threadId": thread, "turnId": turn}),
        )
        .await;
    let ended = client.until("turn/completed").await;
    assert_eq!(ended["turn"]["status"], "interrupted");
    let running = client
        .ok(
            "thread/backgroundTerminals/list",
            json!({"threadId": thread}),
        )
        .await;
    assert_eq!(running["data"][0]["command"], "sleep 60");
    client
        .ok(
            "thread/backgroundTerminals/clean",
            json!({"threadId": thread}),
        )
        .await;
    let item = client.until("item/completed").await;
    assert_eq!(item["item"]["exitCode"], -1);
    assert_eq!(client.turn(&thread, "next").await["status"], "completed");
}

#[tokio::test]
async fn a_failing_model_fails_the_turn() {
    let world = World::new(vec![
        Reply::http(400, json!({"error": {"message": "no"}})),
        Reply::error("insufficient_quota", "x"),
    ])
    .await;
    let mut client = world.client().await;
    let thread = client.thread(json!({})).await;
    let turn = client.turn(&thread, "one").await;
    assert_eq!(turn["status"], "failed");
    assert_eq!(turn["error"]["codexErrorInfo"], "other");
    let turn = client.turn(&thread, "two").await;
    assert_eq!(turn["error"]["codexErrorInfo"], "usageLimitExceeded");
}

#[tokio::test]
async fn a_reviewer_decides_under_auto_review() {
    let escalated = |id: &str| {
        let arguments = json!({
            "cmd": format!("touch {id}"), "login": false,
            "sandbox_permissions": "require_escalated", "justification": "may I?",
        });
        Reply::call(id, "exec_command", arguments)
    };
    let review = |text: &str| {
        Reply::message(text).when(When {
            subagent: Some("guardian".to_owned()),
            ..When::default()
        })
    };
    let world = World::new(vec![
        escalated("allowed"),
        review(r#"{"outcome":"allow","risk_level":"low","rationale":"fine"}"#),
        Reply::message("made"),
        escalated("denied"),
        review("no JSON"),
        review(r#"{"outcome":"deny","rationale":"too risky"}"#),
        Reply::message("not made"),
    ])
    .await;
    let mut client = world.client().await;
    let thread = client
        .thread(json!({"approvalsReviewer": "auto_review"}))
        .await;
    for (file, status, warning) in [
        (
            "allowed",
            "approved",
            "approved (risk: low, authorization: unknown): fine",
        ),
        (
            "denied",
            "denied",
            "denied (risk: high, authorization: unknown): too risky",
        ),
    ] {
        client.start_turn(&thread, "go").await;
        let told = client.until("guardianWarning").await;
        assert_eq!(
            told["message"],
            format!("Automatic approval review {warning}")
        );
        let review = client.until("item/autoApprovalReview/completed").await;
        assert_eq!(review["review"]["status"], status);
        assert_eq!(review["targetItemId"], file);
        client.until("turn/completed").await;
        assert_eq!(world.workspace().join(file).exists(), status == "approved");
    }
    let requests = world.model.journal().requests();
    let review = requests[1].json().unwrap();
    assert_eq!(review["client_metadata"]["x-openai-subagent"], "guardian");
    assert_eq!(
        review["client_metadata"]["x-codex-parent-thread-id"],
        thread.as_str()
    );
    let body = requests[6].json().unwrap();
    let output = body["input"].as_array().unwrap().last().unwrap()["output"].clone();
    assert!(
        output.as_str().unwrap().contains("Reason: too risky"),
        "{output}"
    );
}

#[tokio::test]
async fn nothing_of_a_sandbox_outlives_the_server() {
    let arguments = json!({"cmd": "sleep 1000", "login": false});
    let world = World::new(vec![Reply::call("long", "exec_command", arguments)]).await;
    let mut client = world.client().await;
    let thread = client
        .thread(json!({"sandbox": "workspace-write", "approvalPolicy": "never"}))
        .await;
    client.start_turn(&thread, "go").await;
    // Where the machine has no sandbox nothing runs, and this still holds.
    while client.until("item/started").await["item"]["type"] != "commandExecution" {}
    assert_eq!(client.close().await, Some(0));
    let left = std::fs::read_dir(world.workspace()).unwrap().count();
    assert_eq!(left, 0, "protected names stay behind");
}
