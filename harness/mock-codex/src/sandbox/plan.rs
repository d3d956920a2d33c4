//! What the launcher tells the helper.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::policy::SandboxSpec;

/// The work of one helper.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The process whose death ends the command.
    pub(super) parent: u32,
    /// The working directory, as the caller spells it.
    pub(super) cwd: PathBuf,
    /// Whether stdin becomes the controlling terminal.
    pub(super) tty: bool,
    /// How the command is confined.
    pub(super) confinement: Confinement,
}

/// How a command is confined.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Confinement {
    /// Not at all; the helper is there for the terminal or to end with its parent.
    None,
    /// Namespaces, read-only binds and seccomp.
    Namespaces(SandboxSpec),
    /// Landlock and seccomp.
    Landlock(SandboxSpec),
}
