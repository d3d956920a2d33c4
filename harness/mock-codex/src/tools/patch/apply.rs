//! Doing what a patch asks for.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Operation, Patch, absolute, change};

/// A patch to carry out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) patch: Patch,
    pub(crate) cwd: PathBuf,
    /// May directories on the way be links? codex 0.169.0 follows none for a patch that was
    /// approved, unlike for one that needed no approval.
    pub(crate) follow_links: bool,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Applied {
    pub(crate) succeeded: bool,
    /// What the model is told, with a line feed at the end.
    pub(crate) text: String,
    /// What was done, in order.
    pub(crate) effects: Vec<Effect>,
    /// Is that all that was done, to the byte?
    pub(crate) exact: bool,
}

/// What was done to one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Effect {
    Written {
        path: PathBuf,
        old: Option<String>,
        new: String,
    },
    Deleted {
        path: PathBuf,
        old: String,
    },
    /// Written to another place, `onto` what was there.
    Moved {
        from: PathBuf,
        to: PathBuf,
        old: String,
        new: String,
        onto: Option<String>,
    },
}

/// Reads an order from stdin, carries it out and writes what came of it to stdout; the exit code.
pub(crate) fn serve() -> io::Result<i32> {
    let order: Order = serde_json::from_reader(io::stdin().lock())?;
    let applied = apply(&order);
    serde_json::to_writer(io::stdout().lock(), &applied)?;
    Ok(0)
}

/// What happens to the operations of an order, one after the other.
struct Work<'a> {
    order: &'a Order,
    applied: Applied,
}

/// Carries an order out, up to the first operation that fails.
pub(crate) fn apply(order: &Order) -> Applied {
    let mut work = Work {
        order,
        applied: Applied {
            exact: true,
            ..Applied::default()
        },
    };
    let failed = order.patch.operations.iter().find_map(|operation| {
        let done = work.operate(operation);
        done.err()
    });
    let mut applied = work.applied;
    applied.succeeded = failed.is_none();
    applied.text = failed.map_or_else(|| summary(&order.patch), |failure| failure + "\n");
    applied
}

impl Work<'_> {
    fn operate(&mut self, operation: &Operation) -> Result<(), String> {
        let path = absolute(&self.order.cwd, operation.path());
        match operation {
            Operation::Add { content, .. } => {
                let old = self.write(&path, content)?;
                self.applied.effects.push(Effect::Written {
                    path,
                    old,
                    new: content.clone(),
                });
            }
            Operation::Delete { .. } => {
                let old = before(&path);
                self.reach(&path)
                    .and_then(|()| fs::remove_file(&path))
                    .map_err(|_| format!("Failed to delete file {}", path.display()))?;
                if let Some(old) = self.exactly(old).flatten() {
                    self.applied.effects.push(Effect::Deleted { path, old });
                }
            }
            Operation::Update { move_to, hunks, .. } => {
                self.reach(&path).map_err(|error| {
                    let path = path.display();
                    format!("Failed to read file to update {path}: {error}")
                })?;
                let (old, new) = change::update(&path, hunks).map_err(|error| error.to_string())?;
                let Some(to) = move_to else {
                    self.write(&path, &new)?;
                    let old = Some(old);
                    self.applied
                        .effects
                        .push(Effect::Written { path, old, new });
                    return Ok(());
                };
                let to = absolute(&self.order.cwd, to);
                let onto = self.write(&to, &new)?;
                if to != path {
                    fs::remove_file(&path)
                        .map_err(|_| format!("Failed to remove original {}", path.display()))?;
                }
                self.applied.effects.push(Effect::Moved {
                    from: path,
                    to,
                    old,
                    new,
                    onto,
                });
            }
        }
        Ok(())
    }

    /// Writes a file; gives what it replaced.
    fn write(&mut self, path: &Path, text: &str) -> Result<Option<String>, String> {
        let before = before(path);
        let written = self.reach(path).and_then(|()| write(path, text));
        if written.is_err() {
            self.applied.exact = false;
            return Err(format!("Failed to write file {}", path.display()));
        }
        Ok(self.exactly(before).flatten())
    }

    fn exactly<T>(&mut self, known: Result<T, ()>) -> Option<T> {
        self.applied.exact &= known.is_ok();
        known.ok()
    }

    /// Fails where a directory on the way is a link that may not be followed.
    fn reach(&self, path: &Path) -> io::Result<()> {
        let mut above = path.ancestors().skip(1);
        if !self.order.follow_links && above.any(Path::is_symlink) {
            return Err(rustix::io::Errno::NOTDIR.into());
        }
        Ok(())
    }
}

/// A file's text; what is no plain file with a text can't be told exactly.
fn before(path: &Path) -> Result<Option<String>, ()> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Ok(found) if found.is_file() && !path.is_symlink() => {
            fs::read_to_string(path).map(Some).map_err(|_| ())
        }
        _ => Err(()),
    }
}

/// Writes a file, with the directories that it needs.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let is_pipe = |found: fs::Metadata| found.file_type().is_fifo();
    if fs::metadata(path).is_ok_and(is_pipe) {
        // Nobody may ever read from it.
        return Err(io::Error::other(format!(
            "path `{}` is not a file",
            path.display()
        )));
    }
    match fs::write(path, text) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, text)
        }
        done => done,
    }
}

/// What was done: what is new first, what is gone last.
fn summary(patch: &Patch) -> String {
    let mut text = "Success. Updated the following files:\n".to_owned();
    let mut tell = |letter: char, shown: &dyn Fn(&Operation) -> Option<String>| {
        for path in patch.operations.iter().filter_map(shown) {
            // Writing to a string can't fail.
            let _ = writeln!(text, "{letter} {path}");
        }
    };
    tell('A', &|operation| match operation {
        Operation::Add { path, .. } => Some(path.clone()),
        _ => None,
    });
    tell('M', &|operation| match operation {
        Operation::Update { path, move_to, .. } => Some(move_to.as_ref().unwrap_or(path).clone()),
        _ => None,
    });
    tell('D', &|operation| match operation {
        Operation::Delete { path } => Some(path.clone()),
        _ => None,
    });
    text
}
