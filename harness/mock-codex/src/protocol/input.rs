//! What the client says in a turn, and what it adds to it.
//!
//! As in [`params`](super::params), names and order are those of codex 0.169.0.
#![allow(
    dead_code,
    reason = "some members are here for the error texts that their types give"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One piece of what the user says.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum UserInput {
    Text {
        text: String,
        #[serde(default)]
        text_elements: Vec<TextElement>,
    },
    Image {
        #[serde(flatten)]
        reference: ImageReference,
        #[serde(default)]
        detail: Option<ImageDetail>,
    },
    LocalImage {
        #[serde(default)]
        detail: Option<ImageDetail>,
        path: PathBuf,
    },
    Audio {
        #[serde(flatten)]
        reference: AudioReference,
    },
    LocalAudio {
        path: PathBuf,
    },
    Skill {
        name: String,
        path: PathBuf,
    },
    Mention {
        name: String,
        path: String,
    },
}

/// A part of a text that the client marks.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TextElement {
    byte_range: ByteRange,
    placeholder: Option<String>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
struct ByteRange {
    start: usize,
    end: usize,
}

/// Where an image is.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(crate) enum ImageReference {
    Url { url: String },
    File { file_id: String },
}

/// Where audio is.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(crate) enum AudioReference {
    Url { url: String },
    File { file_id: String },
}

/// How closely the model looks at an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ImageDetail {
    Auto,
    Low,
    High,
    Original,
}

/// Context that the client adds, by its keys.
pub(crate) type AdditionalContext = BTreeMap<String, AdditionalContextEntry>;

/// A piece of context.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct AdditionalContextEntry {
    pub(crate) value: String,
    pub(crate) kind: AdditionalContextKind,
}

/// Where context comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum AdditionalContextKind {
    Untrusted,
    Application,
}

/// The output of a tool that a turn begins with.
#[derive(Debug, Deserialize)]
pub(crate) struct TurnToolOutput {
    name: String,
    namespace: Option<String>,
    output: Value,
    #[serde(default)]
    retain: bool,
}
