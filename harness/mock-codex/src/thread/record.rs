//! The lines of a rollout file. The format is the mock's own; only the file's place is codex's.
//!
//! The first line is a [`Meta`]. Each later line is one change, written before the change is
//! acknowledged, so that replaying the lines gives the thread back.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Settings;
use super::goal::Goal;
use crate::protocol::reply::{GitInfo, TokenUsage, TurnError, TurnStatus, UnreadPosition};

/// The version of the format that [`Meta::format`] names.
pub(crate) const FORMAT: u32 = 1;

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    /// The first line.
    Meta(Box<Meta>),
    /// The settings from here on.
    Settings(Box<Settings>),
    /// A turn began.
    TurnStarted(TurnStarted),
    /// An item of the running turn was completed.
    Item(StoredItem),
    /// An item of the model's input.
    Input(Box<RawValue>),
    /// The same, where it tells of settings and surroundings.
    Context(Box<RawValue>),
    /// A model response was counted.
    Usage(Usage),
    /// A model response was dropped in its middle, after it had begun.
    Dropped,
    /// A turn ended.
    TurnEnded(TurnEnded),
    /// The model is shown this from here on, instead of everything before.
    Compacted(Vec<Box<RawValue>>),
    /// What comes before was copied from another file: of the thread that this is a fork of, or of
    /// this one before it was reverted.
    Copied,
    /// The thread's goal from here on.
    Goal(Option<Box<Goal>>),
    /// What a list shows of the thread, repeated so that the end of the file has it.
    Summary(Box<Summary>),
}

/// What never changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) format: u32,
    pub(crate) codex: String,
    pub(crate) id: String,
    pub(crate) session_id: String,
    pub(crate) forked_from: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) originator: String,
    pub(crate) thread_source: Option<String>,
}

impl Meta {
    /// Who began it, if they have a name.
    pub(crate) fn originator(&self) -> Option<String> {
        Some(self.originator.clone()).filter(|name| !name.is_empty())
    }

    /// Does anybody read it? codex 0.169.0 keeps a read state for the threads of the user alone.
    pub(crate) fn has_reader(&self) -> bool {
        let source = self.thread_source.as_deref();
        source.is_none_or(|source| source == "user")
    }
}

/// A turn began.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TurnStarted {
    pub(crate) id: String,
    pub(crate) at_ms: i64,
    /// The line that cursors name it by; see [`Ordinals`](super::ordinals::Ordinals).
    pub(crate) line: usize,
    /// Is it one that tells the model nothing of settings: a command of the user, or a compaction?
    #[serde(default)]
    pub(crate) bare: bool,
    /// The turn that it is part of, where it is no turn of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) root: Option<String>,
}

/// A completed item, as turns show it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredItem {
    /// The turn, where it isn't the running one.
    pub(crate) turn: String,
    pub(crate) kind: ItemKind,
    pub(crate) item: Box<RawValue>,
    /// The line that cursors name it by; it is counted when the file is read.
    #[serde(skip)]
    pub(crate) line: usize,
}

/// What a summary of a turn needs to know of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ItemKind {
    User,
    /// A message of the model that says something.
    Agent,
    /// A message of the model without anything in it.
    Blank,
    /// A command of the model.
    Command,
    Other,
}

/// The tokens of a thread.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(crate) turn: String,
    pub(crate) total: TokenUsage,
    pub(crate) last: TokenUsage,
}

/// A turn ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TurnEnded {
    pub(crate) id: String,
    pub(crate) status: TurnStatus,
    pub(crate) error: Option<TurnError>,
    pub(crate) at_ms: i64,
    pub(crate) duration_ms: i64,
    /// Did it end as the model's provider refused its request? Then nothing is said of tokens.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) refused: bool,
}

/// What a list shows of a thread.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) updated_ms: i64,
    /// The beginning of the first thing that the user said; empty before.
    pub(crate) preview: String,
    pub(crate) name: Option<String>,
    pub(crate) cwd: PathBuf,
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) effort: Option<String>,
    pub(crate) unread: Option<Unread>,
    /// When its last turn began.
    #[serde(default)]
    pub(crate) recency_ms: i64,
    #[serde(default)]
    pub(crate) git: Option<GitInfo>,
    #[serde(default)]
    pub(crate) daybreak: Option<bool>,
    /// In a file that a revert made: the beginning of what the user said first since then, which
    /// lists show in place of the preview.
    #[serde(default)]
    pub(crate) since_revert: Option<String>,
    /// Was the model told of the settings? Until then nothing has used a model.
    #[serde(default)]
    pub(crate) told: bool,
}

/// What is unread, under a name that changes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unread {
    pub(crate) first: Option<UnreadPosition>,
    pub(crate) revision: String,
}

impl Record {
    /// The record as one line.
    pub(crate) fn to_line(&self) -> String {
        // Strings, numbers and checked JSON only: this can't fail.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}
