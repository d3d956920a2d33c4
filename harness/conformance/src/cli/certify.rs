//! `certify`: the mock held against the real app-server, frame by frame.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::progress::{Progress, to_the_end};
use super::{CliError, Exit, complain, scenarios_dir, selection};
use crate::certify::exceptions::Exceptions;
use crate::certify::{Certificate, Plan, certify, report};
use crate::check::schema::SchemaCheck;
use crate::run::RunOptions;
use crate::schema;
use crate::target::Target;

/// The options of `certify`.
#[derive(Debug, Args)]
pub struct CertifyArgs {
    /// A part of a case's id, `=ID`, `@AREA` or `tag:NAME`; several choose what any of them chooses
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// What it is held against
    #[arg(long, value_name = "TARGET")]
    against: Target,
    /// What is certified
    #[arg(long, value_name = "TARGET", default_value = "mock")]
    target: Target,
    /// Where the scenarios are [default: the nearest `scenarios`, upwards]
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// How many cases run at once [default: one for each processor]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Write the certificate for programs; `-` is stdout, instead of the text
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs the scenarios on both targets and prints what comes of it.
///
/// # Errors
/// The scenarios can't be loaded, a target is missing, or the output can't be written.
pub fn execute(args: &CertifyArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let directory = scenarios_dir(args.scenarios.as_deref())?;
    let cases = selection::chosen(&directory, &args.filters)?;
    let root = directory.parent().unwrap_or(&directory);
    let version = version(&args.against);
    let usage = |message: String| CliError::usage(message, "correct it, or remove it");
    let exceptions = version.map_or_else(
        || Ok(Exceptions::default()),
        |version| Exceptions::of(root, version).map_err(|error| usage(error.to_string())),
    )?;
    let schema = match version {
        Some(version) => schema::load(root, version).map_err(|error| usage(error.to_string()))?,
        None => None,
    };
    if schema.is_none() {
        complain(&format!(
            "note: no schema of `{}`, so the coverage is only of what was seen; \
             `schema import` adds one",
            args.against
        ));
    }
    let defaults = RunOptions::default();
    let targets = [args.target.clone(), args.against.clone()];
    let frames = SchemaCheck::of(root, &targets).map_err(|error| usage(error.to_string()))?;
    let plan = Plan {
        cases: &cases,
        whole: args.filters.is_empty(),
        targets,
        options: RunOptions {
            jobs: args.jobs.unwrap_or(defaults.jobs),
            ..defaults
        },
        exceptions: &exceptions,
        schema: schema.as_ref(),
        frames: &frames,
    };
    for target in &plan.targets {
        target
            .launch(&plan.options)
            .map_err(|error| CliError::Failed {
                message: error.to_string(),
                hint: None,
                exit: Exit::Environment,
            })?;
    }
    let certificate = run(&plan)?;
    write(args, &certificate, out)?;
    Ok(exit(&certificate))
}

fn version(target: &Target) -> Option<&str> {
    match target {
        Target::Codex { version } => Some(version),
        _ => None,
    }
}

fn run(plan: &Plan<'_>) -> Result<Certificate, CliError> {
    let mut progress = Progress::of(plan.cases.len() * plan.targets.len());
    let certified = certify(plan, |event| progress.event(&event));
    Ok(to_the_end(&plan.options.cancel, certified)?)
}

fn write(
    args: &CertifyArgs,
    certificate: &Certificate,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let to_stdout = args
        .json
        .as_deref()
        .is_some_and(|path| path.as_os_str() == "-");
    if to_stdout {
        writeln!(out, "{:#}", report::json(certificate))?;
        return Ok(());
    }
    out.write_all(report::text(certificate).as_bytes())?;
    if let Some(path) = &args.json {
        let text = format!("{:#}\n", report::json(certificate));
        std::fs::write(path, text).map_err(|error| CliError::Failed {
            message: format!("can't write `{}`: {error}", path.display()),
            hint: None,
            exit: Exit::Environment,
        })?;
    }
    Ok(())
}

fn exit(certificate: &Certificate) -> Exit {
    let counts = certificate.counts();
    if !certificate.complete {
        complain("stopped: not every case was run");
    }
    if counts.differ > 0 {
        complain("hint: `run =ID --target T --keep` leaves the transcript of a run");
        return Exit::Failed;
    }
    if counts.broken > 0 {
        return Exit::Environment;
    }
    if !certificate.holds() {
        return Exit::Failed;
    }
    match counts.equal + counts.listed {
        0 => Exit::Nothing,
        _ => Exit::Success,
    }
}
