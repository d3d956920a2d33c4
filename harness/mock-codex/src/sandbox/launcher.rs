//! Turns a request into a process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use super::capability::{self, Backend};
use super::helper::MARKER;
use super::plan::{Confinement, Plan};
use super::policy::{Sandbox, SandboxSpec};

/// Set to `1` for restricted commands without network, as codex 0.169.0 does.
pub const NETWORK_DISABLED_VARIABLE: &str = "CODEX_SANDBOX_NETWORK_DISABLED";

/// Starts commands through the helper. Cheap to clone.
///
/// Unrestricted ones go through it too, as nothing else makes a command die with this process (the
/// real app-server's do, killed or not) without `unsafe` code. The kernel ties that to the thread
/// that starts the command: it should be one that lives as long, such as a runtime's worker.
#[derive(Debug, Clone)]
pub struct SandboxLauncher {
    helper: PathBuf,
    prefix_args: Vec<OsString>,
    backend: Arc<OnceLock<Backend>>,
}

/// A command ready to be given its input and output.
#[derive(Debug)]
pub struct Prepared {
    /// The process to start; it leads a session or a process group of its own.
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
    /// A path that is not UTF-8 can't be told to the helper.
    #[error("failed to describe the sandbox: {0}")]
    Plan(#[from] serde_json::Error),
}

impl SandboxLauncher {
    /// A launcher that starts `helper` (whose `main` calls
    /// [`helper_main_if_asked`](super::helper_main_if_asked)) for restricted commands.
    pub fn new(helper: impl Into<PathBuf>) -> Self {
        Self::with_prefix_args(helper, Vec::new())
    }

    /// The same for a helper that is reached behind `prefix_args`; it then looks for the marker
    /// itself and calls [`helper_main`](super::helper_main) with what follows.
    pub fn with_prefix_args(helper: impl Into<PathBuf>, prefix_args: Vec<OsString>) -> Self {
        Self {
            helper: helper.into(),
            prefix_args,
            backend: Arc::default(),
        }
    }

    /// The same under a backend that is known, without trying it.
    #[must_use]
    pub fn with_backend(mut self, backend: Backend) -> Self {
        self.backend = Arc::new(OnceLock::from(backend));
        self
    }

    /// What restricted commands run under.
    ///
    /// The first call finds out by trying, which takes a few milliseconds.
    pub fn backend(&self) -> &Backend {
        self.backend.get_or_init(|| capability::probe(self))
    }

    /// Sets a restricted sandbox up and runs nothing in it.
    ///
    /// # Errors
    /// Why it could not be had.
    pub fn try_out(&self) -> Result<(), String> {
        let spec = SandboxSpec::read_only(false);
        let confinement = match self.backend() {
            Backend::Namespaces => Confinement::Namespaces(spec),
            Backend::Landlock { .. } => Confinement::Landlock(spec),
            Backend::Unavailable { reason } => return Err(reason.clone()),
        };
        capability::try_out(self, confinement)
    }

    /// The command that runs `argv` in `cwd` under `sandbox`, on a terminal if `tty`.
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
        if argv.is_empty() {
            return Err(LaunchError::EmptyCommand);
        }
        let mut env = Vec::new();
        let (mut command, stop) = match sandbox {
            Sandbox::Unrestricted => (self.helper(cwd, tty, Confinement::None, argv)?, Stop::Group),
            Sandbox::Restricted(spec) => {
                if !spec.network {
                    env.push((NETWORK_DISABLED_VARIABLE, "1"));
                }
                let confinement = match self.backend() {
                    Backend::Namespaces => Confinement::Namespaces(spec.clone()),
                    Backend::Landlock { .. } => Confinement::Landlock(spec.clone()),
                    Backend::Unavailable { reason } => {
                        return Err(LaunchError::Unavailable {
                            reason: reason.clone(),
                        });
                    }
                };
                (self.helper(cwd, tty, confinement, argv)?, Stop::Helper)
            }
        };
        command.current_dir(cwd);
        Ok(Prepared { command, env, stop })
    }

    /// The process that carries out the patch on its stdin under `sandbox`.
    ///
    /// # Errors
    /// As for a command.
    pub(crate) fn patch(&self, sandbox: &Sandbox, cwd: &Path) -> Result<Prepared, LaunchError> {
        let worker = self.start_helper(&Plan {
            parent: std::process::id(),
            cwd: cwd.to_path_buf(),
            tty: false,
            confinement: Confinement::None,
            patch: true,
        })?;
        let argv: Vec<String> = std::iter::once(worker.get_program())
            .chain(worker.get_args())
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        self.command(sandbox, &argv, cwd, false)
    }

    /// The helper's command line; an empty `argv` only sets the sandbox up.
    pub(super) fn helper(
        &self,
        cwd: &Path,
        tty: bool,
        confinement: Confinement,
        argv: &[String],
    ) -> Result<Command, serde_json::Error> {
        let mut command = self.start_helper(&Plan {
            parent: std::process::id(),
            cwd: cwd.to_path_buf(),
            tty,
            confinement,
            patch: false,
        })?;
        command.args(argv);
        Ok(command)
    }

    fn start_helper(&self, plan: &Plan) -> Result<Command, serde_json::Error> {
        let mut command = Command::new(&self.helper);
        command
            .args(&self.prefix_args)
            .arg(MARKER)
            .arg(serde_json::to_string(plan)?)
            .arg("--");
        Ok(command)
    }
}
