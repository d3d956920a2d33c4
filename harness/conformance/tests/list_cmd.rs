//! The command `list`: what it prints, where, and how it ends.

use std::path::Path;

use assert_cmd::Command;

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

/// A directory with two scenarios, three cases.
fn sample() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [
        (
            "a/one.yaml",
            "name: one holds\ntags: [smoke, fast]\nsteps: [logout: ~]\n",
        ),
        (
            "b/two.yaml",
            "name: two holds\nmatrix: { x: [1, ~] }\nrequires: [restart]\nsteps: [logout: ~]\n",
        ),
    ] {
        let path = dir.path().join("scenarios").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
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
fn cases_are_listed_one_a_line() {
    snapshot!("list_all", run(sample().path(), &["list"]));
}

#[test]
fn filters_choose_and_json_says_more() {
    snapshot!(
        "list_json",
        run(sample().path(), &["list", "tag:smoke", "x=none", "--json"])
    );
}

#[test]
fn the_scenarios_are_found_upwards() {
    let dir = sample();
    let below = run(&dir.path().join("scenarios/a"), &["list", "@b"]);
    assert_eq!(below, run(dir.path(), &["list", "@b"]));
}

#[test]
fn nothing_selected_ends_with_4() {
    snapshot!("list_nothing", run(sample().path(), &["list", "zzz"]));
}

#[test]
fn a_bad_directory_ends_with_2() {
    snapshot!(
        "list_bad_dir",
        run(sample().path(), &["list", "--scenarios", "none"])
    );
}

#[test]
fn bad_files_are_reported_beside_the_good_ones() {
    let dir = sample();
    std::fs::write(dir.path().join("scenarios/a/bad.yaml"), "name: bad\n").unwrap();
    snapshot!("list_bad_file", run(dir.path(), &["list", "@a"]));
}
