//! The protected names at the top of writable roots, for as long as a command runs.
//!
//! A name that is missing must not be creatable, and a mount needs something to be mounted on, so
//! an empty directory is made on the host and removed at the end, as the real app-server does. No
//! way without one was found: removing the directory early detaches the mount in every namespace,
//! an overlay changes what writing to the workspace means, and Landlock can't forbid one name.
//! What differs is that nothing stays behind when something is killed:
//!
//! - the helper on the host and the first process of the namespace watch each other; whichever is
//!   left removes the directories;
//! - several sandboxes share a directory under shared locks (`flock`), and the last one removes it;
//! - should both processes be killed at once, the directory's mode ([`MARK`]) tells the next
//!   sandbox in that root whose it is, which then removes it at its end.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, umask};
use rustix::fs::{CWD, FlockOperation, OFlags, flock, openat};

use super::{SetupError, Step as _};
use crate::sandbox::policy::{PROTECTED_NAMES, SandboxSpec};

/// The mode of the directories that stand in for missing ones: no one makes such a directory by
/// chance.
const MARK: u32 = 0o1555;

/// Protected paths of the writable roots.
#[derive(Debug, Default)]
pub(super) struct Protected {
    /// Those that exist anyway.
    pub(super) existing: Vec<PathBuf>,
    /// Those that exist for the command's sake.
    pub(super) stand_ins: Vec<StandIn>,
}

/// A directory that exists only while commands need it.
#[derive(Debug)]
pub(super) struct StandIn {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its descriptor, under a shared lock.
    lock: File,
}

impl Protected {
    /// Finds or makes the protected names at the top of `roots` (existing, canonical), and what else
    /// is to be protected or hidden, as far as it is below one.
    pub(super) fn claim(roots: &[PathBuf], spec: &SandboxSpec) -> Result<Self, SetupError> {
        let mut protected = Self::default();
        let mask = umask(Mode::empty());
        let usual = roots
            .iter()
            .filter(|root| root.is_dir())
            .flat_map(|root| PROTECTED_NAMES.iter().map(|name| root.join(name)))
            .filter(|path| !spec.writable_roots.contains(path));
        let in_root = |path: &&PathBuf| roots.iter().any(|root| path.starts_with(root));
        let can_be_made = |path: &&PathBuf| path.parent().is_some_and(Path::is_dir);
        let named = spec.protected.iter().chain(&spec.hidden);
        let named = named.filter(in_root).filter(can_be_made).cloned();
        let all: BTreeSet<PathBuf> = usual.chain(named).collect();
        let claimed = all.iter().try_for_each(|path| protected.claim_one(path));
        umask(mask);
        if let Err(error) = claimed {
            protected.release();
            return Err(error);
        }
        Ok(protected)
    }

    fn claim_one(&mut self, path: &Path) -> Result<(), SetupError> {
        let step = || format!("protect `{}`", path.display());
        loop {
            match fs::DirBuilder::new().mode(MARK).create(path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    if path.is_symlink() {
                        // A mount would cover its target, and it could be replaced.
                        return Err(SetupError::Symlink(path.to_path_buf()));
                    }
                    if !is_stand_in(path) {
                        self.existing.push(path.to_path_buf());
                        return Ok(());
                    }
                }
                // Where this user can't make it, neither can the command.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                    ) =>
                {
                    return Ok(());
                }
                Err(error) => return Err(error).step(step),
            }
            if let Some(lock) = lock_shared(path).step(step)? {
                self.stand_ins.push(StandIn {
                    path: path.to_path_buf(),
                    lock,
                });
                return Ok(());
            }
        }
    }

    /// Removes the stand-ins that no other sandbox uses. On the host, or in the namespace once
    /// nothing is mounted on them.
    pub(super) fn release(&self) {
        for stand_in in &self.stand_ins {
            let last = flock(&stand_in.lock, FlockOperation::NonBlockingLockExclusive).is_ok();
            if last && is_same(&stand_in.lock, &stand_in.path) {
                // Already gone, or filled by an unrestricted command: nothing to do either way.
                let _ = fs::remove_dir(&stand_in.path);
            }
        }
    }
}

/// Locks the directory at `path`; `None` if it was removed in the meantime.
fn lock_shared(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let lock = match openat(CWD, path, flags, rustix::fs::Mode::empty()) {
        Ok(fd) => File::from(fd),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    flock(&lock, FlockOperation::LockShared)?;
    Ok(is_same(&lock, path).then_some(lock))
}

fn is_same(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

fn is_stand_in(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| {
        there.is_dir()
            && there.permissions().mode() & 0o7777 == MARK
            && there.uid() == rustix::process::geteuid().as_raw()
    }) && fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}
