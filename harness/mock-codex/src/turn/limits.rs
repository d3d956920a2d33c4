//! What the thread's settings let tools do.

use std::path::Path;

use crate::sandbox::Sandbox;
use crate::sandbox::policy::PROTECTED_NAMES;
use crate::thread::Settings;

/// The sandbox of everything that nobody approved.
pub(super) fn sandbox(settings: &Settings) -> Sandbox {
    Sandbox::of(&settings.sandbox, &settings.cwd, &settings.workspace_roots)
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
