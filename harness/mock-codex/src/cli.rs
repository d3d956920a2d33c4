//! The argv of `codex`, as far as the mock has it.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};

use crate::answers::Answers;
use crate::auth;
use crate::clock;
use crate::config::{CliOverride, Loader};
use crate::exec;
use crate::home;
use crate::methods;
use crate::mutant;
use crate::quirk::{self, Quirks};
use crate::sandbox::SandboxLauncher;
use crate::script::Script;
use crate::server::Setup;
use crate::transport::{self, Listen};
use crate::variant::{self, Variants};

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
    /// Switch a variant of the protocol on; `variants` lists them.
    #[arg(long, value_name = "NAME", global = true, action = ArgAction::Append)]
    variant: Vec<String>,

    /// Have a defect, so that a suite can be asked whether it notices; `mutants` lists them.
    #[arg(long, value_name = "NAME", global = true)]
    mutant: Option<String>,

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

        /// Play the model from this YAML list of replies; also `MOCK_CODEX_SCRIPT`
        #[arg(long, value_name = "FILE")]
        script: Option<PathBuf>,

        #[command(flatten)]
        auth: Box<auth::Flags>,

        /// The same as `--listen stdio://`.
        #[arg(long, conflicts_with = "listen")]
        stdio: bool,

        /// Enable a feature, as `-c features.FEATURE=true` does.
        #[arg(long, value_name = "FEATURE", action = ArgAction::Append)]
        enable: Vec<String>,

        /// Disable a feature, as `-c features.FEATURE=false` does.
        #[arg(long, value_name = "FEATURE", action = ArgAction::Append)]
        disable: Vec<String>,

        /// Accepted and without effect: the mock has no analytics.
        #[arg(long)]
        analytics_default_enabled: bool,
    },
    /// Run one turn without a person.
    Exec(Box<Deferred<exec::Args>>),
    /// List the mutants.
    Mutants {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the quirks.
    Quirks {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the variants of the protocol.
    Variants {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Arguments that are described only once somebody asks for their command: that takes a quarter of
/// the time in which an app-server starts.
#[derive(Debug)]
struct Deferred<T>(T);

impl<T: clap::Args> clap::Args for Deferred<T> {
    fn augment_args(command: clap::Command) -> clap::Command {
        command.defer(T::augment_args)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        command.defer(T::augment_args_for_update)
    }
}

impl<T: clap::FromArgMatches> clap::FromArgMatches for Deferred<T> {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
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
    if let Some(name) = &cli.mutant {
        mutant::activate(name).map_err(|unknown| error(unknown.to_string()))?;
    }
    let answers = cli
        .answers
        .or_else(|| std::env::var_os(crate::ANSWERS_VARIABLE).map(PathBuf::from));
    let answers = match &answers {
        Some(path) => Answers::load(path, methods::is_known).map_err(error)?,
        None => Answers::default(),
    };
    let setup = |overrides, quirks, variants, script| -> Result<Setup, String> {
        let home = home::find()?;
        let script = Script::find(script).map_err(|error| error.to_string())?;
        let seed = seed(&home)?;
        Ok(Setup {
            config: Loader::new(&home, overrides)?,
            home,
            started_in: std::env::current_dir().map_err(|error| error.to_string())?,
            quirks,
            launcher,
            answers,
            variants,
            script,
            seed,
        })
    };
    for spec in &cli.quirk {
        quirks
            .apply(spec)
            .map_err(|unknown| error(unknown.to_string()))?;
    }
    let mut variants = Variants::default();
    if let Ok(names) = std::env::var("MOCK_CODEX_VARIANTS") {
        let enabled = variants.enable_all(&names);
        enabled.map_err(|unknown| error(unknown.to_string()))?;
    }
    for name in &cli.variant {
        variants
            .enable(name)
            .map_err(|unknown| error(unknown.to_string()))?;
    }
    let mut overrides = cli
        .config
        .iter()
        .map(|text| CliOverride::parse(text))
        .collect::<Result<Vec<_>, _>>()
        .map_err(error)?;
    match cli.command {
        Command::Quirks { json } => {
            print(json, quirk::table(), &quirk::table_json());
            Ok(())
        }
        Command::Mutants { json } => {
            print(json, mutant::table(), &mutant::table_json());
            Ok(())
        }
        Command::Variants { json } => {
            print(json, variant::table(), &variant::table_json());
            Ok(())
        }
        Command::AppServer {
            listen,
            auth,
            script,
            enable,
            disable,
            ..
        } => {
            overrides.extend(switched(&enable, &disable)?);
            let setup = setup(overrides, quirks, variants, script).map_err(error)?;
            let policy = auth.policy(&setup.started_in);
            let policy = policy.map_err(|wrong| error(wrong.to_string()))?;
            transport::serve(setup, listen, policy).map_err(error)
        }
        Command::Exec(args) => {
            overrides.extend(switched(&args.0.enable, &args.0.disable)?);
            let setup = setup(overrides, quirks, variants, None).map_err(error)?;
            exec::run(&args.0, setup)
        }
    }
}

/// Features that are switched on and off.
fn switched(enable: &[String], disable: &[String]) -> Result<Vec<CliOverride>, exec::Failed> {
    let on = enable.iter().map(|name| (name, true));
    let off = disable.iter().map(|name| (name, false));
    on.chain(off)
        .map(|(name, on)| CliOverride::feature(name, on).map_err(exec::Failed::Error))
        .collect()
}

/// Prints a table.
fn print(json: bool, text: String, table: &serde_json::Value) {
    let text = if json { format!("{table:#}\n") } else { text };
    // A reader that has seen enough is no error.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// The variable that makes ids and times follow from a number.
const SEED: &str = "MOCK_CODEX_SEED";

/// Reads the seed, if one is given, and makes ids and times follow from it.
fn seed(home: &Path) -> Result<Option<u64>, String> {
    let Some(text) = std::env::var_os(SEED).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let text = text.to_string_lossy();
    let seed = text
        .parse()
        .map_err(|_| format!("{SEED} is `{text}`, which is no number from 0 to 2^64-1"))?;
    clock::seed(seed, home::count_start(home));
    Ok(Some(seed))
}
