//! `new`: files to begin with.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::{CliError, Exit, complain};
use crate::sdk::Language;
use crate::sdk::template::{self, File};

/// The options of `new`.
#[derive(Debug, Args)]
pub struct NewArgs {
    #[command(subcommand)]
    command: NewCommand,
}

/// What can be begun.
#[derive(Debug, Subcommand)]
enum NewCommand {
    /// A driver for an SDK: a program that runs as it is, with a stand-in where the SDK goes
    Driver(DriverArgs),
}

/// The options of `new driver`.
#[derive(Debug, Args)]
struct DriverArgs {
    /// What it is written in
    #[arg(long, value_enum)]
    lang: Lang,
    /// The directory that it goes to
    #[arg(long, value_name = "DIR", default_value = "codex-driver")]
    output: PathBuf,
    /// The SDK's name in its registry
    #[arg(long, value_name = "NAME", default_value = "my-sdk")]
    name: String,
    /// Overwrite files that are there
    #[arg(long)]
    force: bool,
}

/// A language of drivers.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lang {
    /// One file, and a stand-in
    Python,
    /// ES modules with types in comments, which node runs without compiling them
    Typescript,
    /// A Cargo package
    Rust,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Python => Self::Python,
            Lang::Typescript => Self::Node,
            Lang::Rust => Self::Rust,
        }
    }
}

/// Writes what is asked for, and how to try it.
///
/// # Errors
/// A file is there already, or can't be written.
pub fn execute(args: &NewArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let NewCommand::Driver(args) = &args.command;
    let language = Language::from(args.lang);
    let files = template::driver(language, &args.name).map_err(|error| {
        CliError::usage(
            error.to_string(),
            "`--name` is the SDK's name in its registry",
        )
    })?;
    if !args.force {
        keeps_what_is_there(&args.output, &files)?;
    }
    for file in &files {
        let path = args.output.join(file.path);
        write(&path, &file.text).map_err(|error| unwritten(&path, &error))?;
        writeln!(out, "wrote: {}", path.display())?;
    }
    let directory = args.output.display().to_string();
    if let Lang::Rust = args.lang {
        complain(&format!(
            "build it: cargo build --manifest-path {directory}/Cargo.toml"
        ));
    }
    let command = template::command(language, &args.name, &directory);
    complain(&format!(
        "try it: codex-conformance run --client 'cmd:{command}' @sdk"
    ));
    complain("then put your SDK where it says YOUR SDK");
    Ok(Exit::Success)
}

/// Nothing is written where one of the files is there.
fn keeps_what_is_there(directory: &Path, files: &[File]) -> Result<(), CliError> {
    let paths = files.iter().map(|file| directory.join(file.path));
    // A link that leads nowhere is there too.
    let there: Vec<String> = paths
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| format!("`{}`", path.display()))
        .collect();
    if there.is_empty() {
        return Ok(());
    }
    Err(CliError::usage(
        format!("{} exists already", there.join(", ")),
        "name another directory with `--output`, or overwrite with `--force`",
    ))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(path, text)
}

fn unwritten(path: &Path, error: &io::Error) -> CliError {
    let message = format!("can't write `{}`: {error}", path.display());
    io::Error::new(error.kind(), message).into()
}
