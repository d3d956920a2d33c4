//! What the thread's settings let tools do.

use std::path::{Path, PathBuf};

use crate::permission::Permissions;
use crate::sandbox::Sandbox;
use crate::sandbox::policy::PROTECTED_NAMES;
use crate::thread::Settings;

/// The sandbox of everything that may not leave it, with permissions beyond the thread's own.
pub(super) fn sandbox(settings: &Settings, permissions: &Permissions) -> Sandbox {
    let mut sandbox = settings.sandbox();
    if let Sandbox::Restricted(limits) = &mut sandbox {
        limits.protected.extend(settings.protected_of_policy());
        permissions.widen(limits, settings.place());
    }
    sandbox
}

/// Does a sandbox let a file be written, by its path alone?
pub(super) fn may_write(sandbox: &Sandbox, path: &Path) -> bool {
    let Sandbox::Restricted(spec) = sandbox else {
        return true;
    };
    // The nearest place counts: what is protected may be in a root, and a root in what is protected.
    let around = |places: &[PathBuf]| {
        let around = places.iter().filter(|place| path.starts_with(place));
        around.map(|place| place.components().count()).max()
    };
    let closed = around(&spec.protected).max(around(&spec.hidden));
    let Some(open) = around(&spec.writable_roots) else {
        return false;
    };
    let names = PROTECTED_NAMES.map(|name| {
        let roots = spec.writable_roots.iter();
        roots.map(|root| root.join(name)).collect::<Vec<_>>()
    });
    let closed = closed.max(around(&names.concat()));
    closed.is_none_or(|closed| closed <= open)
}
