//! The command `trace`: logs of several kinds held against the rules, and the list of rules.

use std::path::Path;

use serde_json::Value;

use super::program::{assert_prints, command, said};

/// A session without a fault, each frame with its direction.
const GOOD: &str = include_str!("../../../wire/tests/trace/good.jsonl");

struct Seen {
    code: i32,
    out: String,
    err: String,
}

fn trace(dir: &Path, args: &[&str], stdin: &str) -> Seen {
    let mut command = command(dir, &[&["trace"], args].concat());
    let (code, out, err) = said(command.write_stdin(stdin));
    Seen { code, out, err }
}

fn check(args: &[&str], log: &str) -> Seen {
    let all: Vec<&str> = [&["check"], args, &["-"]].concat();
    trace(Path::new("."), &all, log)
}

/// The session with one answer twice.
fn answered_twice() -> String {
    let mut lines: Vec<&str> = GOOD.lines().collect();
    lines.push(lines[lines.len() - 1]);
    lines.join("\n")
}

/// The same frames without what says who sent them.
fn undirected(log: &str) -> String {
    let frames = log.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        match line["dir"].as_str() {
            Some("server>model") => String::new(),
            _ => line["frame"].to_string(),
        }
    });
    frames.collect::<Vec<_>>().join("\n")
}

/// The same as lines of a log that a client writes.
fn as_text(log: &str) -> String {
    let lines = log.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let frame = &line["frame"];
        match line["dir"].as_str() {
            Some("client>server") => format!("12:00:00.1 DEBUG rpc -> {frame}"),
            Some("server>client") => format!("12:00:00.2 DEBUG rpc <- {frame}"),
            _ => "12:00:00.3 INFO nothing to see".to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_good_log_passes_in_every_form() {
    for log in [GOOD.to_owned(), undirected(GOOD), as_text(GOOD)] {
        let seen = check(&[], &log);
        assert_eq!(seen.code, 0, "{}{}", seen.out, seen.err);
        assert!(
            seen.out.ends_with("0 violations, 0 oddities of codex\n"),
            "{}",
            seen.out
        );
    }
}

#[test]
fn a_violation_is_shown_with_frame_rule_and_what_to_look_at() {
    let log = answered_twice();
    for log in [log.clone(), undirected(&log), as_text(&log)] {
        let seen = check(&[], &log);
        assert_eq!(seen.code, 1, "{}", seen.out);
        let at = format!(
            "-:{}: violation answer-matches-request: ",
            GOOD.lines().count() + 1
        );
        assert!(seen.out.starts_with(&at), "{}", seen.out);
        assert!(
            seen.out.contains("no open request has the id 7"),
            "{}",
            seen.out
        );
        assert!(seen.out.contains("nextCursor"), "{}", seen.out);
    }
}

#[test]
fn programs_get_json() {
    let seen = check(&["--json"], &answered_twice());
    let report: Value = serde_json::from_str(&seen.out).unwrap();
    assert_eq!(seen.code, 1);
    assert_eq!(report["summary"]["violations"], 1);
    let finding = &report["files"][0]["findings"][0];
    assert_eq!(finding["rule"], "answer-matches-request");
    assert_eq!(finding["frame"], GOOD.lines().count() + 1);
    assert!(finding["exception"].is_null());
}

#[test]
fn what_codex_is_known_for_fails_only_if_asked() {
    // An item that is open when its turn is interrupted.
    let ends = r#""items": [{"type": "agentMessage""#;
    let lines = GOOD
        .lines()
        .filter(|line| !line.contains(r#""aggregatedOutput": null"#));
    let interrupted = lines.map(|line| {
        if line.contains(ends) {
            line.replace(r#""status": "completed""#, r#""status": "interrupted""#)
        } else {
            line.to_owned()
        }
    });
    let log = interrupted.collect::<Vec<_>>().join("\n");
    let seen = check(&[], &log);
    assert_eq!(seen.code, 0, "{}", seen.out);
    assert!(
        seen.out.contains(": oddity item-completed ("),
        "{}",
        seen.out
    );
    assert_eq!(check(&["--strict"], &log).code, 1);
}

#[test]
fn what_has_no_frame_is_no_success() {
    let seen = check(&[], "nothing\nto see\n");
    assert_eq!(seen.code, 4);
    assert!(
        seen.err.contains("error: no frame was found"),
        "{}",
        seen.err
    );
    let seen = trace(Path::new("."), &["check", "no-such-file"], "");
    assert_eq!(seen.code, 2);
    assert!(
        seen.err.starts_with("error: can't read `no-such-file`"),
        "{}",
        seen.err
    );
}

#[test]
fn what_codex_says_of_frames_is_read_as_a_log_that_leaves_them_out() {
    let log = "T codex_app_server::message_processor: app-server request: thread/start \
               connection_id=ConnectionId(0) request_id=Integer(2)\n\
               T codex_app_server::outgoing_message: app-server event: thread/started \
               targeted_connections=1\n";
    let seen = check(&[], log);
    assert_eq!(seen.code, 0, "{}{}", seen.out, seen.err);
    assert!(
        seen.out
            .contains("rules that need them all were not applied"),
        "{}",
        seen.out
    );
}

#[test]
fn the_rules_are_listed() {
    let seen = trace(Path::new("."), &["rules"], "");
    assert_eq!(seen.code, 0);
    assert_prints!("trace-rules", seen.out);
    let seen = trace(Path::new("."), &["rules", "--json"], "");
    let rows: Vec<Value> = serde_json::from_str(&seen.out).unwrap();
    assert_eq!(rows.len(), codex_wire::trace::RULES.len());
}
