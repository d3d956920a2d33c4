//! The command `drift`, with mocks that differ in one thing in place of two versions.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use codex_conformance::check::snapshot::Update;
use codex_conformance::check::verdict::Judge;
use codex_conformance::drift::{self, report};
use codex_conformance::run::RunOptions;
use codex_conformance::scenario;
use codex_conformance::target::Target;
use serde_json::Value;

use super::program::{PROGRAM, ROOT, Said, conformance};

/// A case that a quirk of the mock changes.
const QUIRKY: &str = "=persistence/preset-fork[choice=deny_all-workspace_write]";

fn drift(args: &[&str]) -> Said {
    conformance(&[&["drift"], args].concat())
}

/// The mock with a defect, as a program of its own.
fn mutant(name: &str) -> String {
    format!("cmd:{PROGRAM} mock --mutant={name} app-server")
}

fn json(args: &[&str]) -> Value {
    let (code, out, err) = drift(&[args, &["--json", "-"]].concat());
    assert_eq!(code, 0, "{out}{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_of_schema(&report);
    report
}

fn assert_of_schema(report: &Value) {
    let schema = fs::read_to_string(format!("{ROOT}/fixtures/drift.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<_> = validator
        .iter_errors(report)
        .map(|it| it.to_string())
        .collect();
    assert_eq!(problems, [""; 0]);
}

#[test]
fn nothing_changes_from_a_mock_to_itself() {
    let (code, out, err) = drift(&["mock", "mock", "=handshake/initialize", "--fail-on", "any"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(!out.contains("What differs on the wire"), "{out}");
    assert!(out.contains("The protocol: 0 of 0 changes"), "{out}");
    assert!(
        out.ends_with("1 compared, 0 differ in 0 ways, 0 came to something else\n"),
        "{out}"
    );
}

#[test]
fn the_same_difference_in_many_cases_is_one_entry() {
    let report = json(&[
        "mock",
        &mutant("usage-dropped"),
        "=turns/plain",
        "=turns/two-threads",
    ]);
    let wire = report["wire"].as_array().unwrap();
    let gone: Vec<&Value> = wire.iter().filter(|it| it["change"] == "gone").collect();
    assert_eq!(gone.len(), 1, "{report:#}");
    assert_eq!(gone[0]["subject"], "← thread/tokenUsage/updated");
    assert_eq!(gone[0]["cases"].as_array().unwrap().len(), 2, "{report:#}");
    let sides = &gone[0]["example"]["sides"];
    assert!(
        sides[0]
            .as_str()
            .unwrap()
            .starts_with("← thread/tokenUsage/updated\n"),
        "{sides}"
    );
    assert_eq!(sides[1], Value::Null);
    assert_eq!(
        report["unexercised"],
        Value::Null,
        "a command's protocol is not known"
    );
}

#[test]
fn a_quirk_turns_a_verdict_and_the_mock_stands_on_a_side() {
    let report = json(&[
        "mock:-workspace-write-lost-on-fork",
        "mock",
        QUIRKY,
        "--mock",
    ]);
    let wire = report["wire"].as_array().unwrap();
    let sandbox = wire.iter().find(|it| it["subject"] == "sandbox").unwrap();
    assert_eq!(sandbox["authority"], "sandbox");
    assert_eq!(sandbox["before"], "{type: workspaceWrite, …}");
    assert_eq!(sandbox["after"], "{type: readOnly, …}");
    assert_eq!(sandbox["mock"]["second"], 1);
    assert_eq!(report["verdicts"][0]["words"][0], "passed");
    assert_eq!(report["verdicts"][0]["words"][1], "known");
    let moved = &report["moved"][0];
    assert_eq!(
        (&moved["contract"], &moved["mock"]),
        (&"lost".into(), &"second".into())
    );
}

#[test]
fn people_see_both_frames_and_a_lost_verdict_can_fail() {
    let args = [
        "mock",
        &mutant("policy-reported-wrong"),
        "=presets/thread-start[choice=deny_all-read_only]",
    ];
    let (code, out, err) = drift(&[&args[..], &["--fail-on", "verdict"]].concat());
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("passed → failed  1 case: "), "{out}");
    assert!(
        out.contains("`approvalPolicy`: never → untrusted (approvals)  1 case"),
        "{out}"
    );
    let row =
        |line: &str| line.starts_with("  > ") && line.contains("│     approvalPolicy: untrusted");
    assert!(out.lines().any(row), "{out}");
    assert!(err.contains("note: no schema of `cmd:"), "{err}");
}

#[test]
fn a_page_can_be_written_beside_the_text() {
    let room = tempfile::tempdir().unwrap();
    let page = room.path().join("drift.md");
    let args = [
        "mock",
        &mutant("usage-dropped"),
        "=turns/plain",
        "--markdown",
    ];
    let (code, out, err) = drift(&[&args[..], &[page.to_str().unwrap()]].concat());
    assert_eq!(code, 0, "{out}{err}");
    let page = fs::read_to_string(page).unwrap();
    assert!(page.starts_with("# From `mock` to `cmd:"), "{page}");
    assert!(
        page.contains("`← thread/tokenUsage/updated` is gone"),
        "{page}"
    );
    assert!(
        out.contains("`← thread/tokenUsage/updated` is gone"),
        "{out}"
    );
}

#[test]
fn what_can_not_be_compared_says_so() {
    let (code, _, err) = drift(&["mock", "codex@0.0.1", "=turns/plain"]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("target install codex@0.0.1"), "{err}");
    let (code, _, err) = drift(&["mock", "mock", "no-such-case"]);
    assert_eq!(code, 4, "{err}");
    let (code, _, err) = drift(&["mock", "nowhere"]);
    assert_eq!(code, 2, "{err}");
}

#[tokio::test]
async fn what_the_time_did_not_suffice_for_is_named() {
    let root = Path::new(ROOT);
    let file = |name: &str| root.join(format!("scenarios/{name}.yaml"));
    let files = ["account/api-key", "handshake/initialize", "turns/plain"].map(file);
    let cases = scenario::load(&files).cases;
    let targets = vec![Target::MOCK, Target::MOCK];
    let judge = Judge::new(root, &targets, Update::Never).unwrap();
    let plan = drift::Plan {
        cases: &cases,
        targets,
        options: RunOptions {
            mock_program: Some(PROGRAM.into()),
            jobs: NonZeroUsize::MIN,
            ..RunOptions::default()
        },
        judge: &judge.without_snapshots(),
        schemas: [None, None],
        within: Some(Duration::ZERO),
    };
    let drift = drift::drift(&plan, |_| ()).await;
    assert!(!drift.is_complete());
    assert_eq!((drift.counts.chosen, drift.counts.ran), (4, 1));
    let left_out = [
        "account/api-key[key=empty]",
        "handshake/initialize",
        "turns/plain",
    ];
    assert_eq!(drift.left_out, left_out);
    assert_eq!(drift.unseen, ["handshake/initialize", "turns/plain"]);

    let text = report::text(&drift);
    assert!(
        text.contains(
            "Not run: 3 cases: account/api-key[key=empty], handshake/initialize, turns/plain\n"
        ),
        "{text}"
    );
    assert!(
        text.contains(
            "No case was run of 2 scenarios: handshake/initialize, turns/plain\n1 of 4 cases on "
        ),
        "{text}"
    );
    let page = report::markdown(&drift);
    assert!(
        page.contains("## What was not run\n\n- Not run: 3 cases: "),
        "{page}"
    );
    let json = report::json(&drift);
    assert_of_schema(&json);
    assert_eq!(json["complete"], false);
    assert_eq!(json["left_out"]["cases"].as_array().unwrap().len(), 3);
    assert_eq!(json["left_out"]["unseen"][1], "turns/plain");
}
