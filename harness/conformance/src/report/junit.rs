//! The report for CI servers: `--junit FILE`. A suite for each target.

use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::summary::Problem;
use crate::run::outcome::{CaseRun, Check, Status};
use crate::scenario::model::Location;

/// Writes the report.
pub fn write(
    to: impl Write,
    runs: &[CaseRun],
    problems: &[Problem],
    duration: Duration,
) -> Result<(), quick_junit::SerializeError> {
    let mut report = Report::new("codex-conformance");
    report.set_time(duration);
    let mut suites: Vec<TestSuite> = Vec::new();
    for run in runs {
        if suites
            .last()
            .is_none_or(|suite| suite.name.as_str() != run.target)
        {
            suites.push(TestSuite::new(run.target.clone()));
        }
        // The line above made one, if there was none.
        if let Some(suite) = suites.last_mut() {
            suite.add_test_case(of_case(run));
        }
    }
    if !problems.is_empty() {
        let mut suite = TestSuite::new("run");
        for problem in problems {
            let status = failure(NonSuccessKind::Failure, std::iter::once(&problem.check));
            suite.add_test_case(TestCase::new(problem.check.id.clone(), status));
        }
        suites.push(suite);
    }
    report.add_test_suites(suites);
    report.serialize(to)
}

fn of_case(run: &CaseRun) -> TestCase {
    let status = match &run.status {
        Status::Passed => TestCaseStatus::success(),
        Status::Failed => {
            let failed = run.checks.iter().filter(|check| !check.passed);
            failure(NonSuccessKind::Failure, failed)
        }
        Status::Broken(reason) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(reason.clone());
            status
        }
        Status::Known(reason) => skipped(format!("known failure: {reason}")),
        Status::Unsupported(reason) => skipped(format!("unsupported: {reason}")),
        Status::Skipped(reason) => skipped(reason.clone()),
    };
    let mut case = TestCase::new(run.case.id.clone(), status);
    case.set_classname(run.case.scenario.clone());
    case.set_time(run.duration);
    case
}

fn skipped(reason: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(reason);
    status
}

fn failure<'a>(kind: NonSuccessKind, checks: impl Iterator<Item = &'a Check>) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let mut text = String::new();
    for check in checks {
        if text.is_empty() {
            status.set_message(format!(
                "{}: {}",
                check.id,
                check.message.lines().next().unwrap_or_default()
            ));
            status.set_type(check.id.clone());
        }
        let _ = writeln!(text, "{}: {}", check.id, check.message);
        if let Some(at) = &check.at {
            let Location { file, line, column } = at;
            let _ = writeln!(text, "  at {}:{line}:{column}", file.display());
        }
    }
    status.set_description(text);
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_status_has_its_element() {
        let runs = [
            sample::run("a/passed", &[("x", "")]),
            sample::run(
                "a/failed",
                &[("x", ""), ("step-2.expect", "expected <b>, got\nc")],
            ),
            sample::unchecked("a/known", Status::Known("upstream".into())),
            sample::unchecked("a/skipped", Status::Skipped("no sandbox".into())),
            sample::unchecked("a/broken", Status::Broken("can't start".into())),
        ];
        let mut out = Vec::new();
        write(&mut out, &runs, &[], Duration::from_secs(1)).unwrap();
        let xml = String::from_utf8(out).unwrap();
        for part in [
            r#"<testsuite name="mock" tests="5" skipped="2" errors="1" failures="1""#,
            r#"<failure message="step-2.expect: expected &lt;b&gt;, got" type="step-2.expect">"#,
            r#"<skipped message="known failure: upstream"/>"#,
            r#"<error message="can&apos;t start"/>"#,
            "  at scenarios/turns/plain.yaml:12:5",
        ] {
            assert!(xml.contains(part), "{part}\n{xml}");
        }
    }
}
