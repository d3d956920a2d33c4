//! Permissions beyond a thread's sandbox: what is asked for, what is granted, and how long it lasts.

pub(crate) mod profile;
mod wire;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::sandbox::SandboxSpec;

pub(crate) use profile::{FileAccess, OwnProfile, Place as ProfilePlace, Profile, Unusable};
pub(crate) use wire::{AdditionalPermissionProfile, Answer, Lasting, RequestPermissionProfile};

/// Places and the network, beyond what a sandbox allows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Permissions {
    /// `Some(false)` is a request too, for nothing.
    network: Option<bool>,
    entries: Vec<Entry>,
    /// How deep below a pattern's fixed part files are looked for.
    glob_scan_max_depth: Option<usize>,
}

/// What may be done somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Entry {
    path: Target,
    access: FileAccess,
}

/// Where.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Target {
    /// A file, or a directory with all below it.
    Path {
        path: PathBuf,
    },
    GlobPattern {
        pattern: String,
    },
    Special {
        value: Special,
    },
}

/// A place that has a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Special {
    Root,
    Minimal,
    ProjectRoots { subpath: Option<PathBuf> },
    Tmpdir,
    SlashTmp,
}

impl Target {
    /// Is the other one in it?
    fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Special { value }, _) if *value == Special::Root => true,
            (Self::Path { path }, Self::Path { path: other }) => other.starts_with(path),
            _ => self == other,
        }
    }

    /// What it stands for where it is granted. The whole file system, `/tmp` and what every command
    /// needs keep their names.
    fn placed(&self, place: ProfilePlace<'_>) -> Vec<Self> {
        let paths: Vec<PathBuf> = match self {
            Self::Special {
                value: Special::ProjectRoots { subpath },
            } => {
                let roots = place.roots.iter();
                let below = |root: &PathBuf| subpath.as_ref().map(|below| root.join(below));
                roots
                    .map(|root| below(root).unwrap_or_else(|| root.clone()))
                    .collect()
            }
            Self::Special {
                value: Special::Tmpdir,
            } => profile::special_path(profile::TMPDIR).into_iter().collect(),
            _ => return vec![self.clone()],
        };
        paths.into_iter().map(|path| Self::Path { path }).collect()
    }

    /// The path that it has once it is placed.
    fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Path { path } => Some(path.clone()),
            Self::Special {
                value: Special::Root,
            } => profile::special_path(profile::ROOT),
            Self::Special {
                value: Special::SlashTmp,
            } => profile::special_path(profile::SLASH_TMP),
            _ => None,
        }
    }
}

impl Entry {
    fn path(path: PathBuf, access: FileAccess) -> Self {
        Self {
            path: Target::Path { path },
            access,
        }
    }

    /// Does who has this have the other? Nobody has what is denied.
    fn covers(&self, other: &Self) -> bool {
        let allows = match (self.access, other.access) {
            (FileAccess::Deny, _) | (_, FileAccess::Deny) => false,
            (mine, wanted) => mine == FileAccess::Write || wanted == FileAccess::Read,
        };
        allows && self.path.contains(&other.path)
    }

    /// Its path, where it is no more than a path to read or write.
    fn as_listed(&self) -> Option<&Path> {
        match &self.path {
            Target::Path { path } if self.access != FileAccess::Deny => Some(path),
            _ => None,
        }
    }
}

impl Permissions {
    /// Is nothing asked for or granted?
    pub(crate) fn is_empty(&self) -> bool {
        self.network.is_none() && self.entries.is_empty()
    }

    /// These and the others.
    pub(crate) fn and(mut self, others: &Self) -> Self {
        self.network = match (self.network, others.network) {
            (Some(mine), Some(other)) => Some(mine || other),
            (mine, other) => mine.or(other),
        };
        for entry in &others.entries {
            self.add(entry.clone());
        }
        self.glob_scan_max_depth = self.glob_scan_max_depth.max(others.glob_scan_max_depth);
        self
    }

    /// What of these the others cover.
    pub(crate) fn within(&self, others: &Self) -> Self {
        let both = self.network == Some(true) && others.network == Some(true);
        let covered = |entry: &&Entry| others.entries.iter().any(|other| other.covers(entry));
        Self {
            network: both.then_some(true),
            entries: self.entries.iter().filter(covered).cloned().collect(),
            glob_scan_max_depth: None,
        }
    }

    /// The same with paths for the names that stand for other places in other threads.
    pub(crate) fn placed(&self, place: ProfilePlace<'_>) -> Self {
        let mut placed = Self {
            network: self.network,
            entries: Vec::new(),
            glob_scan_max_depth: self.glob_scan_max_depth,
        };
        for entry in &self.entries {
            for path in entry.path.placed(place) {
                placed.add(Entry {
                    path,
                    access: entry.access,
                });
            }
        }
        placed
    }

    /// Lets a sandbox do what these permit there, and not what they deny.
    pub(crate) fn widen(&self, sandbox: &mut SandboxSpec, place: ProfilePlace<'_>) {
        sandbox.network |= self.network == Some(true);
        for Entry { path, access } in self.placed(place).entries {
            match (access, path) {
                (FileAccess::Read, _) => {}
                (FileAccess::Write, target) => {
                    let new = |path: &PathBuf| !sandbox.writable_roots.contains(path);
                    let path = target.path().filter(new);
                    sandbox.writable_roots.extend(path);
                }
                (FileAccess::Deny, Target::GlobPattern { pattern }) => {
                    let found = profile::found(&pattern, self.glob_scan_max_depth);
                    sandbox.hidden.extend(found);
                }
                (FileAccess::Deny, target) => sandbox.hidden.extend(target.path()),
            }
        }
    }

    /// As the client is told of them.
    pub(crate) fn view(&self) -> Value {
        let file_system = (!self.entries.is_empty()).then(|| {
            let mut view = json!({
                "read": self.listed(FileAccess::Read),
                "write": self.listed(FileAccess::Write),
            });
            if let Some(depth) = self.glob_scan_max_depth {
                view["globScanMaxDepth"] = json!(depth);
            }
            view["entries"] = json!(self.entries);
            view
        });
        json!({"network": self.network_view(), "fileSystem": file_system})
    }

    /// As the model is told of them: in lists if there is no more to it.
    pub(crate) fn told(&self) -> Value {
        let mut told = Map::new();
        if self.are_lists() {
            for access in [FileAccess::Read, FileAccess::Write] {
                if let Some(paths) = self.listed(access) {
                    told.insert(access.name().to_owned(), json!(paths));
                }
            }
        } else {
            if let Some(depth) = self.glob_scan_max_depth {
                told.insert("glob_scan_max_depth".to_owned(), json!(depth));
            }
            told.insert("entries".to_owned(), json!(self.entries));
        }
        let file_system = (!self.entries.is_empty()).then_some(told);
        json!({"network": self.network_view(), "file_system": file_system})
    }

    fn network_view(&self) -> Option<Value> {
        self.network.map(|enabled| json!({"enabled": enabled}))
    }

    /// Are they no more than paths to read and write?
    fn are_lists(&self) -> bool {
        let listed = |entry: &Entry| entry.as_listed().is_some();
        self.glob_scan_max_depth.is_none() && self.entries.iter().all(listed)
    }

    /// The paths with this access, where there are only such lists.
    fn listed(&self, access: FileAccess) -> Option<Vec<&Path>> {
        let entries = self.entries.iter().filter(|entry| entry.access == access);
        let paths: Vec<&Path> = entries.filter_map(Entry::as_listed).collect();
        (self.are_lists() && !paths.is_empty()).then_some(paths)
    }

    fn add(&mut self, entry: Entry) {
        if !self.entries.contains(&entry) {
            self.entries.push(entry);
        }
    }
}

/// What the client has granted to a thread.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    session: Permissions,
    turn: Option<OfTurn>,
}

/// What lasts for one turn.
#[derive(Debug)]
struct OfTurn {
    id: String,
    permissions: Permissions,
    reviewed: bool,
}

impl Grants {
    /// Takes in what a turn was granted. Where it is `reviewed`, a reviewer decides about all that
    /// the turn still does.
    pub(crate) fn add(
        &mut self,
        lasting: Lasting,
        turn: &str,
        granted: &Permissions,
        reviewed: bool,
    ) {
        if lasting == Lasting::Session {
            self.session = std::mem::take(&mut self.session).and(granted);
            return;
        }
        let earlier = self.turn.take().filter(|earlier| earlier.id == turn);
        let (before, was_reviewed) = earlier
            .map(|earlier| (earlier.permissions, earlier.reviewed))
            .unwrap_or_default();
        self.turn = Some(OfTurn {
            id: turn.to_owned(),
            permissions: before.and(granted),
            reviewed: was_reviewed || reviewed,
        });
    }

    /// What is granted to a turn.
    pub(crate) fn of(&self, turn: &str) -> Permissions {
        let own = self.turn.as_ref().filter(|of_turn| of_turn.id == turn);
        let own = own.map(|own| own.permissions.clone()).unwrap_or_default();
        self.session.clone().and(&own)
    }

    /// Does a reviewer decide about all that a turn does?
    pub(crate) fn are_reviewed(&self, turn: &str) -> bool {
        let own = self.turn.as_ref().filter(|of_turn| of_turn.id == turn);
        own.is_some_and(|own| own.reviewed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(network: Option<bool>, paths: &[(FileAccess, &str)]) -> Permissions {
        let entries = paths
            .iter()
            .map(|(access, path)| Entry::path(path.into(), *access));
        Permissions {
            network,
            entries: entries.collect(),
            glob_scan_max_depth: None,
        }
    }

    fn special(value: Special, access: FileAccess) -> Permissions {
        let path = Target::Special { value };
        Permissions {
            entries: vec![Entry { path, access }],
            ..Permissions::default()
        }
    }

    #[test]
    fn the_whole_covers_its_parts_and_nobody_has_what_is_denied() {
        let write = |path| of(None, &[(FileAccess::Write, path)]);
        let root = special(Special::Root, FileAccess::Write);
        let tmp = special(Special::SlashTmp, FileAccess::Write);
        let denied = of(None, &[(FileAccess::Deny, "/a")]);
        assert_eq!(write("/a").within(&root), write("/a"));
        assert_eq!(tmp.within(&root), tmp);
        assert!(root.within(&write("/")).is_empty() && tmp.within(&write("/a")).is_empty());
        assert!(denied.within(&denied).is_empty() && denied.within(&root).is_empty());
    }

    #[test]
    fn project_roots_are_granted_by_their_paths() {
        let roots = ["/a", "/b"].map(PathBuf::from);
        let cwd = Path::new("/a");
        let place = ProfilePlace { cwd, roots: &roots };
        let below = Special::ProjectRoots {
            subpath: Some("sub".into()),
        };
        assert_eq!(
            special(below, FileAccess::Write).placed(place).told(),
            json!({"network": null, "file_system": {"write": ["/a/sub", "/b/sub"]}})
        );
        assert_eq!(
            special(Special::Minimal, FileAccess::Read)
                .placed(place)
                .told()["file_system"],
            json!({"entries": [{
                "path": {"type": "special", "value": {"kind": "minimal"}},
                "access": "read",
            }]})
        );
    }

    #[test]
    fn only_what_was_asked_for_is_granted() {
        let asked = of(
            Some(true),
            &[(FileAccess::Read, "/etc"), (FileAccess::Write, "/out")],
        );
        for (answered, granted) in [
            (of(Some(false), &[]), Permissions::default()),
            (of(Some(true), &[]), of(Some(true), &[])),
            (
                of(
                    None,
                    &[(FileAccess::Write, "/out/sub"), (FileAccess::Write, "/")],
                ),
                of(None, &[(FileAccess::Write, "/out/sub")]),
            ),
            (
                of(
                    None,
                    &[(FileAccess::Read, "/out"), (FileAccess::Write, "/etc")],
                ),
                of(None, &[(FileAccess::Read, "/out")]),
            ),
        ] {
            assert_eq!(answered.within(&asked), granted, "{answered:?}");
        }
    }

    #[test]
    fn a_turn_loses_what_it_was_granted_and_a_session_keeps_it() {
        let (one, other) = (
            of(None, &[(FileAccess::Write, "/a")]),
            of(None, &[(FileAccess::Write, "/b")]),
        );
        let mut grants = Grants::default();
        grants.add(Lasting::Turn, "1", &one, true);
        grants.add(Lasting::Session, "1", &other, false);
        assert_eq!(grants.of("1"), other.clone().and(&one));
        assert!(grants.are_reviewed("1") && !grants.are_reviewed("2"));
        assert_eq!(grants.of("2"), other);
        grants.add(Lasting::Turn, "2", &Permissions::default(), false);
        assert_eq!(grants.of("1"), other);
    }

    #[test]
    fn nothing_granted_is_told_as_null() {
        let nothing = Permissions::default();
        assert_eq!(
            nothing.told(),
            json!({"network": null, "file_system": null})
        );
        assert_eq!(nothing.view(), json!({"network": null, "fileSystem": null}));
    }
}
