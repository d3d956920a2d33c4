//! Installing a codex into the cache, from npm.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::target::cache::{CACHE_VARIABLE, Cache, CacheError, Installed, lock, program_in};
use crate::target::npm;

/// What an installation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was fetched.
    Fresh(Installed),
    /// It was there.
    Present(Installed),
}

/// Why a version could not be installed. The cache is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The cache can't be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A file or directory of the cache can't be made.
    #[error("can't write `{}`: {source}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// npm can't be run.
    #[error("`npm` is needed to install codex and could not be run: {0}")]
    NoNpm(#[source] io::Error),
    /// npm knows no such version.
    #[error("npm has no `@openai/codex` of version {version}")]
    UnknownVersion {
        /// The version.
        version: String,
    },
    /// npm couldn't reach its registry.
    #[error("npm could not reach its registry: {detail}")]
    Offline {
        /// The line of npm that says so.
        detail: String,
    },
    /// npm failed otherwise.
    #[error("npm failed: {detail}")]
    Npm {
        /// The end of what it said.
        detail: String,
    },
    /// The package holds no program for this machine.
    #[error(
        "the package of version {version} has no program for this platform ({})",
        std::env::consts::ARCH
    )]
    NoProgram {
        /// The version.
        version: String,
    },
    /// The installed program says that it is another one.
    #[error("`{} --version` should say {expected}; it says: {said}", program.display())]
    WrongVersion {
        /// The program.
        program: PathBuf,
        /// The version that was asked for.
        expected: String,
        /// What it said, or why it said nothing.
        said: String,
    },
}

impl InstallError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Write { .. } => {
                return Some(format!(
                    "set `{CACHE_VARIABLE}` to a directory that you can write to"
                ));
            }
            Self::NoNpm(_) => {
                "install Node.js with npm, or use `--target cmd:…` with a codex of your own"
            }
            Self::UnknownVersion { .. } => "`npm view @openai/codex versions` lists them",
            Self::Offline { .. } => {
                "installing needs the network once; afterwards everything runs offline"
            }
            Self::WrongVersion { .. } => "remove its directory and install it again",
            Self::Cache(_) | Self::Npm { .. } | Self::NoProgram { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// Installs `@openai/codex` of this exact version, unless it is there already.
///
/// The package is unpacked beside its place and renamed into it at the end, so that a half
/// installed one is never found. Two installations at once wait for each other.
pub fn install(cache: &Cache, version: &str) -> Result<Outcome, InstallError> {
    let targets = cache.targets();
    fs::create_dir_all(&targets).map_err(|source| write_error(&targets, source))?;
    let place = targets.join(format!(".codex-{version}.lock"));
    let _lock = lock(&place).map_err(|source| write_error(&place, source))?;
    if let Some(installed) = cache.find(version)? {
        check_version(&installed)?;
        return Ok(Outcome::Present(installed));
    }
    let staging = tempfile::Builder::new()
        .prefix(&format!(".codex-{version}-"))
        .tempdir_in(&targets)
        .map_err(|source| write_error(&targets, source))?;
    fetch(staging.path(), version)?;
    let program = program_in(staging.path())?.ok_or_else(|| InstallError::NoProgram {
        version: version.to_owned(),
    })?;
    check_version(&Installed {
        version: version.to_owned(),
        program,
    })?;
    let place = cache.codex(version);
    if place.exists() {
        // Without a program in it, or it would have been found above.
        fs::remove_dir_all(&place).map_err(|source| write_error(&place, source))?;
    }
    fs::rename(staging.keep(), &place).map_err(|source| write_error(&place, source))?;
    let installed = cache
        .find(version)?
        .ok_or_else(|| InstallError::NoProgram {
            version: version.to_owned(),
        })?;
    Ok(Outcome::Fresh(installed))
}

fn fetch(prefix: &Path, version: &str) -> Result<(), InstallError> {
    let output = npm::install_into(prefix)
        .arg(format!("@openai/codex@{version}"))
        .output()
        .map_err(InstallError::NoNpm)?;
    if output.status.success() {
        return Ok(());
    }
    Err(explain(&output, version))
}

/// Lines of npm that tell a person nothing: codes, places in its own source.
const NOISE: [&str; 6] = ["code ", "errno ", "syscall ", "at ", "A complete log", "{"];

/// npm's error codes, as it writes them on stderr (`npm error code E404`).
fn explain(output: &Output, version: &str) -> InstallError {
    let said = String::from_utf8_lossy(&output.stderr);
    let code = said
        .lines()
        .find_map(|line| line.split_once(" code ").map(|(_, code)| code.trim()));
    let detail = || {
        let useful = said
            .lines()
            .map(|line| line.trim_start_matches("npm error").trim())
            .filter(|line| !line.is_empty() && NOISE.iter().all(|noise| !line.starts_with(noise)));
        useful.take(2).collect::<Vec<_>>().join("; ")
    };
    match code {
        Some("ETARGET" | "E404") => InstallError::UnknownVersion {
            version: version.to_owned(),
        },
        Some(
            "ENOTFOUND" | "EAI_AGAIN" | "ECONNREFUSED" | "ECONNRESET" | "ETIMEDOUT" | "ENETUNREACH"
            | "ERR_SOCKET_TIMEOUT" | "ENOTCACHED",
        ) => InstallError::Offline { detail: detail() },
        _ => InstallError::Npm { detail: detail() },
    }
}

/// `codex --version` prints `codex-cli 0.169.0`.
fn check_version(installed: &Installed) -> Result<(), InstallError> {
    let output = Command::new(&installed.program)
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    let said = match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        Ok(output) => format!("nothing useful ({})", output.status),
        Err(error) => format!("nothing: {error}"),
    };
    if said.split_whitespace().next_back() == Some(&installed.version) {
        return Ok(());
    }
    Err(InstallError::WrongVersion {
        program: installed.program.clone(),
        expected: installed.version.clone(),
        said,
    })
}

fn write_error(path: &Path, source: io::Error) -> InstallError {
    InstallError::Write {
        path: path.to_owned(),
        source,
    }
}
