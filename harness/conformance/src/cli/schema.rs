//! `schema`: the protocol of a codex version, from its own generator.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CliError, Exit, complain, scenarios_dir};
use crate::schema::{import, path_of};
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
}

/// Imports a schema.
///
/// # Errors
/// The target is no installed codex, its generator fails, or the file can't be written.
pub fn execute(args: &SchemaArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let SchemaCommand::Import { target, out: file } = &args.command;
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
    let text = import::import(&installed.program, version)
        .map_err(|error| environment(error.to_string(), None))?;
    if file.as_deref().is_some_and(|path| path.as_os_str() == "-") {
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
