//! `fs/*`: files of the machine, without any sandbox (codex 0.169.0 applies none either).

mod copy;
pub(crate) mod watch;

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::fcntl::OFlag;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Method, Params, parse, ready};
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::base64;
use crate::protocol::params::AbsolutePath;

pub(super) const METHODS: &[Method] = methods! {
    "fs/readFile" FsReadFileParams => read_file;
    "fs/writeFile" FsWriteFileParams => write_file;
    "fs/createDirectory" FsCreateDirectoryParams => create_directory;
    "fs/getMetadata" FsGetMetadataParams => metadata;
    "fs/readDirectory" FsReadDirectoryParams => read_directory;
    "fs/remove" FsRemoveParams => remove;
    "fs/copy" FsCopyParams => copy_paths;
    "fs/watch" FsWatchParams => watch_path;
    "fs/unwatch" FsUnwatchParams => unwatch;
};

#[derive(Debug, Deserialize)]
struct FsReadFileParams {
    path: AbsolutePath,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FsWriteFileParams {
    path: AbsolutePath,
    data_base64: String,
}

#[derive(Debug, Deserialize)]
struct FsCreateDirectoryParams {
    path: AbsolutePath,
    recursive: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct FsGetMetadataParams {
    path: AbsolutePath,
}

#[derive(Debug, Deserialize)]
struct FsReadDirectoryParams {
    path: AbsolutePath,
}

#[derive(Debug, Deserialize)]
struct FsRemoveParams {
    path: AbsolutePath,
    recursive: Option<bool>,
    force: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FsCopyParams {
    source_path: AbsolutePath,
    destination_path: AbsolutePath,
    #[serde(default)]
    recursive: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FsWatchParams {
    watch_id: String,
    path: AbsolutePath,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FsUnwatchParams {
    watch_id: String,
}

impl Params for FsReadFileParams {}
impl Params for FsWriteFileParams {}
impl Params for FsCreateDirectoryParams {}
impl Params for FsGetMetadataParams {}
impl Params for FsReadDirectoryParams {}
impl Params for FsRemoveParams {}
impl Params for FsCopyParams {}
impl Params for FsWatchParams {}
impl Params for FsUnwatchParams {}

fn read_file(call: &Call, params: FsReadFileParams) -> Result<(), Failure> {
    let path = without_dots(params.path);
    if !fs::metadata(&path)?.is_file() {
        return Err(Failure::invalid(format!(
            "path `{}` is not a file",
            path.display()
        )));
    }
    call.reply(&json!({"dataBase64": base64::encode(&fs::read(path)?)}));
    Ok(())
}

fn write_file(call: &Call, params: FsWriteFileParams) -> Result<(), Failure> {
    let data = base64::decode(&params.data_base64).map_err(|error| {
        Failure::invalid(format!(
            "fs/writeFile requires valid base64 dataBase64: {error}"
        ))
    })?;
    // A pipe that nobody reads is an error, not a reason to wait.
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(without_dots(params.path))?
        .write_all(&data)?;
    done(call)
}

fn create_directory(call: &Call, params: FsCreateDirectoryParams) -> Result<(), Failure> {
    let path = without_dots(params.path);
    if params.recursive.unwrap_or(true) {
        fs::create_dir_all(path)?;
    } else {
        fs::create_dir(path)?;
    }
    done(call)
}

fn metadata(call: &Call, params: FsGetMetadataParams) -> Result<(), Failure> {
    let path = without_dots(params.path);
    let behind_links = fs::metadata(&path)?;
    call.reply(&json!({
        "isDirectory": behind_links.is_dir(),
        "isFile": behind_links.is_file(),
        "isSymlink": fs::symlink_metadata(&path)?.is_symlink(),
        // codex 0.169.0 for Linux is linked statically with a libc that doesn't tell it.
        "createdAtMs": 0,
        "modifiedAtMs": milliseconds(behind_links.modified()),
    }));
    Ok(())
}

fn milliseconds(time: io::Result<SystemTime>) -> u64 {
    let since = time
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}

/// The entries in the order of the file system; links that lead nowhere are left out.
fn read_directory(call: &Call, params: FsReadDirectoryParams) -> Result<(), Failure> {
    let mut entries: Vec<Value> = Vec::new();
    for entry in fs::read_dir(without_dots(params.path))? {
        let entry = entry?;
        let Ok(metadata) = fs::metadata(entry.path()) else {
            continue;
        };
        entries.push(json!({
            "fileName": entry.file_name().to_string_lossy(),
            "isDirectory": metadata.is_dir(),
            "isFile": metadata.is_file(),
        }));
    }
    call.reply(&json!({"entries": entries}));
    Ok(())
}

fn remove(call: &Call, params: FsRemoveParams) -> Result<(), Failure> {
    let path = without_dots(params.path);
    let recursive = params.recursive.unwrap_or(true);
    match remove_path(&path, recursive) {
        Err(error) if error.kind() == ErrorKind::NotFound && params.force.unwrap_or(true) => {}
        result => result?,
    }
    done(call)
}

fn remove_path(path: &Path, recursive: bool) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        fs::remove_file(path)
    } else if recursive {
        fs::remove_dir_all(path)
    } else {
        fs::remove_dir(path)
    }
}

fn copy_paths(call: &Call, params: FsCopyParams) -> Result<(), Failure> {
    let from = without_dots(params.source_path);
    let to = without_dots(params.destination_path);
    copy::copy(&from, &to, params.recursive)?;
    done(call)
}

fn watch_path(call: &Call, params: FsWatchParams) -> Result<(), Failure> {
    let path = without_dots(params.path);
    call.client
        .watches
        .add(&call.client, params.watch_id, &path)?;
    call.reply(&json!({"path": path}));
    Ok(())
}

/// A watch that doesn't exist is none to complain about.
fn unwatch(call: &Call, params: FsUnwatchParams) -> Result<(), Failure> {
    call.client.watches.remove(&params.watch_id);
    done(call)
}

fn done(call: &Call) -> Result<(), Failure> {
    call.reply(&json!({}));
    Ok(())
}

/// `..` is resolved by the text of the path alone: `/missing/../there` is `/there`.
fn without_dots(path: AbsolutePath) -> PathBuf {
    crate::config::plain(&path.into_path())
}
