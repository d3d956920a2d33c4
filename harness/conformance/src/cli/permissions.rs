//! `permissions`: what is in force, for each way to set permissions, at each moment.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{CliError, Exit, complain, ending, scenarios_dir};
use crate::permissions::kept::{self, KeptError, Known};
use crate::permissions::model::{Kind, Matrix, OfTarget};
use crate::permissions::page::page;
use crate::permissions::{MatrixError, Plan, keep, matrix, report};
use crate::run::{RunEvent, RunOptions};
use crate::schema::version_of;
use crate::target::Target;

/// The options of `permissions`.
#[derive(Debug, Args)]
pub struct PermissionsArgs {
    /// Sessions to run: a part of an id (`DEFAULT/WAY`), or `=ID`; all unless given
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// What is looked at: `mock`, `codex@VERSION` or `cmd:COMMAND`; may be repeated
    #[arg(long = "target", value_name = "T", required_unless_present_any = ["kept", "keep", "schema"])]
    targets: Vec<Target>,
    /// How many sessions run at once [default: one for each processor]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Run nothing: take the matrices of `fixtures/permissions`
    #[arg(long, conflicts_with_all = ["targets", "filters"])]
    kept: bool,
    /// Write the matrix as JSON; `-` is stdout
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the matrix as a page; `-` is stdout
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write the sessions as scenarios below this directory, to run them with `run --scenarios`
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Replace the matrices of these versions in `fixtures/permissions`
    #[arg(long, conflicts_with_all = ["filters", "kept"])]
    store: bool,
    /// Which findings that are not known end with exit code 1
    #[arg(long, value_enum, value_name = "KIND", default_value_t = FailOn::Any)]
    fail_on: FailOn,
    /// The directory that has `fixtures` [default: beside the nearest `scenarios`, upwards]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Print the JSON Schema of the matrix
    #[arg(long, exclusive = true)]
    schema: bool,
}

/// Which findings count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// More authority than was asked for
    Widening,
    /// That, and accounts that disagree
    Disagreement,
    /// All of them
    Any,
}

impl FailOn {
    fn counts(self, kind: Kind) -> bool {
        match self {
            Self::Widening => kind == Kind::Widened,
            Self::Disagreement => matches!(kind, Kind::Widened | Kind::Disagreement),
            Self::Any => true,
        }
    }
}

/// Runs the sessions and prints what is new and what is known.
///
/// # Errors
/// A target is missing, a session can't be run on this machine, or the output can't be written.
pub fn execute(args: &PermissionsArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    if args.schema {
        writeln!(out, "{:#}", Matrix::schema())?;
        return Ok(Exit::Success);
    }
    if let Some(directory) = &args.keep {
        let kept = keep(directory, &args.filters);
        let count = kept.map_err(|error| unwritable(directory, &error))?;
        let place = directory.display();
        complain(&format!("{count} scenarios are in `{place}`"));
        if count == 0 {
            return Ok(Exit::Nothing);
        }
    }
    let is_codex = |target: &&Target| matches!(target, Target::Codex { .. });
    if let (true, Some(other)) = (args.store, args.targets.iter().find(|it| !is_codex(it))) {
        let message = format!("the matrix of `{other}` is not kept");
        return Err(CliError::usage(message, "`--store` is for `codex@VERSION`"));
    }
    let root = root(args)?;
    if args.kept {
        let root = root.as_deref().unwrap_or(Path::new("."));
        write(args, &kept::all(root).map_err(|it| unkept(&it))?, out)?;
    }
    if args.targets.is_empty() {
        return Ok(Exit::Success);
    }
    let matrix = run(args)?;
    let mut is_new = false;
    for (target, of) in args.targets.iter().zip(&matrix.targets) {
        is_new |= tell(args, (target, of), root.as_deref(), out)?;
    }
    write(args, &matrix, out)?;
    if is_new {
        complain(
            "hint: `permissions --keep DIR` writes the sessions as scenarios; \
             `run --scenarios DIR '=DEFAULT/WAY' --target T` shows one again",
        );
        return Ok(Exit::Failed);
    }
    Ok(Exit::Success)
}

/// Prints what there is on a target, and keeps it if that is wanted. Is there something that
/// counts and wasn't known? What is kept now is known from now on.
fn tell(
    args: &PermissionsArgs,
    (target, of): (&Target, &OfTarget),
    root: Option<&Path>,
    out: &mut dyn Write,
) -> Result<bool, CliError> {
    let kept = known(root, version_of(target))?;
    let known = Known::of(kept.as_ref());
    if !to_stdout(args) {
        out.write_all(report::text(of, &known).as_bytes())?;
    }
    if let (true, Target::Codex { version }, Some(root)) = (args.store, target, root) {
        let path = kept::store(root, version, of).map_err(|it| unkept(&it))?;
        complain(&format!("stored: `{}`", path.display()));
        return Ok(false);
    }
    let mut findings = of.findings();
    Ok(findings.any(|(cell, it)| args.fail_on.counts(it.kind) && !known.has(cell, it)))
}

/// Where `fixtures` is. Without a checkout nothing is known beforehand.
fn root(args: &PermissionsArgs) -> Result<Option<PathBuf>, CliError> {
    if let Some(root) = &args.root {
        return Ok(Some(root.clone()));
    }
    match scenarios_dir(None) {
        Ok(scenarios) => Ok(Some(scenarios.parent().unwrap_or(&scenarios).to_owned())),
        Err(error) if args.kept || args.store => Err(error),
        Err(_) => Ok(None),
    }
}

fn known(root: Option<&Path>, version: Option<&str>) -> Result<Option<OfTarget>, CliError> {
    match (root, version) {
        (Some(root), Some(version)) => kept::of_version(root, version).map_err(|it| unkept(&it)),
        _ => Ok(None),
    }
}

fn run(args: &PermissionsArgs) -> Result<Matrix, CliError> {
    let defaults = RunOptions::default();
    let plan = Plan {
        targets: args.targets.clone(),
        filters: args.filters.clone(),
        options: RunOptions {
            jobs: args.jobs.unwrap_or(defaults.jobs),
            ..defaults
        },
    };
    for target in &plan.targets {
        target
            .launch(&plan.options)
            .map_err(|error| environment(error.to_string()))?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let shows = io::stderr().is_terminal();
    let mut done = 0;
    let on_event = |event: RunEvent<'_>| {
        if let RunEvent::Finished(run) = event {
            done += 1;
            if shows {
                // With stderr gone there is nobody to tell.
                let _ = write!(
                    io::stderr(),
                    "\r\x1b[K{done} sessions, {} last",
                    run.case.id
                );
            }
        }
    };
    let made = runtime.block_on(async {
        let _listening = ending::cancels(&plan.options.cancel);
        matrix(&plan, on_event).await
    });
    if shows {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    made.map_err(|error| CliError::Failed {
        message: error.to_string(),
        hint: None,
        exit: match error {
            MatrixError::Nothing => Exit::Nothing,
            MatrixError::Environment { .. } | MatrixError::Stopped => Exit::Environment,
        },
    })
}

/// Does a document go to stdout, instead of the text?
fn to_stdout(args: &PermissionsArgs) -> bool {
    let is_stdout = |path: &Option<PathBuf>| path.as_deref() == Some(Path::new("-"));
    is_stdout(&args.json) || is_stdout(&args.markdown)
}

fn write(args: &PermissionsArgs, matrix: &Matrix, out: &mut dyn Write) -> Result<(), CliError> {
    let documents = [
        (&args.json, Matrix::text as fn(&Matrix) -> String),
        (&args.markdown, page),
    ];
    for (path, make) in documents {
        match path.as_deref() {
            Some(path) if path == Path::new("-") => out.write_all(make(matrix).as_bytes())?,
            Some(path) => {
                fs::write(path, make(matrix)).map_err(|error| unwritable(path, &error))?;
            }
            None => {}
        }
    }
    Ok(())
}

fn environment(message: String) -> CliError {
    CliError::Failed {
        message,
        hint: None,
        exit: Exit::Environment,
    }
}

fn unwritable(path: &Path, error: &io::Error) -> CliError {
    environment(format!("can't write `{}`: {error}", path.display()))
}

fn unkept(error: &KeptError) -> CliError {
    CliError::usage(
        error.to_string(),
        "make it again with `permissions --target codex@VERSION --store`",
    )
}
