//! The command `coverage`: what of the protocol was never on the wire.

use serde_json::Value;

use super::program::{Said, conformance};

fn coverage(args: &[&str]) -> Said {
    conformance(&[&["coverage"], args].concat())
}

fn names(report: &Value, area: &str, what: &str) -> Vec<String> {
    let names = report["areas"][area][what].as_array().unwrap();
    names
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn cases_are_run_and_the_rest_is_told() {
    let (code, out, err) = coverage(&["=handshake/initialize", "--json"]);
    assert_eq!(code, 0, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["codex"], "0.169.0");
    assert!(names(&report, "client_methods", "seen").contains(&"initialize".to_owned()));
    assert!(names(&report, "client_methods", "never").contains(&"turn/start".to_owned()));
    assert!(names(&report, "members", "seen").contains(&"ClientInfo.name".to_owned()));
}

#[test]
fn recordings_are_read_without_running_anything() {
    let recordings = ["1", "2"].map(|n| format!("fixtures/recordings/approvals-{n}.jsonl"));
    let [first, second] = &recordings;
    let (code, out, err) = coverage(&["--transcripts", first, second]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.starts_with("coverage           seen  never   of codex 0.169.0\n"),
        "{out}"
    );
    assert!(out.contains("\nclient methods, never:\n"), "{out}");
    assert!(out.contains(" more; `--all` lists them"), "{out}");
    let (_, all, _) = coverage(&["--all", "--transcripts", first, second]);
    assert!(all.lines().count() > out.lines().count(), "{all}");
    assert!(!all.contains("`--all` lists them"), "{all}");
}

#[test]
fn what_can_not_be_known_is_said() {
    let (code, _, err) = coverage(&["--target", "cmd:true"]);
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("the version of `cmd:true` isn't known"),
        "{err}"
    );
    let (code, _, err) = coverage(&["--target", "codex@0.0.1"]);
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("`schema import codex@0.0.1` makes it"),
        "{err}"
    );
    let (code, _, err) = coverage(&["--transcripts", "nothing.jsonl"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("can't read `nothing.jsonl`"), "{err}");
    let (code, ..) = coverage(&["=no/such-case"]);
    assert_eq!(code, 4);
}
