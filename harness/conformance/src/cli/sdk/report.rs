//! `sdk report`: what came of SDKs, from saved results.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::cli::{CliError, Exit};
use crate::sdk::matrix::saved::SavedError;
use crate::sdk::matrix::{Matrix, badge, json, junit, markdown, saved, text};

/// The options of `sdk report`.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// What `run --json FILE` wrote, of any clients and targets; a case that several files have
    /// counts as the last of them has it
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// As what
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where to, instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write a badge for each client, for the endpoint of shields.io
    #[arg(long, value_name = "DIR")]
    badges: Option<PathBuf>,
}

/// What a report is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables for a terminal
    Text,
    /// For programs: fixtures/sdk-report.schema.json
    Json,
    /// For CI servers
    Junit,
    /// For a README, or the summary of a CI step
    Markdown,
}

/// Writes the report.
///
/// # Errors
/// A file isn't what `run --json` writes, or the report can't be written.
pub(super) fn execute(args: &ReportArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let results = saved::read(&args.files).map_err(|error| of_saved(&error))?;
    let matrix = Matrix::of(results);
    let report = match args.format {
        Format::Text => text::write(&matrix),
        Format::Json => format!("{:#}\n", json::write(&matrix)),
        Format::Junit => junit::write(&matrix).map_err(io::Error::other)? + "\n",
        Format::Markdown => markdown::write(&matrix),
    };
    match &args.output {
        None => out.write_all(report.as_bytes())?,
        Some(path) => fs::write(path, report).map_err(|error| unwritten(path, &error))?,
    }
    if let Some(directory) = &args.badges {
        fs::create_dir_all(directory).map_err(|error| unwritten(directory, &error))?;
        for (name, badge) in badge::all(&matrix) {
            let path = directory.join(name);
            fs::write(&path, format!("{badge:#}\n")).map_err(|error| unwritten(&path, &error))?;
        }
    }
    Ok(Exit::Success)
}

fn of_saved(error: &SavedError) -> CliError {
    let hint = match error {
        SavedError::Version { .. } => {
            "run again with this version of codex-conformance, or report with the one that ran"
        }
        _ => "`codex-conformance run --client NAME --json FILE` writes what is read here",
    };
    CliError::usage(error.to_string(), hint)
}

fn unwritten(path: &Path, error: &io::Error) -> CliError {
    io::Error::new(
        error.kind(),
        format!("can't write `{}`: {error}", path.display()),
    )
    .into()
}
