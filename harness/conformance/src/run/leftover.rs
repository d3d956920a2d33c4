//! Processes that outlive their app-server.

use std::fs;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, getpgid, kill_process, pidfd_open};

use crate::run::home::MARKER_VARIABLE;

/// How long a killed process may take to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// Ends every process whose environment carries this case's marker, whatever session it moved
/// to; the result is a note that names some of them. `groups` are the app-servers' process
/// groups, first started first: they are on their way out already and not worth a word.
/// Processes of others are not touched.
fn end(marker: &str, groups: &[Pid]) -> Option<String> {
    let first = groups.first()?;
    let wanted = format!("{MARKER_VARIABLE}={marker}");
    let last = last_given();
    let ended: Vec<String> = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|id| may_be_younger(*id, Pid::as_raw(Some(*first)), last))
        .filter(|id| carries(*id, wanted.as_bytes()))
        .filter_map(|id| {
            let name = command_line(id);
            let process = Pid::from_raw(id)?;
            if groups.contains(&getpgid(Some(process)).ok()?) {
                return None;
            }
            kill(process).ok()?;
            Some(format!("{id} (`{name}`)"))
        })
        .collect();
    let named = ended.first()?;
    match ended.len() {
        1 => Some(format!(
            "process {named} outlived the app-server and was killed"
        )),
        count => Some(format!(
            "{count} processes outlived the app-server and were killed, the first {named}"
        )),
    }
}

/// Kills a process and waits for its end, which a kill only asks for.
fn kill(process: Pid) -> rustix::io::Result<()> {
    let ended = pidfd_open(process, PidfdFlags::empty())?;
    kill_process(process, Signal::KILL)?;
    let patience = Timespec {
        tv_sec: PATIENCE.as_secs().cast_signed(),
        tv_nsec: 0,
    };
    // One that the kernel holds on to for longer can't be helped.
    let _ = poll(&mut [PollFd::new(&ended, PollFlags::IN)], Some(&patience));
    Ok(())
}

/// Ids are given in rising order until they wrap: what an app-server started has an id between
/// its own and the last one given. Reading the environment of those alone keeps a sweep cheap.
fn may_be_younger(id: i32, first: i32, last: Option<i32>) -> bool {
    match last {
        Some(last) if last >= first => (first..=last).contains(&id),
        // They have wrapped, or nothing is known.
        _ => true,
    }
}

/// The last process id that the kernel gave: the fifth word of `/proc/loadavg`.
fn last_given() -> Option<i32> {
    let loadavg = fs::read_to_string("/proc/loadavg").ok()?;
    loadavg.split_whitespace().nth(4)?.parse().ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_younger_processes_are_looked_at_unless_ids_have_wrapped() {
        assert!(may_be_younger(150, 100, Some(200)));
        assert!(!may_be_younger(99, 100, Some(200)));
        assert!(!may_be_younger(201, 100, Some(200)));
        assert!(may_be_younger(5, 30_000, Some(20)));
        assert!(may_be_younger(5, 30_000, None));
        assert!(last_given().is_some_and(|last| last > 0));
    }
}
