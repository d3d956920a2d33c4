//! From paths to cases: finds the files, reads them, and reports everything that is wrong.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::case::{self, Frame};
use super::expand;
use super::include;
use super::matrix::{self, Combination};
use super::model::Case;
use super::problem::{LoadError, Problem};
use super::source::Sources;
use super::yaml::{self, Kind, Node};

/// The largest file that is read, in bytes.
pub const MAX_BYTES: u64 = 1 << 20;
/// The folder whose sub-folders are the areas.
const ROOT: &str = "scenarios";

/// What came of loading.
#[derive(Debug, Default)]
pub struct LoadReport {
    /// The cases of every file without an error, in the order of the files.
    pub cases: Vec<Arc<Case>>,
    /// Everything that is wrong, in the order of the files.
    pub errors: Vec<LoadError>,
    /// How many files were read.
    pub files: usize,
}

/// Loads scenarios. A directory stands for all `*.yaml` and `*.yml` below it, sorted; those whose
/// names begin with `_` or `.` are left out (they are parts for `include`). A file with an error
/// gives no case at all.
pub fn load(paths: &[PathBuf]) -> LoadReport {
    let mut report = LoadReport::default();
    let mut files = Vec::new();
    for path in paths {
        let found = files.len();
        find(path, path, &mut files, &mut report.errors);
        if path.is_dir() && files.len() == found {
            let hint = Some("scenarios are files with the ending `.yaml`".to_owned());
            report.errors.push(LoadError::of_file(
                path,
                "no scenario here".to_owned(),
                hint,
            ));
        }
    }
    let mut seen = HashSet::new();
    files.retain(|(file, _)| seen.insert(fs::canonicalize(file).unwrap_or(file.clone())));
    report.files = files.len();
    let mut ids: BTreeMap<String, PathBuf> = BTreeMap::new();
    let named: Vec<Result<(PathBuf, String), Vec<LoadError>>> = files
        .into_iter()
        .map(|(file, root)| {
            let id = scenario_id(&file, &root);
            match ids.insert(id.clone(), file.clone()) {
                None => Ok((file, id)),
                Some(other) => {
                    let message = format!("two scenarios have the id `{id}`");
                    let hint = Some(format!("the other one is `{}`", other.display()));
                    Err(vec![LoadError::of_file(&file, message, hint)])
                }
            }
        })
        .collect();
    for loaded in side_by_side(named) {
        match loaded {
            Ok(cases) => report.cases.extend(cases.into_iter().map(Arc::new)),
            Err(errors) => report.errors.extend(errors),
        }
    }
    report
}

/// What nested texts may take, as on the main thread.
const STACK_BYTES: usize = 8 << 20;

/// What came of one file.
type Loaded = Result<Vec<Case>, Vec<LoadError>>;

/// Loads files on all processors; the results have the order of the files.
fn side_by_side(files: Vec<Result<(PathBuf, String), Vec<LoadError>>>) -> Vec<Loaded> {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let count = files.len();
    let waiting = Mutex::new(files.into_iter().enumerate());
    let next = || {
        waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next()
    };
    let work = || -> Vec<(usize, Loaded)> {
        std::iter::from_fn(next)
            .map(|(at, file)| {
                let loaded = file.and_then(|(file, id)| load_file(&file, &id));
                (at, loaded)
            })
            .collect()
    };
    let mut done = std::thread::scope(|scope| {
        let thread = || std::thread::Builder::new().stack_size(STACK_BYTES);
        let others: Vec<_> = (1..threads.min(count))
            // Where there are no more threads, those that there are do it.
            .map_while(|_| thread().spawn_scoped(scope, work).ok())
            .collect();
        let mut done = work();
        for other in others {
            done.extend(
                other
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            );
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, loaded)| loaded).collect()
}

fn load_file(file: &Path, id: &str) -> Loaded {
    let text =
        read(file).map_err(|(message, hint)| vec![LoadError::of_file(file, message, hint)])?;
    load_text(file, id, &text, &|path| read(path).map_err(|e| e.0))
}

/// The scenario files at a path, each with the path by which it was found.
fn find(
    path: &Path,
    root: &Path,
    files: &mut Vec<(PathBuf, PathBuf)>,
    errors: &mut Vec<LoadError>,
) {
    if !path.is_dir() {
        files.push((path.to_owned(), root.to_owned()));
        return;
    }
    let entries = match fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => entries,
        Err(error) => {
            errors.push(LoadError::of_file(
                path,
                format!("can't be listed: {error}"),
                None,
            ));
            return;
        }
    };
    let mut names: Vec<_> = entries.iter().map(fs::DirEntry::file_name).collect();
    names.sort();
    for name in names {
        let below = path.join(&name);
        let hidden = name.to_string_lossy().starts_with(['.', '_']);
        let yaml = below
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml");
        // A link to a directory might lead back here.
        let real_dir = below.is_dir() && !below.is_symlink();
        if !hidden && (real_dir || yaml && !below.is_dir()) {
            find(&below, root, files, errors);
        }
    }
}

/// `<area>/<stem>`: the folders below the nearest `scenarios`, else below the directory that was
/// named, else the file's own folder.
fn scenario_id(file: &Path, root: &Path) -> String {
    let whole = std::path::absolute(file).unwrap_or(file.to_owned());
    let folders: Vec<&OsStr> = whole
        .parent()
        .into_iter()
        .flat_map(Path::components)
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name),
            _ => None,
        })
        .collect();
    let below_root = file.strip_prefix(root).ok().and_then(Path::parent);
    let area: Vec<&OsStr> = match folders.iter().rposition(|name| *name == ROOT) {
        Some(at) => folders[at + 1..].to_vec(),
        None if file != root => below_root.into_iter().flat_map(Path::iter).collect(),
        None => folders.last().copied().into_iter().collect(),
    };
    let stem = file.file_stem().unwrap_or_default();
    area.into_iter()
        .chain([stem])
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join("/")
}

/// Reads a text, or says why not and what to do.
fn read(file: &Path) -> Result<String, (String, Option<String>)> {
    let failed = |error: std::io::Error| (format!("can't be read: {error}"), None);
    let size = fs::metadata(file).map_err(failed)?.len();
    if size > MAX_BYTES {
        let message = format!("too large: {size} bytes, and {MAX_BYTES} is the limit");
        return Err((
            message,
            Some("split it, or use `matrix` or `include`".to_owned()),
        ));
    }
    let bytes = fs::read(file).map_err(failed)?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = String::from_utf8_lossy(&error.as_bytes()[..good])
            .matches('\n')
            .count()
            + 1;
        let hint = "save it as utf-8; bytes that aren't can be sent with `send_line: { hex: … }`";
        (
            format!("not utf-8 from line {line}, byte {good} on"),
            Some(hint.to_owned()),
        )
    })
}

/// Loads one text as the file of this name.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub(crate) fn load_text(file: &Path, id: &str, text: &str, read: include::Reader<'_>) -> Loaded {
    let mut sources = Sources::default();
    let source = sources.add(file, text);
    let mut problems = Vec::new();
    let cases = match yaml::parse(&sources, source) {
        Ok(root) => {
            let root = include::resolve(root, file, read, &mut sources, &mut problems);
            expand_all(root, id, &sources, &mut problems)
        }
        Err(found) => {
            problems = found;
            Vec::new()
        }
    };
    if problems.is_empty() {
        Ok(cases)
    } else {
        Err(sorted(problems, &sources))
    }
}

fn expand_all(
    mut root: Node,
    id: &str,
    sources: &Sources,
    problems: &mut Vec<Problem>,
) -> Vec<Case> {
    let matrix = match &mut root.kind {
        Kind::Map(members) => members
            .iter()
            .position(|(key, _)| key.text == "matrix")
            .map(|at| members.remove(at).1),
        _ => None,
    };
    let combinations = match &matrix {
        Some(matrix) => matrix::combinations(matrix, problems),
        None => vec![Combination::default()],
    };
    let mut cases = Vec::new();
    for combination in combinations {
        let mut found = Vec::new();
        let whole = expand::put_in(&root, &combination, &mut found).unwrap_or_else(|| root.clone());
        let frame = Frame {
            sources,
            id: format!("{id}{}", combination.suffix()),
            scenario: id,
            dimensions: combination.names(),
        };
        cases.push(case::decode(&whole, &frame, &mut found));
        // The same defect is the same in every combination.
        found.retain(|problem| {
            !problems
                .iter()
                .any(|p| p.span == problem.span && p.message == problem.message)
        });
        problems.extend(found);
        if problems.len() > MAX_PROBLEMS {
            break;
        }
    }
    cases
}

/// After so many defects the rest of a matrix has nothing new to say.
const MAX_PROBLEMS: usize = 100;

fn sorted(mut problems: Vec<Problem>, sources: &Sources) -> Vec<LoadError> {
    problems.sort_by_key(|problem| problem.span);
    problems.dedup_by(|a, b| a.span == b.span && a.message == b.message);
    problems
        .into_iter()
        .map(|problem| problem.locate(sources))
        .collect()
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
