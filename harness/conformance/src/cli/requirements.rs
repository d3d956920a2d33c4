//! `requirements`: freezing what a version must pass.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::{CliError, Exit, complain, scenarios_dir, selection};
use crate::known_failures::KnownFailures;
use crate::requirements::{Requirements, path_of};
use crate::target::Target;
use crate::versions::Version;

/// The options of `requirements`.
#[derive(Debug, Args)]
pub struct RequirementsArgs {
    /// The codex version, for example `0.169.0`
    #[arg(value_name = "VERSION", value_parser = version)]
    version: Version,
    /// Where the scenarios are, with `fixtures` and `requirements` beside it [default: the nearest
    /// `scenarios`, upwards]
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// Replace those that there are, which moves the goal
    #[arg(long)]
    force: bool,
}

fn version(text: &str) -> Result<Version, String> {
    Version::parse(text).ok_or_else(|| "a version, for example `0.169.0`".to_owned())
}

/// Writes `requirements/VERSION.yaml`.
///
/// # Errors
/// The scenarios can't be loaded, there are requirements already, or they can't be written.
pub fn execute(args: &RequirementsArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let directory = scenarios_dir(args.scenarios.as_deref())?;
    let root = directory.parent().unwrap_or(&directory);
    let version = args.version.to_string();
    let path = path_of(root, &version);
    if path.exists() && !args.force {
        return Err(CliError::usage(
            format!("`{}` is frozen", path.display()),
            "`--force` writes it anew, which moves the goal of whoever works towards it",
        ));
    }
    let cases = selection::all(&directory)?;
    let wrong = |error: &dyn std::fmt::Display| CliError::usage(error.to_string(), "correct it");
    let target = Target::Codex {
        version: version.clone(),
    };
    let known = KnownFailures::of(&target, &root.join("fixtures/known-failures"))
        .map_err(|error| wrong(&error))?;
    let frozen = Requirements::freeze(&version, &cases, &known).map_err(|error| wrong(&error))?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&path, frozen.to_yaml()).map_err(|error| CliError::Failed {
        message: format!("can't write `{}`: {error}", path.display()),
        hint: None,
        exit: Exit::Environment,
    })?;
    complain(&format!("wrote `{}`", path.display()));
    writeln!(
        out,
        "codex {version}: {} cases for servers, {} of them for clients, of {}",
        frozen.server.len(),
        frozen.client.len(),
        cases.len()
    )?;
    Ok(Exit::Success)
}
