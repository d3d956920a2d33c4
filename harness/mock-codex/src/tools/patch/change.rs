//! What a patch would do to the files that there are.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::hunk::{self, NotFound};
use super::{Hunk, Operation, Patch, absolute};

/// What one operation would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
}

/// How a file would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Add {
        content: String,
    },
    Delete {
        old: String,
    },
    Update {
        old: String,
        new: String,
        move_to: Option<PathBuf>,
    },
}

/// Why an update can't be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpdateError {
    #[error("Failed to read file to update {path}: {error}")]
    Read { path: PathBuf, error: String },
    #[error("Failed to find context '{anchor}' in {path}")]
    Anchor { path: PathBuf, anchor: String },
    #[error("Failed to find expected lines in {path}:\n{lines}")]
    Lines { path: PathBuf, lines: String },
}

impl Change {
    /// The files that it touches.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        let target = match &self.kind {
            Kind::Update { move_to, .. } => move_to.as_deref(),
            Kind::Add { .. } | Kind::Delete { .. } => None,
        };
        std::iter::once(self.path.as_path()).chain(target)
    }
}

/// The changes of a patch, by path.
///
/// # Errors
/// In the words that the model is told behind `apply_patch verification failed: `.
pub(crate) fn plan(patch: &Patch, cwd: &Path) -> Result<Vec<Change>, String> {
    let mut seen = BTreeSet::new();
    let mut changes = Vec::new();
    for operation in &patch.operations {
        if operation.path().contains('\0') {
            return Err(format!("'{}' is invalid on 'linux'", operation.path()));
        }
        let target = absolute(cwd, operation.path());
        let shown = target.display();
        if !seen.insert(target.clone()) {
            return Err(format!("invalid patch: multiple operations target {shown}"));
        }
        let kind = match operation {
            Operation::Add { content, .. } => Kind::Add {
                content: content.clone(),
            },
            Operation::Delete { .. } => Kind::Delete {
                old: read(&target).map_err(|error| format!("Failed to read {shown}: {error}"))?,
            },
            Operation::Update { move_to, hunks, .. } => {
                let (old, new) = update(&target, hunks).map_err(|error| error.to_string())?;
                Kind::Update {
                    old,
                    new,
                    move_to: move_to.as_ref().map(|to| absolute(cwd, to)),
                }
            }
        };
        changes.push(Change { path: target, kind });
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}

/// A file's text before and after an update.
pub(super) fn update(path: &Path, hunks: &[Hunk]) -> Result<(String, String), UpdateError> {
    let at = || path.to_path_buf();
    let old = read(path).map_err(|error| UpdateError::Read { path: at(), error })?;
    let new = hunk::apply(&old, hunks).map_err(|missing| match missing {
        NotFound::Anchor(anchor) => UpdateError::Anchor { path: at(), anchor },
        NotFound::Lines(lines) => UpdateError::Lines { path: at(), lines },
    })?;
    Ok((old, new))
}

fn read(path: &Path) -> Result<String, String> {
    // Whatever else is there may never come to an end.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(format!("path `{}` is not a file", path.display()));
    }
    let bytes = std::fs::read(path).map_err(|error: io::Error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.utf8_error().to_string())
}
