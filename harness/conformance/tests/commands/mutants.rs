//! The command `mutants`: who is killed, who survives, and what that means for the exit code.

use serde_json::Value;

use super::program::{Said, conformance};

fn mutants(args: &[&str]) -> Said {
    conformance(&[&["mutants"], args].concat())
}

#[test]
fn a_mutant_is_killed_by_the_first_case_that_fails() {
    let (code, out, err) = mutants(&["=handshake/initialize", "--only", "user-agent-missing"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.starts_with("killed    user-agent-missing: `"), "{out}");
    assert!(out.contains("` of handshake/initialize"), "{out}");
    assert!(
        out.ends_with("1 of 1 mutants were noticed: 100 %\n"),
        "{out}"
    );
}

#[test]
fn a_mutant_that_no_case_notices_survives() {
    let args = ["=handshake/initialize", "--only", "slash-tmp-closed"];
    let (code, out, _) = mutants(&args);
    assert_eq!(code, 1, "{out}");
    assert!(
        out.starts_with("SURVIVES  slash-tmp-closed: `/tmp` is not writable"),
        "{out}"
    );
    let (code, _, _) = mutants(&[&args[..], &["--at-least", "0"]].concat());
    assert_eq!(code, 0);
    let (_, out, _) = mutants(&[&args[..], &["--json"]].concat());
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["killed"], 0);
    assert!(report["fates"][0]["killed_by"].is_null());
}

#[test]
fn there_are_at_least_sixty_and_unknown_names_are_refused() {
    let (code, out, _) = mutants(&["--list"]);
    assert_eq!(code, 0);
    assert!(out.lines().count() >= 60, "{out}");
    let (code, _, err) = mutants(&["--only", "nope"]);
    assert_eq!(code, 2);
    assert!(
        err.starts_with("error: no mutant is called `nope`\nhint: "),
        "{err}"
    );
}
