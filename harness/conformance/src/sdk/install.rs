//! Installing an SDK into the cache: each into an environment of its own.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Language, Package};
use crate::target::cache::{Cache, lock};
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
    /// The installer failed.
    #[error("`{command}` failed: {said}")]
    Failed {
        /// What was run.
        command: String,
        /// The end of what it said.
        said: String,
    },
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
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    Err(InstallError::Failed {
        command: shown,
        said: format!("{}\n{}", output.status, last.join("\n")),
    })
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
