//! An app-server that is broken on purpose turns the right case red, with a message that says what
//! is wrong. The mock runs behind a filter that alters what it sends, or how it is started.

use assert_cmd::Command;

/// Runs one case of the repository on the mock, started with `options`, its output through `sed`.
fn run(case: &str, options: &str, filter: &str) -> (i32, String) {
    let program = env!("CARGO_BIN_EXE_codex-conformance");
    let pipeline = format!(r#""$0" mock {options} app-server "$@" | sed -u {filter}"#);
    let target = format!("cmd:sh -c '{pipeline}' {program}");
    let output = Command::new(program)
        .args(["run", case, "--target", &target])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        // Snapshots are compared and none is proposed.
        .env("CI", "true")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), said)
}

#[track_caller]
fn is_red(case: &str, options: &str, filter: &str, says: &[&str]) {
    let (code, said) = run(case, options, filter);
    assert_eq!(code, 1, "{said}");
    for text in says {
        assert!(said.contains(text), "no `{text}` in:\n{said}");
    }
}

#[test]
fn an_honest_filter_changes_nothing() {
    let (code, said) = run("=turns/plain", "", "-e p -n");
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_dropped_notification() {
    let drop = r#"-e "/method.:.account.rateLimits.updated/d""#;
    let says = ["snapshot", "-← account/rateLimits/updated"];
    is_red("=turns/plain", "", drop, &says);
}

#[test]
fn two_swapped_notifications() {
    let swap = r#"-E -e "/method.:.item.started.*agentMessage/{N;s/(.*)\n(.*)/\2\n\1/}""#;
    is_red("=turns/plain", "", swap, &["snapshot", "← item/completed"]);
}

#[test]
fn a_sandbox_that_changes_on_fork() {
    let widen = r#"-e "/forkedFromId.:.[0-9a-f]/s/readOnly/dangerFullAccess/""#;
    is_red(
        "=persistence/preset-fork[choice=deny_all-read_only]",
        "",
        widen,
        &[
            "expect",
            "`$.result.sandbox.type`: expected `readOnly`, got `dangerFullAccess`",
        ],
    );
}

#[test]
fn a_write_that_is_let_through() {
    is_red(
        "=writes/outside-workspace",
        r#"-c "sandbox_mode=danger-full-access""#,
        r#"-e "s/nothing/nothing/""#,
        &["step-3.file", "${outside}/denied.txt", "`exists`"],
    );
}
