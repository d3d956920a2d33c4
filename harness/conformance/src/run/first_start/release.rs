//! `lsb_release`, which codex asks twice at each start for the name of the system.
//!
//! Where it is a script, its answer costs as much as half of codex's own start. It is always the
//! same, so it is asked once, and cases find a program that says what it said.

use std::env;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

const NAME: &str = "lsb_release";

/// Lays out `lsb_release` in a directory of its own; `false` where the machine has none, or has
/// one that fails.
pub(super) async fn lay_out(directory: &Path, environment: &[(OsString, OsString)]) -> bool {
    let Some(program) = search(environment) else {
        return false;
    };
    let asked = Command::new(&program)
        .arg("-a")
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let said = match asked.await {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).ok(),
        _ => None,
    };
    said.and_then(|said| write(directory, &script(&program, &said)?).ok())
        .is_some()
}

/// The program that would be found.
fn search(environment: &[(OsString, OsString)]) -> Option<PathBuf> {
    let (_, path) = environment.iter().find(|(name, _)| name == "PATH")?;
    env::split_paths(path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(NAME))
        .find(|program| program.is_file())
}

/// Says what was said; asked for anything else, it is the program itself.
fn script(program: &Path, said: &str) -> Option<String> {
    let program = quoted(program.to_str()?);
    let said = quoted(said);
    Some(format!(
        "#!/bin/sh\n[ \"$*\" = -a ] || exec {program} \"$@\"\nprintf %s {said}\n"
    ))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn write(directory: &Path, script: &str) -> io::Result<()> {
    fs::create_dir(directory)?;
    let path = directory.join(NAME);
    fs::write(&path, script)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with a program that says its arguments, and the environment to find it.
    fn machine(text: &str) -> (tempfile::TempDir, Vec<(OsString, OsString)>) {
        let directory = tempfile::tempdir().unwrap();
        write(&directory.path().join("bin"), text).unwrap();
        let path = env::join_paths([directory.path().join("bin"), "/usr/bin".into()]).unwrap();
        (directory, vec![("PATH".into(), path)])
    }

    fn says(program: &Path, arguments: &[&str]) -> String {
        let output = std::process::Command::new(program).args(arguments).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }

    #[tokio::test]
    async fn it_says_what_the_machine_s_own_says() {
        let (directory, environment) = machine("#!/bin/sh\necho \"it's\t$*\"\necho two\n");
        let programs = directory.path().join("programs");
        assert!(lay_out(&programs, &environment).await);
        let own = programs.join(NAME);
        assert_eq!(says(&own, &["-a"]), "it's\t-a\ntwo\n");
        assert_eq!(says(&own, &["-s", "-d"]), "it's\t-s -d\ntwo\n");
    }

    #[tokio::test]
    async fn one_that_fails_is_left_to_fail() {
        let (directory, environment) = machine("#!/bin/sh\nexit 3\n");
        assert!(!lay_out(&directory.path().join("programs"), &environment).await);
    }
}
