//! `AGENTS.md`: what the user and a project want models to know.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::file::ConfigToml;

/// The names of such a file; the first that is there counts (codex 0.169.0).
const NAMES: &[&str] = &["AGENTS.override.md", "AGENTS.md"];

/// How many bytes of a project's files are read, unless `project_doc_max_bytes` says otherwise.
const MAX_BYTES: usize = 32_768;

/// What the root of a project has, unless `project_root_markers` says otherwise.
const ROOT_MARKER: &str = ".git";

/// What the files say that hold for a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Documents {
    /// The files, in the order in which they are told.
    pub(crate) sources: Vec<PathBuf>,
    /// What the model is told of them.
    pub(crate) told: Option<String>,
    /// What is said of files that are too long.
    pub(crate) complaints: Vec<String>,
}

impl Documents {
    /// Those of a home, and of the project of a directory from its root down to it.
    pub(super) fn read(toml: &ConfigToml, home: &Path, cwd: &Path) -> Self {
        let mut documents = Self::default();
        let own = documents.of_user(home);
        let project = documents.of_project(toml, cwd);
        documents.told = match (own, project) {
            (None, None) => None,
            (Some(own), None) => Some(shown(None, &own)),
            (None, Some(project)) => Some(shown(Some(cwd), &project)),
            (Some(own), Some(project)) => {
                let both = format!("{own}\n\n--- project-doc ---\n\n{project}");
                Some(shown(Some(cwd), &both))
            }
        };
        documents
    }

    fn of_user(&mut self, home: &Path) -> Option<String> {
        let paths = NAMES.iter().map(|name| home.join(name));
        let (path, text) = paths
            .filter_map(|path| {
                let text = String::from_utf8_lossy(&fs::read(&path).ok()?).into_owned();
                Some((path, text))
            })
            .find(|(_, text)| !text.trim().is_empty())?;
        self.sources.push(path);
        Some(text.trim().to_owned())
    }

    fn of_project(&mut self, toml: &ConfigToml, cwd: &Path) -> Option<String> {
        let budget = toml.project_doc_max_bytes.unwrap_or(MAX_BYTES);
        let mut left = budget;
        let mut texts = Vec::new();
        for path in files(toml, cwd) {
            let Ok(mut bytes) = fs::read(&path) else {
                continue;
            };
            if left == 0 {
                break;
            }
            if bytes.len() > left {
                self.complaints.push(format!(
                    "Loaded only {left} of {} bytes from `{}` in environment `local` under the \
                     {budget}-byte project instruction budget. Trim your project instructions to \
                     fit the budget. If you need to keep them all, increase \
                     `project_doc_max_bytes`.",
                    bytes.len(),
                    path.display()
                ));
                bytes.truncate(left);
            }
            left -= bytes.len();
            let text = String::from_utf8_lossy(&bytes);
            if !text.trim().is_empty() {
                texts.push(text.into_owned());
                self.sources.push(path);
            }
        }
        (!texts.is_empty()).then(|| texts.join("\n\n"))
    }
}

/// The file of each directory of a project, from its root down to `cwd`; of `cwd` alone where
/// nothing marks a root.
fn files(toml: &ConfigToml, cwd: &Path) -> Vec<PathBuf> {
    let usual = [ROOT_MARKER.to_owned()];
    let markers = toml.project_root_markers.as_deref().unwrap_or(&usual);
    let is_root = |place: &&Path| markers.iter().any(|marker| place.join(marker).exists());
    let root = cwd.ancestors().find(is_root).unwrap_or(cwd);
    let names = NAMES.iter().copied();
    let names = names.chain(
        toml.project_doc_fallback_filenames
            .iter()
            .map(String::as_str),
    );
    let file = |place: &Path| {
        let mut paths = names.clone().map(|name| place.join(name));
        paths.find(|path| path.is_file())
    };
    let places = cwd.ancestors().take_while(|place| place.starts_with(root));
    let mut files: Vec<PathBuf> = places.filter_map(file).collect();
    files.reverse();
    files
}

/// The texts as the model is told them, for a directory or for all.
fn shown(cwd: Option<&Path>, text: &str) -> String {
    let place = cwd.map_or_else(String::new, |cwd| format!(" for {}", cwd.display()));
    format!("# AGENTS.md instructions{place}\n\n<INSTRUCTIONS>\n{text}\n</INSTRUCTIONS>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_comes_last_and_the_budget_is_for_all_of_them() {
        let directory = tempfile::tempdir().unwrap();
        let (root, home) = (directory.path().join("p"), directory.path().join("h"));
        let deep = root.join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::create_dir_all(&home).unwrap();
        fs::create_dir(root.join(".git")).unwrap();
        fs::write(home.join("AGENTS.md"), "mine\n").unwrap();
        fs::write(root.join("AGENTS.md"), "root\n").unwrap();
        fs::write(root.join("a/AGENTS.md"), "passed by").unwrap();
        fs::write(root.join("a/AGENTS.override.md"), " \n").unwrap();
        fs::write(deep.join("AGENTS.md"), "deep\n").unwrap();
        let read = |text: &str| Documents::read(&toml::from_str(text).unwrap(), &home, &deep);
        let whole = read("");
        assert_eq!(
            whole.sources,
            [
                home.join("AGENTS.md"),
                root.join("AGENTS.md"),
                deep.join("AGENTS.md")
            ]
        );
        let told = whole.told.unwrap();
        assert!(
            told.contains("\nmine\n\n--- project-doc ---\n\nroot\n\n\ndeep\n\n</"),
            "{told}"
        );
        assert_eq!(whole.complaints, [""; 0]);
        let cut = read("project_doc_max_bytes = 8");
        assert!(cut.told.unwrap().contains("root\n\n\nd\n"));
        assert!(cut.complaints[0].starts_with("Loaded only 1 of 5 bytes"));
        let none = read("project_doc_max_bytes = 0").told.unwrap();
        assert!(none.starts_with("# AGENTS.md instructions\n"), "{none}");
    }
}
