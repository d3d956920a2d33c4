//! Choosing cases by name.

use std::sync::Arc;

use super::model::Case;

/// The cases that any filter chooses; all of them if there is no filter.
///
/// | filter | chooses cases |
/// | --- | --- |
/// | `text` | whose id contains it |
/// | `=id` | with exactly this id |
/// | `@area` | of this area, and of those below it |
/// | `tag:NAME` | with this tag |
pub fn select<S: AsRef<str>>(cases: &[Arc<Case>], filters: &[S]) -> Vec<Arc<Case>> {
    let chosen = |case: &&Arc<Case>| {
        filters.is_empty() || filters.iter().any(|filter| chooses(filter.as_ref(), case))
    };
    cases.iter().filter(chosen).cloned().collect()
}

fn chooses(filter: &str, case: &Case) -> bool {
    if let Some(tag) = filter.strip_prefix("tag:") {
        return case.tags.iter().any(|given| given == tag);
    }
    if let Some(area) = filter.strip_prefix('@') {
        let rest = case.scenario.strip_prefix(area.trim_end_matches('/'));
        return rest.is_some_and(|rest| rest.starts_with('/'));
    }
    match filter.strip_prefix('=') {
        Some(id) => case.id == id,
        None => case.id.contains(filter),
    }
}
