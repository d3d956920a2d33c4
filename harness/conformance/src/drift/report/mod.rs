//! What changed, for people and for programs.

mod json;
mod markdown;
mod text;
mod words;

pub use json::json;
pub use markdown::markdown;
pub use text::text;

use super::Drift;

/// What was compared, in a line.
pub fn summary(drift: &Drift) -> String {
    words::summary(drift)
}

/// What differs on the wire and bears on authority, a line each.
pub fn authority(drift: &Drift) -> Vec<String> {
    let entries = drift.entries.iter().filter_map(|entry| {
        let authority = entry.authority?.words();
        let cases = words::count(entry.cases.len(), "case");
        Some(format!(
            "{} ({authority}), {cases}",
            words::what(&entry.key)
        ))
    });
    entries.collect()
}
