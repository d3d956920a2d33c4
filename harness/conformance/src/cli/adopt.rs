//! `adopt`: a new codex, and all that follows from it in the working tree.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use clap::{Args, CommandFactory as _};

use super::drift::{self, options};
use super::progress::to_the_end;
use super::{Cli, CliError, Exit, complain, scenarios_dir, selection};
use crate::adopt::recorder::Recorder;
use crate::adopt::state::{self, Compared};
use crate::adopt::summary::{self, Summary};
use crate::adopt::tree::{Tree, TreeError, Wrote};
use crate::adopt::{AdoptError, Plan};
use crate::check::snapshot::Update;
use crate::check::verdict::Judge;
use crate::drift::{Drift, report};
use crate::run;
use crate::scenario::model::Case;
use crate::schema::import::import;
use crate::target::Target;
use crate::target::cache::Cache;
use crate::versions::Version;

/// The options of `adopt`.
#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// The new one, which must be installed: `codex@VERSION`
    #[arg(value_name = "codex@NEW")]
    new: Target,
    /// What it is compared with, an older one whose schema was imported [default: the newest of
    /// those]
    #[arg(long, value_name = "codex@OLD")]
    from: Option<Target>,
    /// Write the summary, as Markdown; else it goes to stdout
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Overwrite what is not committed, and requirements that are frozen
    #[arg(long)]
    force: bool,
    /// Run the cases again, though they have not changed since they were run
    #[arg(long)]
    again: bool,
    /// Leave the permission matrix out
    #[arg(long)]
    no_permissions: bool,
    /// Where the scenarios are, with `fixtures` and `snapshots` beside it [default: the nearest
    /// `scenarios`, upwards]
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// How many cases run at once [default: two for each processor]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// Does every step that there is to do, and tells of it.
///
/// # Errors
/// A version is not installed or not known, something would be overwritten, or a step fails; what
/// was done stays, and a second call goes on from there.
pub fn execute(args: &AdoptArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let directory = scenarios_dir(args.scenarios.as_deref())?;
    let root = match directory.parent() {
        Some(root) if root.as_os_str().is_empty() => Path::new("."),
        Some(root) => root,
        None => &directory,
    };
    let cache = Cache::from_environment().map_err(|error| environment(error.to_string(), None))?;
    let new = installed(&args.new, &cache)?;
    let imported = imported(root);
    let old = installed(&from(args, &new.version, &imported)?, &cache)?;
    let this = Version::parse(&new.version);
    let next = imported
        .iter()
        .find(|version| Some(*version) > this.as_ref());
    let next = next.map(ToString::to_string);
    let cases = selection::all(&directory)?;
    let plan = Plan {
        root,
        old: &old.version,
        new: &new.version,
        next: next.as_deref(),
        cases: &cases,
    };
    let kept = state::path_of(&cache, root, plan.new);
    let mut tree =
        Tree::open(root, kept, &plan.writes(), args.force).map_err(|error| of_tree(&error))?;

    let text =
        import(&new.program, plan.new).map_err(|error| environment(error.to_string(), None))?;
    let (wrote, diff) = plan.schema(&mut tree, &text).map_err(|it| of_step(&it))?;
    told("schema", wrote);
    let compared = compared(args, &plan, &mut tree)?;
    let (wrote, known) = plan
        .known(&mut tree, &compared)
        .map_err(|it| of_step(&it))?;
    told("known failures", wrote);
    if !known.added.is_empty() && wrote != Wrote::Same {
        // What is known to fail has a snapshot too, and could not get it before it was known.
        record_again(&plan, &mut tree, &known.added)?;
    }
    let requirements = plan.requirements(&mut tree).map_err(|it| of_step(&it))?;
    told("requirements", requirements.0);
    let matrix = if args.no_permissions {
        "left out".to_owned()
    } else {
        matrix(&plan)?
    };
    complain(&format!("permission matrix: {matrix}"));
    let wrote = plan
        .write_page(&mut tree, &diff, &compared)
        .map_err(|it| of_step(&it))?;
    told("documents", wrote);
    let text = summary::markdown(&Summary {
        plan: &plan,
        diff: &diff,
        compared: &compared,
        known: &known,
        requirements,
        written: tree.state.written.keys().cloned().collect(),
        matrix,
    });
    match &args.summary {
        None => out.write_all(text.as_bytes())?,
        Some(path) => fs::write(path, text).map_err(|error| {
            environment(format!("can't write `{}`: {error}", path.display()), None)
        })?,
    }
    Ok(Exit::Success)
}

/// A codex that can be run.
struct Codex {
    version: String,
    program: PathBuf,
}

fn installed(target: &Target, cache: &Cache) -> Result<Codex, CliError> {
    let Target::Codex { version } = target else {
        let message = format!("`{target}` is no version of codex");
        return Err(CliError::usage(
            message,
            "write for example `codex@0.169.0`",
        ));
    };
    let found = cache
        .find(version)
        .map_err(|error| environment(error.to_string(), None))?;
    let Some(found) = found else {
        let hint = format!("install it with `codex-conformance target install {target}`");
        let message = format!("`{target}` is not installed");
        return Err(environment(message, Some(hint)));
    };
    Ok(Codex {
        version: version.clone(),
        program: found.program,
    })
}

/// The versions whose schemas were imported, the oldest first.
fn imported(root: &Path) -> Vec<Version> {
    let names = fs::read_dir(root.join("fixtures/schemas"));
    let names = names.into_iter().flatten().flatten();
    let versions = names.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Version::parse(name.strip_prefix("codex-")?.strip_suffix(".json")?)
    });
    let mut versions: Vec<Version> = versions.collect();
    versions.sort();
    versions
}

/// The version that the new one is compared with: the given one, else the newest before it.
fn from(args: &AdoptArgs, new: &str, imported: &[Version]) -> Result<Target, CliError> {
    let new = Version::parse(new);
    let is_older = |version: &Version| new.as_ref().is_some_and(|new| version < new);
    let Some(from) = &args.from else {
        let newest = imported.iter().rfind(|version| is_older(version));
        let newest = newest.ok_or_else(|| {
            CliError::usage(
                "no schema of an older version was imported",
                "import one with `schema import`",
            )
        })?;
        return Ok(Target::Codex {
            version: newest.to_string(),
        });
    };
    match from {
        Target::Codex { version } if !Version::parse(version).is_some_and(|it| is_older(&it)) => {
            let message = format!("`{from}` is not older than `{}`", args.new);
            Err(CliError::usage(message, "name an older one with `--from`"))
        }
        from => Ok(from.clone()),
    }
}

/// What the comparison came to: that of before, if nothing has changed since.
fn compared(args: &AdoptArgs, plan: &Plan<'_>, tree: &mut Tree) -> Result<Compared, CliError> {
    let suite = state::suite([plan.old, plan.new], plan.cases);
    let known = tree.state.compared.clone();
    if let Some(known) = known.filter(|known| known.suite == suite && !args.again) {
        complain("cases: as they were run before");
        return Ok(known);
    }
    let targets = [plan.old, plan.new].map(|version| Target::Codex {
        version: version.to_owned(),
    });
    let judge = Judge::new(plan.root, &targets[1..], Update::Write)
        .map_err(|error| CliError::usage(error.to_string(), "correct it, or remove it"))?;
    let before = tree.snapshots().map_err(|error| of_tree(&error))?;
    tree.record().map_err(|error| of_tree(&error))?;
    let mut recorder = Recorder::new(targets[1].to_string(), &judge);
    let [old, new] = targets;
    let all = [old, new, Target::MOCK];
    let run = drift::Comparison {
        root: plan.root,
        cases: plan.cases,
        targets: &all,
        options: options(args.jobs),
        within: None,
    };
    let drift = run.compare(|event| recorder.event(event))?;
    if !drift.is_complete() {
        let hint = "call `adopt` again to go on".to_owned();
        return Err(CliError::Failed {
            message: "stopped: not every case was run".to_owned(),
            hint: Some(hint),
            exit: Exit::Failed,
        });
    }
    once_more(plan, &mut recorder, &all[1])?;
    tree.recorded(&before).map_err(|error| of_tree(&error))?;
    let compared = of_drift(suite, &drift, recorder);
    tree.state.compared = Some(compared.clone());
    tree.keep().map_err(|error| of_tree(&error))?;
    complain(&format!("cases: {}", compared.summary));
    Ok(compared)
}

/// Runs cases once more on the new version, by the known failures as they are now.
fn record_again(
    plan: &Plan<'_>,
    tree: &mut Tree,
    cases: &BTreeSet<String>,
) -> Result<(), CliError> {
    let new = Target::Codex {
        version: plan.new.to_owned(),
    };
    let judge = Judge::new(plan.root, std::slice::from_ref(&new), Update::Write)
        .map_err(|error| CliError::usage(error.to_string(), "correct it, or remove it"))?;
    let before = tree.snapshots().map_err(|error| of_tree(&error))?;
    tree.record().map_err(|error| of_tree(&error))?;
    let mut recorder = Recorder::new(new.to_string(), &judge);
    run_alone(plan, cases, &new, &mut recorder)?;
    tree.recorded(&before).map_err(|error| of_tree(&error))
}

/// Runs what fails on the new version once more, one by one: it may have been a race.
fn once_more(plan: &Plan<'_>, recorder: &mut Recorder<'_>, new: &Target) -> Result<(), CliError> {
    let failing: BTreeSet<String> = recorder.failing().map(str::to_owned).collect();
    run_alone(plan, &failing, new, recorder)
}

/// Runs some cases on one target, one by one.
fn run_alone(
    plan: &Plan<'_>,
    ids: &BTreeSet<String>,
    target: &Target,
    recorder: &mut Recorder<'_>,
) -> Result<(), CliError> {
    let cases = plan.cases.iter().filter(|case| ids.contains(&case.id));
    let cases: Vec<Arc<Case>> = cases.cloned().collect();
    let alone = options(Some(NonZeroUsize::MIN));
    let target = std::slice::from_ref(target);
    let runs = run::suite(&cases, target, &alone, |event| recorder.event(&event));
    to_the_end(&alone.cancel, runs)?;
    Ok(())
}

fn of_drift(suite: String, drift: &Drift, recorder: Recorder<'_>) -> Compared {
    let turned = drift.turned.iter().map(|group| {
        let cases = match group.cases.len() {
            1 => "1 case".to_owned(),
            more => format!("{more} cases"),
        };
        [group.words.join(" → "), cases, group.reason()]
    });
    Compared {
        suite,
        page: report::markdown(drift),
        summary: report::summary(drift),
        turned: turned.collect(),
        authority: report::authority(drift),
        differ: drift.counts.differ,
        results: recorder.results,
        known: None,
    }
}

/// The permission matrix, by the command that makes it.
fn matrix(plan: &Plan<'_>) -> Result<String, CliError> {
    const COMMAND: &str = "permissions";
    // Whoever builds without it can adopt all the same.
    if Cli::command().find_subcommand(COMMAND).is_none() {
        return Ok("left out: this build has no `permissions`".to_owned());
    }
    let page = plan.root.join("docs/permissions-matrix.md");
    let target = format!("codex@{}", plan.new);
    let root = plan.root.as_os_str();
    let calls = [
        [&["--target", &target, "--store", "--root"][..]].concat(),
        ["--kept", "--root"].to_vec(),
    ];
    let program = std::env::current_exe()?;
    for (position, call) in calls.iter().enumerate() {
        let mut command = Command::new(&program);
        command.arg(COMMAND).args(call).arg(root);
        if position == 1 {
            command.arg("--markdown").arg(&page);
        }
        let status = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        // 1 says that there are findings, which is what a matrix is for.
        if !matches!(status.code(), Some(0 | 1)) {
            let message = format!("`{COMMAND}` failed: {status}");
            return Err(environment(message, None));
        }
    }
    Ok(format!("`fixtures/permissions`, `{}`", page.display()))
}

fn told(step: &str, wrote: Wrote) {
    complain(&match wrote {
        Wrote::New => format!("{step}: written"),
        Wrote::Changed => format!("{step}: changed"),
        Wrote::Same => format!("{step}: as it was"),
        Wrote::Frozen => format!("{step}: frozen, and left as it was"),
    });
}

fn of_tree(error: &TreeError) -> CliError {
    match error {
        TreeError::Dirty(_) => CliError::usage(
            error.to_string(),
            "commit them or put them aside; `--force` overwrites them",
        ),
        TreeError::File { .. } => environment(error.to_string(), None),
    }
}

fn of_step(error: &AdoptError) -> CliError {
    match error {
        AdoptError::Tree(error) => of_tree(error),
        AdoptError::NoSchema(version) => CliError::usage(
            error.to_string(),
            format!("import it with `schema import codex@{version}`"),
        ),
        error => CliError::usage(error.to_string(), "correct it, or remove it"),
    }
}

fn environment(message: String, hint: Option<String>) -> CliError {
    CliError::Failed {
        message,
        hint,
        exit: Exit::Environment,
    }
}
