//! `mutants`: the suite against an app-server that is wrong in one thing.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use mock_codex::mutant::{MUTANTS, Mutant};
use serde_json::{Value, json};

use super::{CliError, Exit, scenarios_dir, selection};
use crate::check::snapshot::Update;
use crate::check::verdict::Judge;
use crate::mutation::{Fate, fate};
use crate::run::RunOptions;
use crate::target::Target;

/// The options of `mutants`.
#[derive(Debug, Args)]
pub struct MutantsArgs {
    /// Cases to run: a part of an id, `=ID`, `@AREA` or `tag:NAME`; all unless given
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Only this mutant; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// List the mutants and run nothing
    #[arg(long)]
    list: bool,
    /// Where the scenarios are [default: the nearest `scenarios`, upwards]
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// How many cases run at once [default: one for each processor]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// The least share of mutants, in percent, that has to be noticed
    #[arg(long, value_name = "PERCENT", default_value_t = 95)]
    at_least: usize,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// The longest that a case may take that says nothing about it: a mutant that swallows a frame
/// makes a case wait for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the suite against mutants and prints which of them survive.
///
/// # Errors
/// A name is no mutant, the scenarios can't be loaded, or the output can't be written.
pub fn execute(args: &MutantsArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let chosen = chosen(&args.only)?;
    if args.list {
        for mutant in &chosen {
            writeln!(out, "{mutant}")?;
        }
        return Ok(Exit::Success);
    }
    let directory = scenarios_dir(args.scenarios.as_deref())?;
    let cases = selection::chosen(&directory, &args.filters)?;
    let root = directory.parent().unwrap_or(&directory);
    let judge = Judge::new(root, &[Target::MOCK], Update::Never)
        .map_err(|error| CliError::usage(error.to_string(), "correct it, or remove it"))?;
    let defaults = RunOptions::default();
    let options = RunOptions {
        jobs: args.jobs.unwrap_or(defaults.jobs),
        timeout: Some(PATIENCE),
        ..defaults
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let fates = runtime.block_on(async {
        let mut fates = Vec::new();
        for mutant in chosen {
            let fate = fate(mutant, &cases, &judge, &options).await;
            if !args.json {
                print(&fate, out)?;
            }
            fates.push(fate);
        }
        Ok::<_, io::Error>(fates)
    })?;
    summarise(&fates, args, out)
}

fn chosen(only: &[String]) -> Result<Vec<&'static Mutant>, CliError> {
    if only.is_empty() {
        return Ok(MUTANTS.iter().collect());
    }
    let find = |name: &String| {
        let found = MUTANTS.iter().find(|mutant| mutant.name == name);
        found.ok_or_else(|| {
            let message = format!("no mutant is called `{name}`");
            CliError::usage(message, "`mutants --list` shows them")
        })
    };
    only.iter().map(find).collect()
}

fn print(fate: &Fate, out: &mut dyn Write) -> io::Result<()> {
    let name = fate.mutant.name;
    match &fate.killed {
        Some(by) => writeln!(out, "killed    {name}: `{}` of {}", by.check, by.case)?,
        None => writeln!(
            out,
            "SURVIVES  {}\n          {} cases noticed nothing",
            fate.mutant, fate.cases
        )?,
    }
    out.flush()
}

fn summarise(fates: &[Fate], args: &MutantsArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let killed = fates.iter().filter(|fate| fate.killed.is_some()).count();
    let all = fates.len();
    let score = killed * 100 / all.max(1);
    if args.json {
        let rows = fates.iter().map(|fate| {
            json!({
                "mutant": fate.mutant.name,
                "about": fate.mutant.about(),
                "cases": fate.cases,
                "killed_by": fate.killed.as_ref().map(|by| {
                    json!({ "case": by.case, "check": by.check })
                }),
            })
        });
        let report = json!({
            "version": 1,
            "killed": killed,
            "mutants": all,
            "fates": rows.collect::<Value>(),
        });
        writeln!(out, "{report:#}")?;
    } else {
        writeln!(out, "{killed} of {all} mutants were noticed: {score} %")?;
    }
    Ok(if killed * 100 >= args.at_least * all {
        Exit::Success
    } else {
        Exit::Failed
    })
}
