//! The command `check`: what it prints, where, and how it ends.

use super::program::{ROOT, assert_prints, shown};

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

#[test]
fn every_error_of_every_file_is_reported_at_once() {
    assert_prints!("check_bad", shown(sample().path(), &["check"]));
}

#[test]
fn good_files_are_counted() {
    assert_prints!(
        "check_good",
        shown(sample().path(), &["check", "scenarios/area/good.yaml"])
    );
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    assert_prints!(
        "check_missing",
        shown(sample().path(), &["check", "scenarios/none.yaml"])
    );
}

#[test]
fn without_scenarios_there_is_a_hint() {
    let empty = tempfile::tempdir().unwrap();
    assert_prints!("check_nowhere", shown(empty.path(), &["check"]));
}

#[test]
fn bad_usage_ends_with_2() {
    assert_prints!(
        "check_usage",
        shown(sample().path(), &["check", "--schema", "x.yaml"])
    );
}

#[test]
fn the_schema_is_the_committed_one() {
    let printed = shown(ROOT, &["check", "--schema"]);
    let file = std::fs::read_to_string(format!("{ROOT}/fixtures/scenario.schema.json")).unwrap();
    assert!(printed == format!("exit code: 0\n--- stdout\n{file}--- stderr\n"));
}

#[test]
fn all_scenarios_of_the_repository_are_right() {
    let seen = shown(ROOT, &["check"]);
    assert!(seen.starts_with("exit code: 0\n"), "{seen}");
}
