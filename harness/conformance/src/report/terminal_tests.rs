use std::time::Duration;

use super::*;
use crate::report::sample;

fn shown(runs: &[CaseRun], problems: &[Problem], colours: bool) -> String {
    let mut out = Vec::new();
    let mut terminal = Terminal::new(&mut out, colours);
    for run in runs {
        terminal.started(&run.case.id);
        terminal.finished(run).unwrap();
    }
    let summary = Summary::of(runs, problems, Duration::from_millis(2500));
    terminal.ended(problems, &summary).unwrap();
    drop(terminal);
    String::from_utf8(out).unwrap()
}

fn failed() -> CaseRun {
    let mut run = sample::run(
        "turns/plain[a=it's]",
        &[
            ("step-1.expect", ""),
            ("step-2.expect", "status: expected completed\ngot failed"),
        ],
    );
    run.transcript = sample::transcript();
    run.checks[1].entry = Some(3);
    run.places.root = "/run".into();
    run.places.workspace = "/run/ws".into();
    run
}

#[test]
fn a_failure_is_a_block() {
    let text = shown(&[failed()], &[], false);
    let text = text.replace(&"x".repeat(100), "x");
    insta::with_settings!({snapshot_path => "../../../../snapshots/cli", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("report-failure", text);
    });
}

#[test]
fn what_is_as_it_should_be_is_only_counted() {
    let runs = [
        sample::run("a/passed", &[("x", "")]),
        sample::unchecked("a/known-1", Status::Known("upstream forgets".into())),
        sample::unchecked("a/known-2", Status::Known("upstream forgets".into())),
        sample::unchecked("a/skipped", Status::Skipped("no kernel-sandbox".into())),
    ];
    assert_eq!(
        shown(&runs, &[], false),
        "     2 known: upstream forgets\n     1 skipped: no kernel-sandbox\n\
         1 passed, 0 failed, 2 known, 1 skipped in 2.50 s (1 cases/s)\n"
    );
}

#[test]
fn problems_and_broken_runs_are_shown() {
    let check = sample::run("x", &[("unreferenced-snapshots", "a.snap")])
        .checks
        .remove(0);
    let problems = [Problem {
        target: Some("mock".into()),
        check,
    }];
    let broken = sample::unchecked(
        "a/broken",
        Status::Broken("can't start `x`\nhint: y".into()),
    );
    let text = shown(&[broken], &problems, false);
    for part in [
        "BROKEN a/broken on mock (12 ms)\n  a turn: it ends\n  can't start `x`\n  hint: y\n",
        "FAIL the run on mock\n  unreferenced-snapshots at scenarios/turns/plain.yaml:12:5\n    a.snap\n",
        "0 passed, 2 failed, 0 known, 0 skipped",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn colours_only_come_on_top_of_the_words() {
    let plain = shown(&[failed()], &[], false);
    let coloured = shown(&[failed()], &[], true);
    assert!(!plain.contains('\u{1b}') && coloured.contains("\u{1b}[1;31mFAIL\u{1b}[0m"));
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    stripped.push_str(rest);
    assert_eq!(stripped, plain);
}

#[test]
fn notes_of_cases_that_passed_are_shown() {
    let mut run = sample::run("a/b", &[]);
    run.notes.push("kept /var/tmp/x".into());
    assert!(shown(&[run], &[], false).starts_with("note a/b: kept /var/tmp/x\n"));
}
