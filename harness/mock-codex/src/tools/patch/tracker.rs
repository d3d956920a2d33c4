//! The difference that all patches of a turn make together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::apply::{Applied, Effect};
use super::difference::{Side, git};

/// What patches have done so far. What commands do to files is not known here.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    /// The text of each file before it was first touched, `None` where it was not there.
    before: BTreeMap<PathBuf, Option<String>>,
    now: BTreeMap<PathBuf, Option<String>>,
    /// Which file a new one was before it was moved.
    origins: BTreeMap<PathBuf, PathBuf>,
    /// Something was done that can't be told exactly; then nothing is told any more.
    lost: bool,
}

impl Tracker {
    /// Takes in what a patch did.
    pub(crate) fn add(&mut self, applied: &Applied) {
        self.lost |= !applied.exact;
        for effect in &applied.effects {
            match effect {
                Effect::Written { path, old, new } => {
                    self.touch(path, old.as_ref());
                    self.now.insert(path.clone(), Some(new.clone()));
                    self.origins.retain(|_, origin| origin != path);
                }
                Effect::Deleted { path, old } => {
                    self.touch(path, Some(old));
                    self.now.insert(path.clone(), None);
                    self.origins.remove(path);
                }
                Effect::Moved {
                    from,
                    to,
                    old,
                    new,
                    onto,
                } => {
                    self.touch(from, Some(old));
                    self.touch(to, onto.as_ref());
                    self.now.insert(from.clone(), None);
                    self.now.insert(to.clone(), Some(new.clone()));
                    let origin = self.origins.remove(from).unwrap_or_else(|| from.clone());
                    if origin != *to {
                        self.origins.insert(to.clone(), origin);
                    }
                }
            }
        }
    }

    fn touch(&mut self, path: &Path, text: Option<&String>) {
        self.before
            .entry(path.to_path_buf())
            .or_insert_with(|| text.cloned());
    }

    /// The difference; paths below `root` are told from there on.
    pub(crate) fn difference(&self, root: &Path) -> String {
        if self.lost {
            return String::new();
        }
        let moved: BTreeSet<&Path> = self.moves().map(|(origin, _)| origin).collect();
        let told = |path: &'_ Path| path.strip_prefix(root).unwrap_or(path).to_path_buf();
        let text = |texts: &BTreeMap<PathBuf, Option<String>>, path: &Path| {
            texts.get(path).cloned().flatten()
        };
        self.now
            .keys()
            .filter(|path| !moved.contains(path.as_path()))
            .filter_map(|path| {
                let origin = self.moves().find(|(_, to)| *to == path);
                let from = origin.map_or(path.as_path(), |(origin, _)| origin);
                let (old, new) = (text(&self.before, from), text(&self.now, path));
                let (from, to) = (told(from), told(path));
                let side = |path, text| Side { path, text };
                (old != new).then(|| git(side(&from, old.as_deref()), side(&to, new.as_deref())))
            })
            .collect()
    }

    /// The files that were moved to a place where nothing was, and are gone from their own.
    fn moves(&self) -> impl Iterator<Item = (&Path, &PathBuf)> {
        let gone = |path: &PathBuf| {
            matches!(self.before.get(path), Some(Some(_)))
                && matches!(self.now.get(path), Some(None))
        };
        self.origins
            .iter()
            .filter(move |(to, origin)| {
                gone(origin)
                    && matches!(self.before.get(*to), Some(None))
                    && matches!(self.now.get(*to), Some(Some(_)))
            })
            .map(|(to, origin)| (origin.as_path(), to))
    }
}
