//! The command `schema`: importing from a generator, and comparing versions.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use super::program::{ROOT, Said, assert_prints, command, said};

fn schema(args: &[&str], cache: &Path) -> Said {
    let mut command = command(ROOT, &[&["schema"], args].concat());
    said(command.env("CODEX_CONFORMANCE_CACHE", cache))
}

/// A cache with a codex 1.2.3 whose generator writes these definitions; with `knows_experimental`
/// it has a method and a member more for those who ask.
fn cache(knows_experimental: bool) -> tempfile::TempDir {
    let cache = tempfile::tempdir().unwrap();
    let program = cache
        .path()
        .join("targets/codex-1.2.3/node_modules/.bin/codex");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    let bundle = |methods: &[&str], members: Value| {
        let variants: Vec<Value> = methods
            .iter()
            .map(|method| json!({ "title": "words", "properties": { "method": { "enum": [method] } } }))
            .collect();
        let item = json!({ "type": "object", "description": "words", "properties": members });
        json!({ "definitions": { "v2": { "Item": item }, "ClientRequest": { "oneOf": variants } } })
    };
    let stable = bundle(&["a/do"], json!({ "title": { "type": "string" } }));
    let all = bundle(
        &["a/do", "b/do"],
        json!({ "title": { "type": "string" }, "extra": true }),
    );
    for (name, bundle) in [("stable.json", stable), ("all.json", all)] {
        fs::write(cache.path().join(name), bundle.to_string()).unwrap();
    }
    let experimental = if knows_experimental {
        "file=all.json"
    } else {
        "echo \"error: unexpected argument '--experimental' found\" >&2; exit 2"
    };
    let here = cache.path().display();
    let script = format!(
        "#!/bin/sh\nfile=stable.json\ncase \"$*\" in *--experimental*) {experimental};; esac\n\
         PATH=/usr/bin:/bin\nmkdir -p out\n\
         cp '{here}'/$file out/codex_app_server_protocol.schemas.json\n"
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    cache
}

#[test]
fn an_import_keeps_the_structure_and_marks_what_is_experimental() {
    let cache = cache(true);
    let (code, out, err) = schema(&["import", "codex@1.2.3", "--out", "-"], cache.path());
    assert_eq!(code, 0, "{err}");
    assert_prints!("schema-import", out);
}

#[test]
fn an_older_generator_has_no_experimental_methods() {
    let cache = cache(false);
    let (code, out, err) = schema(&["import", "codex@1.2.3", "--out", "-"], cache.path());
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("\"experimental\": [],"), "{out}");
}

#[test]
fn what_is_not_installed_can_not_be_imported() {
    let cache = tempfile::tempdir().unwrap();
    let (code, _, err) = schema(&["import", "codex@9.9.9"], cache.path());
    assert_eq!(code, 3, "{err}");
    assert_prints!("schema-import-missing", err);
}

#[test]
fn the_removal_of_on_failure_bears_on_authority() {
    let nothing = Path::new("/nonexistent");
    let versions = ["codex@0.133.0", "codex@0.169.0"];
    let (code, out, err) = schema(&[&["diff"], &versions[..]].concat(), nothing);
    assert_eq!(code, 0, "{err}");
    let part = out
        .split("\n\n")
        .find(|part| part.starts_with("What codex may do"));
    let line = part.and_then(|part| part.lines().find(|line| line.contains("on-failure")));
    let line = line.unwrap_or_else(|| panic!("it isn't among what codex may do: {out}"));
    assert!(line.contains("value removed"), "{line}");
    assert!(line.trim_start().starts_with("writers"), "{line}");

    let (_, out, _) = schema(
        &[&["diff", "--format", "json"], &versions[..]].concat(),
        nothing,
    );
    let report: Value = serde_json::from_str(&out).unwrap();
    let changes = report["changes"].as_array().unwrap();
    assert!(
        changes.iter().any(|change| change["detail"] == "on-failure"
            && change["what"] == "removed"
            && change["authority"] == "approvals"),
        "{report:#}"
    );
    let (_, out, _) = schema(
        &[&["diff", "--format", "markdown"], &versions[..]].concat(),
        nothing,
    );
    assert!(
        out.starts_with("# The protocol of codex 0.133.0 and 0.169.0\n"),
        "{out}"
    );
}

/// A file with one method, whose params have these members.
fn file(directory: &Path, version: &str, members: &[&str]) -> String {
    let properties: Value = members
        .iter()
        .map(|name| ((*name).to_owned(), json!(true)))
        .collect();
    let definitions = json!({
        "ClientRequest": { "oneOf": [{ "properties": {
            "method": { "enum": ["a/do"] }, "params": { "$ref": "#/definitions/AParams" },
        } }] },
        "AParams": { "type": "object", "properties": properties },
    });
    let text = json!({ "version": version, "experimental": [], "definitions": definitions });
    let path = directory.join(format!("{version}.json"));
    fs::write(&path, text.to_string()).unwrap();
    path.display().to_string()
}

#[test]
fn files_are_compared_and_the_weight_decides_the_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let old = file(dir.path(), "1.0.0", &["colour", "sandboxPolicy"]);
    let new = file(dir.path(), "2.0.0", &["colour", "size"]);
    let newer = file(dir.path(), "3.0.0", &["colour", "shape", "size"]);
    let code = |before: &str, after: &str, weight: &str| {
        schema(&["diff", before, after, "--fail-on", weight], dir.path()).0
    };
    for weight in ["breaking", "authority", "any"] {
        assert_eq!(code(&old, &new, weight), 1, "{weight}");
        assert_eq!(code(&new, &new, weight), 0, "{weight}");
    }
    assert_eq!(code(&new, &newer, "any"), 1);
    assert_eq!(code(&new, &newer, "breaking"), 0);
    assert_eq!(code(&new, &newer, "authority"), 0);

    let (_, out, _) = schema(&["diff", &old, &new], dir.path());
    assert_prints!("schema-diff", out);
    let (_, out, _) = schema(&["diff", &old, &new, "--format", "markdown"], dir.path());
    assert_prints!("schema-diff-markdown", out);
}

#[test]
fn what_there_is_no_schema_of_is_said() {
    let (code, _, err) = schema(
        &["diff", "codex@0.0.1", "nothing.json"],
        Path::new("/nonexistent"),
    );
    assert_eq!(code, 2, "{err}");
    assert_prints!("schema-diff-missing", err);
    let (code, _, err) = schema(
        &["diff", "codex@0.169.0", "Cargo.toml"],
        Path::new("/nonexistent"),
    );
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("`Cargo.toml` is no schema: not JSON"), "{err}");
}
