//! What the tap does, as somebody else decided it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::disturb::Disturb;

/// Which program is behind the tap, and where the recording goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, before those that the tap was called with.
    #[serde(default)]
    pub before: Vec<String>,
    /// Does the program take the arguments that the tap was called with? One that is an app-server
    /// and nothing else does not: it stands for `codex app-server`, and the tap refuses other calls.
    #[serde(default = "yes")]
    pub takes_arguments: bool,
    /// Variables that the program gets beside those of the tap.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Where the recording goes.
    pub sink: Sink,
    /// The moment that the recording counts from, in microseconds of the system's monotonic
    /// clock; `None`: the start of the tap.
    #[serde(default)]
    pub began_us: Option<u64>,
    /// What is done to the program's output; `None`: it is passed on as it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disturb: Option<Disturb>,
}

/// Where a recording goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sink {
    /// Into a file, which is made anew.
    File(PathBuf),
    /// To a Unix socket that somebody listens on: one connection for each process.
    Socket(PathBuf),
}

/// Microseconds of the system's monotonic clock, which all processes share.
pub fn now_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let (seconds, nanos) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
    seconds * 1_000_000 + nanos / 1_000
}

impl Plan {
    /// Reads a plan from JSON.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> io::Result<Self> {
        serde_json::from_str(text).map_err(io::Error::other)
    }
}

fn yes() -> bool {
    true
}
