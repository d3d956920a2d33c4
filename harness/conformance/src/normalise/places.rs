//! The directories of a run and their names.

use std::path::Path;

use crate::run::outcome::Places;

/// Each directory as text with what is written for it, the deepest first.
pub(super) fn names(places: &Places) -> Vec<(&str, &'static str)> {
    let mut known: Vec<(&str, &str)> = [
        (&places.workspace, "${workspace}"),
        (&places.codex_home, "${codex_home}"),
        (&places.outside, "${outside}"),
        (&places.tmpdir, "${tmpdir}"),
        (&places.home, "${home}"),
        (&places.root, "${root}"),
    ]
    .into_iter()
    .filter_map(|(path, name)| Some((text_of(path)?, name)))
    .collect();
    known.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
    known
}

/// A text with the directories of the run written by their names, for people.
pub fn with_places_named(places: &Places, text: &str) -> String {
    let names = names(places);
    names
        .into_iter()
        .fold(text.to_owned(), |text, (path, name)| {
            text.replace(path, name)
        })
}

/// `None` for a directory that is not set, or is the root of the file system.
fn text_of(path: &Path) -> Option<&str> {
    path.to_str().filter(|path| path.len() > 1)
}
