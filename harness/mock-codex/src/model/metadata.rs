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

/// The models that can be had faster, by the tier `priority`.
const PRIORITY: &[&str] = &[
    "gpt-6.1-sol",
    "gpt-6-astra",
    "gpt-6-sol",
    "gpt-6-luna",
    "gpt-5.6-sol",
    "gpt-6.1-terra",
    "gpt-5.6-terra",
    "gpt-5.6-luna",
    "gpt-5.5",
    "codex-auto-review",
];

/// A tier of service as it is written: `fast` is another name of `priority`.
pub(crate) fn tier(name: String) -> String {
    if name == "fast" {
        "priority".to_owned()
    } else {
        name
    }
}

/// The effort that a model is asked for. codex 0.169.0 has a meaning of its own for `ultra`.
pub(crate) fn asked_effort(effort: &str) -> &str {
    if effort == "ultra" { "medium" } else { effort }
}

/// Is the model asked for this tier? codex 0.169.0 asks every model for `flex`.
pub(crate) fn is_asked_for_tier(model: &str, tier: &str) -> bool {
    tier == "flex" || (tier == "priority" && PRIORITY.contains(&model))
}

impl Metadata {
    /// What is known of the model of this name, which may go on behind a name that is known.
    pub(crate) fn of(model: &str) -> Option<&'static Self> {
        KNOWN.iter().find(|known| model.starts_with(known.name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::PRIORITY;

    #[test]
    fn the_tiers_are_those_of_the_catalog() {
        let catalog: Value = serde_json::from_str(include_str!("../../data/models.json")).unwrap();
        let models = catalog.as_array().unwrap().iter();
        let listed = models.filter(|model| model["serviceTiers"][0]["id"] == "priority");
        let listed: Vec<&str> = listed.map(|model| model["id"].as_str().unwrap()).collect();
        assert_eq!(listed, PRIORITY);
    }
}
