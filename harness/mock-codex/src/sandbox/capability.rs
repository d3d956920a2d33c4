//! What this machine can enforce.

use std::fmt;

use super::launcher::SandboxLauncher;
use super::plan::Confinement;
use super::policy::SandboxSpec;

/// The environment variable that forces a backend: `namespaces`, `landlock` or `off`.
pub const BACKEND_VARIABLE: &str = "MOCK_CODEX_SANDBOX";

/// The mechanism behind restricted commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// User, mount, pid, ipc and network namespaces: the results of the real app-server.
    Namespaces,
    /// Landlock and seccomp, with what they cannot express.
    Landlock {
        /// The results that differ from [`Backend::Namespaces`].
        missing: Vec<Missing>,
    },
    /// Nothing works here: every restricted command is refused.
    Unavailable {
        /// Why, for the refusal.
        reason: String,
    },
}

/// Something that a backend cannot express.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Missing {
    /// A refused write says `Permission denied`, not `Read-only file system`.
    ReadOnlyErrors,
    /// Protected names inside writable roots are not enforced when they are missing on the host.
    ProtectedNames,
    /// `/dev/shm` is refused instead of private.
    PrivateShm,
    /// Host processes are visible to the command, signalling them is only refused where the kernel
    /// scopes signals (Linux 6.12), and descendants of the command survive when its helper is
    /// killed by SIGKILL.
    PidNamespace,
    /// A command that some files are to be hidden from is refused.
    HiddenFiles,
}

impl Missing {
    /// All that Landlock with seccomp cannot express.
    pub const ALL: [Self; 5] = [
        Self::ReadOnlyErrors,
        Self::ProtectedNames,
        Self::PrivateShm,
        Self::PidNamespace,
        Self::HiddenFiles,
    ];
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadOnlyErrors => "read-only-errors",
            Self::ProtectedNames => "protected-names",
            Self::PrivateShm => "private-shm",
            Self::PidNamespace => "pid-namespace",
            Self::HiddenFiles => "hidden-files",
        })
    }
}

/// Finds out what works with the helper of `launcher`, or takes what the environment says.
pub(super) fn probe(launcher: &SandboxLauncher) -> Backend {
    let forced = std::env::var(BACKEND_VARIABLE).ok();
    forced
        .as_deref()
        .map_or_else(|| first_that_works(launcher), forced_backend)
}

/// The backend that [`BACKEND_VARIABLE`] names; what is not known is refused, not guessed.
fn forced_backend(name: &str) -> Backend {
    let reason = match name {
        "namespaces" => return Backend::Namespaces,
        "landlock" => return landlock(),
        "off" => format!("`{BACKEND_VARIABLE}` is `off`"),
        other => {
            format!("`{BACKEND_VARIABLE}` is `{other}`, expected `namespaces`, `landlock` or `off`")
        }
    };
    Backend::Unavailable { reason }
}

fn first_that_works(launcher: &SandboxLauncher) -> Backend {
    let spec = SandboxSpec::read_only(false);
    let Err(no_namespaces) = launcher.try_confinement(Confinement::Namespaces(spec.clone())) else {
        return Backend::Namespaces;
    };
    let Err(no_landlock) = launcher.try_confinement(Confinement::Landlock(spec)) else {
        return landlock();
    };
    Backend::Unavailable {
        reason: format!("{no_namespaces}; {no_landlock}"),
    }
}

/// The second backend.
pub fn landlock() -> Backend {
    Backend::Landlock {
        missing: Missing::ALL.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Backend, forced_backend};

    #[test]
    fn the_environment_forces_a_backend() {
        assert_eq!(forced_backend("namespaces"), Backend::Namespaces);
        assert!(matches!(
            forced_backend("landlock"),
            Backend::Landlock { .. }
        ));
        let refusals = [
            ("off", "`MOCK_CODEX_SANDBOX` is `off`"),
            (
                "on",
                "`MOCK_CODEX_SANDBOX` is `on`, expected `namespaces`, `landlock` or `off`",
            ),
        ];
        for (name, reason) in refusals {
            let reason = reason.to_owned();
            assert_eq!(forced_backend(name), Backend::Unavailable { reason });
        }
    }
}
