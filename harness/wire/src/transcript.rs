//! Transcripts: what happened in a session, on one clock, as JSONL.
//!
//! Each line is one [`Entry`]; `t_us` counts microseconds from the start of the recording. Both
//! wires are in it (client ↔ app-server, app-server ↔ model), and the app-server's stderr and
//! life. Nothing here judges, and nothing that judges needs to know how a transcript came about.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line of a transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Microseconds since the recording began.
    pub t_us: u64,
    /// What happened.
    pub event: Event,
}

/// What happened at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The client sent a frame to the app-server.
    Client(Value),
    /// The app-server sent a frame to the client.
    Server(Value),
    /// The client sent something that is no frame, on purpose.
    ClientRaw(String),
    /// The app-server sent something that is no frame.
    ServerRaw(String),
    /// The app-server asked the model.
    ModelRequest(ModelRequest),
    /// The model began to answer.
    ModelReply(ModelReply),
    /// One line of the app-server's stderr, without its end.
    Stderr(String),
    /// The app-server's process began or ended.
    Process(Process),
    /// A step of a scenario began.
    Step(Step),
    /// The same of another client than the first.
    Of {
        /// The client's name.
        client: String,
        /// What it sent or received.
        event: Box<Event>,
    },
}

/// A request of the app-server to the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRequest {
    /// Counted from 0, in order of arrival.
    pub index: usize,
    /// The HTTP method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Names in lower case, in order; secrets masked.
    pub headers: Vec<(String, String)>,
    /// The body as JSON, or as a string where it is none.
    pub body: Value,
}

/// An answer of the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelReply {
    /// The request that it answers.
    pub request: usize,
    /// The reply of the script, counted from 0; `None` when nothing was scripted.
    pub reply: Option<usize>,
    /// The HTTP status.
    pub status: u16,
}

/// A change in the life of the app-server's process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// It was started with these arguments, program first.
    Started(Vec<String>),
    /// The variables of its environment that matter to it, secrets masked.
    Environment(BTreeMap<String, String>),
    /// It ended: an exit code, or the signal that ended it.
    Exited {
        /// The exit code, if it exited.
        code: Option<i32>,
        /// The signal's number, if one ended it.
        signal: Option<i32>,
    },
}

/// A step of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Counted from 1.
    pub index: usize,
    /// Its verb, for example `thread_start`.
    pub verb: String,
    /// Where it stands in the scenario file, counted from 1.
    pub line: usize,
}

/// A line that is no entry.
#[derive(Debug, thiserror::Error)]
pub enum TranscriptError {
    /// The line is not valid.
    #[error("line {line} of the transcript: {source}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes entries as JSONL.
pub fn write(entries: &[Entry], mut to: impl Write) -> io::Result<()> {
    for entry in entries {
        serde_json::to_writer(&mut to, entry)?;
        to.write_all(b"\n")?;
    }
    Ok(())
}

/// Reads entries one by one; blank lines are passed over.
pub fn read(from: impl BufRead) -> impl Iterator<Item = Result<Entry, TranscriptError>> {
    from.lines()
        .enumerate()
        .filter_map(|(index, line)| match line {
            Err(error) => Some(Err(error.into())),
            Ok(line) if line.trim().is_empty() => None,
            Ok(line) => Some(
                serde_json::from_str(&line).map_err(|source| TranscriptError::Line {
                    line: index + 1,
                    source,
                }),
            ),
        })
}
