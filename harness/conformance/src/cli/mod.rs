//! The command line.
//!
//! Data goes to stdout, everything else to stderr. Every command ends with an [`Exit`]; a reader
//! that closes the pipe early (`… | head`) is no failure.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod adopt;
pub mod certify;
pub mod check;
pub mod coverage;
pub mod drift;
mod ending;
pub mod list;
pub mod mutants;
pub mod new;
pub mod permissions;
pub mod presets;
mod progress;
pub mod requirements;
pub mod run;
pub mod schema;
pub mod sdk;
mod selection;
pub mod serve;
pub mod tap;
pub mod target;
pub mod trace;
pub mod walk;

/// How a command ended, as the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All as expected.
    Success = 0,
    /// A check failed, or a known failure did not.
    Failed = 1,
    /// Bad usage, or a bad file.
    Usage = 2,
    /// The environment: a target is missing or can't start.
    Environment = 3,
    /// Nothing was selected, or everything was skipped.
    Nothing = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command couldn't do its work.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Its output can't be written.
    #[error("the output can't be written: {0}")]
    Output(#[from] io::Error),
    /// Anything else.
    #[error("{message}")]
    Failed {
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: Option<String>,
        /// How the process ends.
        exit: Exit,
    },
    /// What is wrong is on stderr already.
    #[error("it was told already")]
    Told(Exit),
}

impl CliError {
    /// Bad usage, with what to do about it.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            hint: Some(hint.into()),
            exit: Exit::Usage,
        }
    }
}

/// Conformance scenarios for the Codex app-server protocol.
#[derive(Debug, Parser)]
#[command(name = "codex-conformance", version, arg_required_else_help = true)]
#[command(after_help = "\
Exit codes:
  0  all as expected
  1  a check failed, or a known failure did not
  2  bad usage, or a bad file
  3  the environment: a target is missing or can't start
  4  nothing was selected, or everything was skipped")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run cases on targets
    Run(Box<run::RunArgs>),
    /// List cases: id, tags and name
    List(list::ListArgs),
    /// Check scenario files without running them
    Check(check::CheckArgs),
    /// Hold the mock against the real app-server, frame by frame
    Certify(Box<certify::CertifyArgs>),
    /// Tell what changed from one app-server to another: wires, verdicts, times, protocol
    Drift(Box<drift::DriftArgs>),
    /// Take in a new codex: fixtures, snapshots, known failures and documents, and a summary
    Adopt(Box<adopt::AdoptArgs>),
    /// Walk at random: sessions that nobody wrote, on the mock and on the real app-server
    Walk(Box<walk::WalkArgs>),
    /// Tell which part of the protocol no scenario touches
    Coverage(coverage::CoverageArgs),
    /// Freeze which cases a server or client of a version must pass
    Requirements(requirements::RequirementsArgs),
    /// Import the protocol of a codex version, or compare two
    Schema(schema::SchemaArgs),
    /// Tell what is in force: as reported, as told to the model, as enforced
    Permissions(Box<permissions::PermissionsArgs>),
    /// Print what each choice of presets puts on the wire
    Presets(presets::PresetsArgs),
    /// Serve a scripted model, for a client of any kind
    Serve(serve::ServeArgs),
    /// Third-party SDKs and the drivers that speak for them
    Sdk(sdk::SdkArgs),
    /// Begin a driver for an SDK, from a template
    New(new::NewArgs),
    /// Run the suite against mocks that are wrong in one thing, and list what it doesn't notice
    Mutants(Box<mutants::MutantsArgs>),
    /// Hold logs of sessions against the rules that hold for any
    Trace(trace::TraceArgs),
    /// Run an app-server and record what it and its client say to each other
    Tap(tap::TapArgs),
    /// List targets, or install one
    Target(target::TargetArgs),
    /// Be the mock: everything behind it is the mock's own command line, as of `codex`
    #[command(disable_help_flag = true)]
    Mock {
        /// For example: `app-server`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

/// Does what the arguments (with the program's name first) say, and gives the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are printed to stdout and succeed.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            }
            .into();
        }
    };
    let mut out = io::stdout();
    let done = match cli.command {
        Command::Run(args) => Ok(run::execute(&args)),
        Command::List(args) => list::execute(&args, &mut out),
        Command::Check(args) => check::execute(&args, &mut out),
        Command::Certify(args) => certify::execute(&args, &mut out),
        Command::Drift(args) => drift::execute(&args, &mut out),
        Command::Adopt(args) => adopt::execute(&args, &mut out),
        Command::Walk(args) => walk::execute(&args, &mut out),
        Command::Coverage(args) => coverage::execute(&args, &mut out),
        Command::Requirements(args) => requirements::execute(&args, &mut out),
        Command::Schema(args) => schema::execute(&args, &mut out),
        Command::Permissions(args) => permissions::execute(&args, &mut out),
        Command::Presets(args) => presets::execute(&args, &mut out),
        Command::Serve(args) => serve::execute(&args, &mut out),
        Command::Sdk(args) => sdk::execute(&args, &mut out),
        Command::New(args) => new::execute(&args, &mut out),
        Command::Mutants(args) => mutants::execute(&args, &mut out),
        Command::Trace(args) => trace::execute(&args, &mut out),
        Command::Target(args) => target::execute(&args, &mut out),
        Command::Tap(args) => return tap::execute(&args),
        Command::Mock { args } => return mock(args),
    };
    done.and_then(|exit| Ok(out.flush().map(|()| exit)?))
        .unwrap_or_else(|error| tell(&error))
        .into()
}

fn mock(args: Vec<OsString>) -> ExitCode {
    use mock_codex::sandbox::SandboxLauncher;
    let helper = std::env::current_exe().unwrap_or_else(|_| "codex-conformance".into());
    mock_codex::main_with(args, SandboxLauncher::new(helper))
}

/// Says on stderr why a command failed.
fn tell(error: &CliError) -> Exit {
    let (hint, exit) = match error {
        CliError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            return Exit::Success;
        }
        CliError::Told(exit) => return *exit,
        CliError::Output(_) => (&None, Exit::Environment),
        CliError::Failed { hint, exit, .. } => (hint, *exit),
    };
    complain(&format!("error: {error}"));
    if let Some(hint) = hint {
        complain(&format!("hint: {hint}"));
    }
    exit
}

/// A line on stderr; if that is closed, nobody is there to be told.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Colours on stderr: only on a terminal, and not against `NO_COLOR`.
fn colours_on_stderr() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The directory of scenarios: the given one, else the nearest `scenarios` at or above the
/// current directory.
///
/// # Errors
/// [`Exit::Usage`] if there is none.
pub fn scenarios_dir(given: Option<&Path>) -> Result<PathBuf, CliError> {
    let hint = "go to a checkout of the scenarios, or name their directory with `--scenarios DIR`";
    if let Some(dir) = given {
        return if dir.is_dir() {
            Ok(dir.to_owned())
        } else {
            let message = format!("`{}` is not a directory", dir.display());
            Err(CliError::usage(
                message,
                "`--scenarios` names the directory that holds the areas",
            ))
        };
    }
    // A relative path reads better in messages: `scenarios`, `../scenarios`, …
    let here = std::env::current_dir()?;
    let above = (0..here.ancestors().count()).map(|up| "../".repeat(up) + "scenarios");
    let found = above.map(PathBuf::from).find(|dir| dir.is_dir());
    found.ok_or_else(|| CliError::usage("no directory `scenarios` here or above", hint))
}
