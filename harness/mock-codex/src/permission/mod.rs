//! Permissions beyond a thread's sandbox: what is asked for, what is granted, and how long it lasts.

pub(crate) mod profile;
mod wire;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::sandbox::SandboxSpec;

pub(crate) use profile::{FileAccess, OwnProfile, Place as ProfilePlace, Profile, Unusable};
pub(crate) use wire::{AdditionalPermissionProfile, Answer, Lasting, RequestPermissionProfile};

/// Places and the network, beyond what a sandbox allows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Permissions {
    /// `Some(false)` is a request too, for nothing.
    network: Option<bool>,
    places: Vec<Place>,
}

/// A file, or a directory with all below it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    path: PathBuf,
    access: Access,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Access {
    Read,
    Write,
}

impl Access {
    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

impl Place {
    /// Does who has this have the other?
    fn covers(&self, other: &Self) -> bool {
        other.path.starts_with(&self.path)
            && (self.access == Access::Write || other.access == Access::Read)
    }
}

impl Permissions {
    /// Is nothing asked for or granted?
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These and the others.
    pub(crate) fn and(mut self, others: &Self) -> Self {
        self.network = match (self.network, others.network) {
            (Some(mine), Some(other)) => Some(mine || other),
            (mine, other) => mine.or(other),
        };
        for place in &others.places {
            self.add(place.clone());
        }
        self
    }

    /// What of these the others cover.
    pub(crate) fn within(&self, others: &Self) -> Self {
        let both = self.network == Some(true) && others.network == Some(true);
        let covered = |place: &&Place| others.places.iter().any(|other| other.covers(place));
        Self {
            network: both.then_some(true),
            places: self.places.iter().filter(covered).cloned().collect(),
        }
    }

    /// Lets a sandbox do what these permit; reading is never limited.
    pub(crate) fn widen(&self, sandbox: &mut SandboxSpec) {
        sandbox.network |= self.network == Some(true);
        for path in self.paths(Access::Write) {
            if !sandbox.writable_roots.iter().any(|root| root == path) {
                sandbox.writable_roots.push(path.to_owned());
            }
        }
    }

    /// As the client is told of them.
    pub(crate) fn view(&self) -> Value {
        let file_system = (!self.places.is_empty()).then(|| {
            let entries = self.places.iter().map(|place| {
                json!({
                    "path": {"type": "path", "path": place.path},
                    "access": place.access.name(),
                })
            });
            json!({
                "read": self.listed(Access::Read),
                "write": self.listed(Access::Write),
                "entries": entries.collect::<Vec<_>>(),
            })
        });
        json!({"network": self.network_view(), "fileSystem": file_system})
    }

    /// As the model is told of them.
    pub(crate) fn told(&self) -> Value {
        let lists = [Access::Read, Access::Write].map(|access| (access, self.listed(access)));
        let lists: Map<String, Value> = lists
            .into_iter()
            .filter_map(|(access, paths)| Some((access.name().to_owned(), json!(paths?))))
            .collect();
        let file_system = (!lists.is_empty()).then_some(lists);
        json!({"network": self.network_view(), "file_system": file_system})
    }

    fn network_view(&self) -> Option<Value> {
        self.network.map(|enabled| json!({"enabled": enabled}))
    }

    fn listed(&self, access: Access) -> Option<Vec<&Path>> {
        let paths: Vec<&Path> = self.paths(access).collect();
        (!paths.is_empty()).then_some(paths)
    }

    fn paths(&self, access: Access) -> impl Iterator<Item = &Path> {
        let places = self.places.iter();
        places
            .filter(move |place| place.access == access)
            .map(|place| place.path.as_path())
    }

    fn add(&mut self, place: Place) {
        if !self.places.contains(&place) {
            self.places.push(place);
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

    fn place(access: Access, path: &str) -> Place {
        let path = PathBuf::from(path);
        Place { path, access }
    }

    fn of(network: Option<bool>, places: &[(Access, &str)]) -> Permissions {
        let places = places.iter().map(|(access, path)| place(*access, path));
        Permissions {
            network,
            places: places.collect(),
        }
    }

    #[test]
    fn only_what_was_asked_for_is_granted() {
        let asked = of(
            Some(true),
            &[(Access::Read, "/etc"), (Access::Write, "/out")],
        );
        for (answered, granted) in [
            (of(Some(false), &[]), Permissions::default()),
            (of(Some(true), &[]), of(Some(true), &[])),
            (
                of(None, &[(Access::Write, "/out/sub"), (Access::Write, "/")]),
                of(None, &[(Access::Write, "/out/sub")]),
            ),
            (
                of(None, &[(Access::Read, "/out"), (Access::Write, "/etc")]),
                of(None, &[(Access::Read, "/out")]),
            ),
        ] {
            assert_eq!(answered.within(&asked), granted, "{answered:?}");
        }
    }

    #[test]
    fn a_turn_loses_what_it_was_granted_and_a_session_keeps_it() {
        let (one, other) = (
            of(None, &[(Access::Write, "/a")]),
            of(None, &[(Access::Write, "/b")]),
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
