//! What this machine can enforce.

use std::fmt;

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
    /// Host processes are visible to the command (signalling them is still refused where the
    /// kernel scopes signals).
    PidNamespace,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadOnlyErrors => "read-only-errors",
            Self::ProtectedNames => "protected-names",
            Self::PrivateShm => "private-shm",
            Self::PidNamespace => "pid-namespace",
        })
    }
}
