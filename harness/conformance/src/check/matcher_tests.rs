//! Every matcher once where it holds and once where it fails, with what it says then.

use serde_json::json;

use super::*;

fn eq(value: Value) -> Matcher {
    Matcher::Equal(value)
}

fn object(members: &[(&str, Matcher)]) -> Matcher {
    Matcher::Object(
        members
            .iter()
            .map(|(name, m)| ((*name).to_owned(), m.clone()))
            .collect(),
    )
}

/// Holds for `good`; says `message` for `bad`.
fn check(matcher: &Matcher, good: &Value, bad: &Value, message: &str) {
    assert_eq!(
        evaluate(matcher, Some(good)),
        Ok(()),
        "{matcher:?} on {good}"
    );
    let mismatch = evaluate(matcher, Some(bad)).unwrap_err();
    assert_eq!(mismatch.to_string(), message);
}

#[test]
fn each_matcher_holds_and_fails_with_a_message_that_a_stranger_understands() {
    let b = Box::new;
    check(
        &eq(json!(1)),
        &json!(1.0),
        &json!("1"),
        "`$`: expected `1`, got `\"1\"`",
    );
    check(
        &eq(json!("")),
        &json!(""),
        &json!(null),
        "`$`: expected an empty string, got `null`",
    );
    check(
        &object(&[(
            "sandbox",
            object(&[("type", eq(json!("dangerFullAccess")))]),
        )]),
        &json!({"sandbox": {"type": "dangerFullAccess", "x": 1}}),
        &json!({"sandbox": {"type": "readOnly"}}),
        "`$.sandbox.type`: expected `dangerFullAccess`, got `readOnly`",
    );
    check(
        &Matcher::Array(vec![eq(json!(1)), eq(json!(2))]),
        &json!([1, 2]),
        &json!([1, 3]),
        "`$[1]`: expected `2`, got `3`",
    );
    check(
        &Matcher::Array(vec![eq(json!(1))]),
        &json!([1]),
        &json!([1, 2]),
        "`$`: expected a list of 1, got a list of 2: `[1,2]`",
    );
    check(
        &Matcher::Contains(b(eq(json!("b c")))),
        &json!("a b c d"),
        &json!("a bc"),
        "`$`: expected something that contains `b c`, got `a bc`",
    );
    check(
        &Matcher::Contains(b(object(&[("id", eq(json!(1)))]))),
        &json!([{"id": 2}, {"id": 1}]),
        &json!([{"id": 2}]),
        "`$`: expected something that contains an object with `id`, got a list of 1: `[{\"id\":2}]`",
    );
    check(
        &Matcher::Matches("^a+$".into()),
        &json!("aaa"),
        &json!("ab"),
        "`$`: expected a string that matches `^a+$`, got `ab`",
    );
    check(
        &Matcher::AnyOf(vec![eq(json!("a")), eq(json!("b"))]),
        &json!("b"),
        &json!("c"),
        "`$`: expected `a` or `b`, got `c`",
    );
    check(
        &Matcher::AllOf(vec![
            Matcher::Type("string".into()),
            Matcher::Matches("x".into()),
        ]),
        &json!("x"),
        &json!("y"),
        "`$`: expected a string that matches `x`, got `y`",
    );
    check(
        &Matcher::Not(b(eq(json!(0)))),
        &json!(1),
        &json!(0),
        "`$`: expected anything but `0`, got `0`",
    );
    check(
        &Matcher::Type("integer".into()),
        &json!(1),
        &json!(1.5),
        "`$`: expected an integer, got `1.5`",
    );
    check(
        &Matcher::Length(b(eq(json!(2)))),
        &json!("éa"),
        &json!([1]),
        "`$`: expected a length of `2`, got a length of 1",
    );
    check(
        &Matcher::Each(b(Matcher::Type("number".into()))),
        &json!([1, 2.5]),
        &json!([1, "a"]),
        "`$[1]`: expected a number, got `a`",
    );
    check(
        &Matcher::SameAs(json!({"a": [1]})),
        &json!({"a": [1.0]}),
        &json!({"a": [1], "b": 2}),
        "`$`: expected `{\"a\":[1]}`, got `{\"a\":[1],\"b\":2}`",
    );
}

#[test]
fn members_that_must_or_must_not_be_there() {
    check(
        &object(&[("error", Matcher::Absent(true))]),
        &json!({}),
        &json!({"error": null}),
        "`$.error`: expected nothing, got `null`",
    );
    check(
        &object(&[("a b", Matcher::Absent(false))]),
        &json!({"a b": null}),
        &json!({}),
        "`$[\"a b\"]`: expected any value, got nothing (it isn't there)",
    );
    assert!(evaluate(&eq(json!(null)), None).is_err());
}

#[test]
fn a_preset_wants_its_members_and_none_of_the_others() {
    let bypass = Matcher::Preset(json!({
        "method": "thread/start",
        "approval_mode": "dangerously_bypass_approvals_and_sandbox",
    }));
    let good = json!({"approvalPolicy": "never", "sandbox": "danger-full-access", "cwd": "/w"});
    check(
        &bypass,
        &good,
        &json!({"approvalPolicy": "never"}),
        "`$.sandbox`: expected `danger-full-access`, got nothing (it isn't there)",
    );
    let mut more = good;
    more["sandboxPolicy"] = json!({"type": "readOnly"});
    let mismatch = evaluate(&bypass, Some(&more)).unwrap_err();
    assert_eq!(mismatch.path, "$.sandboxPolicy");
}

#[test]
fn a_preset_matches_every_row_of_the_table_and_says_why_a_refused_one_cannot() {
    for row in codex_wire::preset::table() {
        let choice = json!({
            "method": row.method.verb(),
            "approval_mode": row.approval_mode.map(codex_wire::preset::ApprovalMode::name),
            "sandbox": row.sandbox.map(codex_wire::preset::SandboxPreset::name),
        });
        match (preset(&choice), row.wire) {
            (Ok(got), Ok(wire)) => {
                assert_eq!(got, wire);
                assert!(evaluate(&Matcher::Preset(choice), Some(&Value::Object(wire))).is_ok());
            }
            (Err(got), Err(refused)) => assert_eq!(got, refused.to_string()),
            other => panic!("{choice}: {other:?}"),
        }
    }
}

#[test]
fn long_values_are_cut_and_large_integers_are_told_apart() {
    let message = evaluate(&eq(json!(1)), Some(&json!("x".repeat(5000))))
        .unwrap_err()
        .to_string();
    assert!(message.ends_with("… (5000 characters)`"), "{message}");
    let (a, b) = (
        json!(9_007_199_254_740_993_u64),
        json!(9_007_199_254_740_992_u64),
    );
    assert!(evaluate(&eq(a), Some(&b)).is_err());
}
