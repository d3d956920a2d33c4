//! `fs/copy`.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Copies a file, a link as a link, or with `recursive` a directory into one that may exist.
pub(super) fn copy(from: &Path, to: &Path, recursive: bool) -> Result<(), Failure> {
    let kind = fs::symlink_metadata(from)?.file_type();
    if kind.is_dir() {
        if !recursive {
            return Err(Failure::invalid(
                "fs/copy requires recursive: true when sourcePath is a directory",
            ));
        }
        if real(to)?.starts_with(real(from)?) {
            return Err(Failure::invalid(
                "fs/copy cannot copy a directory to itself or one of its descendants",
            ));
        }
        return Ok(copy_directory(from, to)?);
    }
    if kind.is_symlink() {
        return Ok(copy_link(from, to)?);
    }
    if kind.is_file() {
        fs::copy(from, to)?;
        return Ok(());
    }
    Err(Failure::invalid(
        "fs/copy only supports regular files, directories, and symlinks",
    ))
}

/// What is neither file, link nor directory is passed by.
fn copy_directory(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_directory(&from, &to)?;
        } else if kind.is_symlink() {
            copy_link(&from, &to)?;
        } else if kind.is_file() {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

fn copy_link(from: &Path, to: &Path) -> io::Result<()> {
    symlink(fs::read_link(from)?, to)
}

/// The path with its links resolved, as far as it exists.
fn real(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.parent() {
            Some(parent) => Ok(real(parent)?.join(path.file_name().unwrap_or_default())),
            None => Err(error),
        },
        result => result,
    }
}
