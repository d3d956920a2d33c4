//! Where the emulated codex departs from the documented contract, one entry each.
//!
//! Every quirk is on by default, since the mock behaves like the real one. Switching it off
//! (`--quirk -NAME`) gives the behaviour that the contract documents.

use std::fmt;

/// One departure from the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quirk {
    /// What `--quirk` calls it.
    pub name: &'static str,
    /// The codex versions that it was observed in.
    pub versions: &'static [&'static str],
    /// What happens, in one sentence.
    pub about: &'static str,
    /// Where it was observed: a section of the behaviour notes.
    pub observed: &'static str,
}

const V169: &[&str] = &["0.169.0"];

macro_rules! quirks {
    ($($id:ident $name:literal $observed:literal $about:literal;)*) => {
        /// Names a row of [`QUIRKS`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Id { $(#[doc = $about] $id),* }

        /// All quirks.
        pub const QUIRKS: &[Quirk] = &[
            $(Quirk { name: $name, versions: V169, about: $about, observed: $observed }),*
        ];
    };
}

quirks! {
    WorkspaceWriteLostOnFork "workspace-write-lost-on-fork" "c. What survives"
        "A fork of a thread with a workspace-write or external sandbox gets the configured default sandbox.";
    WorkspaceWriteLostOnColdResume "workspace-write-lost-on-cold-resume" "c. What survives"
        "A thread with a workspace-write or external sandbox gets the configured default sandbox when it is resumed after a restart.";
    ResumeLoadedIgnoresOverrides "resume-loaded-ignores-overrides" "c. What survives"
        "Resuming a thread that is loaded ignores every setting of the request.";
    EarlyDenialEmitsNoItem "early-denial-emits-no-item" "g. Sandbox"
        "A sandboxed command that fails within about 0.1 s with a word of denial in its output emits no item.";
    SteerDropsStream "steer-drops-stream" "e. Turns"
        "Steering drops the model's running answer, and its half-streamed item is never completed.";
    InterruptLeavesCommandRunning "interrupt-leaves-command-running" "e. Turns"
        "Interrupting a turn leaves its command running as a background terminal.";
    QuickCommandWaitsForQuestions "quick-command-waits-for-questions" "e. Turns"
        "The end of a quick command is told only when no question to the client is open beside it.";
    TurnStartSteersRunningTurn "turn-start-steers-running-turn" "d. Conflicts and bad values"
        "Starting a turn while one runs steers the running one and answers with its id.";
    StartTrustsProject "start-trusts-project" "b. Threads"
        "A thread that is started in a named directory and may write there marks its project as trusted in config.toml: a repository, or a directory with settings of its own.";
    RevertNamesServiceTier "revert-names-service-tier" "b. Threads"
        "A thread that was reverted has the service tier `default` when it is resumed after a restart.";
    RevertLeavesOldListing "revert-leaves-old-listing" "b. Threads"
        "A reverted thread is listed once for each file that it has been in, with what was said first in each.";
    NeverRefusesDangerousCommands "never-refuses-dangerous-commands" "e. Turns"
        "Approval policy `never` refuses `rm -rf` style commands even without a sandbox.";
    ReviewRunsAsAnotherTurn "review-runs-as-another-turn" "h. Other methods"
        "A review tells the start of another turn than the one that `review/start` answers with; only that one can be interrupted, and it is listed as interrupted.";
    ReviewLeavesMessageOpen "review-leaves-message-open" "h. Other methods"
        "What the reviewer says starts as an item and is never completed.";
    PingAnsweredTwice "ping-answered-twice" "a. Transport and handshake"
        "A ping on a WebSocket is answered with two pongs.";
}

/// Which quirks are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quirks(u64);

/// A name that is no quirk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown quirk `{0}`; `mock-codex quirks` lists them")]
pub struct UnknownQuirk(pub String);

impl Default for Quirks {
    fn default() -> Self {
        Self(u64::MAX)
    }
}

impl Quirks {
    /// Switches one on (`NAME`) or off (`-NAME`).
    pub fn apply(&mut self, spec: &str) -> Result<(), UnknownQuirk> {
        let (name, on) = spec
            .strip_prefix('-')
            .map_or((spec, true), |name| (name, false));
        let index = QUIRKS
            .iter()
            .position(|quirk| quirk.name == name)
            .ok_or_else(|| UnknownQuirk(name.to_owned()))?;
        if on {
            self.0 |= 1 << index;
        } else {
            self.0 &= !(1 << index);
        }
        Ok(())
    }

    /// Applies several, separated by commas or white space.
    pub fn apply_all(&mut self, specs: &str) -> Result<(), UnknownQuirk> {
        specs
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|spec| !spec.is_empty())
            .try_for_each(|spec| self.apply(spec))
    }

    /// Is it on?
    pub fn has(self, id: Id) -> bool {
        self.0 & (1 << id as u64) != 0
    }
}

/// The table as text, one quirk a paragraph.
pub fn table() -> String {
    QUIRKS
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
        + "\n"
}

/// The table as a JSON array.
pub fn table_json() -> serde_json::Value {
    QUIRKS
        .iter()
        .map(|quirk| {
            serde_json::json!({
                "name": quirk.name,
                "versions": quirk.versions,
                "about": quirk.about,
                "observed": quirk.observed,
            })
        })
        .collect()
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (codex {})\n  {}",
            self.name,
            self.versions.join(", "),
            self.about
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quirk_is_switched_off_and_on_by_name() {
        let mut quirks = Quirks::default();
        assert!(quirks.has(Id::SteerDropsStream));
        quirks
            .apply_all("-steer-drops-stream, -workspace-write-lost-on-fork")
            .unwrap();
        assert!(!quirks.has(Id::SteerDropsStream));
        assert!(!quirks.has(Id::WorkspaceWriteLostOnFork));
        assert!(quirks.has(Id::WorkspaceWriteLostOnColdResume));
        quirks.apply("steer-drops-stream").unwrap();
        assert!(quirks.has(Id::SteerDropsStream));
    }

    #[test]
    fn an_unknown_quirk_is_named() {
        let error = Quirks::default().apply("-nope").unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown quirk `nope`; `mock-codex quirks` lists them"
        );
    }
}
