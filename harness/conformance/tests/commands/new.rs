//! The command `new driver`: what it writes runs as it is, on the mock. The Rust one has to be
//! built first, which `.ci/run` does.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::program::{Said, conformance};

fn new_driver(lang: &str, directory: &Path, more: &[&str]) -> Said {
    let directory = directory.to_str().unwrap();
    let args = ["new", "driver", "--lang", lang, "--output", directory];
    conformance(&[&args, more].concat())
}

fn is_there(program: &str) -> bool {
    let there = std::process::Command::new(program)
        .arg("--version")
        .output();
    let there = there.is_ok_and(|output| output.status.success());
    let required = std::env::var("CONFORMANCE_REQUIRE").unwrap_or_default();
    let name = program.trim_end_matches('3');
    assert!(there || !required.contains(name), "{program} is needed");
    if !there {
        println!("skipped: {program} is not installed");
    }
    there
}

/// The cases that its few verbs can do pass, and what it lacks is unsupported.
fn runs_as_it_is(lang: &str, program: &str, file: &str) {
    if !is_there(program) {
        return;
    }
    let room = tempfile::tempdir().unwrap();
    let directory = room.path().join("driver");
    let (code, _, err) = new_driver(lang, &directory, &["--name", "some-sdk"]);
    assert_eq!(code, 0, "{err}");
    let client = format!("cmd:{program} {}", directory.join(file).display());
    assert!(
        err.contains(&format!("run --client '{client}' @sdk")),
        "{err}"
    );
    let (code, out, err) = conformance(&[
        "run",
        "=sdk/first-turn",
        "=sdk/plain-resume",
        "=sdk/server-error",
        "=sdk/failed-turn",
        "=sdk/nobody-granted[kind=command]",
        "=sdk/options[approval_mode=auto_review,sandbox=read_only]",
        "=sdk/turns-at-once[ends=in-order,waits=in-order]",
        "--client",
        &client,
        "--json",
        "-",
    ]);
    assert_eq!(code, 0, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["clients"][0]["name"], "some-sdk");
    for case in report["cases"].as_array().unwrap() {
        let expected = if case["scenario"] == "sdk/turns-at-once" {
            "unsupported"
        } else {
            "passed"
        };
        assert_eq!(case["status"], expected, "{case:#}");
    }
}

#[test]
fn a_driver_in_python_runs_as_it_is() {
    runs_as_it_is("python", "python3", "driver.py");
}

#[test]
fn a_driver_for_typescript_runs_as_it_is() {
    runs_as_it_is("typescript", "node", "driver.mjs");
}

#[test]
fn a_driver_in_rust_is_a_package() {
    let room = tempfile::tempdir().unwrap();
    let (code, out, err) = new_driver("rust", room.path(), &["--name", "@scope/some-sdk"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(out.lines().count(), 4, "{out}");
    assert!(
        err.contains("target/debug/drive-scope-some-sdk' @sdk"),
        "{err}"
    );
    let manifest = fs::read_to_string(room.path().join("Cargo.toml")).unwrap();
    assert!(
        manifest.contains("name = \"drive-scope-some-sdk\""),
        "{manifest}"
    );
}

#[test]
fn what_is_there_is_overwritten_only_by_force() {
    let room = tempfile::tempdir().unwrap();
    let mine = room.path().join("stand_in.py");
    fs::write(&mine, "mine").unwrap();
    let (code, out, err) = new_driver("python", room.path(), &[]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("stand_in.py` exists already"), "{err}");
    assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
    assert!(!room.path().join("driver.py").exists());
    let (code, _, err) = new_driver("python", room.path(), &["--force"]);
    assert_eq!(code, 0, "{err}");
    assert_ne!(fs::read_to_string(&mine).unwrap(), "mine");
}

#[test]
fn what_can_not_be_made_is_said() {
    let room = tempfile::tempdir().unwrap();
    let (code, _, err) = new_driver("python", room.path(), &["--name", "a\"b"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("is no name for an SDK"), "{err}");
    let (code, _, err) = new_driver("cobol", room.path(), &[]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("python, typescript, rust"), "{err}");
    let file = room.path().join("file");
    fs::write(&file, "").unwrap();
    let (code, _, err) = new_driver("python", &file.join("below"), &[]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("can't write `"), "{err}");
}
