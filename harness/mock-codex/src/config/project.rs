//! What a project brings along and is not used until somebody trusts it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::file::{ConfigToml, TrustLevel};

/// Where a project keeps settings of its own.
const FOLDER: &str = ".codex";

/// The folders with settings that are left out, as codex 0.169.0 tells of them when a client has
/// shaken hands; `None` if there are none. `home` is `CODEX_HOME`, which belongs to no project.
pub(super) fn disabled(toml: &ConfigToml, cwd: &Path, home: &Path) -> Option<String> {
    let how = why_disabled(toml, cwd, home)?;
    let folders = folders(cwd, home);
    (!folders.is_empty()).then(|| {
        let mut text = "Project-local config, hooks, and exec policies are disabled in the \
                        following folders until the project is trusted, but skills still load.\n"
            .to_owned();
        for (number, folder) in (1..).zip(&folders) {
            // Writing to a string can't fail.
            let _ = writeln!(text, "    {number}. {}\n       {how}", folder.display());
        }
        text
    })
}

/// Why what a directory's project brings along is left out, and what to do about it; `None` if the
/// project is trusted.
pub(super) fn why_disabled(toml: &ConfigToml, cwd: &Path, home: &Path) -> Option<String> {
    let root = root_of(cwd).unwrap_or(cwd).display();
    match trust_of(toml, cwd) {
        Some(TrustLevel::Trusted) => None,
        Some(TrustLevel::Untrusted) => Some(format!(
            "{root} is marked as untrusted in the effective configuration. To load project-local \
             config, hooks, and exec policies, update its trust setting. If that setting is \
             managed by your organization, contact your administrator."
        )),
        None => Some(format!(
            "To load project-local config, hooks, and exec policies, add {root} as a trusted \
             project in {}.",
            home.join("config.toml").display()
        )),
    }
}

/// The folders with settings from the root of a directory's project down to it.
pub(super) fn folders(cwd: &Path, home: &Path) -> Vec<PathBuf> {
    let root = root_of(cwd).unwrap_or(cwd);
    let mut folders: Vec<PathBuf> = cwd
        .ancestors()
        .take_while(|place| place.starts_with(root))
        .map(|place| place.join(FOLDER))
        .filter(|folder| folder.is_dir() && folder != home)
        .collect();
    folders.reverse();
    folders
}

/// The project of a directory, if nobody has said how far it is trusted: a repository, or a
/// directory with settings of its own.
pub(super) fn undecided(toml: &ConfigToml, cwd: &Path) -> Option<PathBuf> {
    if trust_of(toml, cwd).is_some() {
        return None;
    }
    let with_settings = || cwd.join(FOLDER).is_dir().then_some(cwd);
    root_of(cwd).or_else(with_settings).map(Path::to_owned)
}

/// How far the project of a directory is trusted, if anything is said of it.
pub(super) fn trust_of(toml: &ConfigToml, cwd: &Path) -> Option<TrustLevel> {
    let real = cwd.canonicalize().unwrap_or_else(|_| cwd.to_owned());
    [Some(cwd), Some(&real), root_of(&real)]
        .into_iter()
        .flatten()
        .find_map(|dir| {
            toml.projects
                .get(dir)
                .and_then(|project| project.trust_level)
        })
}

/// The directory of the repository that a directory is in.
fn root_of(dir: &Path) -> Option<&Path> {
    let is_root = |dir: &&Path| dir.join(".git/HEAD").exists() || dir.join(".git").is_file();
    dir.ancestors().find(is_root)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn toml(text: &str) -> ConfigToml {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn folders_are_named_from_the_root_on_unless_the_project_is_trusted() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let deep = root.join("a/b");
        for folder in [root.join(FOLDER), root.join("a").join(FOLDER), deep.clone()] {
            fs::create_dir_all(folder).unwrap();
        }
        let home = Path::new("/home/config");
        assert_eq!(disabled(&toml(""), &deep, home), None);
        fs::create_dir(root.join(".git")).unwrap();
        fs::write(root.join(".git/HEAD"), "").unwrap();
        let told = disabled(&toml(""), &deep, home).unwrap();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 5, "{told}");
        assert_eq!(lines[1], format!("    1. {}/.codex", root.display()));
        assert_eq!(lines[3], format!("    2. {}/a/.codex", root.display()));
        assert!(lines[4].ends_with("as a trusted project in /home/config/config.toml."));
        let level = |level: &str| {
            let place = root.display();
            toml(&format!(
                "[projects.\"{place}\"]\ntrust_level = \"{level}\""
            ))
        };
        let told = disabled(&level("untrusted"), &deep, home).unwrap();
        assert!(told.contains("is marked as untrusted"), "{told}");
        assert_eq!(disabled(&level("trusted"), &deep, home), None);
    }
}
