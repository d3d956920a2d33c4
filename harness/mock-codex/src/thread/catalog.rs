//! The threads on disk: found by id, and listed without reading whole files.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::record::{Meta, Record, Summary, Unread};
use super::store::{self, ARCHIVED, SESSIONS};
use crate::protocol::reply::{ReadState, ThreadStatus, ThreadView};

/// How much of the end of a file is searched for its last summary, in bytes.
const TAIL: u64 = 16 * 1024;

/// A rollout file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) path: PathBuf,
}

/// The first line of a rollout, and its last summary.
#[derive(Debug)]
pub(crate) struct Glance {
    pub(crate) meta: Meta,
    pub(crate) summary: Option<Summary>,
}

/// The rollouts of threads that are not archived, newest first.
pub(crate) fn sessions(home: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    for year in subdirectories(&home.join(SESSIONS)) {
        for month in subdirectories(&year) {
            for day in subdirectories(&month) {
                collect(&day, &mut entries);
            }
        }
    }
    newest_first(entries)
}

/// The rollouts of archived threads, newest first.
pub(crate) fn archived(home: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    collect(&home.join(ARCHIVED), &mut entries);
    newest_first(entries)
}

/// The rollout that a thread goes on in, if it is not archived.
pub(crate) fn find(home: &Path, id: &str) -> Option<PathBuf> {
    newest(sessions(home), id)
}

/// The rollout that an archived thread went on in.
pub(crate) fn find_archived(home: &Path, id: &str) -> Option<PathBuf> {
    newest(archived(home), id)
}

/// Of each thread the file that it goes on in.
pub(crate) fn newest_of_each(entries: Vec<Entry>) -> Vec<Entry> {
    let mut newest: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        match newest.last_mut() {
            // Files of one thread follow each other, the oldest first.
            Some(last) if last.id == entry.id => *last = entry,
            _ => newest.push(entry),
        }
    }
    newest
}

/// All files of a thread, archived or not: one, and one more for each time that it was reverted.
pub(crate) fn files_of(home: &Path, id: &str) -> Vec<PathBuf> {
    of_thread(sessions(home), id)
        .chain(of_thread(archived(home), id))
        .collect()
}

/// All files of a thread that is not archived.
pub(crate) fn current_files_of(home: &Path, id: &str) -> Vec<PathBuf> {
    of_thread(sessions(home), id).collect()
}

/// All files of an archived thread.
pub(crate) fn archived_files_of(home: &Path, id: &str) -> Vec<PathBuf> {
    of_thread(archived(home), id).collect()
}

/// Has a fork of the thread been kept, archived or not?
pub(crate) fn has_forks(home: &Path, id: &str) -> bool {
    let mut entries = sessions(home).into_iter().chain(archived(home));
    entries.any(|entry| {
        let meta = head(&entry.path).ok().flatten();
        meta.is_some_and(|meta| meta.forked_from.as_deref() == Some(id))
    })
}

fn of_thread(entries: Vec<Entry>, id: &str) -> impl Iterator<Item = PathBuf> {
    entries
        .into_iter()
        .filter(move |entry| entry.id == id)
        .map(|entry| entry.path)
}

/// Names of files that reverts made sort behind those of the files that they left.
fn newest(entries: Vec<Entry>, id: &str) -> Option<PathBuf> {
    of_thread(entries, id).max()
}

/// The first line of a rollout.
fn head(path: &Path) -> io::Result<Option<Meta>> {
    Ok(read_head(&mut File::open(path)?)?.and_then(|line| store::parse_meta(&line)))
}

/// The bytes of the first line, if it has an end.
fn read_head(file: &mut File) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::with_capacity(1024);
    loop {
        let seen = head.len();
        if Read::by_ref(file).take(1024).read_to_end(&mut head)? == 0 {
            return Ok(None);
        }
        if let Some(end) = head[seen..].iter().position(|&byte| byte == b'\n') {
            head.truncate(seen + end + 1);
            return Ok(Some(head));
        }
    }
}

/// Reads the head and the tail of a rollout; `None` where it is foreign or torn in its head.
pub(crate) fn glance(path: &Path) -> io::Result<Option<Glance>> {
    let mut file = File::open(path)?;
    let first = read_head(&mut file)?;
    let Some(meta) = first.and_then(|line| store::parse_meta(&line)) else {
        store::warn(path, "is not a rollout of mock-codex and is left out");
        return Ok(None);
    };
    let length = file.metadata()?.len();
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    file.read_to_end(&mut tail)?;
    let summary = last_summary(&tail).or_else(|| last_summary(&fs::read(path).ok()?));
    Ok(Some(Glance { meta, summary }))
}

impl Glance {
    /// What is unread.
    pub(crate) fn read_state(&self) -> ReadState {
        let unread = self
            .summary
            .as_ref()
            .and_then(|summary| summary.unread.as_ref());
        unread.map_or_else(|| ReadState::initial(&self.meta.id), Unread::view)
    }

    /// The thread as lists show it.
    pub(crate) fn view(&self, path: &Path) -> ThreadView {
        let mut view = ThreadView {
            session_id: self.meta.session_id.clone(),
            forked_from_id: self.meta.forked_from.clone(),
            created_at: self.meta.created_ms / 1000,
            updated_at: self.meta.created_ms / 1000,
            recency_at: self.meta.created_ms / 1000,
            status: ThreadStatus::NotLoaded,
            path: Some(path.to_owned()),
            originator: self.meta.originator(),
            thread_source: self.meta.thread_source.clone(),
            ..ThreadView::blank(self.meta.id.clone())
        };
        if let Some(summary) = &self.summary {
            view.cwd.clone_from(&summary.cwd);
            view.preview.clone_from(&summary.preview);
            view.name.clone_from(&summary.name);
            view.git_info.clone_from(&summary.git);
            view.daybreak_enabled = summary.daybreak;
            let used = summary.told || !summary.preview.is_empty();
            view.model = used.then(|| summary.model.clone());
            view.model_provider.clone_from(&summary.provider);
            view.reasoning_effort = summary.effort.clone().filter(|_| used);
            view.updated_at = summary.updated_ms / 1000;
            view.recency_at = summary.recency_ms / 1000;
        }
        view
    }
}

fn last_summary(bytes: &[u8]) -> Option<Summary> {
    bytes
        .split_inclusive(|&byte| byte == b'\n')
        .rev()
        .filter(|line| line.starts_with(b"{\"summary\":") && line.ends_with(b"\n"))
        .find_map(|line| match serde_json::from_slice(line) {
            Ok(Record::Summary(summary)) => Some(*summary),
            _ => None,
        })
}

fn subdirectories(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

fn collect(directory: &Path, entries: &mut Vec<Entry>) {
    for file in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = file.path();
        if let Some(id) = store::id_of(&path) {
            entries.push(Entry {
                id: id.to_owned(),
                path,
            });
        }
    }
}

/// Version 7 ids begin with the time. Files of one thread come in the order of its reverts.
fn newest_first(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by(|a, b| b.id.cmp(&a.id).then_with(|| a.path.cmp(&b.path)));
    entries
}
