//! `target`: which app-servers there are, and installing one.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{CliError, Exit, complain};
use crate::target::Target;
use crate::target::cache::{Cache, CacheError};
use crate::target::install::{InstallError, Outcome, install};

/// The options of `target`.
#[derive(Debug, Args)]
pub struct TargetArgs {
    #[command(subcommand)]
    command: TargetCommand,
}

/// What is done with targets.
#[derive(Debug, Subcommand)]
enum TargetCommand {
    /// List the targets that can run here
    List {
        /// As a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Install a codex from npm into the cache
    Install {
        /// An exact version, as `codex@0.169.0`
        #[arg(value_name = "codex@VERSION")]
        target: String,
    },
}

/// Lists the targets, or installs one.
///
/// # Errors
/// The cache can't be used, the version can't be installed, or the output can't be written.
pub fn execute(args: &TargetArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    match &args.command {
        TargetCommand::List { json } => list(*json, out),
        TargetCommand::Install { target } => install_target(target, out),
    }
}

fn list(json: bool, out: &mut dyn Write) -> Result<Exit, CliError> {
    let installed = Cache::from_environment()
        .and_then(|cache| cache.list())
        .map_err(|error| of_cache(&error))?;
    if json {
        let mock = json!({ "name": Target::MOCK.to_string(), "kind": Target::MOCK.kind() });
        let codex = installed.iter().map(|codex| {
            json!({
                "name": format!("codex@{}", codex.version),
                "kind": "codex",
                "version": codex.version,
                "path": codex.program,
            })
        });
        let all = std::iter::once(mock).chain(codex).collect();
        writeln!(out, "{:#}", Value::Array(all))?;
        return Ok(Exit::Success);
    }
    writeln!(out, "mock")?;
    for codex in &installed {
        writeln!(out, "codex@{}  {}", codex.version, codex.program.display())?;
    }
    if installed.is_empty() {
        complain("hint: `codex-conformance target install codex@0.169.0` adds the real one");
    }
    Ok(Exit::Success)
}

fn install_target(given: &str, out: &mut dyn Write) -> Result<Exit, CliError> {
    let hint = "write for example `codex@0.169.0`";
    let target: Target = given
        .parse()
        .map_err(|error| CliError::usage(format!("{error}"), hint))?;
    let Target::Codex { version } = &target else {
        let message = format!("`{target}` needs no installation");
        return Err(CliError::usage(
            message,
            "only `codex@VERSION` is installed",
        ));
    };
    let cache = Cache::from_environment().map_err(|error| of_cache(&error))?;
    complain(&format!(
        "installing {target} into `{}`",
        cache.codex(version).display()
    ));
    let (installed, news) = match install(&cache, version).map_err(|error| of_install(&error))? {
        Outcome::Fresh(installed) => (installed, "installed"),
        Outcome::Present(installed) => (installed, "already installed"),
    };
    writeln!(out, "{news}: {target}  {}", installed.program.display())?;
    Ok(Exit::Success)
}

fn of_cache(error: &CacheError) -> CliError {
    environment(error.to_string(), None)
}

fn of_install(error: &InstallError) -> CliError {
    environment(error.to_string(), error.hint())
}

fn environment(message: String, hint: Option<String>) -> CliError {
    CliError::Failed {
        message,
        hint,
        exit: Exit::Environment,
    }
}
