//! `tap`: an app-server of one's own, with everything recorded that passes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use codex_tap::{Plan, Sink};

use super::{Exit, complain};

/// The options of `tap`.
#[derive(Args, Debug)]
pub struct TapArgs {
    /// Where to: a transcript, one JSON object a line
    #[arg(long, value_name = "FILE")]
    record: PathBuf,
    /// What to run, after `--`: for example `codex app-server`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs the command with its streams tapped, and ends as it does.
pub fn execute(args: &TapArgs) -> ExitCode {
    let Some((program, arguments)) = args.command.split_first() else {
        return Exit::Usage.into();
    };
    let plan = Plan {
        program: program.into(),
        before: Vec::new(),
        takes_arguments: true,
        environment: std::collections::BTreeMap::new(),
        sink: Sink::File(args.record.clone()),
        began_us: None,
        disturb: None,
    };
    codex_tap::run(&plan, arguments).unwrap_or_else(|error| {
        complain(&format!("error: {error}"));
        Exit::Environment.into()
    })
}
