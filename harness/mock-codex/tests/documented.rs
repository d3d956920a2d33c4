//! The clients of `docs/mock-codex.md` that need no SDK, run as it says.

use std::path::{Path, PathBuf};
use std::process::Command;

const MOCK: &str = env!("CARGO_BIN_EXE_mock-codex");

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/mock-codex")
}

/// What a program prints.
fn printed(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn plain_python() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no `python3`");
        return;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directory = Path::new(MOCK).parent().expect("a directory").to_owned();
    let path = std::env::join_paths([directory].into_iter().chain(std::env::split_paths(&path)));
    let mut python = Command::new("python3");
    python
        .arg("plain.py")
        .current_dir(examples())
        .env("PATH", path.expect("a search path"));
    assert_eq!(printed(&mut python), "completed Hello there\n");
}

/// `cargo test` builds the examples; `cargo test --test documented` alone doesn't.
#[test]
fn plain_rust() {
    let client = Path::new(MOCK).with_file_name("examples").join("client");
    if !client.exists() {
        eprintln!("skipped: `cargo build -p mock-codex --example client` makes it");
        return;
    }
    let script = examples().join("script.yaml");
    let said = printed(Command::new(client).arg(MOCK).arg(script));
    assert_eq!(said, "\"completed\" \"Hello there\"\n");
}
