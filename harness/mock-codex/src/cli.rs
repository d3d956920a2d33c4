//! The argv of `codex`, as far as the mock has it.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};

use crate::answers::Answers;
use crate::auth;
use crate::config::{CliOverride, Loader};
use crate::exec;
use crate::home;
use crate::methods;
use crate::quirk::{self, Quirks};
use crate::sandbox::SandboxLauncher;
use crate::server::Setup;
use crate::transport::{self, Listen};

/// A mock of `codex app-server` that behaves like codex 0.169.0.
#[derive(Debug, Parser)]
#[command(name = "codex-cli", bin_name = "codex", version = crate::CODEX_VERSION)]
struct Cli {
    /// Override a configuration value: a dotted path, and TOML or plain text.
    #[arg(short = 'c', long = "config", value_name = "key=value", global = true, action = ArgAction::Append)]
    config: Vec<String>,

    /// Switch a quirk off (`-NAME`) or on (`NAME`); `quirks` lists them.
    #[arg(long, value_name = "NAME", global = true, action = ArgAction::Append, allow_hyphen_values = true)]
    quirk: Vec<String>,

    /// Answer methods as a file says, in the mock's place; see `docs/scripted-answers.md`.
    #[arg(long, value_name = "FILE", global = true)]
    answers: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the app-server.
    AppServer {
        /// Transport endpoint URL: `stdio://`, `unix://`, `unix://PATH`, `ws://IP:PORT` or `off`
        #[arg(long, value_name = "URL", default_value = "stdio://")]
        listen: Listen,

        #[command(flatten)]
        auth: Box<auth::Flags>,

        /// The same as `--listen stdio://`.
        #[arg(long, conflicts_with = "listen")]
        stdio: bool,

        /// Enable a feature; accepted and without effect.
        #[arg(long, value_name = "FEATURE", action = ArgAction::Append)]
        enable: Vec<String>,

        /// Disable a feature; accepted and without effect.
        #[arg(long, value_name = "FEATURE", action = ArgAction::Append)]
        disable: Vec<String>,

        /// Accepted and without effect: the mock has no analytics.
        #[arg(long)]
        analytics_default_enabled: bool,
    },
    /// Run one turn and print what happens as lines of JSON.
    Exec(Box<exec::Args>),
    /// List the quirks.
    Quirks {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// The whole program: `args` are those behind the program's name, `launcher` starts sandboxed
/// commands through an executable (and arguments) that lead to
/// [`helper_main_if_asked`](crate::sandbox::helper_main_if_asked).
///
/// Exit codes are those of codex: 0, 1 for what can't start, 2 for bad usage.
pub fn main_with(args: impl IntoIterator<Item = OsString>, launcher: SandboxLauncher) -> ExitCode {
    let with_name = std::iter::once(OsString::from("codex")).chain(args);
    let cli = match Cli::try_parse_from(with_name) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout, the rest to stderr; a closed pipe is no error.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(cli, launcher) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            failed.tell();
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli, launcher: SandboxLauncher) -> Result<(), exec::Failed> {
    let error = exec::Failed::Error;
    let mut quirks = Quirks::default();
    if let Ok(specs) = std::env::var("MOCK_CODEX_QUIRKS") {
        quirks
            .apply_all(&specs)
            .map_err(|unknown| error(unknown.to_string()))?;
    }
    let answers = cli
        .answers
        .or_else(|| std::env::var_os(crate::ANSWERS_VARIABLE).map(PathBuf::from));
    let answers = match &answers {
        Some(path) => Answers::load(path, methods::is_known).map_err(error)?,
        None => Answers::default(),
    };
    let setup = |overrides, quirks| -> Result<Setup, String> {
        let home = home::find()?;
        Ok(Setup {
            config: Loader::new(&home, overrides),
            home,
            started_in: std::env::current_dir().map_err(|error| error.to_string())?,
            quirks,
            launcher,
            answers,
        })
    };
    for spec in &cli.quirk {
        quirks
            .apply(spec)
            .map_err(|unknown| error(unknown.to_string()))?;
    }
    let overrides = cli
        .config
        .iter()
        .map(|text| CliOverride::parse(text))
        .collect::<Result<Vec<_>, _>>()
        .map_err(error)?;
    match cli.command {
        Command::Quirks { json } => {
            let text = if json {
                format!("{:#}\n", quirk::table_json())
            } else {
                quirk::table()
            };
            // A reader that has seen enough is no error.
            let _ = std::io::stdout().write_all(text.as_bytes());
            Ok(())
        }
        Command::AppServer { listen, auth, .. } => {
            let setup = setup(overrides, quirks).map_err(error)?;
            let policy = auth.policy(&setup.started_in);
            let policy = policy.map_err(|wrong| error(wrong.to_string()))?;
            transport::serve(setup, listen, policy).map_err(error)
        }
        Command::Exec(args) => {
            let setup = setup(overrides, quirks).map_err(error)?;
            exec::run(&args, setup)
        }
    }
}
