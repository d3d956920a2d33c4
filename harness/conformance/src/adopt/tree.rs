//! The working tree: what may be overwritten, and what was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::state::{State, digest};

/// A working tree that an adoption writes into.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    force: bool,
    /// Where the state is kept.
    kept: PathBuf,
    /// What was done.
    pub state: State,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrote {
    /// It was not there.
    New,
    /// It was another.
    Changed,
    /// It was the same, and was left alone.
    Same,
    /// It is frozen, and another: it was left alone.
    Frozen,
}

/// Why the tree can't be written.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// Something would be lost.
    #[error("{} files have changes that are not committed and would be overwritten: {}", .0.len(), shown(.0))]
    Dirty(Vec<PathBuf>),
    /// A file or directory.
    #[error("can't {what} `{}`: {source}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The most files that a message names.
const SHOWN: usize = 5;

fn shown(paths: &[PathBuf]) -> String {
    let names = paths.iter().take(SHOWN);
    let names: Vec<String> = names.map(|path| format!("`{}`", path.display())).collect();
    let more = if paths.len() > SHOWN { ", …" } else { "" };
    names.join(", ") + more
}

fn failed(what: &'static str, path: &Path, source: io::Error) -> TreeError {
    TreeError::File {
        what,
        path: path.to_owned(),
        source,
    }
}

impl Tree {
    /// The tree below `root`; what was done before is in the file `kept`.
    ///
    /// # Errors
    /// One of the paths in `writes` (below the root) has changes that are not committed and not
    /// ours, unless `force`; the state can't be read.
    pub fn open(
        root: &Path,
        kept: PathBuf,
        writes: &[PathBuf],
        force: bool,
    ) -> Result<Self, TreeError> {
        let state = State::load(&kept).map_err(|error| failed("read", &kept, error))?;
        let tree = Self {
            root: root.to_owned(),
            force,
            kept,
            state,
        };
        let foreign: Vec<PathBuf> = uncommitted(root, writes)
            .into_iter()
            .filter(|path| !tree.is_ours(path))
            .collect();
        if foreign.is_empty() || force {
            return Ok(tree);
        }
        Err(TreeError::Dirty(foreign))
    }

    /// Did an adoption write this, and nobody since?
    fn is_ours(&self, path: &Path) -> bool {
        if self.state.recording && path.starts_with("snapshots") {
            return true;
        }
        let known = self.state.written.get(path);
        let now = fs::read(self.root.join(path));
        now.is_ok_and(|bytes| known.is_some_and(|known| *known == digest(&bytes)))
    }

    /// Keeps the state.
    ///
    /// # Errors
    /// It can't be written.
    pub fn keep(&self) -> Result<(), TreeError> {
        let saved = self.state.save(&self.kept);
        saved.map_err(|error| failed("write", &self.kept, error))
    }

    /// A file's text; `None` if it isn't there.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read(&self, path: &Path) -> Result<Option<String>, TreeError> {
        match fs::read_to_string(self.root.join(path)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", path, error)),
        }
    }

    /// Writes a file, unless it is the same already.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write(&mut self, path: &Path, text: &str) -> Result<Wrote, TreeError> {
        let wrote = match self.read(path)? {
            Some(old) if old == text => return Ok(Wrote::Same),
            Some(_) => Wrote::Changed,
            None => Wrote::New,
        };
        let place = self.root.join(path);
        let written = place
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&place, text));
        written.map_err(|error| failed("write", path, error))?;
        let digest = digest(text.as_bytes());
        self.state.written.insert(path.to_owned(), digest);
        self.keep()?;
        Ok(wrote)
    }

    /// The same for a file that others rely on: one that is there and not ours stays.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write_frozen(&mut self, path: &Path, text: &str) -> Result<Wrote, TreeError> {
        let old = self.read(path)?;
        let is_free = old.is_none() || self.is_ours(path) || self.force;
        if !is_free && old.is_some_and(|old| old != text) {
            return Ok(Wrote::Frozen);
        }
        self.write(path, text)
    }

    /// The digests of all snapshots.
    ///
    /// # Errors
    /// One can't be read.
    pub fn snapshots(&self) -> Result<BTreeMap<PathBuf, String>, TreeError> {
        let mut found = BTreeMap::new();
        let mut open = vec![PathBuf::from("snapshots")];
        while let Some(directory) = open.pop() {
            let entries = match fs::read_dir(self.root.join(&directory)) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed("read", &directory, error)),
            };
            for entry in entries {
                let entry = entry.map_err(|error| failed("read", &directory, error))?;
                let path = directory.join(entry.file_name());
                if entry.path().is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|it| it == "snap") {
                    let bytes = fs::read(entry.path());
                    let bytes = bytes.map_err(|error| failed("read", &path, error))?;
                    found.insert(path, digest(&bytes));
                }
            }
        }
        Ok(found)
    }

    /// Begins to record snapshots: those that change from now on are ours.
    ///
    /// # Errors
    /// The state can't be kept.
    pub fn record(&mut self) -> Result<(), TreeError> {
        self.state.recording = true;
        self.keep()
    }

    /// Ends that: what changed since `before` is ours.
    ///
    /// # Errors
    /// A snapshot can't be read, or the state can't be kept.
    pub fn recorded(&mut self, before: &BTreeMap<PathBuf, String>) -> Result<(), TreeError> {
        let now = self.snapshots()?.into_iter();
        let changed = now.filter(|(path, digest)| before.get(path) != Some(digest));
        self.state.written.extend(changed);
        self.state.recording = false;
        self.keep()
    }

    /// How many snapshots are ours.
    pub fn recorded_snapshots(&self) -> usize {
        let written = self.state.written.keys();
        written.filter(|path| path.starts_with("snapshots")).count()
    }
}

/// What of these paths has changes that git doesn't have; nothing outside of a repository.
fn uncommitted(root: &Path, paths: &[PathBuf]) -> BTreeSet<PathBuf> {
    // Without optional locks `status` writes nothing, not even its index.
    let output = Command::new("git")
        .arg("--no-optional-locks")
        .arg("-C")
        .arg(root)
        .args([
            "status",
            "--porcelain=v1",
            "-z",
            "--untracked-files=all",
            "--no-renames",
            "--",
        ])
        .args(paths)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let Ok(output) = output else {
        return BTreeSet::new();
    };
    let prefix = prefix(root);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let rows = text.split('\0').filter_map(|row| row.get(3..));
    rows.map(PathBuf::from)
        .map(|path| {
            path.strip_prefix(&prefix)
                .map(Path::to_owned)
                .unwrap_or(path)
        })
        .collect()
}

/// Where the root is in its repository: what git names is below that.
fn prefix(root: &Path) -> PathBuf {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["rev-parse", "--show-prefix"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    PathBuf::from(text.unwrap_or_default())
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
