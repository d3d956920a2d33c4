//! The two mechanisms, as they run inside the helper.

pub(super) mod device;
pub(super) mod guard;
pub(super) mod landlock;
pub(super) mod mount;
pub(super) mod namespace;
pub(super) mod process;
pub(super) mod protected;
pub(super) mod seccomp;
pub(super) mod spare;

use std::io;
use std::path::PathBuf;

use super::helper::SETUP_FAILED;

/// Why nothing ran.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetupError {
    /// A step of the set-up failed.
    #[error("sandbox: failed to {step}: {source}")]
    Step {
        /// What was to be done, a verb phrase.
        step: String,
        source: io::Error,
    },
    /// A protected name is a symlink, as the real app-server says it.
    #[error(
        "cannot enforce sandbox read-only path {path} because it crosses writable symlink {path}",
        path = .0.display()
    )]
    Symlink(PathBuf),
}

impl SetupError {
    /// What the helper exits with.
    pub(super) fn exit_code(&self) -> i32 {
        match self {
            Self::Step { .. } => SETUP_FAILED,
            Self::Symlink(_) => 1,
        }
    }
}

/// Names the step that an error belongs to.
pub(super) trait Step<T> {
    /// Turns the error into a [`SetupError`] of `step`, a verb phrase.
    fn step(self, step: impl FnOnce() -> String) -> Result<T, SetupError>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, SetupError> {
        self.map_err(|source| SetupError::Step {
            step: step(),
            source: source.into(),
        })
    }
}
