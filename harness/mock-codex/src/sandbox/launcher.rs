//! Turns a request into a process.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::capability::Backend;
use super::policy::Sandbox;

/// Starts commands, through the helper where they are restricted.
#[derive(Debug, Clone)]
pub struct SandboxLauncher {
    helper: PathBuf,
    prefix_args: Vec<OsString>,
    backend: Backend,
}

/// A command ready to be given its input and output.
#[derive(Debug)]
pub struct Prepared {
    /// Leads a process group of its own.
    pub command: Command,
    /// What the sandbox adds to the environment.
    pub env: Vec<(&'static str, &'static str)>,
    /// How it is stopped.
    pub stop: Stop,
}

/// How a command is stopped with all its descendants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// SIGTERM to the helper, which kills everything, cleans up and ends.
    Helper,
    /// SIGKILL to the process group.
    Group,
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
            backend: Backend::Unavailable {
                reason: "not built yet".to_owned(),
            },
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
        tty: bool,
    ) -> Result<Prepared, LaunchError> {
        let (program, args) = argv.split_first().ok_or(LaunchError::EmptyCommand)?;
        if let (Sandbox::Restricted(_), Backend::Unavailable { reason }) = (sandbox, &self.backend)
        {
            return Err(LaunchError::Unavailable {
                reason: reason.clone(),
            });
        }
        let _ = (&self.helper, &self.prefix_args, tty);
        let mut command = Command::new(program);
        command.args(args).current_dir(cwd).process_group(0);
        Ok(Prepared {
            command,
            env: Vec::new(),
            stop: Stop::Group,
        })
    }
}
