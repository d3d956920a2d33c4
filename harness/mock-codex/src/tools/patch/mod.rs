//! Patches in the format of the `apply_patch` tool, free of any protocol.
//!
//! [`parse()`] reads one, [`shell`] finds one in a command line, [`change`] says what it would do,
//! [`apply`] does it, and [`difference`] and [`tracker`] tell what was done. All texts are those of
//! codex 0.169.0, observed case by case (`scenarios/tools/patch*.yaml`).

pub(crate) mod apply;
pub(crate) mod change;
pub(crate) mod difference;
mod hunk;
mod parse;
pub(crate) mod shell;
pub(crate) mod tracker;

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) use parse::parse;

/// What a patch asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Patch {
    pub(crate) operations: Vec<Operation>,
    /// Does it name an environment to work in?
    pub(crate) environment: bool,
}

/// One operation on one file; paths are as they were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Operation {
    Add {
        path: String,
        content: String,
    },
    Delete {
        path: String,
    },
    Update {
        path: String,
        move_to: Option<String>,
        hunks: Vec<Hunk>,
    },
}

/// A part of an update.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hunk {
    /// A line to look for first; the hunk applies behind it.
    pub(crate) anchor: Option<String>,
    pub(crate) lines: Vec<Line>,
    /// Do its lines end the file?
    pub(crate) at_end: bool,
}

/// A line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Line {
    Context(String),
    Added(String),
    Removed(String),
}

impl Operation {
    /// The file that it works on.
    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Add { path, .. } | Self::Delete { path } | Self::Update { path, .. } => path,
        }
    }
}

/// A path of a patch as an absolute one, without `.` and `..`.
pub(crate) fn absolute(cwd: &Path, path: &str) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in cwd.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}
