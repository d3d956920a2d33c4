use std::path::PathBuf;

use super::*;
use crate::report::sample::{run, unchecked};

const LIST: &str = r#"
- case: persistence/fork[*]
  check: step-4.expect
  message: "sandbox.type:"
  reason: a fork forgets it
  upstream: https://example.com/issues/1
  quirk: workspace-write-lost-on-fork
- case: turns/old
  check: deadline
  message: ""
  reason: it hangs
  versions: [">=0.150.0 <0.169.0"]
"#;

fn list(text: &str) -> KnownFailures {
    KnownFailures::parse(Path::new("mock.yaml"), text).unwrap()
}

#[track_caller]
fn check(id: &str, checks: &[(&str, &str)], status: &Status, said: &str) {
    let mut run = run(id, checks);
    list(LIST).apply(&mut run);
    assert_eq!(&run.status, status);
    let last = run.checks.last().map_or("", |check| check.message.as_str());
    assert!(last.contains(said), "{last}");
}

#[test]
fn a_listed_failure_is_known() {
    let id = "persistence/fork[sandbox=workspace_write]";
    let known = Status::Known("a fork forgets it (https://example.com/issues/1)".into());
    check(
        id,
        &[("step-4.expect", "sandbox.type: expected x, got y")],
        &known,
        "",
    );
}

#[test]
fn a_listed_failure_that_passes_fails() {
    check(
        "persistence/fork[a=b]",
        &[("step-4.expect", "")],
        &Status::Failed,
        "it passes\nhint: remove",
    );
}

#[test]
fn a_listed_failure_that_fails_differently_fails() {
    let id = "persistence/fork[a=b]";
    check(
        id,
        &[("step-4.expect", "status: no")],
        &Status::Failed,
        "fails differently: status: no",
    );
    check(
        id,
        &[("deadline", "too late")],
        &Status::Failed,
        "`deadline` does instead",
    );
    let both = [("step-4.expect", "sandbox.type: x"), ("stderr", "no")];
    check(id, &both, &Status::Failed, "no");
}

#[test]
fn cases_that_are_not_listed_and_skipped_ones_stay() {
    check("turns/plain", &[("a", "")], &Status::Passed, "");
    let skipped = Status::Skipped("no sandbox".into());
    let mut skipped = unchecked("persistence/fork[a=b]", skipped);
    list(LIST).apply(&mut skipped);
    assert_eq!(skipped.status, Status::Skipped("no sandbox".into()));
}

#[test]
fn an_entry_that_names_no_case_is_found() {
    let list = list(LIST);
    let unmatched = list.unmatched(["persistence/fork[a=b]", "turns/new"]);
    assert_eq!(unmatched.len(), 1);
    assert_eq!(
        (unmatched[0].case.as_str(), unmatched[0].at.line),
        ("turns/old", 8)
    );
}

#[test]
fn versions_and_switched_off_quirks_select_entries() {
    let directory = std::env::temp_dir().join(format!("known-failures-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    for name in ["mock.yaml", "codex-0.169.0.yaml"] {
        fs::write(directory.join(name), LIST).unwrap();
    }
    let count = |target: Target| {
        KnownFailures::of(&target, &directory)
            .unwrap()
            .entries()
            .len()
    };
    assert_eq!(count(Target::Mock { quirks: vec![] }), 2);
    let off = vec!["-workspace-write-lost-on-fork".to_owned()];
    assert_eq!(count(Target::Mock { quirks: off }), 1);
    assert_eq!(
        count(Target::Codex {
            version: "0.169.0".into()
        }),
        1
    );
    assert_eq!(
        count(Target::Codex {
            version: "0.170.0".into()
        }),
        0
    );
    // What is for several versions is read beside what is for one.
    fs::write(directory.join("codex.yaml"), LIST).unwrap();
    let of = |version: &str| Target::Codex {
        version: version.into(),
    };
    assert_eq!(count(of("0.169.0")), 2);
    assert_eq!(count(of("0.160.0")), 2);
    assert_eq!(count(of("0.140.0")), 1);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn what_is_wrong_is_shown_in_its_place() {
    let show = |text: &str| {
        KnownFailures::parse(Path::new("mock.yaml"), text)
            .unwrap_err()
            .to_string()
    };
    let quirk = "- {case: a, check: b, message: c, reason: d, quirk: nope}\n";
    let said = show(quirk);
    assert!(
        said.starts_with("mock.yaml:1:53: the mock has no quirk `nope`\n    1 | - {case"),
        "{said}"
    );
    let said = show("- case: a\n  check: b\n  mesage: c\n");
    assert!(
        said.contains("mock.yaml:3:3:") && said.contains("mesage"),
        "{said}"
    );
    let said = show("- case: a\n  check: b\n");
    assert!(said.contains("missing field `message`"), "{said}");
    assert!(show("case: a\n").contains("mock.yaml:1:1: "));
    assert!(list("# nothing yet\n").entries().is_empty());
}

#[test]
fn what_fails_sometimes_may_pass_and_nothing_else_may_fail() {
    let list =
        list("- {case: a/b, check: step-*.told, message: lost, reason: a race, sometimes: true}\n");
    let judged = |checks: &[(&str, &str)]| {
        let mut run = run("a/b", checks);
        list.apply(&mut run);
        run.status
    };
    assert_eq!(judged(&[("step-1.told", "")]), Status::Passed);
    let raced = judged(&[("step-2.told", "lost an item")]);
    assert_eq!(raced, Status::Known("a race".into()));
    assert_eq!(judged(&[("step-2.told", "made one up")]), Status::Failed);
}

#[test]
fn stars_stand_for_anything() {
    for (pattern, id, fits) in [
        ("a/b", "a/b", true),
        ("a/b", "a/bc", false),
        ("a/b[*]", "a/b[x=y]", true),
        ("a/b[*]", "a/b", false),
        ("*", "", true),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("*x=1*", "a[x=1,y=2]", true),
        ("aa*aa", "aaa", false),
    ] {
        assert_eq!(matches(pattern, id), fits, "{pattern} {id}");
    }
}

/// The lists of the repository: they can be read, and each entry of the mock's names its quirk.
#[test]
fn the_repositorys_lists_are_sound() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/known-failures");
    for entry in fs::read_dir(&directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        let list = KnownFailures::parse(&path, &fs::read_to_string(&path).unwrap()).unwrap();
        let of_mock = path.ends_with("mock.yaml");
        for entry in list.entries() {
            assert_eq!(entry.quirk.is_some(), of_mock, "{}: `quirk`", entry.case);
            let upstream = entry.upstream.as_deref().unwrap_or("https://");
            assert!(upstream.starts_with("https://"), "{upstream}");
        }
    }
}
