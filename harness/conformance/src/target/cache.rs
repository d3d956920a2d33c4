//! Where installed targets are kept.

use std::env;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The variable that names the cache directory.
pub const CACHE_VARIABLE: &str = "CODEX_CONFORMANCE_CACHE";

/// The cache directory: `$CODEX_CONFORMANCE_CACHE`, else `$XDG_CACHE_HOME/codex-conformance`,
/// else `~/.cache/codex-conformance`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
}

/// A codex in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Its version.
    pub version: String,
    /// The executable, or the launcher that needs `node`.
    pub program: PathBuf,
}

/// Holds a lock file of the cache until the result is dropped. Another process that holds it is
/// waited for.
///
/// # Errors
/// The file can't be made or locked.
pub fn lock(path: &Path) -> io::Result<File> {
    let file = File::create(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => file.lock()?,
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(file)
}

/// Why the cache can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// None of the variables is set.
    #[error("no cache directory: neither `{CACHE_VARIABLE}`, `XDG_CACHE_HOME` nor `HOME` is set")]
    NoDirectory,
    /// It can't be read.
    #[error("can't read `{}`: {source}", path.display())]
    Read {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Cache {
    /// The cache in `root`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The cache that the environment names.
    pub fn from_environment() -> Result<Self, CacheError> {
        let set = |name| {
            env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        set(CACHE_VARIABLE)
            .or_else(|| Some(set("XDG_CACHE_HOME")?.join("codex-conformance")))
            .or_else(|| Some(set("HOME")?.join(".cache/codex-conformance")))
            .map(Self::at)
            .ok_or(CacheError::NoDirectory)
    }

    /// The directory that holds the targets.
    pub fn targets(&self) -> PathBuf {
        self.root.join("targets")
    }

    /// The directory that holds SDKs.
    pub fn sdks(&self) -> PathBuf {
        self.root.join("sdks")
    }

    /// The directory that holds how far adoptions of new versions have come.
    pub fn adoptions(&self) -> PathBuf {
        self.root.join("adoptions")
    }

    /// The directory of one version.
    pub fn codex(&self, version: &str) -> PathBuf {
        self.targets().join(format!("codex-{version}"))
    }

    /// The installed codex of this version, if it is there.
    pub fn find(&self, version: &str) -> Result<Option<Installed>, CacheError> {
        let program = program_in(&self.codex(version))?;
        Ok(program.map(|program| Installed {
            version: version.to_owned(),
            program,
        }))
    }

    /// All installed ones, by version.
    pub fn list(&self) -> Result<Vec<Installed>, CacheError> {
        let mut versions: Vec<String> = names_in(&self.targets())?
            .into_iter()
            .filter_map(|name| name.strip_prefix("codex-").map(str::to_owned))
            .collect();
        versions.sort();
        let found: Result<Vec<_>, _> = versions.iter().map(|version| self.find(version)).collect();
        Ok(found?.into_iter().flatten().collect())
    }
}

/// The program in an npm prefix: the native one of the package for this platform
/// (`vendor/<triple>/bin/codex`), else the launcher, which needs `node`.
pub fn program_in(prefix: &Path) -> Result<Option<PathBuf>, CacheError> {
    let modules = prefix.join("node_modules");
    let packages = modules.join("@openai");
    for package in names_in(&packages)? {
        if !package.starts_with("codex-") {
            continue;
        }
        let vendor = packages.join(package).join("vendor");
        for triple in names_in(&vendor)? {
            let program = vendor.join(triple).join("bin/codex");
            if program.is_file() {
                return Ok(Some(program));
            }
        }
    }
    let launcher = modules.join(".bin/codex");
    Ok(launcher.is_file().then_some(launcher))
}

/// The names in a directory, sorted; none when it isn't there.
fn names_in(directory: &Path) -> Result<Vec<String>, CacheError> {
    let wrong = |source| CacheError::Read {
        path: directory.to_owned(),
        source,
    };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(wrong(error)),
    };
    let mut names = entries
        .map(|entry| {
            Ok(entry
                .map_err(wrong)?
                .file_name()
                .to_string_lossy()
                .into_owned())
        })
        .collect::<Result<Vec<_>, _>>()?;
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }

    #[test]
    fn the_native_program_is_preferred_to_the_launcher() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path());
        assert_eq!(cache.list().unwrap(), []);
        assert_eq!(cache.find("1.2.3").unwrap(), None);

        let modules = cache.codex("1.2.3").join("node_modules");
        touch(&modules.join(".bin/codex"));
        let launcher = cache.find("1.2.3").unwrap().unwrap();
        assert!(launcher.program.ends_with(".bin/codex"));

        touch(&modules.join("@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex"));
        let [native] = &cache.list().unwrap()[..] else {
            panic!("one is installed")
        };
        assert_eq!(native.version, "1.2.3");
        assert!(native.program.ends_with("bin/codex") && native.program != launcher.program);
    }
}
