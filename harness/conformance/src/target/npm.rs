//! npm, as everything that comes from it is installed into the cache.

use std::path::Path;
use std::process::{Command, Stdio};

/// `npm install` into this directory, without the package: nothing of the package's own is run, and
/// nothing of the user's is asked for or changed.
pub fn install_into(prefix: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
        "--ignore-scripts",
        "--no-package-lock",
        "--loglevel=error",
        "--prefix",
    ])
    .arg(prefix)
    .current_dir(prefix)
    .stdin(Stdio::null());
    npm
}
