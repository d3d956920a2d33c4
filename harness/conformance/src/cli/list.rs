//! `list`: which cases there are.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{CliError, Exit, check, complain, scenarios_dir};
use crate::scenario::model::Case;
use crate::scenario::{load, select};

/// The widest id that other columns are lined up behind.
const ID_WIDTH: usize = 48;

/// The options of `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// A part of the id, `=ID`, `@AREA` or `tag:NAME`; several choose what any of them chooses
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Where the scenarios are [default: the nearest `scenarios`, upwards]
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// As a JSON array
    #[arg(long)]
    json: bool,
}

/// Prints the chosen cases; files that can't be loaded are reported on stderr.
///
/// # Errors
/// No scenarios, or the output can't be written.
pub fn execute(args: &ListArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let dir = scenarios_dir(args.scenarios.as_deref())?;
    let report = load(&[dir]);
    check::report_errors(&report.errors);
    let cases = select(&report.cases, &args.filters);
    if args.json {
        let all: Vec<Value> = cases.iter().map(|case| as_json(case)).collect();
        writeln!(out, "{:#}", Value::Array(all))?;
    } else {
        let width = cases
            .iter()
            .map(|case| case.id.chars().count())
            .max()
            .unwrap_or(0);
        for case in &cases {
            writeln!(out, "{}", line(case, width.min(ID_WIDTH)))?;
        }
    }
    if !report.errors.is_empty() {
        return Ok(Exit::Usage);
    }
    if cases.is_empty() {
        complain("no case is selected");
        complain("hint: a filter is a part of an id, `=ID`, `@AREA` or `tag:NAME`");
        return Ok(Exit::Nothing);
    }
    Ok(Exit::Success)
}

fn line(case: &Case, width: usize) -> String {
    let tags = if case.tags.is_empty() {
        String::new()
    } else {
        format!("[{}] ", case.tags.join(" "))
    };
    format!("{:width$}  {tags}{}", case.id, case.name)
}

fn as_json(case: &Case) -> Value {
    json!({
        "id": case.id,
        "scenario": case.scenario,
        "name": case.name,
        "tags": case.tags,
        "requires": case.requires,
        "targets": case.targets,
        "refs": case.refs,
        "file": case.at.file.display().to_string(),
    })
}
