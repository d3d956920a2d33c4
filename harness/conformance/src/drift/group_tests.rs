use serde_json::{Value, json};

use super::*;
use crate::normalise::Frame;

fn wires(frames: &[(&str, Value)]) -> Wires {
    let frame = |(kind, content): &(&str, Value)| Frame {
        kind: (*kind).to_owned(),
        text: format!("{kind}\n  {content}\n"),
        content: content.clone(),
    };
    [Vec::new(), frames.iter().map(frame).collect(), Vec::new()]
}

fn thread(kind: &'static str, name: &Value) -> (&'static str, Value) {
    (kind, json!({ "params": { "thread": { "name": name } } }))
}

#[test]
fn one_difference_in_many_cases_and_frames_is_one_entry() {
    let mut groups = Groups::default();
    for case in ["a/one", "a/two", "b/three"] {
        let side = |name: &Value| {
            wires(&[
                thread("← thread/started", name),
                thread("← thread/list", name),
            ])
        };
        groups.add(case, [&side(&json!("x")), &side(&json!(null))], None);
    }
    let entries = groups.into_entries();
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0].key.subject, "name");
    assert_eq!(entries[0].cases.len(), 3);
    assert_eq!(entries[0].places.values().collect::<Vec<_>>(), [&3, &3]);
    assert_eq!(entries[0].example.0, "a/one");
}

#[test]
fn other_values_are_other_entries_and_authority_comes_first() {
    let mut groups = Groups::default();
    let policy = |value: &str| wires(&[("← x", json!({ "approvalPolicy": value }))]);
    let status = |value: &str| wires(&[("← y", json!({ "status": value }))]);
    groups.add("a/1", [&status("a"), &status("b")], None);
    groups.add("a/2", [&status("a"), &status("b")], None);
    groups.add("a/3", [&status("b"), &status("a")], None);
    groups.add("a/4", [&policy("never"), &policy("on-request")], None);
    let entries = groups.into_entries();
    let told: Vec<_> = entries
        .iter()
        .map(|it| (it.key.subject.as_str(), it.cases.len()))
        .collect();
    assert_eq!(told, [("approvalPolicy", 1), ("status", 2), ("status", 1)]);
    assert_eq!(entries[0].authority, Some(Authority::Approvals));
}

#[test]
fn the_mock_is_on_a_side() {
    let status = |value: &str| wires(&[("← y", json!({ "status": value }))]);
    let mut groups = Groups::default();
    for (case, mock) in [("a/1", "old"), ("a/2", "new"), ("a/3", "other")] {
        groups.add(case, [&status("old"), &status("new")], Some(&status(mock)));
    }
    let entries = groups.into_entries();
    let stand = Stand {
        first: 1,
        second: 1,
        neither: 1,
    };
    assert_eq!(entries[0].mock, Some(stand));
}

#[test]
fn what_a_second_look_does_not_show_is_taken_out() {
    let status = |value: &str| wires(&[("← y", json!({ "status": value }))]);
    let moved = |values: [&str; 2]| {
        let [first, second] = values.map(|value| ("← z", json!({ "x": value })));
        wires(&[first, second])
    };
    let mut groups = Groups::default();
    groups.add("a/1", [&status("a"), &status("b")], None);
    groups.add("a/2", [&moved(["p", "q"]), &moved(["q", "p"])], None);
    assert_eq!(groups.rare(1).len(), 2);
    let mut again = Groups::default();
    again.add("a/1", [&status("a"), &status("b")], None);
    let looked = BTreeSet::from(["a/1".to_owned(), "a/2".to_owned()]);
    let lost = groups.unconfirmed(&looked, |key| again.has(key) || again.has(&key.reversed()));
    assert!(!lost.is_empty() && lost.iter().all(|it| it.cases.contains("a/2")));
    assert_eq!(groups.into_entries().len(), 1);
}
