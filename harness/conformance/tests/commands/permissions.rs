//! The command `permissions`: what it finds on the mock, what it knows, and its exit codes.

use std::fs;
use std::path::Path;

use codex_conformance::permissions::model::{Cell, Kind, Matrix};
use codex_conformance::permissions::way::Moment;
use codex_conformance::permissions::{MatrixError, Plan, kept, matrix, page};
use codex_conformance::run::RunOptions;
use codex_conformance::target::Target;

use super::program::{PROGRAM, ROOT, Said, conformance};

fn permissions(args: &[&str]) -> Said {
    conformance(&[&["permissions"], args].concat())
}

/// The matrix of a mock with a defect; `None` on a machine whose sandbox can't show anything.
async fn of_mutant(mutant: &'static str, session: &str) -> Option<Vec<Cell>> {
    let plan = Plan {
        targets: vec![Target::MOCK],
        filters: vec![format!("={session}")],
        options: RunOptions {
            mutant: Some(mutant),
            mock_program: Some(PROGRAM.into()),
            ..RunOptions::default()
        },
    };
    match matrix(&plan, |_| ()).await {
        Ok(matrix) => matrix.targets.into_iter().next().map(|of| of.cells),
        Err(MatrixError::Environment { reason, .. }) => {
            println!("nothing was tried: {reason}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// The kinds of findings at a moment.
fn kinds(cells: &[Cell], moment: Moment) -> Vec<Kind> {
    let cell = cells.iter().find(|cell| cell.moment == moment).unwrap();
    cell.findings.iter().map(|finding| finding.kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_that_is_wider_than_its_thread_is_a_finding() {
    let Some(cells) = of_mutant("fork-widened", "none/sandbox-read-only").await else {
        return;
    };
    for moment in [
        Moment::NextTurn,
        Moment::ResumeLoaded,
        Moment::ResumeAfterRestart,
    ] {
        assert_eq!(kinds(&cells, moment), [], "{moment:?}");
    }
    for moment in [Moment::Fork, Moment::ForkAfterRestart] {
        assert_eq!(kinds(&cells, moment), [Kind::Widened], "{moment:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_accounts_that_differ_are_findings() {
    let rows: [(&str, &[Kind]); 3] = [
        ("told-full-access", &[Kind::Disagreement]),
        ("read-only-writes", &[Kind::Widened, Kind::Disagreement]),
        (
            "sandbox-reported-wider",
            &[Kind::Widened, Kind::Disagreement],
        ),
    ];
    for (mutant, expected) in rows {
        let Some(cells) = of_mutant(mutant, "none/sandbox-read-only").await else {
            return;
        };
        let mut found = kinds(&cells, Moment::NextTurn);
        found.dedup();
        assert_eq!(found, expected, "{mutant}");
    }
}

#[test]
fn the_mock_does_what_codex_did() {
    let (code, out, err) = permissions(&["--target", "mock", "--json", "-"]);
    if code == 3 {
        println!("nothing was tried: {err}");
        return;
    }
    let mock = Matrix::parse(&out).unwrap();
    let codex = kept::of_version(Path::new(ROOT), "0.169.0")
        .unwrap()
        .unwrap();
    let mock = &mock.targets[0];
    assert_eq!(mock.cells.len(), codex.cells.len());
    for (mock, codex) in mock.cells.iter().zip(&codex.cells) {
        assert_eq!(mock, codex, "{} {:?}", codex.scenario(), codex.moment);
    }
    assert_eq!(code, 0, "{err}");
}

#[test]
fn what_is_not_known_ends_with_one_if_it_counts() {
    let empty = tempfile::tempdir().unwrap();
    let empty = empty.path().to_str().unwrap();
    let lost = ["--target", "mock", "=none/sandbox-workspace-write"];
    let wider = ["--target", "mock", "=full-access/sandbox-workspace-write"];
    let widening = ["--fail-on", "widening"];
    let unknown = ["--root", empty];
    let (code, out, err) = permissions(&[&lost[..], &unknown].concat());
    if code == 3 {
        println!("nothing was tried: {err}");
        return;
    }
    assert_eq!(code, 1, "{out}{err}");
    assert!(
        out.contains("new, lost: `workspace-write` became `read-only`"),
        "{out}"
    );
    let (code, _, _) = permissions(&[&lost[..], &unknown, &widening].concat());
    assert_eq!(code, 0);
    let (code, _, _) = permissions(&[&wider[..], &unknown, &widening].concat());
    assert_eq!(code, 1);
    let (code, out, _) = permissions(&wider);
    assert_eq!(code, 0, "codex 0.169.0 does the same: {out}");
    assert!(
        out.contains("known, wider: `workspace-write` became `danger-full-access`"),
        "{out}"
    );
}

#[test]
fn a_kept_session_is_a_scenario_that_fails_where_there_is_a_finding() {
    let room = tempfile::tempdir().unwrap();
    let directory = room.path().join("sessions");
    let directory = directory.to_str().unwrap();
    let (code, _, err) = permissions(&["--keep", directory]);
    assert_eq!(code, 0, "{err}");
    let (code, out, err) = conformance(&["check", directory]);
    assert_eq!(code, 0, "{out}{err}");
    let run = |id: &str| conformance(&["run", "--scenarios", directory, id]);
    let (code, out, _) = run("=none/sandbox-read-only");
    if code == 4 {
        println!("nothing was tried: {out}");
        return;
    }
    assert_eq!(code, 0, "{out}");
    let (code, out, err) = run("=full-access/sandbox-workspace-write");
    assert_eq!(code, 1, "{out}{err}");
}

#[test]
fn bad_usage_missing_targets_and_empty_choices_have_their_codes() {
    for (args, expected, part) in [
        (&[][..], 2, "--target"),
        (&["--target", "mokc"], 2, "is no target"),
        (&["--target", "codex@0.0.1"], 3, "codex@0.0.1"),
        (
            &["--target", "mock", "no-such-way"],
            4,
            "no session was selected",
        ),
        (&["--target", "mock", "--store"], 2, "is not kept"),
        (&["--kept", "--target", "mock"], 2, "cannot be used with"),
    ] {
        let (code, out, err) = permissions(args);
        assert_eq!(code, expected, "{args:?}: {out}{err}");
        assert!(err.contains(part), "{args:?}: {err}");
    }
}

#[test]
fn the_page_is_made_from_the_kept_matrices() {
    let kept = kept::all(Path::new(ROOT)).unwrap();
    let targets: Vec<&str> = kept.targets.iter().map(|of| of.target.as_str()).collect();
    assert_eq!(
        targets,
        [
            "codex@0.133.0",
            "codex@0.144.4",
            "codex@0.154.0",
            "codex@0.163.0",
            "codex@0.169.0"
        ]
    );
    let page = page::page(&kept);
    let written = fs::read_to_string(Path::new(ROOT).join("docs/permissions-matrix.md")).unwrap();
    assert!(
        page == written,
        "make it again: `permissions --kept --markdown docs/permissions-matrix.md`"
    );
}

#[test]
fn the_kept_matrices_follow_their_schema() {
    let path = Path::new(ROOT).join("fixtures/permissions.schema.json");
    let schema = Matrix::schema();
    let written: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(
        schema, written,
        "make it again: `permissions --schema > fixtures/permissions.schema.json`"
    );
    let validator = jsonschema::validator_for(&schema).unwrap();
    for entry in fs::read_dir(kept::directory(Path::new(ROOT))).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let value = serde_json::from_str(&text).unwrap();
        assert!(validator.is_valid(&value), "{}", path.display());
        assert_eq!(
            Matrix::parse(&text).unwrap().text(),
            text,
            "{}",
            path.display()
        );
    }
}
