//! `/dev` and `/proc` of a command.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::unistd::ttyname;
use rustix::io::Errno;
use rustix::mount::MountAttrFlags;

use super::mount::{attach, bind_read_only, detached, file_system};
use super::{SetupError, Step as _};

/// The devices that a command gets.
pub(super) const DEVICES: [&str; 6] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
];

const LINKS: [(&str, &str); 6] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
    ("/proc/kcore", "/dev/core"),
    ("pts/ptmx", "/dev/ptmx"),
];

/// Parts of `/proc` that change the machine, not the process; root could write to them.
const KERNEL_SWITCHES: [&str; 4] = ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"];

/// Mounts a `/dev` with the harmless devices, terminals of its own and a private `/dev/shm`.
///
/// The terminal that the command itself is on (`tty`) belongs to the host's, so it becomes
/// `/dev/console`, as under the real app-server.
pub(super) fn mount_dev(tty: bool) -> Result<(), SetupError> {
    populate_dev(tty).step(|| "set up `/dev`".to_owned())
}

fn populate_dev(tty: bool) -> std::io::Result<()> {
    let mut devices: Vec<_> = DEVICES
        .iter()
        .map(Path::new)
        .filter(|path| path.exists())
        .map(|path| Ok((path, detached(path)?)))
        .collect::<std::io::Result<_>>()?;
    if tty {
        let terminal = ttyname(std::io::stdin())?;
        devices.push((Path::new("/dev/console"), detached(&terminal)?));
    }
    let nosuid = MountAttrFlags::MOUNT_ATTR_NOSUID;
    let dev = file_system(
        "tmpfs",
        &[("mode", "755")],
        nosuid | MountAttrFlags::MOUNT_ATTR_NODEV,
    )?;
    attach(dev, Path::new("/dev"))?;
    for (path, device) in devices {
        File::create(path)?;
        attach(device, path)?;
    }
    fs::create_dir("/dev/shm")?;
    fs::create_dir("/dev/pts")?;
    let terminals = file_system(
        "devpts",
        &[("mode", "620"), ("ptmxmode", "666")],
        nosuid | MountAttrFlags::MOUNT_ATTR_NOEXEC,
    )?;
    attach(terminals, Path::new("/dev/pts"))?;
    LINKS
        .iter()
        .try_for_each(|(target, link)| symlink(target, link))
}

/// Mounts a `/proc` that shows this pid namespace; says whether it could.
///
/// Where the host hides parts of its own (as containers do) the kernel refuses that; the command
/// then sees the host's.
pub(super) fn mount_proc() -> Result<bool, SetupError> {
    let flags = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    match file_system("proc", &[], flags).and_then(|proc| attach(proc, Path::new("/proc"))) {
        Err(Errno::PERM) => return Ok(false),
        other => other.step(|| "mount `/proc`".to_owned())?,
    }
    if rustix::process::geteuid().is_root() {
        for path in KERNEL_SWITCHES
            .iter()
            .map(Path::new)
            .filter(|path| path.exists())
        {
            bind_read_only(path).step(|| format!("protect `{}`", path.display()))?;
        }
    }
    Ok(true)
}
