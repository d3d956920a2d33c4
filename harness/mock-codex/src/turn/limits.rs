//! What the thread's settings let tools do.

use std::path::Path;

use crate::permission::Permissions;
use crate::sandbox::Sandbox;
use crate::sandbox::policy::PROTECTED_NAMES;
use crate::thread::Settings;

/// The sandbox of everything that may not leave it, with permissions beyond the thread's own.
pub(super) fn sandbox(settings: &Settings, permissions: &Permissions) -> Sandbox {
    let mut sandbox = Sandbox::of(&settings.sandbox, &settings.workspace_roots);
    if let Sandbox::Restricted(limits) = &mut sandbox {
        limits.protected.extend(settings.protected_of_policy());
        permissions.widen(limits);
    }
    sandbox
}

/// Does a sandbox let a file be written, by its path alone?
pub(super) fn may_write(sandbox: &Sandbox, path: &Path) -> bool {
    let Sandbox::Restricted(spec) = sandbox else {
        return true;
    };
    let mut roots = spec.writable_roots.iter();
    let below = |root: &Path| path.strip_prefix(root).ok();
    let is_protected = |rest: &Path| PROTECTED_NAMES.iter().any(|name| rest.starts_with(name));
    let is_named = spec.protected.iter().any(|it| path.starts_with(it));
    let inside = spec.writable_roots.iter().any(|root| below(root).is_some());
    inside && !is_named && !roots.any(|root| below(root).is_some_and(is_protected))
}
