use serde_json::json;

use super::*;

fn frame(kind: &str, content: Value) -> Frame {
    Frame {
        kind: kind.into(),
        text: format!("{kind}\n  {content}\n"),
        content,
    }
}

fn of(left: &[(&str, Value)], right: &[(&str, Value)]) -> Vec<String> {
    let side = |frames: &[(&str, Value)]| -> Wires {
        let frames = frames
            .iter()
            .map(|(kind, content)| frame(kind, content.clone()));
        [Vec::new(), frames.collect(), Vec::new()]
    };
    let found = deltas(&side(left), &side(right));
    let tell = |found: &Found| {
        let Delta {
            kind, path, change, ..
        } = &found.delta;
        format!("{kind} {path} {change:?}")
    };
    found.iter().map(tell).collect()
}

#[test]
fn members_are_told_one_by_one() {
    let left = json!({ "result": { "a": 1, "b": { "c": "x" }, "d": [1, 2] } });
    let right = json!({ "result": { "a": 1, "b": { "c": "y", "e": null }, "d": [2] } });
    assert_eq!(
        of(&[("← r", left)], &[("← r", right)]),
        [
            r#"← r result.b.c Changed("x", "y")"#,
            r#"← r result.b.e Added("null")"#,
            r#"← r result.d[] Gone("a number")"#,
        ]
    );
}

#[test]
fn another_type_is_one_change() {
    let side = |kind: &str, more: &str| json!({ "s": { "type": kind, more: true } });
    assert_eq!(
        of(&[("← r", side("a", "x"))], &[("← r", side("b", "y"))]),
        [r#"← r s Changed("{type: a, …}", "{type: b, …}")"#]
    );
}

#[test]
fn frames_go_come_and_move() {
    let plain = |kind: &'static str| (kind, json!({}));
    let left = [plain("← a"), plain("← b"), plain("← c")];
    let right = [plain("← b"), plain("← a"), plain("← d")];
    let mut told = of(&left, &right);
    told.sort();
    // Which of two that changed places has moved is the same to say.
    let moved = told.iter().filter(|it| it.ends_with(" Moved")).count();
    assert_eq!(moved, 1, "{told:?}");
    told.retain(|it| !it.ends_with(" Moved"));
    assert_eq!(told, [r#"← c  Gone("")"#, r#"← d  Added("")"#]);
}

#[test]
fn items_are_told_apart_by_their_type() {
    let item = |kind: &str| {
        (
            "← item/started",
            json!({ "params": { "item": { "type": kind } } }),
        )
    };
    assert_eq!(
        of(
            &[item("agentMessage")],
            &[item("reasoning"), item("agentMessage")]
        ),
        [r#"← item/started (reasoning)  Added("")"#]
    );
}

#[test]
fn both_frames_can_be_shown() {
    let left: Wires = [vec![], vec![frame("← a", json!({ "x": 1 }))], vec![]];
    let right: Wires = [vec![], vec![frame("← a", json!({ "x": 2 }))], vec![]];
    let found = deltas(&left, &right);
    let shown = found[0].shown([&left, &right]);
    assert_eq!((shown.wire, shown.frame), ("server", 1));
    assert_eq!(shown.sides[0].as_deref(), Some("← a\n  {\"x\":1}"));
}
