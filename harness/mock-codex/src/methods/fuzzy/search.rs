//! Which files a query finds, and in which order.
//!
//! The scores are those of `nucleo-matcher` for paths, raised where the query is found in the last
//! part of the path (as observed on codex 0.169.0).

use std::path::Path;

use ignore::{DirEntry, WalkBuilder};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use serde::Serialize;

/// How many files are found at most.
const LIMIT: usize = 50;

/// What the name of a file adds to the score if the query is found in it.
const IN_NAME: u32 = 1 << 16;

/// What a name adds that is the query.
const WHOLE_NAME: u32 = 2 << 16;

/// What can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The directory that it is in, as it was given.
    root: String,
    path: String,
    is_directory: bool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Found {
    root: String,
    path: String,
    match_type: &'static str,
    file_name: String,
    score: u32,
    /// Which characters of the path the query consists of.
    indices: Vec<u32>,
}

/// Everything in some directories that git would not ignore. What can't be read is passed over.
pub(super) fn walk(started_in: &Path, roots: &[String]) -> Vec<Entry> {
    roots
        .iter()
        .flat_map(|root| entries(started_in, root, roots))
        .collect()
}

fn entries(started_in: &Path, root: &str, roots: &[String]) -> Vec<Entry> {
    let start = started_in.join(root);
    let mut walk = WalkBuilder::new(&start);
    let walk = walk.hidden(false).follow_links(true).require_git(true);
    let entry = |found: DirEntry| {
        // Below several of the directories, as they were given, it is in the deepest one.
        let path = Path::new(root).join(found.path().strip_prefix(&start).ok()?);
        let within = roots
            .iter()
            .filter_map(|root| Some((path.strip_prefix(root).ok()?, root)));
        let (path, root) = within.min_by_key(|(path, _)| path.components().count())?;
        Some(Entry {
            root: root.clone(),
            path: path.to_str()?.to_owned(),
            is_directory: found.file_type().is_some_and(|kind| kind.is_dir()),
        })
    };
    walk.build()
        .filter_map(Result::ok)
        .filter_map(entry)
        .collect()
}

/// What a query finds among entries, the best first.
pub(super) fn search(entries: &[Entry], query: &str) -> Vec<Found> {
    if query.is_empty() {
        return Vec::new();
    }
    let mut search = Search {
        pattern: Pattern::parse(query, CaseMatching::Ignore, Normalization::Smart),
        matcher: Matcher::new(Config::DEFAULT.match_paths()),
        plain: is_plain(query.trim()),
    };
    let mut found: Vec<Found> = entries
        .iter()
        .filter_map(|entry| search.find(entry))
        .collect();
    found.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.path.cmp(&b.path)));
    found.truncate(LIMIT);
    found
}

struct Search {
    pattern: Pattern,
    matcher: Matcher,
    /// Is the query a part of a name, and nothing that the syntax of patterns gives a meaning?
    plain: bool,
}

/// Where in a text a query was found.
struct Place {
    score: u32,
    indices: Vec<u32>,
    /// Is the text the query?
    whole: bool,
}

impl Search {
    fn find(&mut self, entry: &Entry) -> Option<Found> {
        let (parents, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        let in_name = if self.plain { self.place(name) } else { None };
        let raised = match &in_name {
            Some(place) if place.whole && !entry.is_directory => IN_NAME + WHOLE_NAME,
            Some(place) if place.whole && !self.names_a_parent(parents) => WHOLE_NAME,
            Some(_) if !entry.is_directory => IN_NAME,
            _ => 0,
        };
        let place = match in_name.filter(|_| raised > 0) {
            Some(mut place) => {
                let before = length(&entry.path) - length(name);
                place.indices.iter_mut().for_each(|index| *index += before);
                place
            }
            None => self.place(&entry.path)?,
        };
        Some(Found {
            root: entry.root.clone(),
            path: entry.path.clone(),
            match_type: if entry.is_directory {
                "directory"
            } else {
                "file"
            },
            file_name: name.to_owned(),
            score: place.score + raised,
            indices: place.indices,
        })
    }

    /// Is one of the directories above it the query already?
    fn names_a_parent(&mut self, parents: &str) -> bool {
        let mut names = parents.split('/').filter(|name| !name.is_empty());
        names.any(|name| self.place(name).is_some_and(|place| place.whole))
    }

    fn place(&mut self, text: &str) -> Option<Place> {
        let mut buffer = Vec::new();
        let text = Utf32Str::new(text, &mut buffer);
        let mut indices = Vec::new();
        let score = self
            .pattern
            .indices(text, &mut self.matcher, &mut indices)?;
        indices.sort_unstable();
        indices.dedup();
        Some(Place {
            score,
            whole: indices.len() == text.len(),
            indices,
        })
    }
}

/// The length of a text as patterns count it.
fn length(text: &str) -> u32 {
    let length = Utf32Str::new(text, &mut Vec::new()).len();
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn is_plain(query: &str) -> bool {
    !query.is_empty()
        && !query.starts_with(['^', '\'', '!'])
        && !query.ends_with('$')
        && !query.contains(|c: char| c.is_whitespace() || c == '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(paths: &[&str], query: &str) -> Vec<(String, u32, Vec<u32>)> {
        let entries: Vec<Entry> = paths
            .iter()
            .map(|path| Entry {
                root: String::new(),
                path: path.trim_end_matches('/').to_owned(),
                is_directory: path.ends_with('/'),
            })
            .collect();
        search(&entries, query)
            .into_iter()
            .map(|found| (found.path, found.score, found.indices))
            .collect()
    }

    /// Scores and places that codex 0.169.0 gave.
    #[test]
    fn scores_are_those_that_were_observed() {
        let rows: &[(&str, &str, u32, &[u32])] = &[
            ("beta/alpha2.rs", "alpha", 65670, &[5, 6, 7, 8, 9]),
            (
                "deep/a/b/c/d/alpha",
                "ALPHA",
                196_742,
                &[13, 14, 15, 16, 17],
            ),
            ("alpha.txt", "apt", 65602, &[0, 2, 6]),
            ("src/models/user_model.rs", "mod", 65616, &[16, 17, 18]),
            ("src/models/", "mod", 84, &[4, 5, 6]),
            ("node_modules/alpha3", "mod", 80, &[5, 6, 7]),
            ("src/lib/", "lib", 131_156, &[4, 5, 6]),
            ("src/lib/mod.rs", "src/lib", 184, &[0, 1, 2, 3, 4, 5, 6]),
            ("beta/alpha2.rs", "a b", 68, &[0, 5]),
            ("kebab-case-name.ts", "abc", 65593, &[3, 4, 6]),
            ("ünï.txt", "uni.txt", 196_792, &[0, 1, 2, 3, 4, 5, 6]),
            ("lib.rs", "rs$", 56, &[4, 5]),
            ("src/main.rs", "'main", 109, &[4, 5, 6, 7]),
            ("src/main.rs", "main rs", 165, &[4, 5, 6, 7, 9, 10]),
            ("src/main.rs", " main", 65645, &[4, 5, 6, 7]),
            ("a b c.txt", "a\\ b", 84, &[0, 1, 2]),
            ("ma'in", "ma'in", 196_742, &[0, 1, 2, 3, 4]),
            ("twin/", "twin", 131_181, &[0, 1, 2, 3]),
            ("twin/twin/", "twin", 109, &[5, 6, 7, 8]),
            ("twin/twin/x", "twin", 109, &[5, 6, 7, 8]),
            ("dup/same/same", "same", 196_717, &[9, 10, 11, 12]),
            ("deep/a/b/c/d/", "d", 131_106, &[11]),
            ("long/m_a_n_y.txt", "many", 65633, &[5, 7, 9, 11]),
            ("src/models/", "rs", 23, &[1, 9]),
            (".hidden", "!log", 0, &[]),
            ("x", "   ", 0, &[]),
        ];
        for (path, query, score, indices) in rows {
            let expected = vec![(
                path.trim_end_matches('/').to_owned(),
                *score,
                indices.to_vec(),
            )];
            assert_eq!(found(&[path], query), expected, "{query} in {path}");
        }
    }

    #[test]
    fn the_best_come_first_and_only_so_many() {
        let names: Vec<String> = (0..60).map(|n| format!("many/f{n:02}")).collect();
        let mut paths: Vec<&str> = names.iter().map(String::as_str).collect();
        paths.push("xm/xxxmany");
        let found = found(&paths, "many");
        assert_eq!(found.len(), LIMIT);
        assert_eq!(found[0].0, "xm/xxxmany");
        assert_eq!(found[1].0, "many/f00");
    }

    #[test]
    fn an_empty_query_finds_nothing() {
        assert_eq!(found(&["a"], ""), []);
        assert_eq!(found(&["a"], "b"), []);
    }
}
