//! What an adoption has done so far, kept beside the installed targets, not in the working tree.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::known::Changes;
use super::recorder::Results;
use crate::scenario::model::Case;
use crate::target::cache::Cache;

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What was written, by its path below the root, with its digest.
    pub written: BTreeMap<PathBuf, String>,
    /// Are snapshots being recorded, or was that interrupted? Then those that changed are ours.
    pub recording: bool,
    /// What the comparison came to, once it is complete.
    pub compared: Option<Compared>,
}

/// What the comparison of both versions came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Between which versions, of which cases.
    pub suite: String,
    /// The report, as Markdown.
    pub page: String,
    /// Its last line.
    pub summary: String,
    /// The rows of cases that came to something else: the verdicts, how many, and why.
    pub turned: Vec<[String; 3]>,
    /// What differs on the wire and bears on authority.
    pub authority: Vec<String>,
    /// In how many cases the wire differs.
    pub differ: usize,
    /// What each case came to on the new version.
    pub results: Results,
    /// What that changed in the known failures, once it has.
    pub known: Option<Changes>,
}

/// Where the state of an adoption is kept.
pub fn path_of(cache: &Cache, root: &Path, new: &str) -> PathBuf {
    let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let place = digest(root.as_os_str().as_encoded_bytes());
    let name = format!("{}-codex-{new}.json", &place[..12]);
    cache.adoptions().join(name)
}

impl State {
    /// Reads it; nothing done where there is none, or one of another format.
    ///
    /// # Errors
    /// It is there and can't be read.
    pub fn load(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Keeps it.
    ///
    /// # Errors
    /// It can't be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(path, serde_json::to_vec(self).map_err(io::Error::other)?)
    }
}

/// What tells one suite from another: the versions, and all that the cases say.
pub fn suite(versions: [&str; 2], cases: &[Arc<Case>]) -> String {
    let mut hash = Sha256::new();
    hash.update(versions.join(" "));
    for case in cases {
        hash.update(format!("{case:?}"));
    }
    hex(&hash.finalize())
}

/// The digest of a file's content.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
