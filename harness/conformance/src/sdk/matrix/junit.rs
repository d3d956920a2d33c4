//! The matrix for CI servers: a suite for each client, target and area, a test for each case.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::saved::{Problem, SavedCase, Status};
use super::{Matrix, Row};

/// The matrix as a `JUnit` report.
///
/// # Errors
/// It can't be written as XML.
pub fn write(matrix: &Matrix) -> Result<String, SerializeError> {
    let mut report = Report::new("codex-conformance sdk report");
    let suites: Vec<TestSuite> = matrix.rows.iter().flat_map(suites).collect();
    report.add_test_suites(suites);
    if !matrix.problems.is_empty() {
        let mut suite = TestSuite::new("run");
        suite.add_test_cases(matrix.problems.iter().map(of_problem));
        report.add_test_suite(suite);
    }
    report.to_string()
}

fn suites(row: &Row) -> impl Iterator<Item = TestSuite> {
    row.cells.iter().map(|(area, cell)| {
        let mut suite = TestSuite::new(format!("{} on {}: {area}", row.client, row.target));
        suite.add_test_cases(cell.cases.iter().map(of_case));
        suite
    })
}

fn of_case(case: &SavedCase) -> TestCase {
    let said = case
        .first_failed()
        .map(|check| format!("{}: {}", check.id, check.message));
    let said = said
        .or_else(|| case.skip_reason.clone())
        .unwrap_or_default();
    let status = match case.status {
        Status::Passed => TestCaseStatus::success(),
        Status::Failed => failure(NonSuccessKind::Failure, &said),
        Status::Broken => failure(NonSuccessKind::Error, &said),
        Status::Known => {
            let reason = case.known_reason.as_deref().unwrap_or(&said);
            skipped(&format!("known failure: {reason}"))
        }
        Status::Unsupported => skipped(&format!("unsupported: {said}")),
        Status::Skipped => skipped(&said),
    };
    let mut test = TestCase::new(case.id.clone(), status);
    test.set_classname(format!("{} on {}", case.client, case.target));
    test.set_time(Duration::from_micros(case.duration_us));
    test
}

fn of_problem(problem: &Problem) -> TestCase {
    let status = failure(NonSuccessKind::Failure, &problem.message);
    TestCase::new(problem.check.clone(), status)
}

fn failure(kind: NonSuccessKind, said: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(said.lines().next().unwrap_or_default());
    status.set_description(said);
    status
}

fn skipped(said: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(said.lines().next().unwrap_or_default());
    status
}
