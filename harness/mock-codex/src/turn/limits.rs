//! What the thread's settings let tools do.

use std::path::{Path, PathBuf};

use codex_wire::policy::SandboxPolicy;

use crate::sandbox::policy::PROTECTED_NAMES;
use crate::sandbox::{Sandbox, SandboxSpec};
use crate::thread::Settings;

/// The sandbox of everything that nobody approved.
pub(super) fn sandbox(settings: &Settings) -> Sandbox {
    match &settings.sandbox {
        SandboxPolicy::DangerFullAccess | SandboxPolicy::ExternalSandbox { .. } => {
            Sandbox::Unrestricted
        }
        SandboxPolicy::ReadOnly { network_access } => {
            Sandbox::Restricted(SandboxSpec::read_only(*network_access))
        }
        SandboxPolicy::WorkspaceWrite(details) => {
            let roots: Vec<PathBuf> = settings
                .workspace_roots
                .iter()
                .chain(&details.writable_roots)
                .cloned()
                .collect();
            let tmpdir = std::env::var_os("TMPDIR").map(PathBuf::from);
            Sandbox::Restricted(SandboxSpec::workspace_write(
                &settings.cwd,
                &roots,
                details.network_access,
                details.exclude_slash_tmp,
                details.exclude_tmpdir_env_var,
                tmpdir.as_deref(),
            ))
        }
    }
}

/// Does a sandbox let a file be written, by its path alone?
pub(super) fn may_write(sandbox: &Sandbox, path: &Path) -> bool {
    let Sandbox::Restricted(spec) = sandbox else {
        return true;
    };
    let mut roots = spec.writable_roots.iter();
    let below = |root: &Path| path.strip_prefix(root).ok();
    let is_protected = |rest: &Path| PROTECTED_NAMES.iter().any(|name| rest.starts_with(name));
    let inside = spec.writable_roots.iter().any(|root| below(root).is_some());
    inside && !roots.any(|root| below(root).is_some_and(is_protected))
}
