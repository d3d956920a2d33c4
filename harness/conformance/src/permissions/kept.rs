//! Matrices that are kept: `fixtures/permissions/codex-VERSION.json`, one for each version.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::model::{Cell, Finding, Kind, Matrix, OfTarget, ParseError};
use super::way::Moment;
use crate::versions::Version;

/// A kept matrix that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// It can't be read or written.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no matrix.
    #[error("`{}` is no permission matrix: {source}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ParseError,
    },
}

/// The directory of kept matrices, below the one that has `fixtures`.
pub fn directory(root: &Path) -> PathBuf {
    root.join("fixtures/permissions")
}

/// Where the matrix of a version is kept.
pub fn path_of(root: &Path, version: &str) -> PathBuf {
    directory(root).join(format!("codex-{version}.json"))
}

/// Reads a matrix.
///
/// # Errors
/// It can't be read, or is none.
pub fn read(path: &Path) -> Result<Matrix, KeptError> {
    let text = fs::read_to_string(path).map_err(|source| io_error(path, source))?;
    Matrix::parse(&text).map_err(|source| KeptError::Wrong {
        path: path.to_owned(),
        source,
    })
}

/// The matrix of a version, if one is kept.
///
/// # Errors
/// It is there and can't be used.
pub fn of_version(root: &Path, version: &str) -> Result<Option<OfTarget>, KeptError> {
    let path = path_of(root, version);
    if !path.is_file() {
        return Ok(None);
    }
    Ok(read(&path)?.targets.into_iter().next())
}

/// All kept matrices in one, the oldest version first.
///
/// # Errors
/// One of them can't be used.
pub fn all(root: &Path) -> Result<Matrix, KeptError> {
    let directory = directory(root);
    let wrong = |source| io_error(&directory, source);
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Matrix::of(Vec::new())),
        Err(error) => return Err(wrong(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|end| end == "json") {
            files.push(path);
        }
    }
    let mut targets = Vec::new();
    for path in files {
        targets.extend(read(&path)?.targets);
    }
    targets.sort_by_key(version);
    Ok(Matrix::of(targets))
}

/// Keeps the matrix of a version.
///
/// # Errors
/// The file can't be written.
pub fn store(root: &Path, version: &str, of: &OfTarget) -> Result<PathBuf, KeptError> {
    let path = path_of(root, version);
    let directory = directory(root);
    fs::create_dir_all(&directory).map_err(|source| io_error(&directory, source))?;
    let text = Matrix::of(vec![of.clone()]).text();
    fs::write(&path, text).map_err(|source| io_error(&path, source))?;
    Ok(path)
}

/// The version of a kept matrix; one that is none comes first.
fn version(of: &OfTarget) -> Option<Version> {
    Version::parse(of.target.strip_prefix("codex@")?)
}

fn io_error(path: &Path, source: io::Error) -> KeptError {
    KeptError::Io {
        path: path.to_owned(),
        source,
    }
}

/// The findings that are known of a version.
#[derive(Debug, Default)]
pub struct Known<'a>(HashSet<(&'a str, &'a str, Moment, Kind)>);

impl<'a> Known<'a> {
    /// Those of a kept matrix; none where nothing is kept.
    pub fn of(kept: Option<&'a OfTarget>) -> Self {
        let findings = kept.into_iter().flat_map(OfTarget::findings);
        Self(
            findings
                .map(|(cell, finding)| key(cell, finding.kind))
                .collect(),
        )
    }

    /// Was this known?
    pub fn has(&self, cell: &Cell, finding: &Finding) -> bool {
        self.0.contains(&key(cell, finding.kind))
    }
}

fn key(cell: &Cell, kind: Kind) -> (&str, &str, Moment, Kind) {
    (&cell.configured, &cell.way, cell.moment, kind)
}
