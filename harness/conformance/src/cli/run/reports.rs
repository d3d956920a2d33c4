//! The reports for programs, where they were asked for.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use super::{Plan, Refusal, RunArgs, shown};
use crate::report::{Problem, Summary, json, junit};
use crate::run::outcome::CaseRun;

/// Writes what `--json` and `--junit` ask for.
pub(super) fn write_reports(
    args: &RunArgs,
    plan: &Plan,
    runs: &[CaseRun],
    problems: &[Problem],
    summary: &Summary,
) -> Result<(), Refusal> {
    if let Some(path) = &args.json {
        let sdks = plan.clients.iter().flatten().map(Arc::as_ref);
        let written = create(path).and_then(|to| json::write(to, runs, problems, summary, sdks));
        shown(written.map_err(|error| in_file(path, &error)))?;
    }
    if let Some(path) = &args.junit {
        let written = create(path).and_then(|to| {
            junit::write(to, runs, problems, summary.duration).map_err(io::Error::other)
        });
        shown(written.map_err(|error| in_file(path, &error)))?;
    }
    Ok(())
}

fn create(path: &Path) -> io::Result<Box<dyn Write>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdout()));
    }
    Ok(Box::new(BufWriter::new(File::create(path)?)))
}

fn in_file(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("can't write `{}`: {error}", path.display()),
    )
}
