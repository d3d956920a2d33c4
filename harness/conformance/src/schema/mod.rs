//! Schemas of codex versions: where they are kept, and how they get there.

pub mod diff;
pub mod exceptions;
pub mod import;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codex_wire::schema::{Schema, SchemaError};

use crate::target::Target;

/// A schema that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It can't be read.
    #[error("can't read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no schema.
    #[error("`{}` is no schema: {source}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SchemaError,
    },
}

/// Where the schema of a version is, below the directory that has `fixtures`.
pub fn path_of(root: &Path, version: &str) -> PathBuf {
    root.join("fixtures/schemas")
        .join(format!("codex-{version}.json"))
}

/// The schema of a version; `None` when it was not imported.
///
/// # Errors
/// [`LoadError`] when it is there and can't be used.
pub fn load(root: &Path, version: &str) -> Result<Option<Schema>, LoadError> {
    let path = path_of(root, version);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(LoadError::Read { path, source }),
    };
    Schema::parse(&text)
        .map(Some)
        .map_err(|source| LoadError::Wrong { path, source })
}

/// The version whose protocol a target speaks; `None` where that isn't known.
pub fn version_of(target: &Target) -> Option<&str> {
    match target {
        Target::Mock { .. } => Some(mock_codex::CODEX_VERSION),
        Target::Codex { version } => Some(version),
        Target::Command { .. } | Target::WebSocket { .. } | Target::Unix { .. } => None,
    }
}

/// The schemas of these targets, by their names; each version is read once.
///
/// # Errors
/// [`LoadError`] when one is there and can't be used.
pub fn of_targets(
    root: &Path,
    targets: &[Target],
) -> Result<BTreeMap<String, Arc<Schema>>, LoadError> {
    let mut versions: BTreeMap<&str, Option<Arc<Schema>>> = BTreeMap::new();
    let mut all = BTreeMap::new();
    for target in targets {
        let Some(version) = version_of(target) else {
            continue;
        };
        let schema = match versions.get(version) {
            Some(known) => known.clone(),
            None => load(root, version)?.map(Arc::new),
        };
        versions.insert(version, schema.clone());
        all.extend(schema.map(|schema| (target.to_string(), schema)));
    }
    Ok(all)
}
