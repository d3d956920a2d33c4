//! The two mechanisms, as they run inside the helper.

pub(super) mod device;
pub(super) mod guard;
pub(super) mod landlock;
pub(super) mod mount;
pub(super) mod namespace;
pub(super) mod process;
pub(super) mod protected;
pub(super) mod seccomp;

use std::io;

/// A step of the set-up that failed; nothing ran.
#[derive(Debug, thiserror::Error)]
#[error("sandbox: failed to {step}: {source}")]
pub(super) struct SetupError {
    step: String,
    source: io::Error,
}

/// Names the step that an error belongs to.
pub(super) trait Step<T> {
    /// Turns the error into a [`SetupError`] of `step`, a verb phrase.
    fn step(self, step: impl FnOnce() -> String) -> Result<T, SetupError>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, SetupError> {
        self.map_err(|source| SetupError {
            step: step(),
            source: source.into(),
        })
    }
}
