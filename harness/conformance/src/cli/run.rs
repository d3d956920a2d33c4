//! `run`: cases on targets, and what came of them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use crate::check::snapshot::Update;
use crate::check::verdict::Judge;
use crate::cli::{CliError, Exit, ending, scenarios_dir};
use crate::client::driver::Sdk;
use crate::report::terminal::Terminal;
use crate::report::{Problem, Summary};
use crate::run::outcome::{CaseRun, Status};
use crate::run::{RunEvent, RunOptions};
use crate::scenario::model::Case;
use crate::target::Target;
use crate::{run, scenario};

mod clients;
mod reports;
mod required;
mod shard;
mod token;

use self::clients::{chosen_clients, of_sdks};
use self::reports::write_reports;
use self::required::required;
pub use self::shard::{Shard, ShardError};
use self::token::token;

/// The options of `run`.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct RunArgs {
    /// Cases to run: a part of an id, `=ID`, `@AREA` or `tag:NAME`; all unless given
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,
    /// Where the scenarios are, with `snapshots` and `fixtures` beside it; the nearest `scenarios`
    /// at or above the current directory unless given
    #[arg(long, value_name = "DIR")]
    pub scenarios: Option<PathBuf>,
    /// What to run them on: `mock`, `codex@VERSION`, `cmd:COMMAND`, `ws://IP:PORT` or `unix://PATH`;
    /// may be repeated
    #[arg(long = "target", value_name = "T", default_value = "mock")]
    pub targets: Vec<Target>,
    /// What drives them: `reference`, an SDK of `sdk list`, `cmd:COMMAND` for a driver of your own,
    /// or `all` for every installed SDK; may be repeated
    #[arg(long = "client", value_name = "C", default_value = "reference")]
    pub clients: Vec<String>,
    /// The file with the bearer token that a `ws://` or `unix://` target wants
    #[arg(long, value_name = "FILE", conflicts_with = "token_env")]
    pub token_file: Option<PathBuf>,
    /// The variable of the environment with that token
    #[arg(long, value_name = "NAME")]
    pub token_env: Option<String>,
    /// How many cases run at once, beside those tagged `waits`; as many as there are processors unless given
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// The longest a case may take, in seconds, unless it says so itself
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// Stop at the first failure
    #[arg(long)]
    pub fail_fast: bool,
    /// Write the snapshots that differ or are missing; what a real codex showed is only replaced
    /// on a real one
    #[arg(long)]
    pub update_snapshots: bool,
    /// Don't hold frames against the schema of the target's version
    #[arg(long)]
    pub no_schema: bool,
    /// Keep the directories of each case
    #[arg(long)]
    pub keep: bool,
    /// Write a report for programs; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a report in the format of `JUnit`; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Only what a server of this version must pass, as `requirements/VERSION.yaml` has frozen it
    #[arg(long, value_name = "VERSION")]
    pub requirements: Option<String>,
    /// Run one of N parts of the cases; a case is always in the same part
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
}

fn seconds(given: &str) -> Result<Duration, String> {
    given
        .parse()
        .ok()
        .filter(|seconds: &f64| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "a number of seconds above 0".to_owned())
}

/// Why nothing was run: what is left to say, which may be nothing, and the exit code.
struct Refusal(Exit, String);

impl From<CliError> for Refusal {
    fn from(error: CliError) -> Self {
        match error {
            CliError::Failed { ref hint, exit, .. } => {
                let hint = hint
                    .as_ref()
                    .map_or(String::new(), |hint| format!("\nhint: {hint}"));
                Self(exit, format!("error: {error}{hint}"))
            }
            CliError::Told(exit) => Self(exit, String::new()),
            CliError::Output(_) => Self(Exit::Environment, format!("error: {error}")),
        }
    }
}

/// Runs what the options say, reports on stdout (on stderr when a report goes to stdout), and
/// gives the exit code.
pub fn execute(args: &RunArgs) -> Exit {
    match try_execute(args) {
        Ok(exit) => exit,
        Err(Refusal(exit, message)) => {
            // With stderr gone there is nobody to tell.
            if !message.is_empty() {
                let _ = writeln!(io::stderr(), "{}", message.trim_end());
            }
            exit
        }
    }
}

/// What there is to do.
struct Plan {
    loaded: Vec<Arc<Case>>,
    chosen: Vec<Arc<Case>>,
    judge: Judge,
    options: RunOptions,
    /// `None` is the reference client.
    clients: Vec<Option<Arc<Sdk>>>,
}

impl Plan {
    /// How many results there will be.
    fn count(&self, args: &RunArgs) -> usize {
        self.chosen.len() * args.targets.len() * self.clients.len()
    }
}

fn try_execute(args: &RunArgs) -> Result<Exit, Refusal> {
    let plan = plan(args)?;
    let begun = Instant::now();
    let mut terminal = terminal(args, plan.count(args));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Refusal(
                Exit::Environment,
                format!("error: can't start threads: {error}"),
            )
        })?;
    let runs = runtime.block_on(run_all(args, &plan, &mut terminal));
    let complete = runs.len() == plan.count(args);
    let problems = if complete {
        problems(args, &plan)?
    } else {
        Vec::new()
    };
    let summary = Summary::of(&runs, &problems, begun.elapsed());
    shown(terminal.ended(&problems, &summary))?;
    if !complete {
        let missing = plan.count(args) - runs.len();
        let _ = writeln!(io::stderr(), "stopped: {missing} cases have no result");
    }
    write_reports(args, &plan, &runs, &problems, &summary)?;
    Ok(exit(&summary, complete))
}

fn plan(args: &RunArgs) -> Result<Plan, Refusal> {
    let scenarios = scenarios_dir(args.scenarios.as_deref())?;
    let loaded = load(&scenarios)?;
    let mut chosen = scenario::select(&required(args, &scenarios, &loaded)?, &args.filters);
    if let Some(shard) = args.shard {
        chosen.retain(|case| shard.has(&case.id));
    }
    if chosen.is_empty() {
        let mut message = "error: no case was selected".to_owned();
        if !args.filters.is_empty() {
            let _ = write!(
                message,
                "\nhint: `list` shows the {} there are",
                loaded.len()
            );
        }
        return Err(Refusal(Exit::Nothing, message));
    }
    let update = match (args.update_snapshots, is_set("CI")) {
        (true, _) => Update::Write,
        (false, true) => Update::Never,
        (false, false) => Update::Propose,
    };
    let clients = chosen_clients(&args.clients, root(&scenarios))?;
    let names = clients.iter().flatten().map(|sdk| sdk.name.as_str());
    let mut judge = Judge::new(root(&scenarios), &args.targets, update)
        .and_then(|judge| judge.with_clients(root(&scenarios), names))
        .map_err(|error| Refusal(Exit::Usage, format!("error: {error}")))?;
    if args.no_schema {
        judge = judge.without_schemas();
    }
    let defaults = RunOptions::default();
    let options = RunOptions {
        jobs: args.jobs.unwrap_or(defaults.jobs),
        timeout: args.timeout,
        keep: args.keep,
        token: token(args)?,
        ..defaults
    };
    for target in &args.targets {
        target
            .launch(&options)
            .map_err(|error| Refusal(Exit::Environment, format!("error: {error}")))?;
    }
    Ok(Plan {
        loaded,
        chosen,
        judge,
        options,
        clients,
    })
}

fn load(directory: &Path) -> Result<Vec<Arc<Case>>, Refusal> {
    let report = scenario::load(&[directory.to_owned()]);
    if report.errors.is_empty() {
        return Ok(report.cases);
    }
    let colours = colours(&io::stderr());
    let mut message: String = report
        .errors
        .iter()
        .map(|error| error.render(colours) + "\n")
        .collect();
    let count = report.errors.len();
    let _ = write!(
        message,
        "error: {count} defects in the scenarios; nothing was run"
    );
    Err(Refusal(Exit::Usage, message))
}

/// The directory that has `scenarios`, `snapshots` and `fixtures`.
fn root(scenarios: &Path) -> &Path {
    scenarios.parent().unwrap_or(scenarios)
}

/// Runs, judges and shows; the results have the order of the targets and cases.
async fn run_all(
    args: &RunArgs,
    plan: &Plan,
    terminal: &mut Terminal<Box<dyn Write>>,
) -> Vec<CaseRun> {
    let Plan {
        chosen,
        judge,
        options,
        ..
    } = plan;
    let _listening = ending::cancels(&options.cancel);
    let mut judged: Vec<CaseRun> = Vec::new();
    let mut stopped = false;
    let on_event = |event: RunEvent<'_>| match event {
        RunEvent::Started { case, .. } => terminal.started(&case.id),
        RunEvent::Finished(run) if !stopped => {
            let run = judge.judge(run.clone());
            // A reader that has gone away misses the rest, but the exit code still counts.
            let _ = terminal.finished(&run);
            if args.fail_fast && matches!(run.status, Status::Failed | Status::Broken(_)) {
                stopped = true;
                options.cancel.cancel();
            }
            judged.push(run);
        }
        RunEvent::Finished(_) => {}
    };
    let mut on_event = on_event;
    let mut unjudged = Vec::new();
    let alike = |a: &Option<Arc<Sdk>>, b: &Option<Arc<Sdk>>| a.is_some() == b.is_some();
    for clients in plan.clients.chunk_by(alike) {
        let options = if clients.iter().all(Option::is_none) {
            options.clone()
        } else {
            of_sdks(args, options, plan)
        };
        let runs = run::suite_of_clients(chosen, &args.targets, clients, &options, &mut on_event);
        unjudged.extend(runs.await);
    }
    // The suite knows the order, the judged ones came as they ended.
    let key = |run: &CaseRun| (run.client.clone(), run.target.clone(), run.case.id.clone());
    let places: HashMap<_, _> = unjudged.iter().map(key).zip(0..).collect();
    judged.sort_by_cached_key(|run| places.get(&key(run)).copied().unwrap_or(usize::MAX));
    judged
}

fn problems(args: &RunArgs, plan: &Plan) -> Result<Vec<Problem>, Refusal> {
    plan.judge
        .problems(&plan.loaded, &args.filters)
        .map_err(|error| {
            Refusal(
                Exit::Environment,
                format!("error: can't read the snapshots: {error}"),
            )
        })
}

fn terminal(args: &RunArgs, cases: usize) -> Terminal<Box<dyn Write>> {
    let to_stdout = |path: &Option<PathBuf>| path.as_deref() == Some(Path::new("-"));
    let terminal: Terminal<Box<dyn Write>> = if to_stdout(&args.json) || to_stdout(&args.junit) {
        Terminal::new(Box::new(io::stderr()), colours(&io::stderr()))
    } else {
        Terminal::new(Box::new(io::stdout()), colours(&io::stdout()))
    };
    if io::stderr().is_terminal() && !is_set("CI") {
        terminal.with_progress(cases)
    } else {
        terminal
    }
}

fn colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal()
        && !is_set("NO_COLOR")
        && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// A reader that stopped reading is no error.
fn shown(result: io::Result<()>) -> Result<(), Refusal> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Refusal(Exit::Environment, format!("error: {error}")))
        }
        _ => Ok(()),
    }
}

fn exit(summary: &Summary, complete: bool) -> Exit {
    let ran = summary.passed + summary.failed + summary.known_count();
    if summary.failed > summary.broken {
        Exit::Failed
    } else if summary.broken > 0 {
        Exit::Environment
    } else if !complete {
        Exit::Failed
    } else if ran == 0 {
        Exit::Nothing
    } else {
        Exit::Success
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_tell_what_is_at_fault() {
        let summary = |passed, failed, broken| Summary {
            passed,
            failed,
            broken,
            ..Summary::default()
        };
        assert_eq!(exit(&summary(1, 0, 0), true), Exit::Success);
        assert_eq!(exit(&summary(1, 1, 0), true), Exit::Failed);
        assert_eq!(exit(&summary(1, 2, 1), true), Exit::Failed);
        assert_eq!(exit(&summary(1, 1, 1), true), Exit::Environment);
        assert_eq!(exit(&summary(0, 0, 0), true), Exit::Nothing);
        assert_eq!(exit(&summary(1, 0, 0), false), Exit::Failed);
    }

    #[test]
    fn a_timeout_is_a_positive_number() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for wrong in ["0", "-1", "x", "inf", "NaN"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
