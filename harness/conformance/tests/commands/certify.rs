//! The command `certify`, with two mocks in place of the mock and the real app-server.

use serde_json::Value;

use super::program::{Said, conformance};

/// A case that a quirk of the mock changes.
const CASE: &str = "=persistence/preset-fork[choice=deny_all-workspace_write]";

fn certify(args: &[&str]) -> Said {
    conformance(&[&["certify"], args].concat())
}

#[test]
fn a_mock_equals_itself() {
    let (code, out, err) = certify(&["@handshake", "--against", "mock"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        out.contains(" equal, 0 listed, 0 differ, 0 skipped, 0 broken\n"),
        "{out}"
    );
    assert!(err.contains("note: no schema of `mock`"), "{err}");
}

#[test]
fn a_quirk_is_a_difference_with_its_frame() {
    let against = "mock:-workspace-write-lost-on-fork";
    let (code, out, err) = certify(&[CASE, "--against", against]);
    assert_eq!(code, 1, "{out}{err}");
    let first = out.lines().next().unwrap();
    assert!(
        first.starts_with("differs  persistence/preset-fork"),
        "{out}"
    );
    assert!(first.contains("wire `server`, frame "), "{out}");
    assert!(out.lines().any(|line| line.starts_with("  > ")), "{out}");
    assert!(
        out.contains("readOnly") && out.contains("type: workspaceWrite"),
        "{out}"
    );
}

#[test]
fn programs_get_json() {
    let (code, out, _) = certify(&[
        "=handshake/initialize",
        "@framing",
        "--against",
        "mock",
        "--json",
        "-",
    ]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 0);
    assert_eq!(json["holds"], true);
    assert!(json["summary"]["equal"].as_u64().unwrap() > 0);
    assert!(
        json["coverage"]["client_methods"]["both"]
            .as_array()
            .unwrap()
            .contains(&"initialize".into())
    );
}

#[test]
fn a_target_that_is_missing_is_the_environments_fault() {
    let (code, _, err) = certify(&["@handshake", "--against", "codex@0.0.1"]);
    assert_eq!(code, 3, "{err}");
    let (code, _, err) = certify(&["no-such-case", "--against", "mock"]);
    assert_eq!(code, 4, "{err}");
}
