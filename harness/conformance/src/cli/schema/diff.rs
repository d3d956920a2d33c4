//! `schema diff`: what changed between two versions of the protocol.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use codex_wire::schema::Schema;

use super::super::{CliError, Exit, scenarios_dir};
use crate::schema::diff::{Diff, FailOn, report};
use crate::schema::{load, path_of};

/// The options of `schema diff`.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// What was: `codex@VERSION` for an imported one, or a file that `schema import` wrote
    #[arg(value_name = "A")]
    before: String,
    /// What is, in the same form
    #[arg(value_name = "B")]
    after: String,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// End with exit code 1 when there is such a change
    #[arg(long, value_enum, value_name = "WEIGHT")]
    fail_on: Option<FailOn>,
    /// Where the imported ones are: the directory that has `fixtures` [default: beside the nearest
    /// `scenarios`, upwards]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

/// How a comparison is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines for people
    Text,
    /// A page
    Markdown,
    /// For programs, as `fixtures/schema-diff.schema.json` describes it
    Json,
}

pub(super) fn execute(args: &DiffArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let [before, after] = [&args.before, &args.after].map(|name| schema(args, name));
    let diff = Diff::between(&before?, &after?);
    match args.format {
        Format::Text => out.write_all(report::text(&diff).as_bytes())?,
        Format::Markdown => out.write_all(report::markdown(&diff).as_bytes())?,
        Format::Json => writeln!(out, "{:#}", report::json(&diff))?,
    }
    Ok(match args.fail_on {
        Some(weight) if diff.has(weight) => Exit::Failed,
        _ => Exit::Success,
    })
}

/// An imported version, or a file.
fn schema(args: &DiffArgs, name: &str) -> Result<Schema, CliError> {
    let Some(version) = name.strip_prefix("codex@") else {
        return of_file(Path::new(name));
    };
    let root = if let Some(root) = &args.root {
        root.clone()
    } else {
        let scenarios = scenarios_dir(None)?;
        scenarios.parent().unwrap_or(&scenarios).to_owned()
    };
    let wrong = |error: &dyn std::fmt::Display| {
        CliError::usage(error.to_string(), "import it again with `schema import`")
    };
    load(&root, version)
        .map_err(|error| wrong(&error))?
        .ok_or_else(|| {
            let path = path_of(&root, version);
            CliError::usage(
                format!("there is no schema of `{name}`: no `{}`", path.display()),
                format!("`target install {name}`, then `schema import {name}`"),
            )
        })
}

fn of_file(path: &Path) -> Result<Schema, CliError> {
    let hint = "write `codex@VERSION`, or the path of a file that `schema import` wrote";
    let wrong = |error: &dyn std::fmt::Display| {
        CliError::usage(format!("`{}` is no schema: {error}", path.display()), hint)
    };
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    Schema::parse(&text).map_err(|error| wrong(&error))
}
