//! Every case of `scenarios/` as a test of its own, named by its id.
//!
//! On the mock always. On a real codex, as `codex@0.169.0::<id>`, when `CONFORMANCE_TARGETS` names
//! it (several with commas between them) or `CONFORMANCE_REQUIRE` has `codex`. A required one that
//! is not installed is a failure. A case that fails gets as many tries as `CONFORMANCE_TRIES` says
//! (one, unless given), since some frames race each other in ways that no normalisation rule knows
//! yet; one that needs several is told on stderr, so that the race can become a rule.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use codex_conformance::check::snapshot::Update;
use codex_conformance::check::verdict::Judge;
use codex_conformance::report::Summary;
use codex_conformance::report::terminal::Terminal;
use codex_conformance::run::outcome::{CaseRun, Status};
use codex_conformance::run::{RunOptions, case};
use codex_conformance::scenario::{self, model::Case};
use codex_conformance::target::Target;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tokio::runtime::{Builder, Runtime};

/// The real one whose behaviour the snapshots record.
const REAL: &str = "codex@0.169.0";

/// What every test needs.
struct Bench {
    judge: Judge,
    options: RunOptions,
    runtime: Runtime,
    /// How often a case may be tried.
    tries: u32,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    match trials(&arguments) {
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn trials(arguments: &Arguments) -> Result<Vec<Trial>, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // From the root, so that places read `scenarios/…`, as they do on the command line.
    std::env::set_current_dir(&root).map_err(|error| format!("{}: {error}", root.display()))?;
    let cases = load()?;
    let targets = targets(arguments)?;
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    let update = if ci { Update::Never } else { Update::Propose };
    let judge = Judge::new(Path::new("."), &targets, update).map_err(|error| error.to_string())?;
    let tries = match std::env::var("CONFORMANCE_TRIES") {
        Ok(tries) => tries
            .parse()
            .map_err(|error| format!("CONFORMANCE_TRIES: `{tries}`: {error}"))?,
        Err(_) => 1,
    };
    let options = RunOptions {
        mock_program: Some(PathBuf::from(env!("CARGO_BIN_EXE_codex-conformance"))),
        ..RunOptions::default()
    };
    let bench = Arc::new(Bench {
        judge,
        options,
        runtime,
        tries,
    });
    let mut trials = vec![whole(&bench, &cases)];
    for target in &targets {
        trials.push(available(&bench, target));
        for case in &cases {
            trials.push(trial(&bench, case, target));
        }
    }
    Ok(trials)
}

fn load() -> Result<Vec<Arc<Case>>, String> {
    let report = scenario::load(&[PathBuf::from("scenarios")]);
    if report.errors.is_empty() {
        return Ok(report.cases);
    }
    Err(report
        .errors
        .iter()
        .map(|error| error.render(false))
        .collect())
}

/// The mock, and the real ones that the environment asks for.
fn targets(arguments: &Arguments) -> Result<Vec<Target>, String> {
    let list = |variable: &str| -> Vec<String> {
        let value = std::env::var(variable).unwrap_or_default();
        value
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let mut names = list("CONFORMANCE_TARGETS");
    if list("CONFORMANCE_REQUIRE")
        .iter()
        .any(|required| required == "codex")
    {
        names.push(REAL.to_owned());
    }
    names.retain(|name| name != "mock");
    names.sort();
    names.dedup();
    if names.is_empty() && !arguments.list {
        eprintln!(
            "on the mock alone; for the real one: `cargo conformance target install {REAL}`, then set \
             `CONFORMANCE_TARGETS={REAL}`"
        );
    }
    let mut targets = vec![Target::MOCK];
    for name in names {
        targets.push(
            name.parse()
                .map_err(|error| format!("CONFORMANCE_TARGETS: {error}"))?,
        );
    }
    Ok(targets)
}

/// The lists of known failures and the snapshots fit the scenarios.
fn whole(bench: &Arc<Bench>, cases: &[Arc<Case>]) -> Trial {
    let (bench, cases) = (Arc::clone(bench), cases.to_vec());
    Trial::test("every-list-and-snapshot-has-its-case", move || {
        let problems = bench.judge.problems(&cases, &[])?;
        if problems.is_empty() {
            return Ok(());
        }
        let mut out = Vec::new();
        let summary = Summary::of([], &problems, Duration::ZERO);
        Terminal::new(&mut out, false).ended(&problems, &summary)?;
        Err(String::from_utf8_lossy(&out).into())
    })
}

/// The target can be started.
fn available(bench: &Arc<Bench>, target: &Target) -> Trial {
    let (bench, target) = (Arc::clone(bench), target.clone());
    Trial::test(format!("{target}-is-installed"), move || {
        target
            .launch(&bench.options)
            .map(drop)
            .map_err(Failed::from)
    })
}

fn trial(bench: &Arc<Bench>, case: &Arc<Case>, target: &Target) -> Trial {
    let name = match target {
        Target::Mock { .. } => case.id.clone(),
        other => format!("{other}::{}", case.id),
    };
    let (bench, case, target) = (Arc::clone(bench), Arc::clone(case), target.clone());
    Trial::ignorable_test(name, move || {
        let mut again = 1;
        loop {
            let run = bench
                .runtime
                .block_on(case::run(&case, &target, &bench.options));
            let run = bench.judge.judge(run);
            match &run.status {
                Status::Passed | Status::Known(_) => return Ok(Completion::Completed),
                Status::Skipped(reason) | Status::Unsupported(reason) => {
                    return Ok(Completion::ignored_with(reason.clone()));
                }
                Status::Failed | Status::Broken(_) if again < bench.tries => {
                    again += 1;
                    eprintln!("{}try {again} of {}\n", shown(&run)?, bench.tries);
                }
                Status::Failed | Status::Broken(_) => return Err(shown(&run)?.into()),
            }
        }
    })
}

fn shown(run: &CaseRun) -> Result<String, Failed> {
    let mut out = Vec::new();
    Terminal::new(&mut out, false).finished(run)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}
