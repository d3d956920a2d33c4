//! The command `walk`, with two mocks in place of the mock and the real app-server.

use std::fs;
use std::path::Path;

use codex_conformance::scenario;
use serde_json::Value;

use super::program::{Said, conformance};

/// A mock without one of its quirks.
const OTHER: &str = "mock:-resume-loaded-ignores-overrides";
/// A seed, and a session of it that comes upon the quirk.
const SEED: &str = "11";
const SESSION: &str = "55";

fn walk(args: &[&str]) -> Said {
    conformance(&[&["walk"], args].concat())
}

#[test]
fn a_mock_walks_like_itself() {
    let (code, out, err) = walk(&["--against", "mock", "--seed", "1", "--sessions", "5"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.starts_with("seed 1\n"), "{out}");
    let sum = "5 sessions on `mock` and `mock`, seed 1: 5 equal, 0 differ in 0 ways, ";
    assert!(out.contains(sum), "{out}");
}

#[test]
fn a_quirk_is_found_and_made_small() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let json = directory.path().join("walk.json");
    let (code, out, err) = walk(&[
        "--against",
        OTHER,
        "--seed",
        SEED,
        "--first",
        SESSION,
        "--sessions",
        "1",
        "--out",
        path,
        "--json",
        json.to_str().unwrap(),
    ]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(
        out.lines()
            .any(|line| line.starts_with("differs  session ")),
        "{out}"
    );
    let json: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    for found in json["differences"].as_array().unwrap() {
        assert!(found["steps"].as_u64().unwrap() <= 12, "{found:#}");
        let file = found["file"].as_str().unwrap();
        let loaded = scenario::load(&[Path::new(file).to_owned()]);
        assert!(loaded.errors.is_empty(), "{:#?}", loaded.errors);
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains("method: thread/resume"), "{text}");
    }
}

#[test]
fn a_target_that_is_missing_is_the_environments_fault() {
    let (code, _, err) = walk(&["--against", "codex@0.0.1"]);
    assert_eq!(code, 3, "{err}");
    let (code, _, err) = walk(&["--against", "mock", "--minutes", "soon"]);
    assert_eq!(code, 2, "{err}");
}
