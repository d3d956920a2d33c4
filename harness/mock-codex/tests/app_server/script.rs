//! The model that the mock plays itself, and runs that are equal to the byte.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

/// Runs one turn on a fresh home, with these variables, and gives all that the server wrote.
async fn one_turn(directory: &Path, environment: &[(&str, &str)]) -> Vec<String> {
    let home = directory.join("home");
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir(&home).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mock-codex"))
        .arg("app-server")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", &home)
        .env("CODEX_HOME", &home)
        .envs(environment.iter().copied())
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut written = Vec::new();
    let mut thread = Value::Null;
    let requests = [
        ("initialize", "remoteControl/status/changed"),
        ("thread/start", "thread/started"),
        ("turn/start", "turn/completed"),
    ];
    for (id, (method, last)) in requests.into_iter().enumerate() {
        let params = match method {
            "initialize" => json!({"clientInfo": {"name": "test", "version": "1"}}),
            "thread/start" => json!({}),
            _ => json!({"threadId": thread, "input": [{"type": "text", "text": "hi"}]}),
        };
        let line = json!({"id": id, "method": method, "params": params}).to_string() + "\n";
        stdin.write_all(line.as_bytes()).await.unwrap();
        loop {
            let line = lines.next_line().await.unwrap().unwrap();
            let frame: Value = serde_json::from_str(&line).unwrap();
            written.push(line);
            if method == "thread/start" && frame["id"] == id {
                thread = frame["result"]["thread"]["id"].clone();
            }
            if frame["method"] == last {
                break;
            }
        }
    }
    drop(stdin);
    child.wait().await.unwrap();
    written
}

fn answer(written: &[String]) -> String {
    let last: Value = serde_json::from_str(written.last().unwrap()).unwrap();
    assert_eq!(last["params"]["turn"]["status"], "completed", "{last}");
    let text = last["params"]["turn"]["items"][0]["text"].as_str();
    text.unwrap().to_owned()
}

#[tokio::test]
async fn a_script_is_the_model() {
    let directory = tempfile::tempdir_in("/var/tmp").unwrap();
    let script = directory.path().join("script.yaml");
    std::fs::write(&script, "- stream: [one, \" two\"]\n").unwrap();
    let script = script.to_str().unwrap();
    let written = one_turn(directory.path(), &[("MOCK_CODEX_SCRIPT", script)]).await;
    assert_eq!(answer(&written), "one two");
}

#[tokio::test]
async fn without_a_model_a_turn_explains_itself() {
    let directory = tempfile::tempdir_in("/var/tmp").unwrap();
    let written = one_turn(directory.path(), &[]).await;
    assert!(answer(&written).contains("MOCK_CODEX_SCRIPT=FILE"));
}

#[tokio::test]
async fn with_a_seed_two_runs_are_equal_to_the_byte() {
    let directory = tempfile::tempdir_in("/var/tmp").unwrap();
    let script = directory.path().join("script.yaml");
    let call =
        "- call: { id: call-1, tool: exec_command, arguments: { cmd: \"true\", login: false } }";
    std::fs::write(&script, format!("{call}\n- message: done\n")).unwrap();
    let script = script.to_str().unwrap();
    let run = async |seed| {
        let variables = [("MOCK_CODEX_SCRIPT", script), ("MOCK_CODEX_SEED", seed)];
        one_turn(directory.path(), &variables).await
    };
    let one = run("1").await;
    assert_eq!(one, run("1").await);
    assert_ne!(one, run("2").await);
}
