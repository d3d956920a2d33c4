//! The matrix as data: what `--json` writes, and what is kept below `fixtures/permissions`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::reach::{Deed, Reach};
use super::way::Moment;

/// The version of this format. A reader refuses others.
pub const VERSION: u32 = 1;

/// What is in force on each of some targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Matrix {
    /// The version of the format: 1.
    pub version: u32,
    /// One for each target, in the order in which they were named.
    pub targets: Vec<OfTarget>,
}

/// What is in force on a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OfTarget {
    /// Its name, for example `codex@0.169.0`.
    pub target: String,
    /// All cells, in the order of the sessions and of their moments.
    pub cells: Vec<Cell>,
}

/// What is in force at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// The configured default.
    pub configured: String,
    /// How the permissions were set.
    pub way: String,
    /// The moment.
    pub moment: Moment,
    /// What was seen.
    pub seen: Seen,
    /// What is wrong about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// What was seen at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all of them are the largest variant"
)]
pub enum Seen {
    /// A turn ran, and its command told what it could do.
    InForce {
        /// By replies and notifications to the client.
        reported: Option<Reported>,
        /// By the request to the model.
        told: Option<Told>,
        /// What the command could do.
        enforced: Reach,
    },
    /// The app-server has no such method or member.
    NotThere {
        /// What it said.
        why: String,
    },
    /// There was no turn, or its command told nothing.
    Failed {
        /// What happened instead.
        why: String,
    },
}

/// What the client was told last of the thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reported {
    /// The sandbox, spelled as the model is told it: `workspace-write`.
    pub mode: String,
    /// What it lets commands do; none for a sandbox that is not known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Reach>,
    /// `approvalPolicy`
    pub approval: String,
    /// `approvalsReviewer`
    pub reviewer: String,
    /// The id of `activePermissionProfile`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// What the model was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Told {
    /// `sandbox` of the turn's metadata: `seccomp`, `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// `sandbox_mode` of the turn's metadata, which older versions don't have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// `sandbox_mode` by the text about permissions that came last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Is there a network, by that text?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<bool>,
    /// Does that text say that nobody is ever asked?
    #[serde(default)]
    pub never_asks: bool,
}

/// Something that is wrong about a cell.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Finding {
    /// In which way.
    pub kind: Kind,
    /// What it is, in a sentence without the way and the moment.
    pub message: String,
}

/// The kinds of findings, the gravest first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Commands can do more than was asked for, or than they could before.
    Widened,
    /// What is reported, told and enforced is not the same.
    Disagreement,
    /// Commands can do less than was asked for.
    Lost,
    /// Approvals or the profile are others than was asked for.
    Changed,
    /// There is nothing to judge.
    Failed,
}

impl Kind {
    /// All of them, the gravest first.
    pub const ALL: [Self; 5] = [
        Self::Widened,
        Self::Disagreement,
        Self::Lost,
        Self::Changed,
        Self::Failed,
    ];

    /// In a cell, and at the head of a list.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Widened => "wider",
            Self::Disagreement => "disagrees",
            Self::Lost => "lost",
            Self::Changed => "changed",
            Self::Failed => "failed",
        }
    }
}

impl Cell {
    /// The id of the scenario that shows it.
    pub fn scenario(&self) -> String {
        format!("{}/{}", self.configured, self.way)
    }

    /// What is in force, in a few words: `workspace-write, network`.
    pub fn label(&self) -> String {
        match &self.seen {
            Seen::InForce {
                reported: Some(reported),
                ..
            } => reported.label(),
            Seen::InForce { enforced, .. } => format!("not reported; {}", enforced.names()),
            Seen::NotThere { .. } => "not there".to_owned(),
            Seen::Failed { .. } => "-".to_owned(),
        }
    }
}

impl Reported {
    /// The sandbox, with what is unusual about it.
    pub fn label(&self) -> String {
        label(&self.mode, self.reach.as_ref())
    }
}

/// A sandbox in a few words: its mode, and what is unusual for an enclosure.
pub fn label(mode: &str, reach: Option<&Reach>) -> String {
    let mut label = mode.to_owned();
    if let Some(reach) = reach.filter(|reach| !reach.has(Deed::Outside)) {
        if reach.has(Deed::Connect) {
            label += ", network";
        }
        if reach.has(Deed::Inside) && !reach.has(Deed::Tmp) {
            label += ", no /tmp";
        }
    }
    label
}

impl OfTarget {
    /// All findings, with their cells.
    pub fn findings(&self) -> impl Iterator<Item = (&Cell, &Finding)> {
        self.cells
            .iter()
            .flat_map(|cell| cell.findings.iter().map(move |finding| (cell, finding)))
    }
}

/// Why a text is no matrix.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// It is no JSON, or has not the members.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It has another version.
    #[error("it has the format {0}, and {VERSION} is the one that is known")]
    Version(u32),
}

impl Matrix {
    /// These targets.
    pub fn of(targets: Vec<OfTarget>) -> Self {
        Self {
            version: VERSION,
            targets,
        }
    }

    /// Reads what [`Self::text`] wrote.
    ///
    /// # Errors
    /// It is no matrix of this version.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let matrix: Self = serde_json::from_str(text)?;
        if matrix.version != VERSION {
            return Err(ParseError::Version(matrix.version));
        }
        Ok(matrix)
    }

    /// As JSON, a cell a line, so that a change shows as the lines that it is.
    pub fn text(&self) -> String {
        let targets = self.targets.iter().map(|of| {
            let cells: Vec<String> = of
                .cells
                .iter()
                .map(|cell| json!(cell).to_string())
                .collect();
            format!(
                "{{\"target\":{},\"cells\":[\n{}\n]}}",
                json!(of.target),
                cells.join(",\n")
            )
        });
        let targets: Vec<String> = targets.collect();
        format!(
            "{{\"version\":{},\"targets\":[\n{}\n]}}\n",
            self.version,
            targets.join(",\n")
        )
    }

    /// The JSON Schema of the format.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }
}
