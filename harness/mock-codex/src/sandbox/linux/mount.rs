//! The file system as a command sees it: everything read-only but the writable roots.
//!
//! The new mount namespace keeps the host's tree, so nothing needs to be rebuilt or pivoted into:
//! each mount is made read-only where it is, and the writable roots are bound over themselves.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, OpenTreeFlags,
    fsconfig_create, fsconfig_set_string, fsmount, fsopen, mount_remount, move_mount, open_tree,
};

use super::protected::Protected;
use super::{SetupError, Step as _};

/// One line of the mount table.
#[derive(Debug)]
pub(super) struct Mount {
    path: PathBuf,
    flags: MountFlags,
}

/// What of the host's tree is seen in this namespace, as it was before anything was changed.
#[derive(Debug)]
pub(super) struct Tree(Vec<Mount>);

impl Tree {
    /// Reads the mount table, and takes from every mount what no command may use: set-user-id and
    /// devices. Mounts below `covered` are left out: others are or will be mounted over them.
    pub(super) fn take(covered: &[&str], access: Access) -> Result<Self, SetupError> {
        let tree = Self(table().step(|| "read the mount table".to_owned())?);
        let is_covered = |path: &Path| covered.iter().any(|cover| path.starts_with(cover));
        let flags = match access {
            Access::ReadOnly => MountFlags::RDONLY,
            Access::Writable => MountFlags::empty(),
        };
        for mount in tree.0.iter().filter(|mount| !is_covered(&mount.path)) {
            match mount.remount(flags) {
                // Hidden under another mount or behind a directory that this user can't enter: out
                // of the command's reach too.
                Err(Errno::NOENT | Errno::INVAL | Errno::ACCESS)
                    if mount.path != Path::new("/") => {}
                other => other.step(|| format!("make `{}` read-only", mount.path.display()))?,
            }
        }
        Ok(tree)
    }
}

/// What a command may do with the host's tree, apart from its writable roots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Read it.
    ReadOnly,
    /// Write to it too: the root directory is a writable root.
    Writable,
}

impl Access {
    /// What `roots` (canonical paths) mean for the tree.
    pub(super) fn of(roots: &[PathBuf]) -> Self {
        if roots.iter().any(|root| root == Path::new("/")) {
            Self::Writable
        } else {
            Self::ReadOnly
        }
    }
}

/// Makes the writable roots (canonical paths) writable in a `tree` that is not, and covers what is
/// protected.
pub(super) fn confine(
    tree: &Tree,
    roots: &[PathBuf],
    protected: &Protected,
    hidden: &[PathBuf],
) -> Result<(), SetupError> {
    let table = &tree.0;
    // A `/dev` of the sandbox's own lies over the host's.
    let reachable = |path: &Path| !path.starts_with("/dev");
    let mut binds: Vec<(&Path, Bind)> = Vec::new();
    binds.extend(
        protected
            .existing
            .iter()
            .map(|path| (path.as_path(), Bind::ReadOnly)),
    );
    binds.extend(
        protected
            .stand_ins
            .iter()
            .map(|it| (it.path.as_path(), Bind::Empty)),
    );
    binds.extend(hidden.iter().map(|path| (path.as_path(), Bind::Hidden)));
    binds.extend(
        roots
            .iter()
            .filter(|root| *root != Path::new("/"))
            .map(|path| (path.as_path(), Bind::Writable)),
    );
    binds.retain(|(path, _)| reachable(path));
    // Outer before inner; an explicit root wins over a protected name at the same place.
    binds.sort_by_key(|(path, bind)| (path.components().count(), *bind == Bind::Writable));
    let mut empty = EmptyDirectory::default();
    let mut veil = Veil::default();
    for (path, bind) in binds {
        match bind {
            Bind::Empty => empty.cover(path),
            Bind::Hidden => veil.cover(path),
            Bind::ReadOnly => bind_onto_itself(path, table, MountFlags::RDONLY),
            Bind::Writable => bind_onto_itself(path, table, MountFlags::empty()),
        }
        .step(|| format!("bind `{}`", path.display()))?;
    }
    Ok(())
}

/// Moves a detached mount to `path`.
pub(super) fn attach(mount: impl AsFd, path: &Path) -> rustix::io::Result<()> {
    move_mount(
        mount,
        "",
        CWD,
        path,
        MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
    )
}

/// A detached copy of the mounts at and below `path`.
pub(super) fn detached(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE
        | OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
    open_tree(CWD, path, flags)
}

/// Makes a part of a newly mounted `/proc` read-only.
pub(super) fn bind_read_only(path: &Path) -> rustix::io::Result<()> {
    attach(detached(path)?, path)?;
    let flags = MountFlags::NOEXEC | MountFlags::RELATIME;
    Mount {
        path: path.to_path_buf(),
        flags,
    }
    .remount(MountFlags::RDONLY)
}

/// A new detached file system.
pub(super) fn file_system(
    kind: &str,
    options: &[(&str, &str)],
    flags: MountAttrFlags,
) -> rustix::io::Result<OwnedFd> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (name, value) in options {
        fsconfig_set_string(&context, *name, *value)?;
    }
    fsconfig_create(&context)?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, flags)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bind {
    Empty,
    Hidden,
    ReadOnly,
    Writable,
}

/// One empty, read-only directory, mounted in as many places as needed.
#[derive(Debug, Default)]
struct EmptyDirectory {
    first: Option<PathBuf>,
}

impl EmptyDirectory {
    fn cover(&mut self, path: &Path) -> rustix::io::Result<()> {
        let mount = if let Some(first) = &self.first {
            detached(first)?
        } else {
            let flags = MountAttrFlags::MOUNT_ATTR_RDONLY
                | MountAttrFlags::MOUNT_ATTR_NOSUID
                | MountAttrFlags::MOUNT_ATTR_NODEV;
            file_system("tmpfs", &[("mode", "555"), ("size", "4k")], flags)?
        };
        attach(mount, path)?;
        self.first.get_or_insert_with(|| path.to_path_buf());
        Ok(())
    }
}

/// An empty file and an empty directory that nobody may read.
#[derive(Debug, Default)]
struct Veil {
    tree: Option<OwnedFd>,
}

impl Veil {
    const FILE: &str = "file";
    const DIRECTORY: &str = "directory";

    fn cover(&mut self, path: &Path) -> rustix::io::Result<()> {
        let tree = match self.tree.take() {
            Some(tree) => tree,
            None => Self::make()?,
        };
        let name = if path.is_dir() {
            Self::DIRECTORY
        } else {
            Self::FILE
        };
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        attach(open_tree(&tree, name, flags)?, path)?;
        self.tree = Some(tree);
        Mount {
            path: path.to_path_buf(),
            flags: MountFlags::RELATIME,
        }
        .remount(MountFlags::RDONLY)
    }

    fn make() -> rustix::io::Result<OwnedFd> {
        let flags = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
        let tree = file_system("tmpfs", &[("mode", "700"), ("size", "4k")], flags)?;
        let file = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
        openat(&tree, Self::FILE, file, Mode::empty())?;
        mkdirat(&tree, Self::DIRECTORY, Mode::empty())?;
        Ok(tree)
    }
}

impl Mount {
    /// Sets the flags of this mount to its own and `more`, without set-user-id and devices.
    fn remount(&self, more: MountFlags) -> rustix::io::Result<()> {
        let flags = self.flags | more | MountFlags::NOSUID | MountFlags::NODEV;
        mount_remount(&self.path, flags | MountFlags::BIND, "")
    }
}

/// Binds `path` over itself, with `more` flags on it and on the mounts below it.
fn bind_onto_itself(path: &Path, table: &[Mount], more: MountFlags) -> rustix::io::Result<()> {
    attach(detached(path)?, path)?;
    // What holds for a path is what was mounted last on it or above it.
    let around = table.iter().rfind(|mount| path.starts_with(&mount.path));
    let flags = around.map_or(MountFlags::RELATIME, |mount| mount.flags);
    Mount {
        path: path.to_path_buf(),
        flags,
    }
    .remount(more)?;
    for below in table
        .iter()
        .filter(|it| it.path != path && it.path.starts_with(path))
    {
        match below.remount(more) {
            Err(Errno::NOENT | Errno::INVAL | Errno::ACCESS) => {}
            other => other?,
        }
    }
    Ok(())
}

/// This namespace's mounts, outermost first.
fn table() -> io::Result<Vec<Mount>> {
    let text = fs::read("/proc/self/mountinfo")?;
    Ok(text
        .split(|byte| *byte == b'\n')
        .filter_map(parse_mount)
        .collect())
}

fn parse_mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ').skip(4);
    let path = PathBuf::from(OsString::from_vec(unescape(fields.next()?)));
    let mut flags = MountFlags::empty();
    let mut access_times = MountFlags::STRICTATIME;
    for option in fields.next()?.split(|byte| *byte == b',') {
        match option {
            b"ro" => flags |= MountFlags::RDONLY,
            b"nosuid" => flags |= MountFlags::NOSUID,
            b"nodev" => flags |= MountFlags::NODEV,
            b"noexec" => flags |= MountFlags::NOEXEC,
            b"nodiratime" => flags |= MountFlags::NODIRATIME,
            b"nosymfollow" => flags |= MountFlags::NOSYMFOLLOW,
            b"noatime" => access_times = MountFlags::NOATIME,
            b"relatime" => access_times = MountFlags::RELATIME,
            _ => {}
        }
    }
    Some(Mount {
        path,
        flags: flags | access_times,
    })
}

/// Undoes the octal escapes of spaces and the like.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, tail)) = rest.split_first() {
        let octal = (byte == b'\\')
            .then(|| tail.get(..3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        out.push(octal.unwrap_or(byte));
        rest = if octal.is_some() { &tail[3..] } else { tail };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_mount_table() {
        let mount = parse_mount(
            br"36 35 98:0 /mnt1 /a\040b ro,nosuid,noexec,noatime master:1 - ext3 /dev/root rw",
        )
        .unwrap();
        assert_eq!(mount.path, Path::new("/a b"));
        let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NOEXEC;
        assert_eq!(mount.flags, flags | MountFlags::NOATIME);
    }

    #[test]
    fn a_stray_backslash_stays() {
        assert_eq!(unescape(br"a\b\134c\"), br"a\b\c\");
    }

    #[test]
    fn an_empty_line_is_no_mount() {
        assert!(parse_mount(b"").is_none());
    }
}
