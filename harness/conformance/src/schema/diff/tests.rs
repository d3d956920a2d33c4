use codex_wire::schema::Schema;
use serde_json::{Value, json};

use super::*;

/// A version with one method, `a/do`, and these definitions.
fn version(version: &str, definitions: &Value) -> Schema {
    let mut all = json!({
        "ClientRequest": { "oneOf": [{ "properties": {
            "method": { "enum": ["a/do"] }, "params": { "$ref": "#/definitions/AParams" },
        } }] },
        "AParams": { "type": "object" },
        "AResponse": { "type": "object" },
    });
    for (name, definition) in definitions.as_object().unwrap() {
        all[name] = definition.clone();
    }
    let text = json!({ "version": version, "experimental": [], "definitions": all });
    Schema::parse(&text.to_string()).unwrap()
}

fn diff(before: &Value, after: &Value) -> Diff {
    Diff::between(&version("1", before), &version("2", after))
}

/// The changes as lines: whom it breaks, what, where, detail.
fn changes(before: &Value, after: &Value) -> Vec<String> {
    let lines = diff(before, after).changes.into_iter().map(|change| {
        let breaks = match (change.breaks.readers, change.breaks.writers) {
            (true, true) => "both",
            (true, false) => "readers",
            (false, true) => "writers",
            (false, false) => "nobody",
        };
        let (what, subject) = (change.what.words(), change.subject.words());
        let Change { place, detail, .. } = change;
        let line = format!("{breaks}: {subject} {what} {place} {detail}");
        line.trim_end().to_owned()
    });
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

/// Two forms of an object, as `AParams` or as `AResponse`.
fn forms(of: &str) -> [Value; 2] {
    let object = |properties: Value, required: &[&str]| json!({ of: { "type": "object", "properties": properties, "required": required } });
    let before = json!({
        "gone": true, "may": true, "must": true,
        "word": { "type": "string", "enum": ["a", "b"] }, "n": { "type": "integer" },
    });
    let after = json!({
        "may": true, "must": true, "more": true, "needed": true,
        "word": { "type": "string", "enum": ["b", "c"] }, "n": { "type": ["integer", "null"] },
    });
    [object(before, &["must"]), object(after, &["may", "needed"])]
}

#[test]
fn what_a_client_writes_must_stay_acceptable() {
    let [before, after] = forms("AParams");
    assert_eq!(
        changes(&before, &after),
        [
            "nobody: member added AParams.more",
            "nobody: member now optional AParams.must",
            "nobody: type takes more AParams.n integer → integer | null",
            "nobody: value added AParams.word c",
            "writers: member added AParams.needed required",
            "writers: member now required AParams.may",
            "writers: member removed AParams.gone",
            "writers: value removed AParams.word a",
        ]
    );
}

#[test]
fn what_a_client_reads_must_stay_as_it_was_known() {
    let [before, after] = forms("AResponse");
    assert_eq!(
        changes(&before, &after),
        [
            "nobody: member added AResponse.more",
            "nobody: member added AResponse.needed required",
            "nobody: member now required AResponse.may",
            "nobody: value removed AResponse.word a",
            "readers: member now optional AResponse.must",
            "readers: member removed AResponse.gone",
            "readers: type takes more AResponse.n integer → integer | null",
            "readers: value added AResponse.word c",
        ]
    );
}

#[test]
fn a_type_under_another_name_is_the_same() {
    let of = |name: &str, words: &[&str]| {
        json!({
            "AParams": { "type": "object", "properties": { "mode": { "anyOf": [
                { "$ref": format!("#/definitions/{name}") }, { "type": "null" },
            ] } } },
            name: { "type": "string", "enum": words },
        })
    };
    let inline = json!({ "AParams": { "type": "object", "properties": {
        "mode": { "type": ["string", "null"], "enum": ["x", "y", null] },
    } } });
    let none: [&str; 0] = [];
    assert_eq!(
        changes(&of("Old", &["x", "y"]), &of("New", &["x", "y"])),
        none
    );
    assert_eq!(changes(&of("Old", &["x", "y"]), &inline), none);
    assert_eq!(
        changes(&of("Old", &["x", "y"]), &of("New", &["x"])),
        ["writers: value removed AParams.mode y"]
    );
}

#[test]
fn alternatives_are_compared_by_their_tags() {
    let of = |tags: &[(&str, &str)]| {
        let all: Vec<Value> = tags
            .iter()
            .map(|(tag, member)| {
                json!({ "type": "object", "required": ["type"],
                        "properties": { "type": { "enum": [tag] }, *member: true } })
            })
            .collect();
        json!({ "AResponse": { "oneOf": all } })
    };
    assert_eq!(
        changes(
            &of(&[("a", "x"), ("b", "y")]),
            &of(&[("a", "z"), ("c", "y")])
        ),
        [
            "nobody: member added AResponse(a).z",
            "nobody: value removed AResponse b",
            "readers: member removed AResponse(a).x",
            "readers: value added AResponse c",
        ]
    );
}

#[test]
fn an_object_that_gets_alternatives_keeps_its_members() {
    let of =
        |body: Value| json!({ "AParams": { "type": "object", "properties": { "body": body } } });
    let url = json!({ "type": "object", "required": ["url"], "properties": { "url": true } });
    let file = json!({ "type": "object", "required": ["file"], "properties": { "file": true } });
    assert_eq!(
        changes(&of(url.clone()), &of(json!({ "oneOf": [url, file] }))),
        [
            "nobody: member added AParams.body.file",
            "nobody: member now optional AParams.body.url",
        ]
    );
}

#[test]
fn a_word_that_becomes_an_object_is_one_change() {
    let of = |denied: Value| {
        json!({ "AParams": { "type": "object", "properties": { "decision": { "oneOf": [
            { "type": "string", "enum": ["approved"] }, denied,
        ] } } } })
    };
    let word = json!({ "type": "string", "enum": ["denied"] });
    let object = json!({ "type": "object", "required": ["denied"], "additionalProperties": false,
                         "properties": { "denied": { "type": "string" } } });
    let lines = changes(&of(word), &of(object));
    let expected = "writers: value changed AParams.decision denied (a word → an object)";
    assert!(lines.contains(&expected.to_owned()), "{lines:?}");
    assert!(
        !lines.iter().any(|line| line.contains("removed")),
        "{lines:?}"
    );
}

#[test]
fn methods_come_and_go() {
    let with = |kind: &str, method: &str| json!({ kind: { "oneOf": [{ "properties": { "method": { "enum": [method] } } }] } });
    assert_eq!(
        changes(
            &with("ClientRequest", "b/do"),
            &with("ClientRequest", "c/do")
        ),
        ["nobody: method added c/do", "writers: method removed b/do"]
    );
    assert_eq!(
        changes(
            &with("ServerRequest", "b/do"),
            &with("ServerRequest", "c/do")
        ),
        [
            "nobody: server request removed b/do",
            "readers: server request added c/do",
        ]
    );
    assert_eq!(
        changes(&with("ServerNotification", "b/did"), &json!({})),
        ["readers: notification removed b/did"]
    );
}

#[test]
fn authority_comes_first_and_decides_the_exit() {
    let of = |names: &[&str]| {
        let properties: Value = names
            .iter()
            .map(|name| ((*name).to_owned(), json!(true)))
            .collect();
        json!({ "AParams": { "type": "object", "properties": properties } })
    };
    let found = diff(&of(&["colour", "sandboxPolicy"]), &of(&["aaa", "colour"]));
    let places: Vec<&str> = found.changes.iter().map(|it| it.place.as_str()).collect();
    assert_eq!(places, ["AParams.sandboxPolicy", "AParams.aaa"]);
    assert_eq!(found.changes[0].authority, Some(Authority::Sandbox));
    assert_eq!(
        found.changes[0].methods,
        BTreeSet::from(["a/do".to_owned()])
    );
    assert!(found.has(FailOn::Breaking) && found.has(FailOn::Authority));

    let harmless = diff(&of(&[]), &of(&["colour"]));
    assert!(!harmless.has(FailOn::Breaking) && !harmless.has(FailOn::Authority));
    assert!(harmless.has(FailOn::Any));
    assert!(!diff(&of(&[]), &of(&[])).has(FailOn::Any));
}

#[test]
fn the_report_for_programs_is_as_described() {
    let [before, after] = forms("AParams");
    let report = report::json(&diff(&before, &after));
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/schema-diff.schema.json"
    );
    let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&report)
        .map(|it| it.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}
