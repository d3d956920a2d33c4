//! `coverage`: which part of the protocol no scenario touches.

use std::fs::File;
use std::io::{BufReader, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use codex_wire::schema::Schema;
use codex_wire::transcript;

use super::{CliError, Exit, scenarios_dir, selection};
use crate::coverage::{Coverage, Names, Observer, report};
use crate::run::{self, RunEvent, RunOptions};
use crate::schema;
use crate::target::Target;

/// The options of `coverage`.
#[derive(Debug, Args)]
pub struct CoverageArgs {
    /// A part of a case's id, `=ID`, `@AREA` or `tag:NAME`; several choose what any of them chooses
    #[arg(value_name = "FILTER", conflicts_with = "transcripts")]
    filters: Vec<String>,
    /// What the cases run on; its version says which protocol they are held against
    #[arg(long, value_name = "TARGET", default_value = "mock")]
    target: Target,
    /// Run nothing, and read what `run --keep` left; several files, or directories with a
    /// `transcript.jsonl`
    #[arg(long, value_name = "PATH", num_args = 1..)]
    transcripts: Vec<PathBuf>,
    /// Where the scenarios are [default: the nearest `scenarios`, upwards]
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// How many cases run at once [default: one for each processor]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// List every name
    #[arg(long)]
    all: bool,
    /// For programs, instead of the text
    #[arg(long)]
    json: bool,
}

/// Prints what of the protocol was seen, and what never.
///
/// # Errors
/// The scenarios or transcripts can't be read, the schema isn't known, or the output can't be
/// written.
pub fn execute(args: &CoverageArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let directory = scenarios_dir(args.scenarios.as_deref())?;
    let schema = schema_of(&args.target, directory.parent().unwrap_or(&directory))?;
    let seen = if args.transcripts.is_empty() {
        of_cases(args, &schema, &directory)?
    } else {
        of_files(&args.transcripts, &schema)?
    };
    let coverage = Coverage::of(&seen, &schema);
    if args.json {
        writeln!(out, "{:#}", report::json(&coverage))?;
    } else {
        out.write_all(report::text(&coverage, args.all).as_bytes())?;
    }
    Ok(Exit::Success)
}

fn schema_of(target: &Target, root: &Path) -> Result<Schema, CliError> {
    let Some(version) = schema::version_of(target) else {
        return Err(CliError::usage(
            format!("the version of `{target}` isn't known"),
            "name `mock` or `codex@VERSION` with `--target`",
        ));
    };
    schema::load(root, version)
        .map_err(|error| {
            CliError::usage(error.to_string(), "import it again with `schema import`")
        })?
        .ok_or_else(|| {
            CliError::usage(
                format!("there is no schema of codex {version}"),
                format!("`schema import codex@{version}` makes it"),
            )
        })
}

/// Runs the cases, whatever comes of them.
fn of_cases(args: &CoverageArgs, schema: &Schema, directory: &Path) -> Result<Names, CliError> {
    let cases = selection::chosen(directory, &args.filters)?;
    let defaults = RunOptions::default();
    let options = RunOptions {
        jobs: args.jobs.unwrap_or(defaults.jobs),
        ..defaults
    };
    args.target
        .launch(&options)
        .map_err(|error| CliError::Failed {
            message: error.to_string(),
            hint: None,
            exit: Exit::Environment,
        })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut observer = Observer::new(Some(schema));
    let on_event = |event: RunEvent<'_>| {
        if let RunEvent::Finished(run) = event {
            observer.look(&run.transcript);
        }
    };
    let targets = std::slice::from_ref(&args.target);
    runtime.block_on(run::suite(&cases, targets, &options, on_event));
    Ok(observer.into_names())
}

fn of_files(paths: &[PathBuf], schema: &Schema) -> Result<Names, CliError> {
    let mut observer = Observer::new(Some(schema));
    for path in paths {
        let path = if path.is_dir() {
            path.join("transcript.jsonl")
        } else {
            path.clone()
        };
        let wrong = |error: &dyn std::fmt::Display| {
            CliError::usage(
                format!("can't read `{}`: {error}", path.display()),
                "`run --keep` leaves a `transcript.jsonl` in each directory that it names",
            )
        };
        let file = File::open(&path).map_err(|error| wrong(&error))?;
        let entries: Vec<_> = transcript::read(BufReader::new(file))
            .collect::<Result<_, _>>()
            .map_err(|error| wrong(&error))?;
        observer.look(&entries);
    }
    Ok(observer.into_names())
}
