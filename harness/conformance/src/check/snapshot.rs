//! Snapshots: the normalised wire of a case, kept in insta's file format.
//!
//! One file a case, `snapshots/<area>/<scenario>[@<variant>].snap`, so that `cargo insta review`
//! shows what changed. Its header records the target that it was recorded on.
//!
//! `--update-snapshots` writes what a run showed. What the real codex showed is only replaced by
//! what a real one shows, and nothing else is proposed for the review either; to record such a
//! file on another target, delete it first.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use codex_wire::transcript::Entry;
use similar::TextDiff;

use crate::normalise::{clients, normalise, of_client, project};
use crate::run::outcome::{CaseRun, Check};
use crate::scenario::model::{Case, Projection};

/// The id of the check.
pub const CHECK: &str = "snapshot";
/// The most lines of a diff that a message shows.
const MOST_LINES: usize = 40;
/// The kind of target whose recordings nothing else replaces.
const REAL: &str = "codex@";

/// What is done when a snapshot is missing or differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// The check fails, and a `.snap.new` is written for the review.
    Propose,
    /// The check fails; nothing is written. For CI.
    Never,
    /// The snapshot is written.
    Write,
}

/// The directory of the snapshots.
#[derive(Clone, Debug)]
pub struct Snapshots {
    root: PathBuf,
    update: Update,
}

/// A snapshot on disk.
#[derive(Debug, PartialEq, Eq)]
struct Stored {
    /// The target that it was recorded on; `None`: it is not one of ours.
    recorded: Option<String>,
    contents: String,
}

impl Snapshots {
    /// The snapshots in a directory.
    pub fn new(root: impl Into<PathBuf>, update: Update) -> Self {
        Self {
            root: root.into(),
            update,
        }
    }

    /// Where the snapshot of a case is.
    pub fn path(&self, case: &Case) -> PathBuf {
        self.root.join(file_of(&case.id))
    }

    /// Compares the wire of a run with the snapshot; `None` when the case keeps none.
    ///
    /// `sound` says that all other checks turned out as expected. What comes of another run is
    /// compared, but never written.
    pub fn check(&self, run: &CaseRun, sound: bool) -> Option<Check> {
        if run.case.snapshot.is_empty() {
            return None;
        }
        let failure = self.judge(run, sound).err();
        Some(Check {
            id: CHECK.into(),
            passed: failure.is_none(),
            message: failure.unwrap_or_default(),
            at: Some(run.case.at.clone()),
            entry: None,
        })
    }

    /// The snapshots of scenarios that no case refers to, sorted.
    pub fn unreferenced<'a>(
        &self,
        cases: impl IntoIterator<Item = &'a Case>,
    ) -> io::Result<Vec<PathBuf>> {
        let referenced: std::collections::HashSet<PathBuf> = cases
            .into_iter()
            .filter(|case| !case.snapshot.is_empty())
            .map(|case| self.path(case))
            .collect();
        let mut found = Vec::new();
        collect(&self.root, &mut found)?;
        let mut lost = Vec::new();
        for path in found {
            if !referenced.contains(&path) && read(&path)?.is_some_and(|s| s.recorded.is_some()) {
                lost.push(path);
            }
        }
        lost.sort();
        Ok(lost)
    }

    fn judge(&self, run: &CaseRun, sound: bool) -> Result<(), String> {
        let path = self.path(&run.case);
        let contents = contents(&run.case.snapshot, &normalise(&run.transcript, &run.places));
        let stored = read(&path).map_err(|error| cant("read", &path, &error))?;
        let pending = path.with_extension("snap.new");
        if stored
            .as_ref()
            .is_some_and(|stored| stored.contents == contents)
        {
            return remove(&pending).map_err(|error| cant("remove", &pending, &error));
        }
        let recorded = stored
            .as_ref()
            .and_then(|stored| stored.recorded.as_deref());
        let guarded =
            recorded.is_some_and(|on| on.starts_with(REAL)) && !run.target.starts_with(REAL);
        if sound && self.update == Update::Write && !guarded {
            write(&path, run, &contents).map_err(|error| cant("write", &path, &error))?;
            return remove(&pending).map_err(|error| cant("remove", &pending, &error));
        }
        let mut message = match &stored {
            Some(stored) => difference(&path, stored, &contents),
            None => format!("there is no snapshot `{}`", path.display()),
        };
        message.push_str(&self.hint(run, sound, guarded, recorded));
        if sound && self.update == Update::Propose && !guarded {
            write(&pending, run, &contents).map_err(|error| cant("write", &pending, &error))?;
        }
        Err(message)
    }

    fn hint(&self, run: &CaseRun, sound: bool, guarded: bool, recorded: Option<&str>) -> String {
        match (self.update, recorded) {
            _ if !sound => "\nhint: other checks failed too; look at them first".into(),
            (_, Some(on)) if guarded => format!(
                "\nhint: it was recorded on {on}, and what `{}` does is no reason to change it; \
                 update it with `--target {on}`, or delete it first",
                run.target
            ),
            (Update::Propose, _) => "\nhint: look at it with `cargo insta review`, or run with \
                 `--update-snapshots`"
                .into(),
            _ => "\nhint: run with `--update-snapshots` to record it".into(),
        }
    }
}

/// `area/stem@variant.snap` for `area/stem[variant]`.
fn file_of(id: &str) -> PathBuf {
    const LONGEST: usize = 150;
    let (scenario, variant) = match id.split_once('[') {
        Some((scenario, variant)) => (scenario, variant.strip_suffix(']').unwrap_or(variant)),
        None => (id, ""),
    };
    let plain = |c: char| c.is_alphanumeric() || "=,_-".contains(c);
    let mut slug: String = variant
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    if slug.len() > LONGEST || slug != variant {
        // Two variants must not share a file.
        let cut = slug.floor_char_boundary(LONGEST);
        slug = format!("{}-{:08x}", &slug[..cut], fingerprint(variant));
    }
    let at = if slug.is_empty() { "" } else { "@" };
    PathBuf::from(format!("{scenario}{at}{slug}.snap"))
}

/// FNV-1a: the same on every machine and in every version.
pub(crate) fn fingerprint(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// The sections that the case asks for.
fn contents(projections: &[Projection], transcript: &[Entry]) -> String {
    let mut out = String::new();
    for projection in projections {
        let name = match projection {
            Projection::Client => "client",
            Projection::Server => "server",
            Projection::Model => "model",
        };
        let _ = writeln!(out, "{SECTION}{name}");
        out.push_str(&project(transcript, *projection));
        if *projection == Projection::Model {
            continue;
        }
        for client in clients(transcript) {
            let _ = writeln!(out, "{SECTION}{name} ({client})");
            out.push_str(&project(&of_client(transcript, client), *projection));
        }
    }
    // As insta compares: what is blank at the end doesn't count.
    out.truncate(out.trim_end().len());
    out
}

const SECTION: &str = "==== ";

fn difference(path: &Path, stored: &Stored, contents: &str) -> String {
    let diff = TextDiff::from_lines(&stored.contents, contents);
    let on = stored.recorded.as_deref().unwrap_or("an unknown target");
    let mut message = format!(
        "the wire differs from `{}`, recorded on {on}",
        path.display()
    );
    if let Some(frame) = first_differing(&diff) {
        let _ = write!(message, ", first at {frame}");
    }
    let unified = diff
        .unified_diff()
        .context_radius(3)
        .header("snapshot", "this run")
        .missing_newline_hint(false)
        .to_string();
    let lines: Vec<&str> = unified.lines().collect();
    for line in lines.iter().take(MOST_LINES) {
        message.push('\n');
        message.push_str(line);
    }
    if lines.len() > MOST_LINES {
        let _ = write!(message, "\n… and {} more lines", lines.len() - MOST_LINES);
    }
    message
}

/// The frame, and its section, in which the first changed line is.
fn first_differing(diff: &TextDiff<'_, '_, str>) -> Option<String> {
    let mut frame = "";
    let mut section = "";
    for change in diff.iter_all_changes() {
        let line = change.value().trim_end();
        if let Some(name) = line.strip_prefix(SECTION) {
            section = name;
        } else if line.starts_with(['→', '←', '⇒', '#']) {
            frame = line;
        }
        if change.tag() != similar::ChangeTag::Equal {
            return Some(format!("`{frame}` of the section `{section}`"));
        }
    }
    None
}

fn read(path: &Path) -> io::Result<Option<Stored>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text.replace("\r\n", "\n"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let (header, contents) = text
        .strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---\n"))
        .unwrap_or(("", &text));
    let recorded = header
        .lines()
        .find_map(|line| line.trim().strip_prefix("recorded:"));
    Ok(Some(Stored {
        recorded: recorded.map(|on| on.trim().trim_matches(['"', '\'']).to_owned()),
        contents: contents.trim_end().to_owned(),
    }))
}

fn write(path: &Path, run: &CaseRun, contents: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let header = [
        ("source", run.case.at.file.display().to_string()),
        ("description", run.case.name.clone()),
        ("info:\n  recorded", run.target.clone()),
    ]
    // A JSON string is a YAML string.
    .map(|(member, value)| format!("{member}: {}\n", serde_json::Value::String(value)))
    .concat();
    fs::write(path, format!("---\n{header}---\n{contents}\n"))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn cant(what: &str, path: &Path, error: &io::Error) -> String {
    format!("can't {what} `{}`: {error}", path.display())
}

/// Every `.snap` below a directory; none when it isn't there.
fn collect(directory: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "snap")
        {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
