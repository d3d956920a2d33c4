//! `schema`: the protocol of codex versions, from their own generators.

mod diff;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CliError, Exit, complain, scenarios_dir};
use crate::schema::import::import as text_of;
use crate::schema::path_of;
use crate::target::Target;
use crate::target::cache::Cache;

/// The options of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    #[command(subcommand)]
    command: SchemaCommand,
}

/// What is done with schemas.
#[derive(Debug, Subcommand)]
enum SchemaCommand {
    /// Keep the structure of the protocol of an installed codex
    Import {
        /// For example `codex@0.169.0`
        #[arg(value_name = "codex@VERSION")]
        target: Target,
        /// Where to [default: `fixtures/schemas/codex-VERSION.json` beside the scenarios; `-` is
        /// stdout]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Tell what changed between two versions, and whom it can break
    Diff(diff::DiffArgs),
}

/// Imports a schema, or compares two.
///
/// # Errors
/// The target is no installed codex, its generator fails, or the file can't be written; a version
/// was not imported.
pub fn execute(args: &SchemaArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    match &args.command {
        SchemaCommand::Import { target, out: file } => import(target, file.as_ref(), out),
        SchemaCommand::Diff(args) => diff::execute(args, out),
    }
}

fn import(target: &Target, file: Option<&PathBuf>, out: &mut dyn Write) -> Result<Exit, CliError> {
    let Target::Codex { version } = target else {
        let message = format!("`{target}` has no generator of its own");
        return Err(CliError::usage(
            message,
            "write for example `codex@0.169.0`",
        ));
    };
    let installed = Cache::from_environment()
        .and_then(|cache| cache.find(version))
        .map_err(|error| environment(error.to_string(), None))?;
    let Some(installed) = installed else {
        let hint = format!("install it with `codex-conformance target install {target}`");
        return Err(environment(
            format!("`{target}` is not installed"),
            Some(hint),
        ));
    };
    let text = text_of(&installed.program, version)
        .map_err(|error| environment(error.to_string(), None))?;
    if file.is_some_and(|path| path.as_os_str() == "-") {
        out.write_all(text.as_bytes())?;
        return Ok(Exit::Success);
    }
    let path = if let Some(path) = file {
        path.clone()
    } else {
        let scenarios = scenarios_dir(None)?;
        path_of(scenarios.parent().unwrap_or(&scenarios), version)
    };
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(&path, text)
        .map_err(|error| environment(format!("can't write `{}`: {error}", path.display()), None))?;
    complain(&format!("wrote `{}`", path.display()));
    Ok(Exit::Success)
}

fn environment(message: String, hint: Option<String>) -> CliError {
    CliError::Failed {
        message,
        hint,
        exit: Exit::Environment,
    }
}
