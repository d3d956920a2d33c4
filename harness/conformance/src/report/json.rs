//! The report for programs: `--json FILE`, described by `fixtures/report.schema.json`.

use std::io::{self, Write};

use serde::Serialize;

use super::summary::{Problem, Summary, word};
use crate::client::driver::Sdk;
use crate::run::outcome::{CaseRun, Check, Status};

/// The version of the format: it changes when a member goes or changes its meaning.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    summary: Counts,
    cases: Vec<CaseReport<'a>>,
    clients: Vec<ClientReport<'a>>,
}

#[derive(Serialize)]
struct ClientReport<'a> {
    client: &'a str,
    name: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Counts {
    passed: usize,
    failed: usize,
    known: usize,
    skipped: usize,
    unsupported: usize,
}

#[derive(Serialize)]
struct CaseReport<'a> {
    id: &'a str,
    scenario: &'a str,
    target: &'a str,
    client: &'a str,
    status: &'static str,
    duration_us: u64,
    checks: Vec<CheckReport<'a>>,
    skip_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
}

#[derive(Serialize)]
struct CheckReport<'a> {
    id: &'a str,
    status: &'static str,
    message: &'a str,
}

/// Writes the report. What is wrong with the run as a whole stands among the cases, named after
/// its check and without a client. Of the SDKs that took part it is told what they are.
pub fn write<'a>(
    mut to: impl Write,
    runs: &[CaseRun],
    problems: &[Problem],
    summary: &Summary,
    sdks: impl IntoIterator<Item = &'a Sdk>,
) -> io::Result<()> {
    let cases = runs
        .iter()
        .map(of_case)
        .chain(problems.iter().map(of_problem))
        .collect();
    let report = Report {
        version: VERSION,
        summary: Counts {
            passed: summary.passed,
            failed: summary.failed,
            known: summary.known_count(),
            skipped: summary.skipped_count(),
            unsupported: summary.unsupported_count(),
        },
        cases,
        clients: sdks.into_iter().filter_map(of_sdk).collect(),
    };
    serde_json::to_writer(&mut to, &report)?;
    to.write_all(b"\n")?;
    to.flush()
}

fn of_case(run: &CaseRun) -> CaseReport<'_> {
    let mut checks: Vec<CheckReport<'_>> = run.checks.iter().map(of_check).collect();
    if let Status::Broken(reason) = &run.status {
        checks.push(CheckReport {
            id: "environment",
            status: "failed",
            message: reason,
        });
    }
    CaseReport {
        id: &run.case.id,
        scenario: &run.case.scenario,
        target: &run.target,
        client: &run.client,
        status: word(&run.status),
        duration_us: u64::try_from(run.duration.as_micros()).unwrap_or(u64::MAX),
        checks,
        skip_reason: match &run.status {
            Status::Skipped(reason) | Status::Unsupported(reason) => Some(reason),
            _ => None,
        },
        known_reason: match &run.status {
            Status::Known(reason) => Some(reason),
            _ => None,
        },
        notes: &run.notes,
    }
}

fn of_problem(problem: &Problem) -> CaseReport<'_> {
    CaseReport {
        id: &problem.check.id,
        scenario: &problem.check.id,
        target: problem.target.as_deref().unwrap_or_default(),
        client: "",
        status: "failed",
        duration_us: 0,
        checks: vec![of_check(&problem.check)],
        skip_reason: None,
        known_reason: None,
        notes: &[],
    }
}

/// One whose driver was never asked has nothing to tell.
fn of_sdk(sdk: &Sdk) -> Option<ClientReport<'_>> {
    sdk.introduced().map(|said| ClientReport {
        client: &sdk.name,
        name: &said.name,
        version: &said.version,
    })
}

fn of_check(check: &Check) -> CheckReport<'_> {
    CheckReport {
        id: &check.id,
        status: if check.passed { "passed" } else { "failed" },
        message: &check.message,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::report::sample;

    fn report() -> Value {
        let runs = [
            sample::run(
                "turns/plain[a=1]",
                &[("step-1.expect", ""), ("snapshot", "differs")],
            ),
            sample::unchecked("a/known", Status::Known("upstream".into())),
            sample::unchecked("a/skipped", Status::Skipped("no kernel-sandbox".into())),
            sample::unchecked("a/broken", Status::Broken("can't start".into())),
        ];
        let check = sample::run("x", &[("unreferenced-snapshots", "a.snap")])
            .checks
            .remove(0);
        let problems = [Problem {
            target: None,
            check,
        }];
        let summary = Summary::of(&runs, &problems, Duration::from_secs(1));
        let sdk = sample::sdk("cmd:driver", "some-sdk", "1.2.3");
        let mut out = Vec::new();
        write(&mut out, &runs, &problems, &summary, [&sdk]).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn the_report_has_its_documented_members() {
        let report = report();
        assert_eq!(report["version"], 1);
        assert_eq!(
            report["summary"],
            json!({"passed": 0, "failed": 3, "known": 1, "skipped": 1, "unsupported": 0})
        );
        assert_eq!(
            report["cases"][0],
            json!({
                "id": "turns/plain[a=1]",
                "scenario": "turns/plain",
                "target": "mock",
                "client": "reference",
                "status": "failed",
                "duration_us": 12_345,
                "checks": [
                    {"id": "step-1.expect", "status": "passed", "message": ""},
                    {"id": "snapshot", "status": "failed", "message": "differs"},
                ],
                "skip_reason": null,
            })
        );
        assert_eq!(
            report["clients"],
            json!([{"client": "cmd:driver", "name": "some-sdk", "version": "1.2.3"}])
        );
        assert_eq!(report["cases"][1]["known_reason"], "upstream");
        assert_eq!(report["cases"][2]["skip_reason"], "no kernel-sandbox");
    }

    #[test]
    fn the_report_is_valid_by_its_schema() {
        let schema = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../fixtures/report.schema.json"
        ));
        let schema: Value = serde_json::from_str(schema).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let report = report();
        let errors: Vec<String> = validator
            .iter_errors(&report)
            .map(|e| e.to_string())
            .collect();
        assert_eq!(errors, [""; 0]);
        for (pointer, wrong) in [("/version", json!(2)), ("/cases/0/status", json!("ok"))] {
            let mut broken = report.clone();
            *broken.pointer_mut(pointer).unwrap() = wrong;
            assert!(!validator.is_valid(&broken), "{pointer}");
        }
    }
}
