//! `run` from the outside: for each kind of check an example that fails, and the exit codes.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::program::{PROGRAM, command, said};

/// A turn that passes; what is appended makes it fail.
const PLAIN: &str = "\
name: a plain turn
model:
  - message: done
steps:
  - thread_start: {}
    as: thread
  - run: { thread: thread, input: go }
    expect: { status: completed, final_response: done }
";

/// A directory with scenarios of its own.
struct Room(TempDir);

/// What a run said and how it ended.
struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Room {
    fn new(scenario: &str) -> Self {
        let room = Self(tempfile::tempdir().unwrap());
        room.write("scenarios/turns/plain.yaml", scenario);
        room
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }

    fn has(&self, path: &str) -> bool {
        self.path().join(path).exists()
    }

    fn run(&self, args: &[&str]) -> Said {
        self.run_with(args, &[])
    }

    fn run_with(&self, args: &[&str], env: &[(&str, &str)]) -> Said {
        let mut command = command(self.path(), &[&["run"], args].concat());
        command
            .env_remove("CI")
            .env_remove("CODEX_CONFORMANCE_TMPDIR")
            .env("CODEX_CONFORMANCE_CACHE", self.path().join("cache"))
            .envs(env.iter().copied());
        let (code, stdout, stderr) = said(&mut command);
        Said {
            code,
            stdout,
            stderr,
        }
    }
}

/// Times, ids and the excerpt go; what a person reads of the checks stays.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../snapshots/cli");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (pattern, put) in [
        (r"\(\d+ ms\)", "(T ms)"),
        (r"in \d+\.\d\d s \(\d+ cases/s\)", "in T s (N cases/s)"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>"),
        (
            r"(?m)^  transcript\n(?:(?:    |  >).*\n)*",
            "  transcript\n    (…)\n",
        ),
    ] {
        settings.add_filter(pattern, put);
    }
    settings
}

/// A scenario that fails: its output is kept, and the exit code is 1.
#[track_caller]
fn fails(name: &str, scenario: &str) {
    let room = Room::new(scenario);
    let said = room.run(&["--timeout", "5"]);
    settings().bind(|| insta::assert_snapshot!(format!("run_{name}"), said.stdout));
    assert_eq!((said.code, said.stderr.as_str()), (1, ""));
}

#[test]
fn the_plain_turn_passes() {
    let said = Room::new(PLAIN).run(&[]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    assert!(
        said.stdout
            .starts_with("1 passed, 0 failed, 0 known, 0 skipped in ")
    );
}

#[test]
fn an_expectation_of_a_step_fails() {
    fails(
        "step_expect",
        &PLAIN.replace("final_response: done", "final_response: something else"),
    );
}

#[test]
fn an_expected_error_does_not_come() {
    fails(
        "no_error",
        &PLAIN.replace(
            "    as: thread",
            "    as: thread\n    error: { code: -32600 }",
        ),
    );
}

#[test]
fn another_error_comes() {
    let step = "  - thread_read: { thread: thread }\n    error: { message: { contains: not there } }\n\
                \x20 - request: { method: thread/read, params: { threadId: nope } }\n    error: { code: 7 }\n";
    let step = step.split_once("\n  - request").unwrap().1;
    fails("other_error", &format!("{PLAIN}  - request{step}"));
}

#[test]
fn a_step_fails_that_should_not() {
    fails(
        "step_fails",
        &format!("{PLAIN}  - request: {{ method: nope/nope }}\n")
            .replace("nope/nope", "thread/unarchive"),
    );
}

#[test]
fn the_number_of_model_requests_is_wrong() {
    fails(
        "model_requests",
        &format!("{PLAIN}expect:\n  model: {{ requests: 3 }}\n"),
    );
}

#[test]
fn an_output_of_a_call_is_missing() {
    fails(
        "model_outputs",
        &format!("{PLAIN}expect:\n  model:\n    outputs: {{ call-1: {{ contains: denied }} }}\n"),
    );
}

#[test]
fn a_request_to_the_model_is_different() {
    let expect = "expect:\n  model:\n    request:\n      0: { body: { model: another } }\n";
    fails("model_request", &format!("{PLAIN}{expect}"));
}

#[test]
fn the_number_of_frames_is_wrong() {
    let expect = "expect:\n  frames:\n    - { from: server, method: turn/completed, count: 2 }\n";
    fails("frames", &format!("{PLAIN}{expect}"));
}

#[test]
fn stderr_is_different() {
    fails(
        "stderr",
        &format!("{PLAIN}expect:\n  stderr: {{ contains: a panic }}\n"),
    );
}

#[test]
fn a_reply_of_the_script_is_left_over() {
    fails(
        "leftover",
        &PLAIN.replace(
            "  - message: done\n",
            "  - message: done\n  - message: never\n",
        ),
    );
}

#[test]
fn the_model_is_asked_more_than_the_script_has() {
    let more = PLAIN.replace(
        "    expect: { status: completed, final_response: done }\n",
        "",
    );
    fails(
        "unscripted",
        &format!("{more}  - run: {{ thread: thread, input: again }}\n"),
    );
}

#[test]
fn a_deadline_passes() {
    let said = Room::new(&format!(
        "{PLAIN}  - await: {{ method: turn/started, where: {{ params: {{ x: 1 }} }} }}\n"
    ))
    .run(&["--timeout", "1"]);
    settings().bind(|| insta::assert_snapshot!("run_deadline", said.stdout));
    assert_eq!(said.code, 1);
}

#[test]
fn a_snapshot_is_missing_recorded_equal_and_different() {
    let snap = "snapshots/turns/plain.snap";
    let room = Room::new(&format!("{PLAIN}snapshot: [client]\n"));
    let missing = room.run(&[]);
    assert_eq!(missing.code, 1);
    assert!(
        missing
            .stdout
            .contains("there is no snapshot `snapshots/turns/plain.snap`")
    );
    assert!(room.has("snapshots/turns/plain.snap.new"));

    assert_eq!(room.run(&["--update-snapshots"]).code, 0);
    assert!(room.has(snap) && !room.has("snapshots/turns/plain.snap.new"));
    assert_eq!(room.run(&[]).code, 0);

    let text = room.read(snap);
    room.write(snap, &text.replace("text: go", "text: stop"));
    let different = room.run_with(&[], &[("CI", "true")]);
    settings().bind(|| insta::assert_snapshot!("run_snapshot", different.stdout));
    assert_eq!(different.code, 1);
    assert!(
        !room.has("snapshots/turns/plain.snap.new"),
        "in CI nothing is written"
    );
}

#[test]
fn what_a_real_codex_showed_is_not_overwritten_by_the_mock() {
    let snap = "snapshots/turns/plain.snap";
    let room = Room::new(&format!("{PLAIN}snapshot: [client]\n"));
    assert_eq!(room.run(&["--update-snapshots"]).code, 0);
    let text = room
        .read(snap)
        .replace("recorded: \"mock\"", "recorded: \"codex@0.169.0\"");
    let text = text.replace("text: go", "text: stop");
    room.write(snap, &text);
    let said = room.run(&["--update-snapshots"]);
    assert_eq!(said.code, 1);
    assert!(
        said.stdout
            .contains("update it with `--target codex@0.169.0`, or delete it first")
    );
    assert_eq!(room.read(snap), text);
}

#[test]
fn a_snapshot_of_no_case_fails_the_run() {
    let room = Room::new(&format!("{PLAIN}snapshot: [client]\n"));
    room.run(&["--update-snapshots"]);
    let text = room.read("snapshots/turns/plain.snap");
    room.write("snapshots/turns/gone.snap", &text);
    let said = room.run(&[]);
    settings().bind(|| insta::assert_snapshot!("run_unreferenced", said.stdout));
    assert_eq!(said.code, 1);
    assert_eq!(
        room.run(&["plain"]).code,
        0,
        "a part of the suite says nothing about the rest"
    );
}

/// The failing turn with a list of known failures.
fn known(message: &str, case: &str, final_response: &str) -> Said {
    let room = Room::new(&PLAIN.replace(
        "final_response: done",
        &format!("final_response: {final_response}"),
    ));
    let entry = format!(
        "- case: {case}\n  check: step-2.expect\n  message: \"{message}\"\n  reason: upstream says so\n  \
         quirk: workspace-write-lost-on-fork\n"
    );
    room.write("fixtures/known-failures/mock.yaml", &entry);
    room.run(&[])
}

#[test]
fn a_known_failure_is_as_expected() {
    let said = known("the result of `run`", "turns/plain", "else");
    assert_eq!(said.code, 0, "{}", said.stdout);
    assert!(
        said.stdout
            .starts_with("     1 known: upstream says so\n0 passed, 0 failed, 1 known")
    );
}

#[test]
fn a_known_failure_that_passes_fails() {
    let said = known("the result of `run`", "turns/*", "done");
    settings().bind(|| insta::assert_snapshot!("run_known_passes", said.stdout));
    assert_eq!(said.code, 1);
}

#[test]
fn a_known_failure_that_fails_differently_fails() {
    let said = known("it says nothing", "turns/plain", "else");
    settings().bind(|| insta::assert_snapshot!("run_known_differs", said.stdout));
    assert_eq!(said.code, 1);
}

#[test]
fn a_known_failure_of_no_case_fails_the_run() {
    let said = known("x", "turns/gone", "done");
    settings().bind(|| insta::assert_snapshot!("run_known_stale", said.stdout));
    assert_eq!(said.code, 1);
}

#[test]
fn bad_lists_and_bad_usage_are_told_before_anything_runs() {
    let room = Room::new(PLAIN);
    room.write(
        "fixtures/known-failures/mock.yaml",
        "- case: x\n  chek: y\n",
    );
    let said = room.run(&[]);
    settings().bind(|| insta::assert_snapshot!("run_bad_list", said.stderr));
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    for wrong in [
        ["--shard", "4/3"],
        ["--target", "codex"],
        ["--timeout", "0"],
        ["--jobs", "0"],
    ] {
        assert_eq!(room.run(&wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn a_bad_scenario_runs_nothing() {
    let said = Room::new(&PLAIN.replace("thread_start", "thred_start")).run(&[]);
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    assert!(
        said.stderr.contains("did you mean `thread_start`?"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_target_that_is_not_installed_is_the_environments_fault() {
    let said = Room::new(PLAIN).run(&["--target", "codex@9.9.9"]);
    assert_eq!(
        said.stderr,
        "error: `codex@9.9.9` is not installed\nhint: run `codex-conformance target install codex@9.9.9`\n"
    );
    assert_eq!(said.code, 3);
}

#[test]
fn a_target_that_does_not_start_is_the_environments_fault() {
    let said = Room::new(PLAIN).run(&["--target", "cmd:/nonexistent/app-server"]);
    assert_eq!(said.code, 3, "{}", said.stdout);
    assert!(
        said.stdout
            .starts_with("BROKEN turns/plain on cmd:/nonexistent/app-server (")
    );
}

#[test]
fn a_run_in_which_nothing_ran_is_no_success() {
    let room = Room::new(PLAIN);
    let said = room.run(&["nothing-like-it"]);
    assert_eq!(
        said.stderr,
        "error: no case was selected\nhint: `list` shows the 1 there are\n"
    );
    assert_eq!(said.code, 4);
    room.write(
        "scenarios/turns/plain.yaml",
        &format!("targets: [codex]\n{PLAIN}"),
    );
    let said = room.run(&[]);
    assert_eq!(said.code, 4);
    assert!(
        said.stdout.starts_with("     1 skipped: "),
        "{}",
        said.stdout
    );
}

#[test]
fn reports_go_to_files_and_to_stdout() {
    let room = Room::new(PLAIN);
    let said = room.run(&["--json", "-", "--junit", "report.xml"]);
    let report: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(report["summary"]["passed"], 1);
    assert_eq!(report["cases"][0]["id"], "turns/plain");
    assert!(said.stderr.starts_with("1 passed"));
    assert!(
        room.read("report.xml")
            .contains(r#"<testcase name="turns/plain""#)
    );
}

#[test]
fn shards_and_targets_divide_and_multiply() {
    let room = Room::new(PLAIN);
    for name in ["a", "b", "c"] {
        room.write(&format!("scenarios/turns/{name}.yaml"), PLAIN);
    }
    let passed = |args: &[&str]| {
        let said = room.run(args);
        said.stdout
            .split(' ')
            .next()
            .and_then(|n| n.parse::<u32>().ok())
            .unwrap_or(0)
    };
    assert_eq!(passed(&["--shard", "1/2"]) + passed(&["--shard", "2/2"]), 4);
    let off = "mock:-steer-drops-stream";
    assert_eq!(
        passed(&["=turns/a", "--target", "mock", "--target", off]),
        2
    );
}

#[test]
fn fail_fast_stops() {
    let room = Room::new(&PLAIN.replace("final_response: done", "final_response: else"));
    for n in 0..20 {
        room.write(&format!("scenarios/turns/x{n}.yaml"), PLAIN);
    }
    let said = room.run(&["--fail-fast", "--jobs", "1"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.starts_with("stopped: "), "{}", said.stderr);
}

#[test]
fn being_told_to_terminate_leaves_nothing_behind() {
    let scenario = "\
name: a command that lasts
model:
  - call: { id: c, tool: exec_command, arguments: { cmd: \"echo $$ > $HOME/../started; sleep 600\" } }
  - message: done
steps:
  - thread_start: { approval_mode: dangerously_bypass_approvals_and_sandbox }
    as: thread
  - run: { thread: thread, input: go }
";
    let room = Room::new(scenario);
    let places = tempfile::tempdir_in("/var/tmp").unwrap();
    let mut run = std::process::Command::new(PROGRAM)
        .arg("run")
        .current_dir(room.path())
        .env("CODEX_CONFORMANCE_TMPDIR", places.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = || {
        let mut cases = fs::read_dir(places.path()).unwrap().flatten();
        cases.find_map(|case| fs::read_to_string(case.path().join("started")).ok())
    };
    let command: i32 = loop {
        if let Some(id) = started().and_then(|text| text.trim().parse().ok()) {
            break id;
        }
        assert_eq!(run.try_wait().unwrap(), None, "it goes on until it is told");
        std::thread::sleep(Duration::from_millis(5));
    };
    kill_process(Pid::from_child(&run), Signal::TERM).unwrap();
    run.wait().unwrap();
    // Nobody may have asked yet how it ended.
    let stat = fs::read_to_string(format!("/proc/{command}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
    assert_eq!(fs::read_dir(places.path()).unwrap().count(), 0);
}
