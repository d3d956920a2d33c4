//! The official SDKs run on `mock-codex`: what their documentation shows, in programs of our own.
//!
//! Each program (`python.py`, `typescript.mjs`) calls what its SDK documents, one call or a few in a
//! function, and prints what it saw; here is what it has to see. `script.yaml` is the model of both.
//!
//! `python3` with `openai-codex` installed runs the one, or the Python that `CODEX_SDK_PYTHON`
//! names; the other needs `node`, and the `node_modules` that `CODEX_SDK_NODE_MODULES` names.
//! Without them a test says what installs them, or fails if `CONFORMANCE_REQUIRE` names `python` or
//! `node`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The version of both SDKs that the programs were written against.
const VERSION: &str = "0.163.0";

/// The program under test.
const MOCK: &str = env!("CARGO_BIN_EXE_mock-codex");

#[test]
fn the_python_sdk_does_what_it_documents() {
    let python = std::env::var("CODEX_SDK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let import = format!("import openai_codex as it; assert it.__version__ == '{VERSION}'");
    let mut probe = Command::new(&python);
    probe.args(["-c", &import]);
    let installs = format!(
        "python3 -m pip install --no-deps openai-codex=={VERSION} && python3 -m pip install \
         'pydantic>=2.12' 'packaging>=26.2'"
    );
    if !is_there(probe, "python", &installs) {
        return;
    }
    let world = World::new();
    let mut program = Command::new(python);
    program.arg(beside("python.py"));
    world.check(program, &python_sees());
}

#[test]
fn the_typescript_sdk_does_what_it_documents() {
    let modules = std::env::var_os("CODEX_SDK_NODE_MODULES")
        .map_or_else(|| PathBuf::from("node_modules"), PathBuf::from);
    let sdk = modules.join("@openai/codex-sdk/dist/index.js");
    let mut probe = Command::new("node");
    probe.arg("--check").arg(&sdk);
    let installs = format!(
        "npm install --omit=optional @openai/codex-sdk@{VERSION}` and name its `node_modules` with \
         `CODEX_SDK_NODE_MODULES"
    );
    if !is_there(probe, "node", &installs) {
        return;
    }
    let world = World::new();
    let mut program = Command::new("node");
    program.arg(beside("typescript.mjs")).arg(sdk);
    world.check(program, &typescript_sees());
}

/// Is there what a test needs? `required` is its name in `CONFORMANCE_REQUIRE`.
fn is_there(mut probe: Command, required: &str, installs: &str) -> bool {
    let status = probe
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let there = status.is_ok_and(|status| status.success());
    if !there {
        let all = std::env::var("CONFORMANCE_REQUIRE").unwrap_or_default();
        assert!(
            !all.split(',').any(|it| it == required),
            "the SDK is required, but not installed; `{installs}` installs it"
        );
        println!("skipped: install it with `{installs}`");
    }
    there
}

fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/sdk")
        .join(name)
}

/// The directories of a program.
struct World {
    root: TempDir,
}

impl World {
    fn new() -> Self {
        let root = tempfile::tempdir_in("/var/tmp").expect("a directory");
        for name in ["home", "workspace", "elsewhere"] {
            std::fs::create_dir(root.path().join(name)).expect("a directory");
        }
        Self { root }
    }

    /// Runs a program, and compares what it saw.
    fn check(&self, mut program: Command, expected: &[(&str, Value)]) {
        let output = program
            .args([MOCK.as_ref(), beside("script.yaml").as_os_str()])
            .arg(self.root.path())
            .env("HOME", self.root.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .output()
            .expect("the program runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{stdout}\n{stderr}");
        let seen: Vec<Value> = stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let expected: Vec<Value> = expected
            .iter()
            .map(|(name, seen)| json!({ *name: seen }))
            .collect();
        assert_eq!(seen, expected, "{stderr}");
    }
}

fn python_sees() -> Vec<(&'static str, Value)> {
    let asked = "item/commandExecution/requestApproval";
    vec![
        ("start_and_run", json!(["hello", 15])),
        ("several_turns", json!(["hello", "the command ran"])),
        (
            "items",
            json!(["userMessage", "commandExecution", "agentMessage"]),
        ),
        ("stream", json!(["one two three", "turn/completed"])),
        ("steer", json!(["steered", "as you wish"])),
        ("interrupt", json!("interrupted")),
        ("resume", json!([true, "as you wish", 2])),
        ("fork", json!([true, [1, 2]])),
        ("name_list_archive", json!([["a name"], true, true])),
        ("compact", json!(true)),
        ("models", json!([true, 1])),
        ("reviewed", json!("it was allowed")),
        ("all_denied", json!("it was refused")),
        (
            "images",
            json!(["a picture", ["text", "localImage", "image"]]),
        ),
        (
            "output_schema",
            json!({"summary": "all is well", "status": "ok"}),
        ),
        ("failure", json!(true)),
        ("errors", json!([-32600, true])),
        ("server_of", json!("codex_python_sdk")),
        ("login_api_key", json!(["sk-of-nobody", false, null])),
        ("login_browser", json!([true, true])),
        ("login_device_code", json!(["ABCD-1234", true])),
        (
            "by_handler",
            json!([[asked, asked], ["it was allowed", "it was refused"]]),
        ),
        ("asynchronous", json!(["hello", "one two three"])),
    ]
}

fn typescript_sees() -> Vec<(&'static str, Value)> {
    vec![
        ("run", json!(["hello", 5, "string"])),
        ("several_turns", json!(["hello", "as you wish", true])),
        (
            "streamed",
            json!([
                "thread.started",
                "turn.started",
                "item.started command_execution in_progress",
                "item.completed command_execution completed",
                "item.completed agent_message",
                "turn.completed",
            ]),
        ),
        (
            "output_schema",
            json!({"summary": "all is well", "status": "ok"}),
        ),
        ("images", json!("a picture")),
        ("resume", json!(["as you wish", true])),
        ("every_option", json!(["patched", "completed", true])),
        ("failure", json!(true)),
        ("no_repository", json!(true)),
        ("aborted", json!("AbortError")),
    ]
}
