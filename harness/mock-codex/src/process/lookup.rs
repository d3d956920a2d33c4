//! Is there such a program? Asked before the helper is started, which could only tell afterwards.

use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use super::SpawnError;

/// Looks for the program of an unrestricted command as the kernel would.
pub(super) fn check(
    program: &str,
    cwd: &Path,
    env: &[(String, String)],
    terminal: bool,
) -> Result<(), SpawnError> {
    if program.contains('/') {
        return Ok(runnable(&cwd.join(program))?);
    }
    let path = env.iter().rev().find(|(name, _)| name == "PATH");
    let path = path.map_or("/bin:/usr/bin", |(_, path)| path);
    let mut worst = Errno::ENOENT.into();
    for directory in std::env::split_paths(path) {
        match runnable(&cwd.join(directory).join(program)) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => worst = error,
            Err(_) => {}
        }
    }
    Err(if terminal {
        SpawnError::NotOnPath {
            program: program.to_owned(),
            path: path.to_owned(),
        }
    } else {
        SpawnError::Io(worst)
    })
}

fn runnable(program: &Path) -> io::Result<()> {
    let metadata = program.metadata()?;
    if metadata.is_dir() {
        return Err(Errno::EACCES.into());
    }
    Ok(access(program, AccessFlags::X_OK)?)
}
