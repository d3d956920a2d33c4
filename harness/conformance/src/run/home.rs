//! What an app-server finds when it starts: `config.toml` and its environment.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};

use crate::run::outcome::Places;

/// Marks every process of a case, so that one that outlives it is found.
pub const MARKER_VARIABLE: &str = "CODEX_CONFORMANCE_CASE";

/// Why `CODEX_HOME` can't be laid out.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// TOML has no such value, for example `null`.
    #[error("the configuration can't be written as TOML: {0}")]
    Toml(#[from] toml::ser::Error),
    /// What stands there is no TOML any more.
    #[error("`{}` can't be read back: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The disk says no.
    #[error("can't write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The harness's own configuration: the scripted model, no retries that would hide an error, and
/// nothing that reaches for the network at the start.
///
/// Seen with codex 0.169.0 under strace: with `features.plugins` and `features.apps` on it looks
/// up api.github.com and chatgpt.com; with both off nothing but the model's address is tried.
/// `check_for_update_on_startup` and `analytics.enabled` are off for the sake of the other
/// front ends of the same program.
pub fn base_config(base_url: &str) -> Map<String, Value> {
    let config = json!({
        "model": "mock-model",
        "model_provider": "mock_provider",
        "check_for_update_on_startup": false,
        "analytics": { "enabled": false },
        "features": { "plugins": false, "remote_plugin": false, "apps": false },
        "model_providers": {
            "mock_provider": {
                "name": "mock-responses",
                "base_url": base_url,
                "wire_api": "responses",
                "request_max_retries": 0,
                "stream_max_retries": 0,
            },
        },
    });
    match config {
        Value::Object(config) => config,
        _ => unreachable!("the literal above is an object"),
    }
}

/// Puts `over` over `under`, tables member by member, everything else as a whole. `null` takes a
/// member out.
pub fn merge(under: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (under.get_mut(key), value) {
            (_, Value::Null) => {
                under.shift_remove(key);
            }
            (Some(Value::Object(inner)), Value::Object(value)) => merge(inner, value),
            _ => {
                under.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Writes `config.toml`.
pub fn write_config(codex_home: &Path, config: &Map<String, Value>) -> Result<(), HomeError> {
    let path = codex_home.join("config.toml");
    let text = toml::to_string(config)?;
    fs::write(&path, text).map_err(|source| HomeError::Write { path, source })
}

/// Merges into `config.toml` as it stands, whoever wrote it last.
pub fn merge_into_file(codex_home: &Path, over: &Map<String, Value>) -> Result<(), HomeError> {
    let path = codex_home.join("config.toml");
    let unreadable = |reason: String| HomeError::Read {
        path: path.clone(),
        reason,
    };
    let text = fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
    let mut config: Map<String, Value> =
        toml::from_str(&text).map_err(|error| unreadable(error.message().to_owned()))?;
    merge(&mut config, over);
    write_config(codex_home, &config)
}

/// The whole environment of an app-server: an allow-list, so that no key, proxy or token of the
/// person who runs the harness gets in. Of the directories of programs the one is searched before
/// the harness's own `PATH`, the others after it.
pub fn environment(
    places: &Places,
    path: (Option<&Path>, &[PathBuf]),
    marker: &str,
    own: &Map<String, Value>,
) -> Vec<(OsString, OsString)> {
    let fixed: [(&str, OsString); 10] = [
        ("PATH", search_path(path)),
        ("HOME", places.home.clone().into()),
        ("CODEX_HOME", places.codex_home.clone().into()),
        ("TMPDIR", places.tmpdir.clone().into()),
        ("LANG", "C.UTF-8".into()),
        ("LC_ALL", "C.UTF-8".into()),
        ("TZ", "UTC".into()),
        ("SHELL", "/bin/bash".into()),
        ("USER", "codex".into()),
        // What git says outside of repositories shall not depend on where file systems begin.
        ("GIT_DISCOVERY_ACROSS_FILESYSTEM", "1".into()),
    ];
    let mut all: Vec<(OsString, OsString)> = fixed
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect();
    for (name, value) in own {
        all.retain(|(known, _)| known != name.as_str());
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        all.push((name.into(), text.into()));
    }
    all.push((MARKER_VARIABLE.into(), marker.into()));
    all
}

/// Unique on this machine while the harness runs; marks every process of a case.
pub(super) fn marker() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!(
        "{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

fn search_path((first, last): (Option<&Path>, &[PathBuf])) -> OsString {
    let own = env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let first = first.map(Path::to_owned).into_iter();
    let all = first
        .chain(env::split_paths(&own))
        .chain(last.iter().cloned());
    // A directory with a colon in its name can't be on a search path; then ours goes in alone.
    env::join_paths(all).unwrap_or(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_adds_to_tables_replaces_values_and_takes_members_out() {
        let mut config = base_config("http://127.0.0.1:1/v1");
        let over = json!({
            "approval_policy": "never",
            "model": null,
            "features": { "apps": true },
            "model_providers": { "mock_provider": { "stream_max_retries": 2 } },
        });
        merge(&mut config, over.as_object().unwrap());
        assert_eq!(config["approval_policy"], "never");
        assert!(!config.contains_key("model"));
        assert_eq!(config["features"]["plugins"], false);
        assert_eq!(config["features"]["apps"], true);
        let provider = &config["model_providers"]["mock_provider"];
        assert_eq!(provider["stream_max_retries"], 2);
        assert_eq!(provider["wire_api"], "responses");
    }

    #[test]
    fn the_configuration_reads_back_as_it_was_meant() {
        let directory = tempfile::tempdir().unwrap();
        let config = base_config("http://127.0.0.1:1/v1");
        write_config(directory.path(), &config).unwrap();
        let text = fs::read_to_string(directory.path().join("config.toml")).unwrap();
        let back: Map<String, Value> = toml::from_str(&text).unwrap();
        assert_eq!(Value::Object(back), Value::Object(config));
    }

    #[test]
    fn only_listed_variables_reach_the_app_server() {
        let own = json!({"USER": "someone", "MINE": 1, "TZ": null});
        let all = environment(
            &Places::default(),
            (None, &[]),
            "m",
            own.as_object().unwrap(),
        );
        let mut names: Vec<_> = all.iter().map(|(name, _)| name.to_str().unwrap()).collect();
        names.sort_unstable();
        let mut expected = [
            "CODEX_CONFORMANCE_CASE",
            "CODEX_HOME",
            "GIT_DISCOVERY_ACROSS_FILESYSTEM",
            "HOME",
            "LANG",
            "LC_ALL",
            "MINE",
            "PATH",
            "SHELL",
            "TMPDIR",
            "USER",
        ];
        expected.sort_unstable();
        assert_eq!(names, expected);
        assert!(all.contains(&("USER".into(), "someone".into())));
    }
}
