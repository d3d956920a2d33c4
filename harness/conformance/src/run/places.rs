//! The directories of one run.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::run::outcome::Places;
use crate::scenario::template::Bindings;

/// The variable that names the directory under which runs are laid out.
pub const PLACES_VARIABLE: &str = "CODEX_CONFORMANCE_TMPDIR";

/// Not `/tmp`: a workspace-write sandbox may write there, and the real app-server's sandbox can
/// break with `CODEX_HOME` below it.
const DEFAULT_PARENT: &str = "/var/tmp";

/// Each run's directory begins with this, so that one left behind by a kill is recognised.
const PREFIX: &str = "codex-conformance-";

/// The directories as long as they exist: dropping removes them, unless they are kept.
#[derive(Debug)]
#[must_use = "dropping it removes the directories"]
pub struct LaidOut {
    directory: TempDir,
    places: Places,
}

impl LaidOut {
    /// Makes the directories, fresh and empty, readable by this user alone.
    pub fn make(under: Option<&Path>) -> io::Result<Self> {
        let parent = under.map_or_else(parent_from_environment, Path::to_owned);
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(&parent)?;
        // The app-server reports real paths; a symlink on the way would make two names of one.
        let root = directory.path().canonicalize()?;
        let places = Places {
            codex_home: root.join("codex-home"),
            home: root.join("home"),
            workspace: root.join("workspace"),
            outside: root.join("outside"),
            tmpdir: root.join("tmp"),
            root,
        };
        for (_, path) in named(&places) {
            fs::create_dir(path)?;
        }
        Ok(Self { directory, places })
    }

    /// The directories.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Leaves the directories where they are.
    pub fn keep(self) -> PathBuf {
        self.directory.keep()
    }

    /// Removes the directories; an error says which one is left.
    pub fn remove(self) -> io::Result<()> {
        self.directory.close()
    }
}

impl Places {
    /// Binds the names that scenarios use: `${workspace}` and the others.
    pub fn bind(&self, bindings: &mut Bindings) {
        for (name, path) in named(self) {
            bindings.set(name, path.to_string_lossy().into_owned().into());
        }
    }
}

fn named(places: &Places) -> [(&'static str, &Path); 5] {
    [
        ("codex_home", &places.codex_home),
        ("home", &places.home),
        ("workspace", &places.workspace),
        ("outside", &places.outside),
        ("tmpdir", &places.tmpdir),
    ]
}

fn parent_from_environment() -> PathBuf {
    env::var_os(PLACES_VARIABLE)
        .filter(|value| !value.is_empty())
        .map_or_else(|| DEFAULT_PARENT.into(), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::template::PLACES;

    #[test]
    fn directories_are_fresh_named_and_gone_at_the_end() {
        let parent = tempfile::tempdir().unwrap();
        let laid_out = LaidOut::make(Some(parent.path())).unwrap();
        let root = laid_out.places().root.clone();
        let name = root.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.starts_with(PREFIX), "{name}");
        let mut bindings = Bindings::new();
        laid_out.places().bind(&mut bindings);
        for (name, _) in PLACES {
            let path = bindings.get(name).and_then(|v| v.as_str()).unwrap();
            assert!(Path::new(path).is_dir(), "{name}");
        }
        fs::write(laid_out.places().workspace.join("a"), "x").unwrap();
        drop(laid_out);
        assert!(!root.exists());
    }
}
