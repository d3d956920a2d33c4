//! The command `sdk report`: saved results as one matrix, in every format. The results are
//! `tests/sdk/*.json`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::program::{Said, assert_prints, run_in};

/// What `sdk report` prints of the results, run in their directory.
fn report(args: &[&str]) -> Said {
    let saved = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk");
    run_in(saved, &[&["sdk", "report"], args].concat())
}

fn good(args: &[&str]) -> String {
    let (code, out, err) = report(args);
    assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
    out
}

fn json_of(args: &[&str]) -> Value {
    serde_json::from_str(&good(&[args, &["--format", "json"]].concat())).unwrap()
}

#[test]
fn the_text_has_a_table_for_each_client_and_target() {
    assert_prints!("sdk-report-text", good(&["mock.json", "real.json"]));
}

#[test]
fn the_page_has_a_matrix_and_what_fails_first() {
    let page = good(&["mock.json", "real.json", "--format", "markdown"]);
    assert_prints!("sdk-report-markdown", page);
}

#[test]
fn the_page_of_one_area_has_its_scenarios() {
    let page = good(&["real.json", "--format", "markdown"]);
    assert!(!page.contains("By area"), "{page}");
    let table = "## By scenario, on `codex@0.169.0`\n\n| scenario | `python/openai-codex` |\n\
        | --- | --- |\n| `sdk/first-turn` | ✅\u{a0}1 |\n\nNothing was run in: writes.\n";
    assert!(page.contains(table), "{page}");
}

#[test]
fn the_junit_report_has_a_suite_for_each_area() {
    let xml = good(&["mock.json", "real.json", "--format", "junit"]);
    assert_prints!("sdk-report-junit", xml);
}

#[test]
fn the_json_counts_and_names_the_first_check_that_failed() {
    let report = json_of(&["mock.json", "real.json"]);
    assert_eq!(report["state"], "failed");
    assert_eq!(json_of(&["real.json"])["state"], "passed");
    let row = &report["rows"][2];
    assert_eq!(row["client"], "cmd:python3 my_driver.py");
    assert_eq!(row["sdk"], json!({"name": "my-sdk", "version": "1.0.0"}));
    assert_eq!(row["state"], "failed");
    assert_eq!(
        row["counts"],
        json!({"passed": 0, "failed": 2, "known": 0, "unsupported": 1, "skipped": 0})
    );
    assert_eq!(row["cells"][0]["area"], "sdk");
    assert_eq!(row["cells"][0]["first_failed"]["check"], "step-2.told");
    assert_eq!(row["cells"][1]["state"], "unsupported");
    assert_eq!(report["problems"][0]["about"], "python/openai-codex");
}

#[test]
fn a_case_that_was_run_again_counts_once() {
    let report = json_of(&["mock.json", "again.json"]);
    let cell = &report["rows"][1]["cells"][0];
    assert_eq!(
        cell["counts"],
        json!({"passed": 1, "failed": 1, "known": 0, "unsupported": 0, "skipped": 0})
    );
    assert_eq!(cell["first_failed"]["check"], "sdk.options");
    assert_eq!(
        report["problems"],
        json_of(&["mock.json", "mock.json"])["problems"]
    );
}

#[test]
fn files_and_badges_are_written() {
    let room = tempfile::tempdir().unwrap();
    let at = |name: &str| room.path().join(name);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let out = good(&[
        "mock.json",
        "real.json",
        "--output",
        &text(&at("report.txt")),
        "--badges",
        &text(&at("badges/here")),
    ]);
    assert_eq!(out, "");
    let whole = good(&["mock.json", "real.json"]);
    assert_eq!(fs::read_to_string(at("report.txt")).unwrap(), whole);
    let badge = |name: &str| -> Value {
        let badge = fs::read_to_string(at("badges/here").join(name)).unwrap();
        serde_json::from_str(&badge).unwrap()
    };
    assert_eq!(
        badge("python-openai-codex.json"),
        json!({
            "schemaVersion": 1,
            "label": "codex-conformance",
            "message": "3 passed, 1 known, 2 unsupported",
            "color": "yellow",
        })
    );
    assert_eq!(badge("my-sdk.json")["color"], "red");
    let (code, _, err) = report(&["mock.json", "--output", &text(&at("no/such/dir"))]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("can't write `"), "{err}");
}

#[test]
fn what_is_no_result_is_refused() {
    let room = tempfile::tempdir().unwrap();
    for (content, says) in [
        (Some(""), "is empty"),
        (Some("junk"), "is no result of `run --json`: expected value"),
        (
            Some("{\"version\": 1, \"cases\": ["),
            "is no result of `run --json`: EOF",
        ),
        (
            Some("[]"),
            "is no result of `run --json`: it lacks `version` or `cases`",
        ),
        (
            Some("{\"version\": 2, \"cases\": []}"),
            "has version 2 of the format, this program reads 1",
        ),
        (Some("{\"version\": 1, \"cases\": []}"), "has no cases"),
        (
            Some("{\"version\": 1, \"cases\": [{\"id\": 3}]}"),
            "is no result of `run --json`: cases[0].id: invalid type",
        ),
        (None, "can't read `"),
    ] {
        let path = room.path().join("results.json");
        let _ = fs::remove_file(&path);
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        let (code, out, err) = report(&["mock.json", path.to_str().unwrap()]);
        assert_eq!((code, out.as_str()), (2, ""), "{says}: {err}");
        assert!(err.contains(says), "{says}: {err}");
        assert!(err.contains("hint: "), "{says}: {err}");
    }
}
