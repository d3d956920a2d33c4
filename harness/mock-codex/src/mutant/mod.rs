//! Ways to misbehave, so that a suite can be asked whether it notices.
//!
//! Each mutant is one defect that an app-server might have. All are off; `--mutant NAME` switches
//! one on for the whole process. Most change frames on their way out, by one general mechanism;
//! the others are switches in the code that enforces and keeps settings.

mod change;

use std::fmt;
use std::sync::OnceLock;

pub(crate) use change::Filter;

/// One defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mutant {
    /// What `--mutant` calls it.
    pub name: &'static str,
    /// The areas of scenarios that are likeliest to notice, the likeliest first.
    pub areas: &'static [&'static str],
    frames: Frames,
    change: Change,
}

/// Which frames of the server are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frames {
    /// With this method.
    Method(&'static str),
    /// With a value at this JSON pointer.
    Having(&'static str),
    /// With this method, and this string at a pointer.
    Where(&'static str, &'static str, &'static str),
    /// None: a switch in the code.
    Switch(Switch),
}

/// What becomes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// It is not sent.
    Drop,
    /// It is sent twice.
    Twice,
    /// It is sent behind the next frame.
    Late,
    /// The value at a pointer is another one, written as JSON.
    Set(&'static str, &'static str),
    /// The member at a pointer is missing.
    Remove(&'static str),
    /// The number at a pointer is a string.
    Quote(&'static str),
    /// The number at a pointer is another one.
    Add(&'static str, i64),
    /// The string at a pointer lacks its last character.
    Cut(&'static str),
    /// Nothing: a switch in the code.
    Nothing,
}

/// A defect that is no change of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    /// A command in a read-only sandbox runs without one.
    ReadOnlyOpen,
    /// A command in a workspace-write sandbox runs without one.
    WorkspaceOpen,
    /// `/tmp` is not writable.
    SlashTmpClosed,
    /// Additional writable roots are not.
    RootsForgotten,
    /// Sandboxed commands reach the network.
    NetworkOpen,
    /// The model is told of full access.
    ToldFullAccess,
    /// Settings of turns are taken and forgotten.
    SettingsForgotten,
    /// A fork has no sandbox.
    ForkWidened,
}

macro_rules! mutants {
    ($($name:literal $areas:tt $frames:expr => $change:expr;)*) => {
        /// All mutants.
        pub const MUTANTS: &[Mutant] = &[$(
            Mutant { name: $name, areas: &$areas, frames: $frames, change: $change }
        ),*];
    };
}

use Change::{Add, Cut, Drop, Late, Nothing, Quote, Remove, Set, Twice};
use Frames::{Having, Method, Where};

mutants! {
    // ---- frames that are missing, twice or in the wrong place
    "turn-started-dropped" ["turns"] Method("turn/started") => Drop;
    "turn-started-twice" ["turns"] Method("turn/started") => Twice;
    "turn-started-late" ["turns"] Method("turn/started") => Late;
    "turn-completed-twice" ["turns"] Method("turn/completed") => Twice;
    "turn-completed-dropped" ["turns"] Method("turn/completed") => Drop;
    "item-started-dropped" ["turns"] Method("item/started") => Drop;
    "item-started-twice" ["turns"] Method("item/started") => Twice;
    "item-started-late" ["turns"] Method("item/started") => Late;
    "item-completed-dropped" ["turns"] Method("item/completed") => Drop;
    "item-completed-twice" ["turns"] Method("item/completed") => Twice;
    "delta-dropped" ["turns", "model"] Method("item/agentMessage/delta") => Drop;
    "delta-twice" ["turns", "model"] Method("item/agentMessage/delta") => Twice;
    "delta-late" ["turns", "model"] Method("item/agentMessage/delta") => Late;
    "delta-cut" ["turns", "model"] Method("item/agentMessage/delta") => Cut("/params/delta");
    "status-dropped" ["turns"] Method("thread/status/changed") => Drop;
    "status-twice" ["turns"] Method("thread/status/changed") => Twice;
    "usage-dropped" ["turns"] Method("thread/tokenUsage/updated") => Drop;
    "usage-twice" ["turns"] Method("thread/tokenUsage/updated") => Twice;
    "rate-limits-dropped" ["turns"] Method("account/rateLimits/updated") => Drop;
    "read-state-dropped" ["turns"] Method("thread/readState/changed") => Drop;
    "settings-not-told" ["persistence", "turns"] Method("thread/settings/updated") => Drop;
    "thread-started-dropped" ["threads"] Method("thread/started") => Drop;
    "thread-started-twice" ["threads"] Method("thread/started") => Twice;
    "question-twice" ["approvals"] Method("item/commandExecution/requestApproval") => Twice;
    "patch-question-twice" ["approvals"] Method("item/fileChange/requestApproval") => Twice;
    "resolution-dropped" ["approvals"] Method("serverRequest/resolved") => Drop;
    "resolution-twice" ["approvals"] Method("serverRequest/resolved") => Twice;
    "resolution-late" ["approvals"] Method("serverRequest/resolved") => Late;
    "error-notice-dropped" ["model"] Method("error") => Drop;
    "diff-dropped" ["tools"] Method("turn/diff/updated") => Drop;
    "warning-dropped" ["turns"] Method("warning") => Drop;
    "reply-twice" ["threads"] Having("/result") => Twice;
    "refusal-twice" ["conflicts"] Having("/error") => Twice;
    // ---- ids
    "answer-id-quoted" ["handshake"] Having("/result") => Quote("/id");
    "answer-id-wrong" ["handshake"] Having("/result") => Add("/id", 1);
    "refusal-id-quoted" ["conflicts"] Having("/error") => Quote("/id");
    "turn-reply-id-wrong" ["turns"] Having("/result/turn/id") => Cut("/result/turn/id");
    "turn-completed-id-wrong" ["turns"] Method("turn/completed") => Cut("/params/turn/id");
    "item-turn-id-wrong" ["turns"] Method("item/started") => Cut("/params/turnId");
    "item-thread-id-wrong" ["turns"] Method("item/completed") => Cut("/params/threadId");
    "delta-item-id-wrong" ["turns"] Method("item/agentMessage/delta") => Cut("/params/itemId");
    "resolution-id-wrong" ["approvals"] Method("serverRequest/resolved") => Add("/params/requestId", 1);
    "question-item-wrong" ["approvals"] Method("item/commandExecution/requestApproval") => Cut("/params/itemId");
    "fork-parent-forgotten" ["persistence", "threads"] Having("/result/thread/forkedFromId") => Set("/result/thread/forkedFromId", "null");
    // ---- values
    "turn-status-wrong" ["turns"] Method("turn/completed") => Set("/params/turn/status", "\"done\"");
    "failure-hidden" ["model"] Where("turn/completed", "/params/turn/status", "failed") => Set("/params/turn/status", "\"completed\"");
    "interruption-hidden" ["turns"] Where("turn/completed", "/params/turn/status", "interrupted") => Set("/params/turn/status", "\"completed\"");
    "turn-error-lost" ["model"] Where("turn/completed", "/params/turn/status", "failed") => Set("/params/turn/error", "null");
    "retry-hidden" ["model"] Method("error") => Set("/params/willRetry", "false");
    "item-type-wrong" ["turns"] Where("item/completed", "/params/item/type", "agentMessage") => Set("/params/item/type", "\"message\"");
    "exit-code-wrong" ["tools", "writes"] Where("item/completed", "/params/item/type", "commandExecution") => Add("/params/item/exitCode", 1);
    "output-cut" ["tools", "writes"] Where("item/completed", "/params/item/type", "commandExecution") => Cut("/params/item/aggregatedOutput");
    "final-text-cut" ["turns"] Where("item/completed", "/params/item/type", "agentMessage") => Cut("/params/item/text");
    "last-message-cut" ["turns"] Method("turn/completed") => Cut("/params/turn/items/0/text");
    "usage-total-wrong" ["turns"] Method("thread/tokenUsage/updated") => Add("/params/tokenUsage/total/totalTokens", -1);
    "status-flag-lost" ["approvals"] Method("thread/status/changed") => Set("/params/status/activeFlags", "[]");
    "sandbox-reported-wider" ["presets", "persistence"] Having("/result/sandbox") => Set("/result/sandbox", "{\"type\":\"dangerFullAccess\"}");
    "policy-reported-wrong" ["presets", "persistence"] Having("/result/approvalPolicy") => Set("/result/approvalPolicy", "\"untrusted\"");
    "reviewer-reported-wrong" ["presets", "persistence"] Having("/result/approvalsReviewer") => Set("/result/approvalsReviewer", "\"none\"");
    "model-reported-wrong" ["threads"] Having("/result/model") => Cut("/result/model");
    "cwd-reported-wrong" ["threads"] Having("/result/cwd") => Set("/result/cwd", "\"/\"");
    "error-code-wrong" ["conflicts"] Having("/error/code") => Add("/error/code", -2);
    "error-text-wrong" ["conflicts"] Having("/error/message") => Cut("/error/message");
    "command-asked-wrong" ["approvals"] Method("item/commandExecution/requestApproval") => Cut("/params/command");
    "time-in-seconds-wrong" ["turns"] Method("turn/completed") => Add("/params/turn/completedAt", -1_000_000);
    "emitted-earlier" ["turns"] Method("turn/completed") => Add("/emittedAtMs", -1_000_000);
    // ---- members that are missing
    "emitted-at-missing" ["turns"] Method("turn/started") => Remove("/emittedAtMs");
    "turn-id-missing" ["turns"] Method("item/completed") => Remove("/params/turnId");
    "duration-missing" ["turns"] Method("turn/completed") => Remove("/params/turn/durationMs");
    "sandbox-missing" ["presets"] Having("/result/sandbox") => Remove("/result/sandbox");
    "user-agent-missing" ["handshake"] Having("/result/userAgent") => Remove("/result/userAgent");
    "cursor-missing" ["threads"] Having("/result/nextCursor") => Remove("/result/nextCursor");
    "decisions-missing" ["approvals"] Method("item/commandExecution/requestApproval") => Remove("/params/availableDecisions");
    // ---- what is enforced, told and kept
    "read-only-writes" ["writes"] Frames::Switch(Switch::ReadOnlyOpen) => Nothing;
    "workspace-write-writes-anywhere" ["writes"] Frames::Switch(Switch::WorkspaceOpen) => Nothing;
    "slash-tmp-closed" ["writes"] Frames::Switch(Switch::SlashTmpClosed) => Nothing;
    "writable-roots-forgotten" ["writes"] Frames::Switch(Switch::RootsForgotten) => Nothing;
    "network-open" ["writes", "tools"] Frames::Switch(Switch::NetworkOpen) => Nothing;
    "told-full-access" ["presets", "persistence"] Frames::Switch(Switch::ToldFullAccess) => Nothing;
    "turn-settings-forgotten" ["persistence", "turns"] Frames::Switch(Switch::SettingsForgotten) => Nothing;
    "fork-widened" ["persistence"] Frames::Switch(Switch::ForkWidened) => Nothing;
}

/// A name that is no mutant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown mutant `{0}`; `mock-codex mutants` lists them")]
pub struct UnknownMutant(pub String);

static ACTIVE: OnceLock<&'static Mutant> = OnceLock::new();

/// Makes this process a mutant; the first one stays the only one.
///
/// # Errors
/// The name is no mutant.
pub(crate) fn activate(name: &str) -> Result<(), UnknownMutant> {
    let mutant = MUTANTS.iter().find(|mutant| mutant.name == name);
    let mutant = mutant.ok_or_else(|| UnknownMutant(name.to_owned()))?;
    ACTIVE.get_or_init(|| mutant);
    Ok(())
}

/// Has this process the defect?
pub(crate) fn is(switch: Switch) -> bool {
    ACTIVE
        .get()
        .is_some_and(|mutant| mutant.frames == Frames::Switch(switch))
}

/// What changes the frames of a client, if this process is a mutant that does.
pub(crate) fn filter() -> Option<Filter> {
    ACTIVE.get().map(|mutant| Filter::of(mutant))
}

/// The table as text, one mutant a line.
pub fn table() -> String {
    let rows: Vec<String> = MUTANTS.iter().map(ToString::to_string).collect();
    rows.join("\n") + "\n"
}

/// The table as a JSON array.
pub fn table_json() -> serde_json::Value {
    MUTANTS
        .iter()
        .map(|mutant| serde_json::json!({"name": mutant.name, "about": mutant.about()}))
        .collect()
}

impl Mutant {
    /// What it does, in one line.
    pub fn about(&self) -> String {
        let frames = match self.frames {
            Method(method) => format!("`{method}`"),
            Having(pointer) => format!("each frame with `{pointer}`"),
            Where(method, pointer, value) => format!("`{method}` with `{value}` at `{pointer}`"),
            Frames::Switch(switch) => return switch.about().to_owned(),
        };
        match self.change {
            Drop => format!("{frames} is not sent"),
            Twice => format!("{frames} is sent twice"),
            Late => format!("{frames} is sent behind the next frame"),
            Set(pointer, value) => format!("{frames} has {value} at `{pointer}`"),
            Remove(pointer) => format!("{frames} lacks `{pointer}`"),
            Quote(pointer) => format!("{frames} has a string for the number at `{pointer}`"),
            Add(pointer, more) => format!("{frames} has the number at `{pointer}` off by {more}"),
            Cut(pointer) => format!("{frames} lacks the last character of `{pointer}`"),
            Nothing => frames,
        }
    }
}

impl Switch {
    fn about(self) -> &'static str {
        match self {
            Self::ReadOnlyOpen => "a command in a read-only sandbox runs without one",
            Self::WorkspaceOpen => "a command in a workspace-write sandbox runs without one",
            Self::SlashTmpClosed => "`/tmp` is not writable under workspace-write",
            Self::RootsForgotten => "additional writable roots are not writable",
            Self::NetworkOpen => "sandboxed commands reach the network",
            Self::ToldFullAccess => "the model is told of full access, whatever is in force",
            Self::SettingsForgotten => "settings of turns are taken, and forgotten",
            Self::ForkWidened => "a fork has no sandbox, whatever the thread has",
        }
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.about())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_each_says_what_it_does() {
        let mut seen = BTreeSet::new();
        for mutant in MUTANTS {
            assert!(seen.insert(mutant.name), "`{}` twice", mutant.name);
            assert!(!mutant.about().is_empty() && !mutant.areas.is_empty());
        }
        assert!(seen.len() >= 60);
    }

    #[test]
    fn an_unknown_mutant_is_named() {
        let error = activate("nope").unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown mutant `nope`; `mock-codex mutants` lists them"
        );
    }
}
