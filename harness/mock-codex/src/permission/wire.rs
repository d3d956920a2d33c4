//! Permissions as the model asks for them and as the client grants them.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::{Entry, FileAccess, Permissions, Target};
use crate::config::plain;

/// What the model is told of a pattern that it wants to read or write.
const PATTERN: &str = "glob file system permissions only support deny-read entries";

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

/// Entries, which the lists may stand beside.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entries {
    entries: Vec<Entry>,
    glob_scan_max_depth: Option<usize>,
    read: Option<Vec<PathBuf>>,
    write: Option<Vec<PathBuf>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    read: Option<Vec<PathBuf>>,
    write: Option<Vec<PathBuf>>,
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
        ..Permissions::default()
    };
    let (read, write, entries) = match file_system {
        None => return Ok(permissions),
        Some(FileSystemPermissionsDe::Lists(Lists { read, write })) => (read, write, None),
        Some(FileSystemPermissionsDe::Entries(files)) => {
            permissions.glob_scan_max_depth = files.glob_scan_max_depth;
            (&files.read, &files.write, Some(&files.entries))
        }
    };
    for (path, access) in listed(read.as_ref(), write.as_ref()) {
        permissions.add(Entry::path(absolute(path, cwd), access));
    }
    for entry in entries.into_iter().flatten() {
        let path = match &entry.path {
            Target::Path { path } => Target::Path {
                path: absolute(path, cwd),
            },
            Target::GlobPattern { .. } if entry.access != FileAccess::Deny => return Err(PATTERN),
            other => other.clone(),
        };
        permissions.add(Entry {
            path,
            access: entry.access,
        });
    }
    Ok(permissions)
}

/// The paths of lists, each with what may be done there.
fn listed<'a>(
    read: Option<&'a Vec<PathBuf>>,
    write: Option<&'a Vec<PathBuf>>,
) -> impl Iterator<Item = (&'a Path, FileAccess)> {
    let lists = [(read, FileAccess::Read), (write, FileAccess::Write)];
    lists.into_iter().flat_map(|(paths, access)| {
        let paths = paths.into_iter().flatten();
        paths.map(move |path| (path.as_path(), access))
    })
}

/// A path of the model; what is relative is below `cwd`.
fn absolute(path: &Path, cwd: &Path) -> PathBuf {
    plain(&cwd.join(at_home(path)))
}

/// A path that may begin with `~`, the user's directory.
fn at_home(path: &Path) -> PathBuf {
    let home = || std::env::var_os("HOME").map(PathBuf::from);
    let below = path.strip_prefix("~").ok();
    let found = below.and_then(|below| Some(home()?.join(below)));
    found.unwrap_or_else(|| path.to_owned())
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
            ..Permissions::default()
        };
        let Some(files) = &self.permissions.file_system else {
            return Ok(permissions);
        };
        let entries = match &files.entries {
            Some(entries) => entries.clone(),
            None => listed(files.read.as_ref(), files.write.as_ref())
                .map(|(path, access)| Entry::path(path.to_owned(), access))
                .collect(),
        };
        for mut entry in entries {
            if let Target::Path { path } = &mut entry.path {
                let absolute = at_home(path);
                if absolute.is_relative() {
                    return Err(path.clone());
                }
                *path = plain(&absolute);
            }
            permissions.add(entry);
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
        for (entries, told) in [
            (json!([entry]), json!({"write": ["/c"]})),
            (json!([special]), json!({"entries": [special]})),
        ] {
            let files = json!({"write": ["/a"], "entries": entries});
            let told = json!({"network": null, "file_system": told});
            assert_eq!(granted(&json!({"fileSystem": files})), told);
        }
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
