//! Items of a turn.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::input::UserInput;
use crate::tools::patch::change::{Change, Kind as ChangeKind};
use crate::tools::patch::difference::unified;

/// An item as notifications and turns show it.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum Item {
    UserMessage(UserMessage),
    AgentMessage(AgentMessage),
    Plan(Plan),
    Reasoning(Reasoning),
    WebSearch(WebSearch),
    CommandExecution(CommandExecution),
    FileChange(FileChange),
    DynamicToolCall(DynamicToolCall),
    ImageView(ImageView),
    ContextCompaction(ContextCompaction),
    EnteredReviewMode(ReviewMode),
    ExitedReviewMode(ReviewMode),
}

/// What the user said.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserMessage {
    pub(crate) id: String,
    pub(crate) client_id: Option<String>,
    pub(crate) content: Vec<UserInput>,
    #[serde(flatten)]
    pub(crate) times: Times,
}

/// What the model said.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AgentMessage {
    pub(crate) moderation: Option<Value>,
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) phase: Option<Value>,
    pub(crate) memory_citation: Option<Value>,
    pub(crate) delivery: Option<Value>,
    pub(crate) questions: Option<Value>,
    #[serde(flatten)]
    pub(crate) times: Times,
}

/// A plan that the model proposes.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Plan {
    pub(crate) id: String,
    pub(crate) text: String,
    #[serde(flatten)]
    pub(crate) times: Times,
}

/// What the model thought.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reasoning {
    pub(crate) id: String,
    pub(crate) summary: Vec<String>,
    pub(crate) content: Vec<String>,
    #[serde(flatten)]
    pub(crate) times: Times,
}

/// A search of the web that the API did by itself.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebSearch {
    pub(crate) id: String,
    pub(crate) query: String,
    pub(crate) action: Value,
    pub(crate) results: Option<Value>,
    #[serde(flatten)]
    pub(crate) times: Times,
}

/// A command that the model ran.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommandExecution {
    pub(crate) id: String,
    pub(crate) plugin_id: Option<Value>,
    pub(crate) script_path: Option<Value>,
    pub(crate) command: String,
    pub(crate) cwd: PathBuf,
    pub(crate) process_id: Option<String>,
    pub(crate) source: &'static str,
    pub(crate) status: &'static str,
    pub(crate) command_actions: Vec<Value>,
    pub(crate) aggregated_output: Option<String>,
    pub(crate) exit_code: Option<i32>,
    pub(crate) duration_ms: Option<u64>,
    #[serde(flatten)]
    pub(crate) times: Times,
}

/// A call of a tool that the client brought.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DynamicToolCall {
    pub(crate) id: String,
    pub(crate) namespace: Option<String>,
    pub(crate) tool: String,
    pub(crate) arguments: Value,
    pub(crate) status: &'static str,
    pub(crate) content_items: Option<Vec<Value>>,
    pub(crate) success: Option<bool>,
    pub(crate) duration_ms: Option<u64>,
    #[serde(flatten)]
    pub(crate) times: Times,
}

/// An image that the model looks at.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageView {
    pub(crate) id: String,
    pub(crate) path: PathBuf,
    #[serde(flatten)]
    pub(crate) times: Times,
}

/// A patch of the model.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileChange {
    pub(crate) id: String,
    pub(crate) changes: Vec<FileUpdate>,
    pub(crate) status: &'static str,
    #[serde(flatten)]
    pub(crate) times: Times,
}

/// What a patch does to one file.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FileUpdate {
    pub(crate) path: PathBuf,
    pub(crate) kind: FileUpdateKind,
    /// The whole text of a file that comes or goes, else the difference.
    pub(crate) diff: String,
}

/// How a file changes.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum FileUpdateKind {
    Add,
    Delete,
    Update { move_path: Option<PathBuf> },
}

impl FileChange {
    /// A patch that has begun.
    pub(crate) fn new(id: &str, changes: &[Change], times: Times) -> Self {
        Self {
            id: id.to_owned(),
            changes: changes.iter().map(FileUpdate::of).collect(),
            status: "inProgress",
            times,
        }
    }
}

impl FileUpdate {
    fn of(change: &Change) -> Self {
        let (kind, diff) = match &change.kind {
            ChangeKind::Add { content } => (FileUpdateKind::Add, content.clone()),
            ChangeKind::Delete { old } => (FileUpdateKind::Delete, old.clone()),
            ChangeKind::Update { old, new, move_to } => {
                let mut diff = unified(old, new, 1);
                if let Some(to) = move_to {
                    // Writing to a string can't fail.
                    let _ = write!(diff, "\n\nMoved to: {}", to.display());
                }
                let move_path = move_to.clone();
                (FileUpdateKind::Update { move_path }, diff)
            }
        };
        Self {
            path: change.path.clone(),
            kind,
            diff,
        }
    }
}

/// The model's input was replaced by a summary.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContextCompaction {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) times: Times,
}

/// A review began, or came to its end.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReviewMode {
    pub(crate) id: String,
    /// What is reviewed, or what came of it, for people.
    pub(crate) review: String,
    #[serde(flatten)]
    pub(crate) times: Times,
}

/// When an item started and completed, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Times {
    pub(crate) started_at_ms: i64,
    pub(crate) completed_at_ms: Option<i64>,
}

impl Times {
    /// Started at `ms`, still open.
    pub(crate) fn started(ms: i64) -> Self {
        Self {
            started_at_ms: ms,
            completed_at_ms: None,
        }
    }
}

impl Item {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::UserMessage(item) => &item.id,
            Self::AgentMessage(item) => &item.id,
            Self::Plan(item) => &item.id,
            Self::Reasoning(item) => &item.id,
            Self::WebSearch(item) => &item.id,
            Self::CommandExecution(item) => &item.id,
            Self::FileChange(item) => &item.id,
            Self::DynamicToolCall(item) => &item.id,
            Self::ImageView(item) => &item.id,
            Self::ContextCompaction(item) => &item.id,
            Self::EnteredReviewMode(item) | Self::ExitedReviewMode(item) => &item.id,
        }
    }

    pub(crate) fn times_mut(&mut self) -> &mut Times {
        match self {
            Self::UserMessage(item) => &mut item.times,
            Self::AgentMessage(item) => &mut item.times,
            Self::Plan(item) => &mut item.times,
            Self::Reasoning(item) => &mut item.times,
            Self::WebSearch(item) => &mut item.times,
            Self::CommandExecution(item) => &mut item.times,
            Self::FileChange(item) => &mut item.times,
            Self::DynamicToolCall(item) => &mut item.times,
            Self::ImageView(item) => &mut item.times,
            Self::ContextCompaction(item) => &mut item.times,
            Self::EnteredReviewMode(item) | Self::ExitedReviewMode(item) => &mut item.times,
        }
    }
}
