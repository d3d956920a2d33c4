use std::sync::Arc;

use codex_wire::transcript::Event;
use serde_json::json;

use super::*;
use crate::report::sample;

/// A directory of snapshots that is removed at the end.
struct Room(PathBuf);

impl Room {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("snapshots-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn check(&self, update: Update, run: &CaseRun, sound: bool) -> Result<(), String> {
        let check = Snapshots::new(&self.0, update).check(run, sound).unwrap();
        if check.passed {
            Ok(())
        } else {
            Err(check.message.replace(self.0.to_str().unwrap(), "DIR"))
        }
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.0.join("turns"))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(target: &str, status: &str) -> CaseRun {
    let frame = json!({"method": "turn/completed", "params": {"status": status}, "emittedAtMs": 1_795_240_327_419_u64});
    let case = Case {
        snapshot: vec![Projection::Client, Projection::Server],
        ..sample::case("turns/plain[a=1]")
    };
    CaseRun {
        case: Arc::new(case),
        target: target.into(),
        transcript: vec![Entry {
            t_us: 5,
            event: Event::Server(frame),
        }],
        ..sample::run("turns/plain[a=1]", &[])
    }
}

const FILE: &str = "plain@a=1.snap";

#[test]
fn a_missing_snapshot_fails_and_is_proposed() {
    let room = Room::new("missing");
    let message = room
        .check(Update::Propose, &run("mock", "completed"), true)
        .unwrap_err();
    assert!(
        message.starts_with("there is no snapshot `DIR/turns/plain@a=1.snap`\nhint: "),
        "{message}"
    );
    assert_eq!(room.files(), ["plain@a=1.snap.new"]);
    let text = fs::read_to_string(room.0.join("turns/plain@a=1.snap.new")).unwrap();
    assert_eq!(
        text,
        "---\nsource: \"scenarios/turns/plain.yaml\"\ndescription: \"a turn: it ends\"\n\
         info:\n  recorded: \"mock\"\n---\n==== client\n==== server\n← turn/completed\n  status: completed\n"
    );
}

#[test]
fn in_ci_nothing_is_written() {
    let room = Room::new("ci");
    room.check(Update::Never, &run("mock", "completed"), true)
        .unwrap_err();
    assert_eq!(room.files(), [""; 0]);
}

#[test]
fn an_equal_wire_passes_and_clears_what_was_proposed() {
    let room = Room::new("equal");
    room.check(Update::Write, &run("codex@0.169.0", "completed"), true)
        .unwrap();
    room.check(Update::Propose, &run("codex@0.170.0", "failed"), true)
        .unwrap_err();
    assert_eq!(room.files(), [FILE, "plain@a=1.snap.new"]);
    room.check(Update::Propose, &run("mock", "completed"), true)
        .unwrap();
    assert_eq!(room.files(), [FILE]);
}

#[test]
fn a_difference_names_the_frame_and_shows_the_lines() {
    let room = Room::new("difference");
    room.check(Update::Write, &run("codex@0.169.0", "completed"), true)
        .unwrap();
    let message = room
        .check(Update::Never, &run("mock", "failed"), true)
        .unwrap_err();
    assert_eq!(
        message,
        "the wire differs from `DIR/turns/plain@a=1.snap`, recorded on codex@0.169.0, first at \
         `← turn/completed` of the section `server`\n--- snapshot\n+++ this run\n@@ -1,4 +1,4 @@\n \
         ==== client\n ==== server\n ← turn/completed\n-  status: completed\n\
         +  status: failed\nhint: it was recorded on codex@0.169.0, and what `mock` does is no reason to change it; \
         update it with `--target codex@0.169.0`, or delete it first"
    );
}

#[test]
fn what_the_real_one_showed_is_not_replaced_by_the_mock() {
    let room = Room::new("guard");
    room.check(Update::Write, &run("mock", "interrupted"), true)
        .unwrap();
    room.check(Update::Write, &run("codex@0.169.0", "completed"), true)
        .unwrap();
    for update in [Update::Propose, Update::Write] {
        room.check(update, &run("mock", "failed"), true)
            .unwrap_err();
        assert_eq!(room.files(), [FILE], "nothing is proposed or written");
    }
    let message = room
        .check(Update::Write, &run("mock", "failed"), true)
        .unwrap_err();
    assert!(
        message.contains("with `--target codex@0.169.0`, or delete it first"),
        "{message}"
    );
    room.check(Update::Write, &run("codex@0.170.0", "failed"), true)
        .unwrap();
    room.check(Update::Never, &run("mock", "failed"), true)
        .unwrap();
}

#[test]
fn a_run_with_other_failures_is_never_written() {
    let room = Room::new("unsound");
    for update in [Update::Write, Update::Propose] {
        let message = room
            .check(update, &run("codex@0.169.0", "failed"), false)
            .unwrap_err();
        assert!(message.contains("other checks failed too"), "{message}");
    }
    assert_eq!(room.files(), [""; 0]);
}

#[test]
fn snapshots_of_no_case_are_found() {
    let room = Room::new("unreferenced");
    let run = run("mock", "completed");
    room.check(Update::Write, &run, true).unwrap();
    fs::write(
        room.0.join("turns/foreign.snap"),
        "---\nsource: x\n---\nrecorded: no\n",
    )
    .unwrap();
    let snapshots = Snapshots::new(&room.0, Update::Never);
    assert!(snapshots.unreferenced([&*run.case]).unwrap().is_empty());
    let lost = snapshots.unreferenced([]).unwrap();
    assert_eq!(lost, [room.0.join("turns").join(FILE)]);
}

#[test]
fn every_case_has_a_file_of_its_own() {
    let slug = |id: &str| file_of(id).display().to_string();
    assert_eq!(slug("turns/plain"), "turns/plain.snap");
    assert_eq!(slug("a/b[x=y,z=w]"), "a/b@x=y,z=w.snap");
    assert_ne!(slug("a/b[x=a/b]"), slug("a/b[x=a.b]"));
    assert!(slug(&format!("a/b[x={}]", "y".repeat(300))).len() < 200);
}
