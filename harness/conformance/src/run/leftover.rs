//! Processes that outlive their app-server.

use std::fs;

use rustix::process::{Pid, Signal, getpgid, kill_process};

use crate::run::home::MARKER_VARIABLE;

/// How many processes a note names.
const NAMED: usize = 3;

/// Ends every process whose environment carries this case's marker, whatever session it moved
/// to; the result is a note that names some of them. Those of the `killed` process groups are on
/// their way out and not worth a word. Processes of others are not touched.
pub fn end(marker: &str, killed: &[Pid]) -> Option<String> {
    let wanted = format!("{MARKER_VARIABLE}={marker}");
    let ended: Vec<String> = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|id| carries(*id, wanted.as_bytes()))
        .filter_map(|id| {
            let name = command_line(id);
            let process = Pid::from_raw(id)?;
            if killed.contains(&getpgid(Some(process)).ok()?) {
                return None;
            }
            kill_process(process, Signal::KILL).ok()?;
            Some(format!("{id} (`{name}`)"))
        })
        .collect();
    let named = ended
        .iter()
        .take(NAMED)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match ended.len() {
        0 => None,
        1 => Some(format!(
            "process {named} outlived the app-server and was killed"
        )),
        count => Some(format!(
            "{count} processes outlived the app-server and were killed: {named}"
        )),
    }
}

/// Ends what is left of a case when it is dropped, also when the run is cut short.
#[derive(Debug)]
pub struct Sweep {
    marker: String,
    groups: Vec<Pid>,
    done: bool,
}

impl Sweep {
    /// For the processes with this marker.
    pub fn of(marker: String) -> Self {
        Self {
            marker,
            groups: Vec::new(),
            done: false,
        }
    }

    /// A group that is killed with its app-server.
    pub fn knows(&mut self, group: Pid) {
        self.groups.push(group);
    }

    /// Ends what is left, and names it.
    pub fn now(&mut self) -> Option<String> {
        self.done = true;
        end(&self.marker, &self.groups)
    }
}

impl Drop for Sweep {
    fn drop(&mut self) {
        if !self.done {
            end(&self.marker, &self.groups);
        }
    }
}

/// A process that is gone, or another user's, can't be read: it isn't ours.
fn carries(id: i32, wanted: &[u8]) -> bool {
    fs::read(format!("/proc/{id}/environ")).is_ok_and(|environ| {
        environ
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted)
    })
}

fn command_line(id: i32) -> String {
    let bytes = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let words = bytes
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty());
    let words: Vec<_> = words.map(String::from_utf8_lossy).collect();
    let on_one_line: Vec<_> = words
        .iter()
        .flat_map(|word| word.split_whitespace())
        .collect();
    on_one_line.join(" ").chars().take(80).collect()
}
