//! The command `check`: what it prints, where, and how it ends.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs the command in a directory; gives everything that can be seen of it.
fn run(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::cargo_bin("codex-conformance").expect("the binary is built");
    let output = command
        .current_dir(dir)
        .args(args)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    format!(
        "exit code: {}\n--- stdout\n{out}--- stderr\n{err}",
        output.status.code().unwrap()
    )
}

/// A directory with one good and two bad files.
fn sample() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let area = dir.path().join("scenarios/area");
    std::fs::create_dir_all(&area).unwrap();
    let write = |name: &str, text: &str| std::fs::write(area.join(name), text).unwrap();
    write(
        "good.yaml",
        "name: good\nmatrix: { a: [x, y] }\nsteps: [logout: ~]\n",
    );
    write(
        "typo.yaml",
        "name: typo\nsteps:\n  - thred_start: {}\n  - logout:\n    expct: {}\n",
    );
    write(
        "thread.yaml",
        "name: thread\nsteps:\n  - run: { thread: main, input: hi }\n",
    );
    dir
}

macro_rules! snapshot {
    ($name:literal, $text:expr) => {
        insta::with_settings!({
            snapshot_path => "../../../snapshots/cli",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!($name, $text) });
    };
}

#[test]
fn every_error_of_every_file_is_reported_at_once() {
    snapshot!("check_bad", run(sample().path(), &["check"]));
}

#[test]
fn good_files_are_counted() {
    snapshot!(
        "check_good",
        run(sample().path(), &["check", "scenarios/area/good.yaml"])
    );
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    snapshot!(
        "check_missing",
        run(sample().path(), &["check", "scenarios/none.yaml"])
    );
}

#[test]
fn without_scenarios_there_is_a_hint() {
    let empty = tempfile::tempdir().unwrap();
    snapshot!("check_nowhere", run(empty.path(), &["check"]));
}

#[test]
fn bad_usage_ends_with_2() {
    snapshot!(
        "check_usage",
        run(sample().path(), &["check", "--schema", "x.yaml"])
    );
}

#[test]
fn the_schema_is_the_committed_one() {
    let printed = run(&root(), &["check", "--schema"]);
    let file = std::fs::read_to_string(root().join("fixtures/scenario.schema.json")).unwrap();
    assert!(printed == format!("exit code: 0\n--- stdout\n{file}--- stderr\n"));
}

#[test]
fn all_scenarios_of_the_repository_are_right() {
    let seen = run(&root(), &["check"]);
    assert!(seen.starts_with("exit code: 0\n"), "{seen}");
}
