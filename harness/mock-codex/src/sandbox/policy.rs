//! What a command may do, resolved to plain paths.

use std::path::{Path, PathBuf};

use codex_wire::policy::SandboxPolicy;
use serde::{Deserialize, Serialize};

use crate::mutant::{self, Switch};

/// Names that stay read-only at the top of every writable root, present or not.
///
/// Observed on codex 0.169.0; nested ones (`sub/.git`) are not protected.
pub const PROTECTED_NAMES: [&str; 4] = [".git", ".codex", ".agents", ".aws"];

/// How a command runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sandbox {
    /// As the app-server itself: `danger-full-access`, `external`, or an approved command.
    Unrestricted,
    /// Under the kernel's enforcement.
    Restricted(SandboxSpec),
}

/// The limits of a restricted command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxSpec {
    /// Directories (or files) below which writing is allowed, save [`PROTECTED_NAMES`] at the top
    /// of each. Absolute; those that do not exist are ignored.
    pub writable_roots: Vec<PathBuf>,
    /// What else stays read-only within them, present or not. Absolute.
    #[serde(default)]
    pub protected: Vec<PathBuf>,
    /// What can't be read, and not written either; everything else can be read. Absolute; those
    /// that do not exist are ignored.
    #[serde(default)]
    pub hidden: Vec<PathBuf>,
    /// Whether the host's network is reachable.
    pub network: bool,
}

impl Sandbox {
    /// What a policy means for a workspace with these roots, which are writable under
    /// `workspace-write` beside those that the policy names.
    pub(crate) fn of(policy: &SandboxPolicy, roots: &[PathBuf]) -> Self {
        match policy {
            SandboxPolicy::DangerFullAccess | SandboxPolicy::ExternalSandbox { .. } => {
                Self::Unrestricted
            }
            SandboxPolicy::ReadOnly { .. } if mutant::is(Switch::ReadOnlyOpen) => {
                Self::Unrestricted
            }
            SandboxPolicy::WorkspaceWrite(_) if mutant::is(Switch::WorkspaceOpen) => {
                Self::Unrestricted
            }
            SandboxPolicy::ReadOnly { network_access } => Self::Restricted(SandboxSpec::read_only(
                *network_access || mutant::is(Switch::NetworkOpen),
            )),
            SandboxPolicy::WorkspaceWrite(details) => {
                let named = details.writable_roots.iter();
                let named = named.filter(|_| !mutant::is(Switch::RootsForgotten));
                let roots: Vec<PathBuf> = roots.iter().chain(named).cloned().collect();
                let tmpdir = std::env::var_os("TMPDIR").map(PathBuf::from);
                Self::Restricted(SandboxSpec::workspace_write(
                    &roots,
                    details.network_access || mutant::is(Switch::NetworkOpen),
                    details.exclude_slash_tmp || mutant::is(Switch::SlashTmpClosed),
                    details.exclude_tmpdir_env_var,
                    tmpdir.as_deref(),
                ))
            }
        }
    }
}

impl SandboxSpec {
    /// `read-only`: nothing on the host is writable.
    pub fn read_only(network: bool) -> Self {
        Self {
            writable_roots: Vec::new(),
            protected: Vec::new(),
            hidden: Vec::new(),
            network,
        }
    }

    /// `workspace-write`: `roots`, and unless excluded `/tmp` and `$TMPDIR` are writable.
    ///
    /// `tmpdir` is the value of `TMPDIR`; a relative or empty one is ignored.
    pub fn workspace_write(
        roots: &[PathBuf],
        network: bool,
        exclude_slash_tmp: bool,
        exclude_tmpdir: bool,
        tmpdir: Option<&Path>,
    ) -> Self {
        let slash_tmp = (!exclude_slash_tmp).then(|| PathBuf::from("/tmp"));
        let tmpdir = tmpdir.filter(|path| !exclude_tmpdir && path.is_absolute());
        let mut writable_roots: Vec<PathBuf> = Vec::with_capacity(roots.len() + 2);
        let wanted = roots
            .iter()
            .cloned()
            .chain(slash_tmp)
            .chain(tmpdir.map(Path::to_path_buf));
        for root in wanted {
            if !writable_roots.contains(&root) {
                writable_roots.push(root);
            }
        }
        Self {
            writable_roots,
            protected: Vec::new(),
            hidden: Vec::new(),
            network,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(spec: &SandboxSpec) -> Vec<&str> {
        spec.writable_roots
            .iter()
            .filter_map(|root| root.to_str())
            .collect()
    }

    #[test]
    fn read_only_has_no_root() {
        assert_eq!(roots(&SandboxSpec::read_only(true)), [""; 0]);
    }

    #[test]
    fn workspace_write_names_each_root_once() {
        let named = ["/ws", "/extra", "/ws"].map(PathBuf::from);
        let write = |no_tmp, no_tmpdir, tmpdir: Option<&str>| {
            let tmpdir = tmpdir.map(Path::new);
            SandboxSpec::workspace_write(&named, false, no_tmp, no_tmpdir, tmpdir)
        };
        for (no_tmp, no_tmpdir, tmpdir, expected) in [
            (
                false,
                false,
                Some("/t"),
                &["/ws", "/extra", "/tmp", "/t"][..],
            ),
            (false, false, Some("/tmp"), &["/ws", "/extra", "/tmp"]),
            (true, false, Some("/t"), &["/ws", "/extra", "/t"]),
            (false, true, Some("/t"), &["/ws", "/extra", "/tmp"]),
            (true, false, Some("relative"), &["/ws", "/extra"]),
            (true, false, Some(""), &["/ws", "/extra"]),
            (true, false, None, &["/ws", "/extra"]),
        ] {
            assert_eq!(roots(&write(no_tmp, no_tmpdir, tmpdir)), expected);
        }
    }
}
