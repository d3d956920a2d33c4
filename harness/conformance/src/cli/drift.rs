//! `drift`: what changed from one app-server to another.

use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use codex_wire::schema::Schema;

use super::progress::{Progress, to_the_end};
use super::{CliError, Exit, complain, scenarios_dir, selection};
use crate::check::snapshot::Update;
use crate::check::verdict::Judge;
use crate::drift::{Drift, Plan, drift, report};
use crate::run::{RunEvent, RunOptions};
use crate::scenario::model::Case;
use crate::schema::import::import;
use crate::schema::{load, version_of};
use crate::target::Target;
use crate::target::cache::Cache;

/// The options of `drift`.
#[derive(Debug, Args)]
pub struct DriftArgs {
    /// What was: `codex@VERSION`, `mock`, or any other target
    #[arg(value_name = "A")]
    before: Target,
    /// What is
    #[arg(value_name = "B")]
    after: Target,
    /// Cases to run: a part of an id, `=ID`, `@AREA` or `tag:NAME`; all unless given
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Run them on the mock too, and tell which of contract, real one and mock moved
    #[arg(long)]
    mock: bool,
    /// Where the scenarios are, with `fixtures` beside it [default: the nearest `scenarios`,
    /// upwards]
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// How many cases run at once [default: two for each processor, as a real one waits much]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Begin no further case after so many minutes; a case of each scenario comes first, and the
    /// report says how many there were
    #[arg(long, value_name = "MINUTES", value_parser = minutes)]
    within: Option<Duration>,
    /// Write the report for programs; `-` is stdout, instead of the text
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as a page; `-` is stdout, instead of the text
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    markdown: Option<PathBuf>,
    /// End with exit code 1 when there is such a change
    #[arg(long, value_enum, value_name = "WHAT")]
    fail_on: Option<FailOn>,
}

/// From which change on it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// A case that passed and doesn't any more
    Verdict,
    /// Any difference on a wire, or another verdict
    Any,
}

fn minutes(given: &str) -> Result<Duration, String> {
    given
        .parse()
        .ok()
        .filter(|minutes: &f64| *minutes > 0.0)
        .and_then(|minutes| Duration::try_from_secs_f64(minutes * 60.0).ok())
        .ok_or_else(|| "a number of minutes above 0".to_owned())
}

/// Runs the scenarios on both targets and tells what changed.
///
/// # Errors
/// The scenarios or fixtures can't be loaded, a target is missing, or the output can't be written.
pub fn execute(args: &DriftArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let directory = scenarios_dir(args.scenarios.as_deref())?;
    let cases = selection::chosen(&directory, &args.filters)?;
    let mut targets = vec![args.before.clone(), args.after.clone()];
    targets.extend(args.mock.then_some(Target::MOCK));
    let root = directory.parent().unwrap_or(&directory);
    let run = Comparison {
        root,
        cases: &cases,
        targets: &targets,
        options: options(args.jobs),
        within: args.within,
    };
    let drift = run.compare(|_| ())?;
    write(args, &drift, out)?;
    Ok(exit(args, &drift))
}

/// How cases are run.
pub(super) fn options(jobs: Option<NonZeroUsize>) -> RunOptions {
    let defaults = RunOptions::default();
    let two = NonZeroUsize::MIN.saturating_add(1);
    RunOptions {
        jobs: jobs.unwrap_or(defaults.jobs.saturating_mul(two)),
        ..defaults
    }
}

/// Cases on two targets, and perhaps the mock.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    /// The directory that has `fixtures`.
    pub(super) root: &'a Path,
    pub(super) cases: &'a [Arc<Case>],
    pub(super) targets: &'a [Target],
    pub(super) options: RunOptions,
    pub(super) within: Option<Duration>,
}

impl Comparison<'_> {
    /// Runs the cases and compares; `watch` sees what happens.
    pub(super) fn compare(self, mut watch: impl FnMut(&RunEvent<'_>)) -> Result<Drift, CliError> {
        let Self { root, targets, .. } = self;
        let judge = Judge::new(root, targets, Update::Never)
            .map_err(|error| CliError::usage(error.to_string(), "correct it, or remove it"))?
            .without_snapshots();
        for target in targets {
            target
                .launch(&self.options)
                .map_err(|error| CliError::Failed {
                    message: error.to_string(),
                    hint: None,
                    exit: Exit::Environment,
                })?;
        }
        let [before, after] = [schema(root, &targets[0])?, schema(root, &targets[1])?];
        let plan = Plan {
            cases: self.cases,
            targets: targets.to_vec(),
            options: self.options,
            judge: &judge,
            schemas: [before.as_ref(), after.as_ref()],
            within: self.within,
        };
        let mut progress = Progress::of(plan.cases.len() * targets.len());
        let done = drift(&plan, |event| {
            progress.event(&event);
            watch(&event);
        });
        Ok(to_the_end(&plan.options.cancel, done)?)
    }
}

/// The protocol of a target: the imported one, else what an installed codex says itself.
fn schema(root: &Path, target: &Target) -> Result<Option<Schema>, CliError> {
    let usage = |message: String| CliError::usage(message, "import it again with `schema import`");
    let Some(version) = version_of(target) else {
        complain(&format!(
            "note: no schema of `{target}`, so changes of the protocol are not told"
        ));
        return Ok(None);
    };
    if let Some(schema) = load(root, version).map_err(|error| usage(error.to_string()))? {
        return Ok(Some(schema));
    }
    let installed = Cache::from_environment()
        .and_then(|cache| cache.find(version))
        .ok()
        .flatten();
    let text = installed.and_then(|codex| import(&codex.program, version).ok());
    text.map(|text| Schema::parse(&text).map_err(|error| usage(error.to_string())))
        .transpose()
}

fn write(args: &DriftArgs, drift: &Drift, out: &mut dyn Write) -> Result<(), CliError> {
    let json = || format!("{:#}\n", report::json(drift));
    let markdown = || report::markdown(drift);
    let forms: [(&Option<PathBuf>, &dyn Fn() -> String); 2] =
        [(&args.json, &json), (&args.markdown, &markdown)];
    let mut to_stdout = false;
    for (path, form) in forms {
        let Some(path) = path else { continue };
        if path.as_os_str() == "-" {
            out.write_all(form().as_bytes())?;
            to_stdout = true;
            continue;
        }
        fs::write(path, form()).map_err(|error| CliError::Failed {
            message: format!("can't write `{}`: {error}", path.display()),
            hint: None,
            exit: Exit::Environment,
        })?;
    }
    if !to_stdout {
        out.write_all(report::text(drift).as_bytes())?;
    }
    Ok(())
}

fn exit(args: &DriftArgs, drift: &Drift) -> Exit {
    if drift.counts.compared == 0 {
        complain("error: no case could be compared: all were skipped, or could not be started");
        return Exit::Nothing;
    }
    if !drift.is_complete() && args.within.is_none() {
        complain("stopped: not every case was run");
        return Exit::Failed;
    }
    let lost = drift.turned.iter().any(|group| group.words[0] == "passed");
    let any = !drift.turned.is_empty() || !drift.entries.is_empty();
    match args.fail_on {
        Some(FailOn::Verdict) if lost => Exit::Failed,
        Some(FailOn::Any) if any => Exit::Failed,
        _ => Exit::Success,
    }
}
