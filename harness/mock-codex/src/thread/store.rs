//! Rollout files: append-only, repaired when they are opened, read back whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::record::{FORMAT, Meta, Record};
use crate::clock;

/// The directory of the rollouts of threads.
pub(crate) const SESSIONS: &str = "sessions";
/// The directory of the rollouts of archived threads.
pub(crate) const ARCHIVED: &str = "archived_sessions";

/// What the names of files end with that are not yet whole; nobody reads them.
const UNFINISHED: &str = "unfinished";

/// An open rollout file. Lines are appended with one write each.
#[derive(Debug)]
pub(crate) struct Rollout {
    file: File,
    /// Did the last write fail, perhaps in the middle of a line?
    torn: bool,
}

/// What a rollout file holds.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) meta: Meta,
    pub(crate) records: Vec<Record>,
}

impl Rollout {
    /// Makes the file with its first line and `records`. It is there as a whole or not at all,
    /// whatever happens meanwhile; it must not exist yet.
    pub(crate) fn create<'a>(
        path: &Path,
        meta: Meta,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut text = Record::Meta(Box::new(meta)).to_line();
        for record in records {
            text.push_str(&record.to_line());
        }
        let unfinished = path.with_extension(UNFINISHED);
        let made = write_new(&unfinished, text.as_bytes()).and_then(|file| {
            fs::rename(&unfinished, path)?;
            Ok(file)
        });
        if made.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        made.map(Self::locked)
    }

    /// Opens a file to append to it, and cuts off a last line that a kill has torn.
    ///
    /// Where another process holds the file, nothing is cut; a torn line is closed instead.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).open(path)?;
        let alone = file.try_lock().is_ok();
        let whole = whole_lines(&mut file)?;
        if whole < file.metadata()?.len() {
            if alone {
                warn(path, "has a torn last line, which is cut off");
                file.set_len(whole)?;
            } else {
                file.write_all(b"\n")?;
            }
        }
        Ok(Self { file, torn: false })
    }

    /// Writes one record. What a write that failed may have left is closed by the next one, and
    /// is passed over when the file is read.
    pub(crate) fn append(&mut self, record: &Record) -> io::Result<()> {
        let mut line = record.to_line();
        if self.torn {
            line.insert(0, '\n');
        }
        let written = self.file.write_all(line.as_bytes());
        self.torn = written.is_err();
        written
    }

    fn locked(file: File) -> Self {
        // Another process that holds the lock only keeps a repair away; nothing waits for it.
        let _ = file.try_lock();
        Self { file, torn: false }
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .append(true)
        .create_new(true)
        .open(path)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// The length of the file up to and with its last line end.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    const STEP: u64 = 4096;
    let mut end = file.metadata()?.len();
    let mut buffer = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        file.seek(SeekFrom::Start(start))?;
        buffer.clear();
        Read::by_ref(file)
            .take(end - start)
            .read_to_end(&mut buffer)?;
        if let Some(at) = buffer.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Reads a rollout file. Lines that can't be read are left out with a warning; a file without a
/// readable first line is none.
pub(crate) fn load(path: &Path) -> io::Result<Option<Loaded>> {
    let bytes = fs::read(path)?;
    let mut lines = bytes.split_inclusive(|&byte| byte == b'\n');
    let Some(meta) = lines.next().and_then(parse_meta) else {
        warn(path, "is not a rollout of mock-codex and is left out");
        return Ok(None);
    };
    let mut records = Vec::new();
    // A last line without an end is what a kill has torn; it is cut off when the file is opened.
    for (index, line) in lines.enumerate().filter(|(_, line)| line.ends_with(b"\n")) {
        match serde_json::from_slice(line) {
            Ok(record) => records.push(record),
            Err(error) => warn(path, &format!("line {}: {error}", index + 2)),
        }
    }
    Ok(Some(Loaded { meta, records }))
}

/// The first line of a file, or `None` where it is torn or foreign.
pub(crate) fn parse_meta(line: &[u8]) -> Option<Meta> {
    if !line.ends_with(b"\n") {
        return None;
    }
    match serde_json::from_slice(line) {
        Ok(Record::Meta(meta)) if meta.format == FORMAT => Some(*meta),
        _ => None,
    }
}

/// Where the rollout of a thread goes.
pub(crate) fn path_of(home: &Path, id: &str, created_ms: i64) -> PathBuf {
    let time = clock::local(created_ms);
    home.join(SESSIONS)
        .join(time.strftime("%Y/%m/%d").to_string())
        .join(format!(
            "rollout-{}-{id}.jsonl",
            time.strftime("%Y-%m-%dT%H-%M-%S")
        ))
}

/// Where a thread goes on that was taken back: beside its file, with an id more in the name.
pub(crate) fn path_beside(path: &Path, id: &str, revert: &str) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str());
    let until_id = name
        .and_then(|name| name.split_once(id))
        .map_or("rollout-", |(until, _)| until);
    path.with_file_name(format!("{until_id}{id}_{revert}.jsonl"))
}

/// The thread id that a rollout's file name carries.
pub(crate) fn id_of(path: &Path) -> Option<&str> {
    let stem = path
        .file_name()?
        .to_str()?
        .strip_prefix("rollout-")?
        .strip_suffix(".jsonl")?;
    let stem = stem.split_once('_').map_or(stem, |(stem, _)| stem);
    let id = stem.get(stem.len().checked_sub(36)?..)?;
    uuid::Uuid::try_parse(id).is_ok().then_some(id)
}

/// Has a revert made the file?
pub(crate) fn is_of_revert(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.contains('_'))
}

/// Says on stderr that a file is not as it should be.
pub(crate) fn warn(path: &Path, what: &str) {
    let _ = writeln!(io::stderr(), "warning: {} {what}", path.display());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::thread::record::{TurnEnded, TurnStarted};

    fn meta() -> Meta {
        Meta {
            format: FORMAT,
            codex: crate::CODEX_VERSION.to_owned(),
            id: clock::new_id(),
            session_id: clock::new_id(),
            forked_from: None,
            created_ms: 1_795_240_298_000,
            originator: "test".to_owned(),
            thread_source: None,
        }
    }

    fn write(path: &Path, turns: usize) {
        let mut rollout = Rollout::create(path, meta(), []).unwrap();
        for turn in 0..turns {
            let id = format!("turn-{turn}");
            rollout
                .append(&Record::TurnStarted(TurnStarted {
                    id: id.clone(),
                    at_ms: 1,
                    line: 1,
                    bare: false,
                    root: None,
                }))
                .unwrap();
            rollout
                .append(&Record::TurnEnded(TurnEnded {
                    id,
                    status: crate::protocol::reply::TurnStatus::Completed,
                    error: None,
                    at_ms: 2,
                    duration_ms: 1,
                    refused: false,
                }))
                .unwrap();
        }
    }

    #[test]
    fn the_name_of_a_rollout_carries_its_id() {
        let id = clock::new_id();
        let path = path_of(Path::new("/home"), &id, 1_795_240_298_000);
        assert!(path.starts_with("/home/sessions/2026"));
        assert_eq!(id_of(&path), Some(id.as_str()));
        assert_eq!(id_of(Path::new("rollout-x.jsonl")), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever a kill leaves of a file: the whole lines are read, and it can be appended to.
        #[test]
        fn any_cut_of_a_file_loads(turns in 0usize..6, cut in 0.0f64..1.0) {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("rollout.jsonl");
            write(&path, turns);
            let whole = fs::read(&path).unwrap();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let length = (whole.len() as f64 * cut) as usize;
            fs::write(&path, &whole[..length]).unwrap();
            let lines = whole[..length].split(|&byte| byte == b'\n').count() - 1;
            match load(&path).unwrap() {
                Some(loaded) => prop_assert_eq!(loaded.records.len(), lines - 1),
                None => prop_assert_eq!(lines, 0),
            }
            Rollout::open(&path)
                .unwrap()
                .append(&Record::TurnStarted(TurnStarted { id: "next".to_owned(), at_ms: 3, line: 1, bare: false, root: None }))
                .unwrap();
            if let Some(loaded) = load(&path).unwrap() {
                prop_assert_eq!(loaded.records.len(), lines);
            }
        }
    }
}
