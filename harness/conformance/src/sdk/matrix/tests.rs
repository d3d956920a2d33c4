use serde_json::{Value, json};

use super::saved::{Identity, Problem, Results, SavedCase};
use super::*;

fn case(client: &str, id: &str, status: &str, message: &str) -> SavedCase {
    let checks = if message.is_empty() {
        json!([{"id": "open", "status": "passed", "message": ""}])
    } else {
        json!([{"id": "sdk.options", "status": "failed", "message": message}])
    };
    serde_json::from_value(json!({
        "id": id,
        "scenario": id.split('[').next(),
        "target": "mock",
        "client": client,
        "status": status,
        "duration_us": 1,
        "checks": checks,
        "skip_reason": null,
    }))
    .unwrap()
}

fn results(cases: &[(&str, &str)]) -> Results {
    let cases = cases.iter().enumerate();
    Results {
        cases: cases
            .map(|(number, (client, status))| case(client, &format!("sdk/{number}"), status, ""))
            .collect(),
        ..Results::default()
    }
}

#[test]
fn what_is_unsupported_is_never_green() {
    let state = |statuses: &[&str]| {
        let cases: Vec<(&str, &str)> = statuses.iter().map(|status| ("x", *status)).collect();
        let matrix = Matrix::of(results(&cases));
        let badge = badge::all(&matrix).remove("x.json").unwrap();
        let color = badge["color"].as_str().unwrap().to_owned();
        (matrix.rows[0].all.counts.state().word(), color)
    };
    for (statuses, word, color) in [
        (&["passed"][..], "passed", "brightgreen"),
        (&["passed", "skipped"], "passed", "brightgreen"),
        (&["passed", "unsupported"], "passed", "yellowgreen"),
        (&["unsupported", "unsupported"], "unsupported", "lightgrey"),
        (&["skipped", "unsupported"], "unsupported", "lightgrey"),
        (&["skipped"], "skipped", "lightgrey"),
        (&["passed", "known"], "known", "yellow"),
        (&["passed", "known", "failed"], "failed", "red"),
        (&["broken"], "failed", "red"),
    ] {
        assert_eq!(state(statuses), (word, color.to_owned()), "{statuses:?}");
    }
}

#[test]
fn each_client_has_a_badge_with_a_name_that_is_a_files() {
    let clients = ["cmd:a b", "cmd:a/b", "python/x", "cmd:../../etc/passwd"];
    let mut results = results(&clients.map(|client| (client, "passed")));
    let sdk = Identity {
        name: "@scope/my sdk".into(),
        version: "1".into(),
    };
    results.clients = clients[..2]
        .iter()
        .map(|client| ((*client).to_owned(), sdk.clone()))
        .collect();
    let badges = badge::all(&Matrix::of(results));
    let names: Vec<&str> = badges.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "cmd-..-..-etc-passwd.json",
            "python-x.json",
            "scope-my-sdk-2.json",
            "scope-my-sdk.json"
        ]
    );
}

#[test]
fn what_an_sdk_says_is_no_markup() {
    let message = "<img src=x> | ``two`` `\n  second line\nthird line";
    let matrix = Matrix::of(Results {
        cases: vec![case("cmd:a|b", "sdk/x", "failed", message)],
        ..Results::default()
    });
    let page = markdown::write(&matrix);
    assert!(
        page.contains("```<img src=x> | ``two`` `; second line```"),
        "{page}"
    );
    assert!(!page.contains("third line"), "{page}");
    assert!(page.contains(r"| `cmd:a\|b` |  | `mock` |"), "{page}");
}

#[test]
fn each_reason_is_told_once_with_its_cases_on_each_target() {
    let mut known = case("x", "sdk/a", "known", "wrong");
    known.known_reason = Some("it <b>hangs</b> (https://example.com/1)".into());
    let mut other = known.clone();
    other.target = "codex@1.0.0".into();
    let twice = SavedCase {
        id: "sdk/b".into(),
        ..known.clone()
    };
    let matrix = Matrix::of(Results {
        cases: vec![known, twice, other],
        ..Results::default()
    });
    let page = markdown::write(&matrix);
    let line = "- `x`\n  - it &lt;b>hangs&lt;/b> (https://example.com/1): 2 cases on `mock`, 1 case on `codex@1.0.0`\n";
    assert!(page.contains(line), "{page}");
    let row = &json::write(&matrix)["rows"][0];
    assert_eq!(row["reasons"][0]["cases"], 2);
    let text = text::write(&matrix);
    assert!(text.contains("\n  2 known: it <b>hangs"), "{text}");
    let junit = junit::write(&matrix).unwrap();
    assert!(
        junit.contains("known failure: it &lt;b&gt;hangs"),
        "{junit}"
    );
}

#[test]
fn the_json_is_valid_by_its_schema() {
    let schema = include_str!("../../../../../fixtures/sdk-report.schema.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut results = results(&[("x", "passed"), ("y", "unsupported")]);
    results
        .cases
        .push(case("x", "presets/p[a=1]", "known", "wrong"));
    results.problems.push(Problem {
        about: "x".into(),
        check: "known-failures".into(),
        message: "no case has the id `z`".into(),
    });
    let report = json::write(&Matrix::of(results));
    let errors: Vec<String> = validator
        .iter_errors(&report)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(errors, [""; 0]);
    let mut other = report.clone();
    other["rows"][0]["state"] = json!("green");
    assert!(!validator.is_valid(&other));
}
