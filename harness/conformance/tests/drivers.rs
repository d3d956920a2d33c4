//! An SDK with one planted defect turns the right check red, with a message that says what is
//! wrong and what it means; so does a driver that misbehaves. The SDK and its driver are
//! `tests/drivers/planted.py`.

use assert_cmd::Command;
use serde_json::Value;

/// Runs one case of the repository on the mock, and gives the case's report.
fn run(case: &str, defect: &str) -> Value {
    let driver = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/drivers/planted.py");
    let client = format!("cmd:python3 {driver} {defect}");
    let output = Command::new(env!("CARGO_BIN_EXE_codex-conformance"))
        .args(["run", case, "--client", client.trim_end(), "--json", "-"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    report["cases"][0].clone()
}

fn python() -> bool {
    let there = std::process::Command::new("python3")
        .arg("--version")
        .output();
    let there = there.is_ok_and(|output| output.status.success());
    let required = std::env::var("CONFORMANCE_REQUIRE").unwrap_or_default();
    assert!(there || !required.contains("python"), "python3 is needed");
    if !there {
        println!("skipped: python3 is not installed");
    }
    there
}

#[track_caller]
fn is_caught(case: &str, defect: &str, check: &str, says: &str) {
    if !python() {
        return;
    }
    let report = run(case, defect);
    assert_eq!(report["status"], "failed", "{defect}: {report:#}");
    let checks = report["checks"].as_array().unwrap();
    let found = checks
        .iter()
        .find(|it| it["id"] == check && it["status"] == "failed");
    let message =
        found.unwrap_or_else(|| panic!("{defect}: `{check}` did not fail: {report:#}"))["message"]
            .as_str()
            .unwrap();
    assert!(
        message.contains(says),
        "{defect}: no `{says}` in `{message}`"
    );
}

#[test]
fn without_a_defect_everything_holds() {
    if !python() {
        return;
    }
    for case in [
        "=sdk/first-turn",
        "=sdk/plain-resume",
        "=sdk/refusals",
        "=sdk/server-error",
        "=sdk/failed-turn",
        "=sdk/overloaded",
        "=sdk/server-dies",
        "=sdk/nameless-server[reply=initialize-empty-identity]",
        "=sdk/pipes[pipe=byte-by-byte]",
        "=sdk/pipes[pipe=all-at-once]",
        "=sdk/escalation-after-resume[asked=as-policy]",
        "=sdk/approvals[answer=accept]",
        "=sdk/options[approval_mode=auto_review,sandbox=read_only]",
    ] {
        let report = run(case, "");
        assert_eq!(report["status"], "passed", "{case}: {report:#}");
    }
}

#[test]
fn a_thread_that_is_started_with_its_first_turn_has_the_options_of_its_own_step() {
    if !python() {
        return;
    }
    let case = "=sdk/options[approval_mode=deny_all,sandbox=read_only]";
    let report = run(case, "lazy");
    assert_eq!(report["status"], "passed", "{report:#}");
}

#[test]
fn a_wrong_spelling() {
    let case = "=sdk/options[approval_mode=deny_all,sandbox=read_only]";
    is_caught(
        case,
        "wrong-spelling",
        "sdk.options",
        "`sandbox: \"readOnly\"`, the options stand for `\"read-only\"`",
    );
}

#[test]
fn a_dropped_override() {
    let case = "=sdk/options[approval_mode=deny_all,sandbox=read_only]";
    is_caught(
        case,
        "dropped-override",
        "sdk.options",
        "lacks `sandbox: \"read-only\"`, which was asked for",
    );
}

#[test]
fn defaults_that_are_sent_again() {
    is_caught(
        "=sdk/plain-resume",
        "resends-defaults",
        "sdk.options",
        "which nobody asked for: it replaces what the thread had",
    );
}

#[test]
fn an_accepted_escalation() {
    let case = "=sdk/escalation-after-resume[asked=as-policy]";
    is_caught(
        case,
        "accepts",
        "sdk.answers",
        "granted `item/commandExecution/requestApproval` with `\"accept\"`, and nobody had told it to",
    );
}

#[test]
fn an_approval_that_is_answered_twice() {
    let case = "=sdk/escalation-after-resume[asked=as-policy]";
    is_caught(case, "answers-twice", "sdk.answers", "was answered twice");
}

#[test]
fn a_missing_initialized() {
    is_caught(
        "=sdk/first-turn",
        "no-initialized",
        "sdk.handshake",
        "`initialized` has to follow `initialize`, the SDK sent `thread/start`",
    );
}

#[test]
fn ids_that_are_wrong_or_used_twice() {
    is_caught(
        "=sdk/first-turn",
        "same-id",
        "sdk.frames",
        "the id 1 of `thread/start` was used before",
    );
}

#[test]
fn an_id_of_the_wrong_type() {
    is_caught(
        "=sdk/first-turn",
        "wrong-id",
        "sdk.frames",
        "the id of `turn/start` has to be an integer or a string, it is `3.5`",
    );
}

#[test]
fn a_member_that_the_protocol_lacks_is_told_and_no_failure() {
    if !python() {
        return;
    }
    let report = run("=sdk/first-turn", "unknown-member");
    assert_eq!(report["status"], "passed", "{report:#}");
    let notes = report["notes"].to_string();
    assert!(notes.contains("`/params/priority`"), "{notes}");
}

#[test]
fn a_server_that_anybody_could_be() {
    is_caught(
        "=sdk/nameless-server[reply=initialize-no-identity]",
        "trusts-anybody",
        "step-1.error",
        "`thread_start` should have failed, but was done",
    );
}

#[test]
fn errors_that_are_swallowed_or_blamed_on_others() {
    is_caught(
        "=sdk/server-error",
        "swallowed-error",
        "step-3.told",
        "its user never learns of the error",
    );
    is_caught(
        "=sdk/server-error",
        "blames-caller",
        "step-3.raised",
        "blames the caller, it was the app-server",
    );
}

#[test]
fn a_refusal_that_comes_too_late() {
    is_caught(
        "=sdk/refusals",
        "late-refusal",
        "step-1.raised",
        "only after it had sent `thread/list`",
    );
}

#[test]
fn results_that_were_not_sent() {
    is_caught(
        "=sdk/first-turn",
        "wrong-text",
        "step-2.told",
        "`final_response` is `\"héllo 🦀.\"` as the SDK tells it",
    );
    is_caught(
        "=sdk/first-turn",
        "lost-item",
        "step-2.told",
        "`items` has 2 elements as the SDK tells it, the app-server sent 3",
    );
    is_caught(
        "=sdk/failed-turn",
        "wrong-status",
        "step-2.told",
        "`status` is `\"completed\"`",
    );
}

#[test]
fn a_process_that_is_left_running() {
    is_caught(
        "=sdk/first-turn",
        "left-running",
        "close.processes",
        "the SDK has left running",
    );
}

#[test]
fn a_driver_that_misbehaves_fails_its_case_alone() {
    for (defect, check, says) in [
        (
            "crashes",
            "step-2.done",
            "the driver ended while `run` was under way (exit status: 1), last on its stderr: `RuntimeError: planted`",
        ),
        (
            "rubbish",
            "step-2.done",
            "the driver wrote something that is no answer",
        ),
        (
            "out-of-turn",
            "step-2.done",
            "the driver answered out of turn: request 4 (`run`) was under way, it answered 3",
        ),
        (
            "other-protocol",
            "driver",
            "it speaks version 2 of the protocol, the runner speaks 1",
        ),
    ] {
        is_caught("=sdk/first-turn", defect, check, says);
    }
}

#[test]
fn a_driver_that_hangs_is_ended_with_its_case() {
    let case = "=sdk/escalation-after-resume[asked=as-policy]";
    is_caught(
        case,
        "never-answers",
        "deadline",
        "the driver's answer to `run`",
    );
}

#[test]
fn what_an_sdk_lacks_is_no_success() {
    if !python() {
        return;
    }
    let case = "=sdk/fork-options[approval_mode=deny_all,sandbox=read_only]";
    let report = run(case, "no-fork");
    assert_eq!(report["status"], "unsupported", "{report:#}");
    assert_eq!(report["skip_reason"], "`thread_fork`: planted");
}
