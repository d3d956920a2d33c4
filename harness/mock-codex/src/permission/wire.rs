//! Permissions as the model asks for them and as the client grants them.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::{Access, Permissions, Place};
use crate::config::plain;

/// Why the mock takes some requests of the model for wrong that codex may know what to do with.
const UNKNOWN_ENTRY: &str = "mock-codex does not know what codex does with an entry of \
    `file_system` that is no path to read or write; use `read` and `write`";

// The names of the types that the model's arguments are read into are codex's: they are part of
// what it tells the model of arguments that it can't read.

/// The permissions in a call of `request_permissions`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestPermissionProfile {
    network: Option<Network>,
    file_system: Option<FileSystemPermissionsDe>,
}

/// The permissions in a call of `exec_command`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct AdditionalPermissionProfile {
    network: Option<Network>,
    file_system: Option<FileSystemPermissionsDe>,
}

#[derive(Debug, Clone, Deserialize)]
struct Network {
    enabled: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum FileSystemPermissionsDe {
    Entries(Entries),
    Lists(Lists),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entries {
    entries: Vec<Entry>,
    #[serde(rename = "glob_scan_max_depth")]
    _glob_scan_max_depth: Option<usize>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    read: Option<Vec<PathBuf>>,
    write: Option<Vec<PathBuf>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Entry {
    path: EntryPath,
    access: EntryAccess,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum EntryPath {
    Path {
        path: PathBuf,
    },
    GlobPattern {
        #[serde(rename = "pattern")]
        _pattern: String,
    },
    Special {
        #[serde(rename = "value")]
        _value: Value,
    },
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EntryAccess {
    Read,
    Write,
    Deny,
}

impl Entry {
    /// The place, if it is one that can be granted.
    fn place(&self) -> Option<(&Path, Access)> {
        let EntryPath::Path { path } = &self.path else {
            return None;
        };
        let access = match self.access {
            EntryAccess::Read => Access::Read,
            EntryAccess::Write => Access::Write,
            EntryAccess::Deny => return None,
        };
        Some((path, access))
    }
}

impl RequestPermissionProfile {
    /// What is asked for; relative paths are below `cwd`.
    pub(crate) fn resolve(&self, cwd: &Path) -> Result<Permissions, &'static str> {
        resolve(self.network.as_ref(), self.file_system.as_ref(), cwd)
    }
}

impl AdditionalPermissionProfile {
    /// What is asked for; relative paths are below `cwd`.
    pub(crate) fn resolve(&self, cwd: &Path) -> Result<Permissions, &'static str> {
        resolve(self.network.as_ref(), self.file_system.as_ref(), cwd)
    }
}

fn resolve(
    network: Option<&Network>,
    file_system: Option<&FileSystemPermissionsDe>,
    cwd: &Path,
) -> Result<Permissions, &'static str> {
    let mut permissions = Permissions {
        network: network.and_then(|network| network.enabled),
        places: Vec::new(),
    };
    let mut add = |path: &Path, access| {
        let path = plain(&cwd.join(path));
        permissions.add(Place { path, access });
    };
    match file_system {
        None => {}
        Some(FileSystemPermissionsDe::Entries(Entries { entries, .. })) => {
            for entry in entries {
                let (path, access) = entry.place().ok_or(UNKNOWN_ENTRY)?;
                add(path, access);
            }
        }
        Some(FileSystemPermissionsDe::Lists(Lists { read, write })) => {
            for (paths, access) in [(read, Access::Read), (write, Access::Write)] {
                for path in paths.iter().flatten() {
                    add(path, access);
                }
            }
        }
    }
    Ok(permissions)
}

/// How long something is granted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Lasting {
    #[default]
    Turn,
    Session,
}

impl Lasting {
    /// Its name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Session => "session",
        }
    }
}

/// The client's answer to `item/permissions/requestApproval`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    permissions: Granted,
    #[serde(default)]
    scope: Lasting,
    strict_auto_review: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Granted {
    network: Option<Network>,
    file_system: Option<GrantedFiles>,
}

#[derive(Debug, Deserialize)]
struct GrantedFiles {
    read: Option<Vec<PathBuf>>,
    write: Option<Vec<PathBuf>>,
    /// Where it is there, the lists don't count.
    entries: Option<Vec<Entry>>,
}

impl Answer {
    /// What an answer says; one that can't be read grants nothing, and so does one that wants all
    /// of a session reviewed.
    pub(crate) fn read(answer: Value) -> Self {
        let answer: Self = serde_json::from_value(answer).unwrap_or_default();
        let reviewed_for_ever = answer.is_reviewed() && answer.scope == Lasting::Session;
        if reviewed_for_ever {
            return Self::default();
        }
        answer
    }

    /// For how long.
    pub(crate) fn lasting(&self) -> Lasting {
        self.scope
    }

    /// Is a reviewer to decide about everything else?
    pub(crate) fn is_reviewed(&self) -> bool {
        self.strict_auto_review == Some(true)
    }

    /// What is granted; fails with the first path that is relative.
    pub(crate) fn permissions(&self) -> Result<Permissions, PathBuf> {
        let network = self.permissions.network.as_ref();
        let mut permissions = Permissions {
            network: network.and_then(|network| network.enabled),
            places: Vec::new(),
        };
        let Some(files) = &self.permissions.file_system else {
            return Ok(permissions);
        };
        let lists = [(&files.read, Access::Read), (&files.write, Access::Write)];
        let listed = lists.into_iter().flat_map(|(paths, access)| {
            let paths = paths.iter().flatten();
            paths.map(move |path| (path.as_path(), access))
        });
        let places: Vec<(&Path, Access)> = match &files.entries {
            Some(entries) => entries.iter().filter_map(Entry::place).collect(),
            None => listed.collect(),
        };
        for (path, access) in places {
            if path.is_relative() {
                return Err(path.to_owned());
            }
            let path = plain(path);
            permissions.add(Place { path, access });
        }
        Ok(permissions)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn granted(permissions: &Value) -> Value {
        let answer = Answer::read(json!({"permissions": permissions}));
        answer.permissions().unwrap().told()
    }

    #[test]
    fn entries_win_over_lists() {
        let entry = json!({"path": {"type": "path", "path": "/b/../c"}, "access": "write"});
        let special =
            json!({"path": {"type": "special", "value": {"kind": "root"}}, "access": "write"});
        let files = json!({"write": ["/a"], "entries": [special, entry]});
        assert_eq!(
            granted(&json!({"fileSystem": files})),
            json!({"network": null, "file_system": {"write": ["/c"]}})
        );
    }

    #[test]
    fn what_cannot_be_read_grants_nothing() {
        let all = json!({"network": {"enabled": true}});
        for answer in [
            json!(null),
            json!("yes"),
            json!({"permissions": all, "scope": "always"}),
            json!({"permissions": all, "scope": "session", "strictAutoReview": true}),
        ] {
            let answer = Answer::read(answer);
            assert!(answer.permissions().unwrap().is_empty(), "{answer:?}");
            assert_eq!(answer.lasting(), Lasting::Turn);
        }
    }

    #[test]
    fn a_relative_path_is_an_error() {
        let answer = json!({"permissions": {"fileSystem": {"write": ["/a", "x"]}}});
        let path = Answer::read(answer).permissions().unwrap_err();
        assert_eq!(path, Path::new("x"));
    }
}
