//! `check`: are scenario files right, without running them?

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::{CliError, Exit, colours_on_stderr, complain, scenarios_dir};
use crate::scenario::reference::reference;
use crate::scenario::schema::schema;
use crate::scenario::{LoadError, load};

/// The options of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Scenario files or directories of them [default: the nearest `scenarios`, upwards]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print the JSON Schema of scenario files, for editors
    #[arg(long, conflicts_with = "files")]
    schema: bool,
    /// Print the reference of the file format, as Markdown
    #[arg(long, conflicts_with_all = ["files", "schema"])]
    reference: bool,
}

/// Reports everything that is wrong on stderr, or how many cases there are on stdout.
///
/// # Errors
/// Nothing to check, or the output can't be written.
pub fn execute(args: &CheckArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    if args.schema {
        writeln!(out, "{:#}", schema())?;
        return Ok(Exit::Success);
    }
    if args.reference {
        write!(out, "{}", reference())?;
        return Ok(Exit::Success);
    }
    let paths = match &args.files[..] {
        [] => vec![scenarios_dir(None)?],
        files => files.to_vec(),
    };
    let report = load(&paths);
    let files = counted(report.files, "file");
    let cases = counted(report.cases.len(), "case");
    if report.errors.is_empty() {
        writeln!(out, "{files}, {cases}, no errors")?;
        return Ok(Exit::Success);
    }
    report_errors(&report.errors);
    complain(&format!(
        "{files}, {}",
        counted(report.errors.len(), "error")
    ));
    Ok(Exit::Usage)
}

/// Shows errors on stderr, each with its line and a caret.
pub fn report_errors(errors: &[LoadError]) {
    let colours = colours_on_stderr();
    for error in errors {
        complain(&error.render(colours));
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
