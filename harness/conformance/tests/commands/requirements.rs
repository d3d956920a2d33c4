//! What a version must pass: freezing it, and running it.

use std::fs;
use std::path::Path;

use super::program::run_in;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Three scenarios; the second is known to fail on some versions, the third is about the wire.
fn suite() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, step) in [
        ("one", "thread_list: {}"),
        ("two", "models: {}"),
        ("wire", "request: { method: thread/list, params: {} }"),
    ] {
        let text = format!("name: {name} holds\nsteps: [{{ {step} }}]\n");
        write(dir.path(), &format!("scenarios/a/{name}.yaml"), &text);
    }
    let known =
        "- { case: a/two, check: exit, message: m, reason: r, versions: ['>=1.0.0 <2.0.0'] }";
    write(dir.path(), "fixtures/known-failures/codex.yaml", known);
    dir
}

#[test]
fn what_a_version_must_pass_is_frozen_once() {
    let dir = suite();
    let (code, out, err) = run_in(dir.path(), &["requirements", "1.2.3"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(
        out,
        "codex 1.2.3: 2 cases for servers, 1 of them for clients, of 3\n"
    );
    let text = fs::read_to_string(dir.path().join("requirements/1.2.3.yaml")).unwrap();
    assert!(
        text.ends_with("server:\n  - 'a/one'\n  - 'a/wire'\nclient:\n  - 'a/one'\n"),
        "{text}"
    );

    let (code, _, err) = run_in(dir.path(), &["requirements", "1.2.3"]);
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("requirements/1.2.3.yaml` is frozen\nhint: `--force`"),
        "{err}"
    );
    assert_eq!(
        run_in(dir.path(), &["requirements", "1.2.3", "--force"]).0,
        0
    );

    // The known failure is of other versions.
    let (_, out, _) = run_in(dir.path(), &["requirements", "2.0.0"]);
    assert!(
        out.starts_with("codex 2.0.0: 3 cases for servers, 2"),
        "{out}"
    );
    let (code, _, err) = run_in(dir.path(), &["requirements", "latest"]);
    assert_eq!(code, 2, "{err}");
}

#[test]
fn a_run_keeps_to_what_was_frozen() {
    let dir = suite();
    assert_eq!(run_in(dir.path(), &["requirements", "1.2.3"]).0, 0);
    let args = ["run", "--requirements", "1.2.3"];
    let (code, out, err) = run_in(dir.path(), &args);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("2 passed, 0 failed"), "{out}");
    let (_, out, _) = run_in(dir.path(), &[&args[..], &["wire"]].concat());
    assert!(out.contains("1 passed, 0 failed"), "{out}");

    fs::remove_file(dir.path().join("scenarios/a/one.yaml")).unwrap();
    let (code, _, err) = run_in(dir.path(), &args);
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("1 cases that are required are gone: `a/one`"),
        "{err}"
    );
    let (code, _, err) = run_in(dir.path(), &["run", "--requirements", "9.9.9"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("requirements/9.9.9.yaml`"), "{err}");
}
