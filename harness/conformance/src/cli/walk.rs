//! `walk`: random sessions on the mock and on the real app-server.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use super::{CliError, Exit, complain, ending, scenarios_dir};
use crate::check::schema::SchemaCheck;
use crate::run::RunOptions;
use crate::target::Target;
use crate::walk::{Plan, Sessions, Walk, WalkEvent, report, walk};

/// How many sessions there are if nothing is said.
const SESSIONS: u64 = 100;

/// The options of `walk`.
#[derive(Debug, Args)]
pub struct WalkArgs {
    /// What it is held against
    #[arg(long, value_name = "TARGET", required_unless_present = "show")]
    against: Option<Target>,
    /// What walks beside it
    #[arg(long, value_name = "TARGET", default_value = "mock")]
    target: Target,
    /// Where chance comes from: the same seed gives the same sessions [default: made up, and printed]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The number of the first session, to see one again
    #[arg(long, value_name = "N", default_value_t = 0)]
    first: u64,
    /// How many sessions [default: 100, or as many as `--minutes` leaves time for]
    #[arg(long, value_name = "N")]
    sessions: Option<u64>,
    /// Begin no session after so many minutes
    #[arg(long, value_name = "M", value_parser = minutes)]
    minutes: Option<Duration>,
    /// Print the sessions, and walk none
    #[arg(long)]
    show: bool,
    /// How many sessions run at once [default: one for each processor]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Write the smallest session of each difference here, as a scenario
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write what came of it for programs; `-` is stdout, instead of the text
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn minutes(text: &str) -> Result<Duration, String> {
    let minutes: f64 = text.parse().map_err(|_| "no number".to_owned())?;
    Duration::try_from_secs_f64(minutes * 60.0).map_err(|error| error.to_string())
}

/// Walks and prints what comes of it.
///
/// # Errors
/// A target is missing, or the output can't be written.
pub fn execute(args: &WalkArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    // Short enough to be typed.
    let seed = args
        .seed
        .unwrap_or_else(|| RandomState::new().hash_one(0) >> 40);
    let Some(against) = args.against.clone().filter(|_| !args.show) else {
        return show(args, seed, out);
    };
    let plan = plan(args, against, seed)?;
    for target in &plan.targets {
        target
            .launch(&plan.options)
            .map_err(|error| environment(error.to_string()))?;
    }
    let text = args.json.as_deref() != Some(Path::new("-"));
    if text {
        writeln!(out, "seed {}", plan.seed)?;
        out.flush()?;
    }
    let walk = run(&plan, text.then_some(&mut *out))?;
    if text {
        out.write_all(report::summary(&walk).as_bytes())?;
    }
    match args.json.as_deref() {
        Some(path) if text => {
            let json = format!("{:#}\n", report::json(&walk));
            fs::write(path, json).map_err(|error| {
                environment(format!("can't write `{}`: {error}", path.display()))
            })?;
        }
        Some(_) => writeln!(out, "{:#}", report::json(&walk))?,
        None => {}
    }
    Ok(exit(&walk))
}

fn plan(args: &WalkArgs, against: Target, seed: u64) -> Result<Plan, CliError> {
    let defaults = RunOptions::default();
    let targets = [args.target.clone(), against];
    // Away from a checkout there are no schemas, and nothing is held against them.
    let frames = match scenarios_dir(None) {
        Ok(directory) => {
            let root = directory.parent().unwrap_or(&directory);
            let frames = SchemaCheck::of(root, &targets);
            frames
                .map_err(|error| CliError::usage(error.to_string(), "correct it, or remove it"))?
        }
        Err(_) => SchemaCheck::default(),
    };
    Ok(Plan {
        targets,
        frames: Arc::new(frames),
        options: RunOptions {
            jobs: args.jobs.unwrap_or(defaults.jobs),
            ..defaults
        },
        seed,
        first: args.first,
        sessions: match (args.sessions, args.minutes) {
            (Some(sessions), _) => sessions,
            (None, Some(_)) => u64::MAX,
            (None, None) => SESSIONS,
        },
        out: args.out.clone(),
        until: args
            .minutes
            .and_then(|minutes| Instant::now().checked_add(minutes)),
    })
}

/// Prints the sessions that would be walked, each a document of YAML.
fn show(args: &WalkArgs, seed: u64, out: &mut dyn Write) -> Result<Exit, CliError> {
    let sessions = Sessions::of(seed);
    let last = args.first.saturating_add(args.sessions.unwrap_or(1));
    for number in args.first..last {
        writeln!(out, "---")?;
        out.write_all(sessions.text(number).as_bytes())?;
    }
    Ok(Exit::Success)
}

fn environment(message: String) -> CliError {
    CliError::Failed {
        message,
        hint: None,
        exit: Exit::Environment,
    }
}

/// Walks; each difference is printed as soon as it is found.
fn run(plan: &Plan, mut out: Option<&mut dyn Write>) -> Result<Walk, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let shows = io::stderr().is_terminal();
    let targets = plan.targets.each_ref().map(ToString::to_string);
    let mut told = Ok(());
    let on_event = |event: WalkEvent<'_>| {
        if shows {
            progress(event);
        }
        if let (WalkEvent::Found(found), Some(out)) = (event, &mut out) {
            let text = report::difference(found, &targets, plan.seed);
            told = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            if told.is_err() {
                plan.options.cancel.cancel();
            }
        }
    };
    let walked = runtime.block_on(async {
        let _listening = ending::cancels(&plan.options.cancel);
        walk(plan, on_event).await
    });
    if shows {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    told?;
    walked.map_err(|error| environment(error.to_string()))
}

/// A line on stderr that the next one replaces.
fn progress(event: WalkEvent<'_>) {
    let line = match event {
        WalkEvent::Session(counts) => {
            format!("{} sessions, {} differ", counts.all(), counts.differ)
        }
        WalkEvent::Shrinking { session } => format!("making session {session} smaller"),
        WalkEvent::Found(_) => String::new(),
    };
    // With stderr gone there is nobody to tell.
    let _ = write!(io::stderr(), "\r\x1b[K{line}");
}

fn exit(walk: &Walk) -> Exit {
    if !walk.complete {
        complain("stopped: not every session was walked");
    }
    let counts = walk.counts;
    if counts.differ > 0 {
        complain("hint: `certify` compares a scenario again, `run --keep` leaves its transcript");
        return Exit::Failed;
    }
    match (counts.broken, counts.equal) {
        (0, 0) => Exit::Nothing,
        (0, _) => Exit::Success,
        _ => Exit::Environment,
    }
}
