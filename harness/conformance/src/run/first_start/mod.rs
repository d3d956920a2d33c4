//! What a codex does at its first start in an empty `CODEX_HOME`, done once for all cases of a run.
//!
//! It creates its databases with every migration that there ever was, and writes the skills that
//! come with it: more than half of the time of a short case. A start in a home that has these is
//! the same on the wire: what is taken over is what every first start leaves alike. Nothing of a
//! session is among it, and no id that is to be each home's own.

mod release;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Map;
use tokio::sync::OnceCell;

use crate::client::approval::Approvals;
use crate::client::connection::Waiting;
use crate::run::RunOptions;
use crate::run::home;
use crate::run::leftover::Sweep;
use crate::run::places::LaidOut;
use crate::run::record::Recorder;
use crate::run::session::{Around, Plan, Session, Stopped};
use crate::scenario::model::Home;
use crate::target::Target;
use crate::target::launch::Launch;

/// How long it may take; a case does without after that.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nobody listens there, and at its start codex asks nobody.
const NO_MODEL: &str = "http://127.0.0.1:9/v1";

/// The files of a home that are taken over, by the end of their names: databases, and what of
/// them is still in a log. Their shared memory is made anew.
const DATABASES: [&str; 2] = [".sqlite", ".sqlite-wal"];

/// The directory of a home that is taken over whole.
const BUNDLED_SKILLS: &str = "skills/.system";

/// The first starts of a run, by program; clones are of the same run.
#[derive(Clone, Debug, Default)]
pub struct FirstStarts(Arc<Mutex<BTreeMap<PathBuf, Made>>>);

/// A first start that is done once; `None` where it failed.
type Made = Arc<OnceCell<Option<FirstStart>>>;

/// What a first start has left.
#[derive(Debug)]
pub(super) struct FirstStart {
    laid_out: LaidOut,
    /// What is taken over, relative to `CODEX_HOME`.
    files: Vec<PathBuf>,
    /// The directory with `lsb_release`.
    programs: Option<PathBuf>,
}

/// The first start of one program, done or to be done.
#[derive(Debug)]
pub(super) struct Shared(Made);

impl FirstStarts {
    /// The first start of a target, which is done now unless it was before. `None` where it is
    /// not known what a first start leaves, and where it failed: what is wrong with the target
    /// is then seen in the cases.
    pub(super) async fn of(
        &self,
        target: &Target,
        launch: &Launch,
        options: &RunOptions,
    ) -> Option<Shared> {
        if !matches!(target, Target::Codex { .. }) {
            return None;
        }
        let cell = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(launch.program.clone()).or_default())
        };
        let start = Box::pin(FirstStart::make(target, launch, options));
        let made = cell.get_or_init(|| async {
            let done = tokio::time::timeout(PATIENCE, start).await;
            done.ok().flatten()
        });
        made.await.as_ref()?;
        Some(Shared(cell))
    }
}

impl Shared {
    fn get(&self) -> Option<&FirstStart> {
        self.0.get().and_then(Option::as_ref)
    }

    /// Puts what the first start has left into a fresh home.
    pub(super) fn put_into(&self, codex_home: &Path) -> io::Result<()> {
        self.get()
            .map_or(Ok(()), |start| start.put_into(codex_home))
    }

    /// Programs that are searched before any others.
    pub(super) fn programs(&self) -> Option<&Path> {
        self.get().and_then(|start| start.programs.as_deref())
    }
}

impl FirstStart {
    async fn make(target: &Target, launch: &Launch, options: &RunOptions) -> Option<Self> {
        let laid_out = LaidOut::make(options.places_under.as_deref()).ok()?;
        let places = laid_out.places();
        home::write_config(&places.codex_home, &home::base_config(NO_MODEL)).ok()?;
        let marker = home::marker();
        let mut sweep = Sweep::of(marker.clone());
        let mut plan = Plan {
            launch: Some(launch.clone()),
            overrides: Map::new(),
            environment: home::environment(places, (None, &launch.path), &marker, &Map::new()),
            listening: None,
            token: None,
        };
        let programs = places.root.join("programs");
        let programs = release::lay_out(&programs, &plan.environment)
            .await
            .then_some(programs);
        plan.environment = home::environment(
            places,
            (programs.as_deref(), &launch.path),
            &marker,
            &Map::new(),
        );
        let around = Around {
            places,
            recorder: &Recorder::start(),
            waiting: &Waiting::default(),
        };
        let approvals = Approvals::leaving([]);
        let mut session = Session::open(target, &plan, approvals, around).await.ok()?;
        if let Some(app_server) = session.app_server() {
            sweep.knows(app_server.group());
        }
        session.client().handshake(&Home::default()).await.ok()?;
        let Stopped::Ended(exit) = session.stop(options.grace).await else {
            return None;
        };
        sweep.now();
        if exit.code != Some(0) {
            return None;
        }
        let files = taken_over(&places.codex_home).ok()?;
        Some(Self {
            laid_out,
            files,
            programs,
        })
    }

    fn put_into(&self, codex_home: &Path) -> io::Result<()> {
        let from = &self.laid_out.places().codex_home;
        let mut made = None;
        for file in &self.files {
            let to = codex_home.join(file);
            if let Some(parent) = to
                .parent()
                .filter(|parent| made.as_deref() != Some(*parent))
            {
                fs::create_dir_all(parent)?;
                made = Some(parent.to_owned());
            }
            let from = from.join(file);
            // Making a file costs far more than a link, and codex never writes into a skill: it
            // replaces all of them by new ones.
            if file.starts_with(BUNDLED_SKILLS) && fs::hard_link(&from, &to).is_ok() {
                continue;
            }
            fs::copy(&from, &to)?;
        }
        Ok(())
    }
}

/// The files of a home that are taken over, relative to it.
fn taken_over(codex_home: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(codex_home)? {
        let entry = entry?;
        let name = entry.file_name();
        let ends = |end: &&str| name.to_str().is_some_and(|name| name.ends_with(end));
        if entry.file_type()?.is_file() && DATABASES.iter().any(ends) {
            files.push(name.into());
        }
    }
    let skills = PathBuf::from(BUNDLED_SKILLS);
    if codex_home.join(&skills).is_dir() {
        below(codex_home, &skills, &mut files)?;
    }
    Ok(files)
}

/// All files below a directory; what is neither file nor directory is left out.
fn below(root: &Path, directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(directory))? {
        let entry = entry?;
        let path = directory.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            below(root, &path, files)?;
        } else if kind.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_and_bundled_skills_are_taken_over_and_nothing_of_a_home_s_own() {
        let home = tempfile::tempdir().unwrap();
        for path in [
            "state_5.sqlite",
            "state_5.sqlite-wal",
            "state_5.sqlite-shm",
            "installation_id",
            "config.toml",
            "auth.json",
            "sessions/2026/rollout.jsonl",
            "skills/mine/SKILL.md",
            "skills/.system/one/SKILL.md",
            "skills/.system/.marker",
        ] {
            crate::run::world::lay_out(&home.path().join(path), path).unwrap();
        }
        let mut files = taken_over(home.path()).unwrap();
        files.sort();
        let expected = [
            "skills/.system/.marker",
            "skills/.system/one/SKILL.md",
            "state_5.sqlite",
            "state_5.sqlite-wal",
        ];
        assert_eq!(files, expected.map(PathBuf::from));
    }

    #[tokio::test]
    async fn only_of_a_codex_it_is_known_what_a_first_start_leaves() {
        let options = RunOptions {
            mock_program: Some("/nowhere/codex-conformance".into()),
            ..RunOptions::default()
        };
        let launch = Target::MOCK.launch(&options).unwrap().unwrap();
        let starts = FirstStarts::default();
        assert!(starts.of(&Target::MOCK, &launch, &options).await.is_none());
        assert!(starts.0.lock().unwrap().is_empty());
    }
}
