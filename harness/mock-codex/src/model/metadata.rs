//! What codex knows of models, as far as it was observed.

/// What is known of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) name: &'static str,
    /// Is it offered the custom tool `apply_patch`?
    pub(crate) patches: bool,
    /// The effort that it is asked for unless another is set.
    pub(crate) effort: &'static str,
    pub(crate) verbosity: &'static str,
}

/// The models that requests were recorded for.
const KNOWN: &[Metadata] = &[Metadata {
    name: "gpt-5.5",
    patches: true,
    effort: "medium",
    verbosity: "low",
}];

impl Metadata {
    /// What is known of the model of this name.
    pub(crate) fn of(model: &str) -> Option<&'static Self> {
        KNOWN.iter().find(|known| known.name == model)
    }
}
