//! `sdk`: third-party SDKs and their drivers.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{CliError, Exit, complain, scenarios_dir};
use crate::client::driver::protocol;
use crate::sdk::install::{InstallError, Outcome, install};
use crate::sdk::{self, Language, ListError, Package};
use crate::target::cache::Cache;

mod report;

/// The options of `sdk`.
#[derive(Debug, Args)]
pub struct SdkArgs {
    /// Where the scenarios are, with `fixtures/sdks.yaml` beside it; the nearest `scenarios` at or
    /// above the current directory unless given
    #[arg(long, value_name = "DIR", global = true)]
    scenarios: Option<PathBuf>,
    #[command(subcommand)]
    command: SdkCommand,
}

/// What is done with SDKs.
#[derive(Debug, Subcommand)]
enum SdkCommand {
    /// List the SDKs: version, licence, and whether they are installed
    List {
        /// As a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Install SDKs, each into an environment of its own in the cache
    Install {
        /// Packages or clients of `sdk list`, or `all`
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
    /// Tell what came of SDKs, area by area, from saved results
    Report(report::ReportArgs),
    /// Print the JSON Schema of the protocol that drivers speak
    Schema,
}

/// Does what `sdk` is asked for.
///
/// # Errors
/// The list or the cache can't be used, an installation fails, or the output can't be written.
pub fn execute(args: &SdkArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let root = || -> Result<PathBuf, CliError> {
        let scenarios = scenarios_dir(args.scenarios.as_deref())?;
        let root = scenarios.parent().unwrap_or(&scenarios).join(".");
        Ok(root.canonicalize()?)
    };
    match &args.command {
        SdkCommand::Schema => {
            writeln!(out, "{:#}", protocol::schema().to_value())?;
            Ok(Exit::Success)
        }
        SdkCommand::Report(args) => report::execute(args, out),
        SdkCommand::List { json } => list(&root()?, *json, out),
        SdkCommand::Install { names } => install_all(&root()?, names, out),
    }
}

fn list(root: &Path, as_json: bool, out: &mut dyn Write) -> Result<Exit, CliError> {
    let packages = sdk::list(root).map_err(|error| of_list(&error))?;
    let cache = Cache::from_environment().map_err(|error| of_list(&error.into()))?;
    if as_json {
        let all = packages.iter().flat_map(|package| {
            let installed = package.is_installed(&cache);
            package.clients.iter().map(move |face| {
                json!({
                    "client": face.name,
                    "package": package.package,
                    "language": package.language.name(),
                    "version": package.version,
                    "licence": package.licence,
                    "installed": installed,
                })
            })
        });
        writeln!(out, "{:#}", Value::Array(all.collect()))?;
        return Ok(Exit::Success);
    }
    for package in &packages {
        let state = if package.is_installed(&cache) {
            "installed"
        } else {
            "not installed"
        };
        for face in &package.clients {
            writeln!(
                out,
                "{:34} {:9} {:18} {state}",
                face.name, package.version, package.licence
            )?;
        }
    }
    Ok(Exit::Success)
}

fn install_all(root: &Path, names: &[String], out: &mut dyn Write) -> Result<Exit, CliError> {
    let packages = sdk::list(root).map_err(|error| of_list(&error))?;
    let cache = Cache::from_environment().map_err(|error| of_list(&error.into()))?;
    let mut chosen: Vec<&Package> = Vec::new();
    for name in names {
        chosen.extend(meant(&packages, name)?);
    }
    let mut failed = None;
    for package in chosen {
        let title = format!(
            "{} {} ({})",
            package.package,
            package.version,
            package.language.name()
        );
        // Cargo is always asked: it knows itself what has changed of a driver.
        if !package.is_installed(&cache) || package.language == Language::Rust {
            let home = package.home(&cache);
            complain(&format!("installing {title} into `{}`", home.display()));
        }
        match install(package, root, &cache) {
            Ok(Outcome::Fresh) => writeln!(out, "installed: {title}")?,
            Ok(Outcome::Present) => writeln!(out, "already installed: {title}")?,
            // The others don't depend on it.
            Err(error) => {
                complain(&format!("error: {title}: {error}"));
                failed = failed.or(Some(of_install(package, &error)));
            }
        }
    }
    failed.map_or(Ok(Exit::Success), Err)
}

/// The packages that a name means: a package's, a client's, or `all`.
fn meant<'a>(packages: &'a [Package], name: &str) -> Result<Vec<&'a Package>, CliError> {
    let is_meant = |package: &&Package| {
        name == "all"
            || package.package == name
            || package.clients.iter().any(|face| face.name == name)
    };
    let found: Vec<&Package> = packages.iter().filter(is_meant).collect();
    match &found[..] {
        [] => Err(CliError::usage(
            format!("`{name}` is no SDK"),
            "`codex-conformance sdk list` shows them",
        )),
        [_, _, ..] if name != "all" => {
            let names: Vec<String> = found
                .iter()
                .flat_map(|package| &package.clients)
                .map(|face| format!("`{}`", face.name))
                .collect();
            let hint = format!("name one of {}", names.join(", "));
            Err(CliError::usage(
                format!("`{name}` is several packages"),
                hint,
            ))
        }
        _ => Ok(found),
    }
}

fn of_list(error: &ListError) -> CliError {
    environment(error.to_string(), None)
}

fn of_install(package: &Package, error: &InstallError) -> CliError {
    let message = format!("`{}` is not installed", package.package);
    environment(message, error.hint(package.language))
}

fn environment(message: String, hint: Option<String>) -> CliError {
    CliError::Failed {
        message,
        hint,
        exit: Exit::Environment,
    }
}
