//! Installing an SDK into the cache: each into an environment of its own.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use super::{Language, Package};
use crate::target::cache::{CACHE_VARIABLE, Cache, lock};
use crate::target::npm;

/// What an installation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was installed.
    Fresh,
    /// It was there.
    Present,
}

/// Why an SDK could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// A file or directory of the cache can't be made.
    #[error("can't write `{}`: {source}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The installer can't be run.
    #[error("`{program}` is needed to install it and could not be run: {source}")]
    Missing {
        /// The installer.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The registry can't be reached.
    #[error("`{command}` can't reach its registry: {said}")]
    Offline {
        /// What was run.
        command: String,
        /// The line that says so.
        said: String,
    },
    /// The installer failed.
    #[error("`{command}` failed: {said}")]
    Failed {
        /// What was run.
        command: String,
        /// The end of what it said.
        said: String,
    },
}

impl InstallError {
    /// What to do about it.
    pub fn hint(&self, language: Language) -> Option<String> {
        let hint = match (self, language) {
            (Self::Write { .. }, _) => {
                return Some(format!(
                    "set `{CACHE_VARIABLE}` to a directory that you can write to"
                ));
            }
            (Self::Offline { .. }, _) => {
                "installing needs the network once; afterwards everything runs offline"
            }
            (Self::Missing { .. }, Language::Python) => "install Python 3.11 or newer",
            (Self::Missing { .. }, Language::Node) => "install Node.js 20 or newer, with npm",
            (Self::Missing { .. }, Language::Rust) => "install Rust's Cargo",
            (Self::Failed { .. }, _) => return None,
        };
        Some(hint.to_owned())
    }
}

/// Installs a package, unless it is there already. `root` is the directory that has
/// `harness/drivers`.
///
/// # Errors
/// The installer fails; nothing is left behind that would be taken for a whole installation.
pub fn install(package: &Package, root: &Path, cache: &Cache) -> Result<Outcome, InstallError> {
    let sdks = cache.sdks();
    fs::create_dir_all(&sdks).map_err(|source| write_error(&sdks, source))?;
    let place = sdks.join(format!(".{}.lock", package.language.name()));
    let _lock = lock(&place).map_err(|source| write_error(&place, source))?;
    let present = package.is_installed(cache);
    // Cargo knows itself what has changed of a driver.
    if present && package.language != Language::Rust {
        return Ok(Outcome::Present);
    }
    let home = package.home(cache);
    match package.language {
        Language::Python => python(package, &home)?,
        Language::Node => node(package, &home)?,
        Language::Rust => rust(package, root, &home)?,
    }
    let marker = package.marker(cache);
    fs::write(&marker, "").map_err(|source| write_error(&marker, source))?;
    Ok(if present {
        Outcome::Present
    } else {
        Outcome::Fresh
    })
}

fn python(package: &Package, home: &Path) -> Result<(), InstallError> {
    fresh(home)?;
    run(Command::new("python3").args(["-m", "venv"]).arg(home))?;
    for arguments in &package.install {
        run(Command::new(home.join("bin/python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(arguments))?;
    }
    Ok(())
}

fn node(package: &Package, home: &Path) -> Result<(), InstallError> {
    fresh(home)?;
    for arguments in &package.install {
        run(npm::install_into(home).args(arguments))?;
    }
    Ok(())
}

/// The driver's executable has the SDK in it.
fn rust(package: &Package, root: &Path, home: &Path) -> Result<(), InstallError> {
    fs::create_dir_all(home).map_err(|source| write_error(home, source))?;
    let manifest = root.join("harness/drivers/rust/Cargo.toml");
    run(Command::new("cargo")
        .args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            &package.driver,
            "--manifest-path",
        ])
        .arg(manifest)
        .arg("--target-dir")
        .arg(home))
}

/// An empty directory: a half installed one is thrown away.
fn fresh(home: &Path) -> Result<(), InstallError> {
    if home.exists() {
        fs::remove_dir_all(home).map_err(|source| write_error(home, source))?;
    }
    fs::create_dir_all(home).map_err(|source| write_error(home, source))
}

/// How many lines of what an installer said are worth showing.
const LINES: usize = 8;

/// How pip starts a line for each of its tries: they all say the same.
const AGAIN: &str = "WARNING: Retrying";

/// What pip, npm and Cargo say where there is no network, or nobody behind it.
const UNREACHABLE: [&str; 16] = [
    "Failed to establish a new connection",
    "Failed to resolve",
    "Temporary failure in name resolution",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
    "ERR_SOCKET_TIMEOUT",
    "ENOTCACHED",
    "Could not resolve host",
    "Failed to connect",
    "offline mode",
];

fn run(command: &mut Command) -> Result<(), InstallError> {
    let shown = shown(command);
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|source| InstallError::Missing {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(explain(shown, output.status, &said))
}

/// What an installer's last words mean.
fn explain(command: String, status: ExitStatus, said: &str) -> InstallError {
    let unreachable = |line: &&str| UNREACHABLE.iter().any(|cause| line.contains(cause));
    if let Some(line) = said.lines().find(unreachable) {
        let said = line.trim().to_owned();
        return InstallError::Offline { command, said };
    }
    let worth_it = |line: &&str| !line.trim().is_empty() && !line.starts_with(AGAIN);
    let lines: Vec<&str> = said.lines().filter(worth_it).collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    InstallError::Failed {
        command,
        said: format!("{status}\n{}", last.join("\n")),
    }
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

fn write_error(path: &Path, source: io::Error) -> InstallError {
    InstallError::Write {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn told(said: &str) -> InstallError {
        explain("pip install x".into(), ExitStatus::from_raw(256), said)
    }

    #[test]
    fn without_a_network_that_is_what_is_said() {
        for said in [
            "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError(\
             'Failed to establish a new connection: [Errno 111] Connection refused')'\n\
             ERROR: No matching distribution found for x==1",
            "npm error code ECONNREFUSED\nnpm error syscall connect",
            "error: no matching package named `x` found\n\
             As a reminder, you're using offline mode (--offline) which can cause this",
            "error: failed to download\n  [6] Could not resolve hostname (Could not resolve host: x)",
        ] {
            let error = told(said);
            assert!(matches!(error, InstallError::Offline { .. }), "{error}");
            assert!(error.to_string().lines().count() == 1, "{error}");
            let hint = error.hint(Language::Python).unwrap_or_default();
            assert!(hint.contains("needs the network"), "{hint}");
        }
    }

    #[test]
    fn another_failure_is_shown_as_the_installer_told_it() {
        let error = told("ERROR: No matching distribution found for x==1\n\n");
        let text = "`pip install x` failed: exit status: 1\n\
                    ERROR: No matching distribution found for x==1";
        assert_eq!(error.to_string(), text);
        assert_eq!(error.hint(Language::Python), None);
    }
}
