//! The settings in one folder of a project.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::file::{self, Problem};

/// Settings that no project may make, in the order in which they are told (codex 0.169.0).
const IGNORED: &[&str] = &[
    "openai_base_url",
    "chatgpt_base_url",
    "apps_mcp_product_sku",
    "model_provider",
    "model_providers",
    "notify",
    "profile",
    "profiles",
    "experimental_realtime_ws_base_url",
    "otel",
];

/// What `FOLDER/config.toml` sets.
#[derive(Debug, Clone)]
pub(super) struct ProjectLayer {
    pub(super) folder: PathBuf,
    pub(super) path: PathBuf,
    pub(super) table: toml::Table,
    /// The settings that were left out of it.
    ignored: Vec<&'static str>,
    /// Why none of it counts.
    pub(super) disabled: Option<String>,
}

impl ProjectLayer {
    /// Reads the file; one that isn't there sets nothing. Where it doesn't count, nothing is wrong
    /// with it.
    pub(super) fn read(folder: PathBuf, disabled: Option<String>) -> Result<Self, Problem> {
        let path = folder.join("config.toml");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Problem::unreadable(&path, &error)),
        };
        let mut table = match toml::from_str::<toml::Table>(&text) {
            Ok(table) => table,
            Err(_) if disabled.is_some() => toml::Table::new(),
            Err(error) => return Err(Problem::of_project(&path, &error)),
        };
        let ignored = IGNORED.iter().copied();
        let ignored = ignored.filter(|key| table.remove(*key).is_some()).collect();
        if disabled.is_none() {
            check(&path, &text, &table)?;
        }
        resolve_roots(&mut table, &folder);
        Ok(Self {
            folder,
            path,
            table,
            ignored,
            disabled,
        })
    }

    /// Does it count?
    pub(super) fn is_enabled(&self) -> bool {
        self.disabled.is_none()
    }

    /// What is said about the settings that were left out.
    pub(super) fn complaint(&self) -> Option<String> {
        (self.is_enabled() && !self.ignored.is_empty()).then(|| {
            format!(
                "Ignored unsupported project-local config keys in {}: {}. If you want these \
                 settings to apply, manually set them in your user-level config.toml.",
                self.path.display(),
                self.ignored.join(", ")
            )
        })
    }
}

/// Checks the types of what counts of a file.
fn check(path: &Path, text: &str, table: &toml::Table) -> Result<(), Problem> {
    let Err(error) = file::typed(table) else {
        return Ok(());
    };
    // The whole file knows the place.
    Err(file::parse(path, text)
        .err()
        .unwrap_or_else(|| Problem::plain(error)))
}

/// Roots begin in the folder.
fn resolve_roots(table: &mut toml::Table, folder: &Path) {
    let roots = table
        .get_mut("sandbox_workspace_write")
        .and_then(|details| details.get_mut("writable_roots"))
        .and_then(toml::Value::as_array_mut);
    for root in roots.into_iter().flatten() {
        if let Some(text) = root.as_str() {
            *root = folder.join(text).to_string_lossy().into_owned().into();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(text: &str, disabled: Option<&str>) -> Result<ProjectLayer, Problem> {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join(".codex");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("config.toml"), text).unwrap();
        ProjectLayer::read(folder, disabled.map(str::to_owned))
    }

    #[test]
    fn settings_that_are_no_project_s_are_left_out_and_named() {
        let text = "notify = [\"a\"]\nmodel = \"m\"\nopenai_base_url = \"http://x\"\n\
                    sandbox_workspace_write.writable_roots = [\"rel\", \"/abs\"]";
        let layer = read(text, None).unwrap();
        let complaint = layer.complaint().unwrap();
        assert!(complaint.contains("config.toml: openai_base_url, notify. If"));
        assert_eq!(layer.table.len(), 2);
        let roots = layer.table["sandbox_workspace_write"]["writable_roots"].clone();
        let roots: Vec<PathBuf> = roots.try_into().unwrap();
        assert_eq!(roots, [layer.folder.join("rel"), PathBuf::from("/abs")]);
        assert!(read(text, Some("no")).unwrap().complaint().is_none());
    }

    #[test]
    fn nothing_is_wrong_with_what_does_not_count() {
        for text in ["model =", "approval_policy = \"bogus\""] {
            assert!(read(text, None).is_err(), "{text}");
            assert!(read(text, Some("no")).is_ok(), "{text}");
        }
        assert!(read("", None).unwrap().table.is_empty());
    }
}
