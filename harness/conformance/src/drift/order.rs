//! Which cases come first, where the time may not suffice for all of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::scenario::model::Case;

/// The first case of each scenario, then the second of each that has one, and so on: what a later
/// case of a scenario shows, an earlier one has mostly shown before.
pub(super) fn a_case_of_each_scenario_first(cases: &[Arc<Case>]) -> Vec<Arc<Case>> {
    let mut of_scenario: HashMap<&str, usize> = HashMap::new();
    let mut ranked: Vec<(usize, &Arc<Case>)> = cases
        .iter()
        .map(|case| {
            let rank = of_scenario.entry(&case.scenario).or_default();
            *rank += 1;
            (*rank, case)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked
        .into_iter()
        .map(|(_, case)| Arc::clone(case))
        .collect()
}

/// The scenarios all of whose cases were left out, by name.
pub(super) fn without_any(cases: &[Arc<Case>], left_out: &BTreeSet<&str>) -> Vec<String> {
    let (out, seen): (Vec<_>, Vec<_>) = cases
        .iter()
        .partition(|case| left_out.contains(case.id.as_str()));
    let names = |cases: Vec<&Arc<Case>>| -> BTreeSet<String> {
        cases.iter().map(|case| case.scenario.clone()).collect()
    };
    names(out).difference(&names(seen)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_scenario_has_its_turn_before_any_has_its_second() {
        let ids = ["a/x[1]", "a/x[2]", "a/x[3]", "a/y", "b/z[1]", "b/z[2]"];
        let cases: Vec<Arc<Case>> = ids.iter().map(|id| Arc::new(sample::case(id))).collect();
        let ordered = a_case_of_each_scenario_first(&cases);
        let ids: Vec<&str> = ordered.iter().map(|case| case.id.as_str()).collect();
        assert_eq!(
            ids,
            ["a/x[1]", "a/y", "b/z[1]", "a/x[2]", "b/z[2]", "a/x[3]"]
        );
    }

    #[test]
    fn a_scenario_is_unseen_when_all_of_its_cases_are_left_out() {
        let ids = ["a/x[1]", "a/x[2]", "a/y", "b/z[1]", "b/z[2]"];
        let cases: Vec<Arc<Case>> = ids.iter().map(|id| Arc::new(sample::case(id))).collect();
        let out = |ids: &[&'static str]| without_any(&cases, &ids.iter().copied().collect());
        assert_eq!(out(&[]), [""; 0]);
        assert_eq!(out(&["a/x[2]", "b/z[2]"]), [""; 0]);
        assert_eq!(out(&["a/x[2]", "a/y", "b/z[1]", "b/z[2]"]), ["a/y", "b/z"]);
    }
}
