//! The executor against app-servers that misbehave: each is a few words of shell.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use codex_conformance::run::outcome::{CaseRun, Check, Status};
use codex_conformance::run::{RunEvent, RunOptions, case, case_by_case, suite};
use codex_conformance::scenario;
use codex_conformance::scenario::model::Case;
use codex_conformance::target::Target;
use codex_wire::transcript::Event;

/// Answers the first request, which is `initialize`, and reads on until stdin is closed.
const POLITE: &str =
    r#"read line; echo '{"id":1,"result":{"userAgent":"fake/1"}}'; cat >/dev/null"#;

/// A step that any app-server passes.
const NOTHING: &str = "[{file: {path: x, exists: false}}]";

/// The head of a scenario whose four cases start more and more quickly.
const DELAYS: &str =
    "name: a case\nmatrix: { delay: [0.3, 0.2, 0.1, 0] }\nhome: { env: { DELAY: \"${delay}\" } }\n";

/// Where the runs of a test are laid out, and the case that runs.
struct Bench {
    directory: tempfile::TempDir,
    options: RunOptions,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir_in("/var/tmp").unwrap();
        let options = RunOptions {
            places_under: Some(directory.path().join("runs")),
            grace: Duration::from_millis(300),
            timeout: Some(Duration::from_secs(20)),
            ..RunOptions::default()
        };
        fs::create_dir(directory.path().join("runs")).unwrap();
        Self { directory, options }
    }

    fn cases(&self, yaml: &str) -> Vec<Arc<Case>> {
        let area = self.directory.path().join("scenarios/fake");
        fs::create_dir_all(&area).unwrap();
        let file = area.join("case.yaml");
        fs::write(&file, yaml).unwrap();
        let report = scenario::load(&[file]);
        let errors: Vec<_> = report.errors.iter().map(ToString::to_string).collect();
        assert!(errors.is_empty(), "{errors:?}");
        report.cases
    }

    async fn run(&self, server: &str, steps: &str) -> CaseRun {
        let cases = self.cases(&format!("name: a case\nsteps: {steps}\n"));
        let run = case::run(&cases[0], &fake(server), &self.options).await;
        assert_eq!(self.left(), Vec::<PathBuf>::new(), "directories are left");
        run
    }

    fn left(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.directory.path().join("runs")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

fn fake(server: &str) -> Target {
    Target::Command {
        argv: ["sh", "-c", server].map(str::to_owned).to_vec(),
    }
}

#[track_caller]
fn failure<'r>(run: &'r CaseRun, id: &str) -> &'r Check {
    assert_eq!(run.status, Status::Failed, "{:?}", run.checks);
    let failed: Vec<_> = run.checks.iter().filter(|check| !check.passed).collect();
    let found = failed.iter().find(|check| check.id == id);
    found.unwrap_or_else(|| panic!("`{id}` did not fail, these did: {failed:?}"))
}

fn exists(process: &str) -> bool {
    Path::new("/proc").join(process).exists()
}

#[tokio::test]
async fn a_polite_app_server_passes() {
    let run = Bench::new().run(POLITE, NOTHING).await;
    assert_eq!(run.status, Status::Passed, "{:?}", run.checks);
    let ids: Vec<_> = run.checks.iter().map(|check| check.id.as_str()).collect();
    let expected = [
        "handshake",
        "step-1.file",
        "step-1.done",
        "exit",
        "model.journal",
        "wire.frames",
        "trace",
    ];
    assert_eq!(ids, expected);
    let times: Vec<_> = run.transcript.iter().map(|entry| entry.t_us).collect();
    assert!(times.is_sorted());
    assert!(matches!(
        run.transcript.last().unwrap().event,
        Event::Process(_)
    ));
}

#[tokio::test]
async fn a_slow_start_is_waited_for() {
    let run = Bench::new()
        .run(&format!("sleep 0.3; {POLITE}"), NOTHING)
        .await;
    assert_eq!(run.status, Status::Passed, "{:?}", run.checks);
}

#[tokio::test]
async fn a_silent_peer_meets_the_deadline_which_says_what_was_awaited() {
    let mut bench = Bench::new();
    bench.options.timeout = Some(Duration::from_millis(200));
    let run = bench.run("cat >/dev/null", NOTHING).await;
    let message = &failure(&run, "deadline").message;
    assert_eq!(
        message,
        "the case was not done after 0.2 s: it waited for the reply to `initialize` (id 1)"
    );
}

#[tokio::test]
async fn the_deadline_names_the_step() {
    let mut bench = Bench::new();
    bench.options.timeout = Some(Duration::from_millis(300));
    let run = bench
        .run(POLITE, "\n  - await: { method: turn/completed }")
        .await;
    let check = failure(&run, "deadline");
    let part = "in step 1 (`await`): it waited for a `turn/completed` frame";
    assert!(check.message.contains(part), "{}", check.message);
    assert_eq!(check.at.as_ref().unwrap().line, 3);
}

#[tokio::test]
async fn rubbish_on_stdout_is_shown() {
    let run = Bench::new()
        .run(&format!("echo hello; {POLITE}"), NOTHING)
        .await;
    let check = failure(&run, "wire.frames");
    assert!(
        check.message.ends_with("no frame: `hello`"),
        "{}",
        check.message
    );
    let entry = &run.transcript[check.entry.unwrap()].event;
    assert_eq!(entry, &Event::ServerRaw("hello".into()));
}

#[tokio::test]
async fn an_app_server_that_exits_at_once_is_quoted() {
    let run = Bench::new()
        .run("echo 'Error: oh no' >&2; exit 3", NOTHING)
        .await;
    let message = &failure(&run, "handshake").message;
    let part = "the app-server ended (exit code 3, last on stderr: `Error: oh no`) while the \
                reply to `initialize` (id 1) was awaited";
    assert!(message.contains(part), "{message}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_the_environments_fault() {
    let bench = Bench::new();
    let target: Target = "cmd:/nowhere/codex app-server".parse().unwrap();
    let run = case::run(
        &bench.cases("name: a case\nsteps: [{file: {path: x, exists: false}}]\n")[0],
        &target,
        &bench.options,
    )
    .await;
    let Status::Broken(reason) = &run.status else {
        panic!("{:?}", run.status)
    };
    assert!(
        reason.starts_with("can't start `/nowhere/codex`"),
        "{reason}"
    );
}

#[tokio::test]
async fn an_end_is_reported_with_code_or_signal() {
    let steps = "\n  - signal: SIGKILL\n    expect: { code: null, signal: SIGKILL }";
    let run = Bench::new().run(POLITE, steps).await;
    assert_eq!(run.status, Status::Passed, "{:?}", run.checks);
    let steps = "\n  - close_stdin:\n    expect: { code: 4, signal: null }";
    let run = Bench::new().run(&format!("{POLITE}; exit 4"), steps).await;
    assert_eq!(run.status, Status::Passed, "{:?}", run.checks);
    let run = Bench::new()
        .run(&format!("{POLITE}; exit 4"), NOTHING)
        .await;
    assert!(
        failure(&run, "exit")
            .message
            .ends_with("it ended with exit code 4")
    );
}

#[tokio::test]
async fn one_that_dies_under_way_fails_the_step_that_waits() {
    let server =
        r#"read l; echo '{"id":1,"result":{"userAgent":"fake/1"}}'; read l; read l; kill -9 $$"#;
    let run = Bench::new().run(server, "\n  - thread_start: {}").await;
    let check = failure(&run, "step-1.done");
    let part = "the app-server ended (signal 9) while the reply to `thread/start` (id 2)";
    assert!(check.message.contains(part), "{}", check.message);
}

#[tokio::test]
async fn a_line_of_many_megabytes_is_read() {
    let server = r#"read l; printf '{"id":1,"result":{"userAgent":"fake/1","x":"'; head -c 20000000 /dev/zero | tr '\0' a;
        echo '"}}'; cat >/dev/null"#;
    let run = Bench::new().run(server, NOTHING).await;
    assert_eq!(run.status, Status::Passed, "{:?}", run.checks);
}

#[tokio::test]
async fn one_that_ignores_the_end_of_its_stdin_is_killed() {
    let server =
        r#"read l; echo '{"id":1,"result":{"userAgent":"fake/1"}}'; trap '' TERM; exec sleep 600"#;
    let run = Bench::new().run(server, NOTHING).await;
    let message = &failure(&run, "exit").message;
    assert!(message.contains("did not end within 0.3 s"), "{message}");
}

#[tokio::test]
async fn a_process_that_leaves_the_group_is_found_and_ended() {
    // Only once it has left, which takes a moment, does the app-server go on.
    let server = format!(
        "setsid sh -c 'echo $$ >left; exec sleep 611' >/dev/null 2>&1 &
        until tr '\\0' ' ' <\"/proc/$(cat left)/cmdline\" | grep -q ^sleep; do :; done 2>/dev/null
        {POLITE}"
    );
    let run = Bench::new().run(&server, NOTHING).await;
    assert_eq!(run.status, Status::Passed, "{:?}", run.checks);
    let [note] = &run.notes[..] else {
        panic!("{:?}", run.notes)
    };
    assert!(
        note.contains("`sleep 611`) outlived the app-server"),
        "{note}"
    );
    let id = note.split_whitespace().nth(1).unwrap();
    let state = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    assert!(!exists(id) || state.contains(") Z "), "{state}");
}

#[tokio::test]
async fn nothing_of_the_callers_environment_gets_in() {
    let server = r#"read l; names=$(env | cut -d= -f1 | sort | tr '\n' ' ');
        echo "{\"id\":1,\"result\":{\"userAgent\":\"fake/1\",\"names\":\"$names\"}}"; cat >/dev/null"#;
    let run = Bench::new().run(server, NOTHING).await;
    let reply = run.transcript.iter().find_map(|entry| match &entry.event {
        Event::Server(frame) => frame["result"]["names"].as_str(),
        _ => None,
    });
    let own = ["PWD", "SHLVL", "_", "OLDPWD"];
    let names: Vec<_> = reply
        .unwrap()
        .split_whitespace()
        .filter(|name| !own.contains(name))
        .collect();
    let expected = [
        "CODEX_CONFORMANCE_CASE",
        "CODEX_HOME",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
        "HOME",
        "LANG",
        "LC_ALL",
        "PATH",
        "SHELL",
        "TMPDIR",
        "TZ",
        "USER",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_conflict_is_refused_before_anything_is_written() {
    let steps = r"
  - thread_start: { approval_mode: dangerously_bypass_approvals_and_sandbox, sandbox: read_only }
    error: { raised_by: client, message: { contains: combined with sandbox } }
  - request: { method: x }
    error: { raised_by: server, code: -1, message: no, data: { a: 1 } }";
    let server = r#"read l; echo '{"id":1,"result":{"userAgent":"fake/1"}}'; read l; read l;
        echo '{"id":2,"error":{"code":-1,"message":"no","data":{"a":1}}}'; cat >/dev/null"#;
    let run = Bench::new().run(server, steps).await;
    assert_eq!(run.status, Status::Passed, "{:?}", run.checks);
    let sent = run
        .transcript
        .iter()
        .filter(|entry| matches!(entry.event, Event::Client(_)));
    assert_eq!(sent.count(), 3, "initialize, initialized, x");
}

#[tokio::test]
async fn steps_that_end_otherwise_than_they_should_say_so_where_they_stand() {
    let server = r#"read l; echo '{"id":1,"result":{"userAgent":"fake/1"}}'; read l; read l;
        echo '{"id":2,"result":{"sandbox":{"type":"readOnly"}}}'; cat >/dev/null"#;
    let run = Bench::new()
        .run(server, "\n  - request: x\n    error: { code: 1 }")
        .await;
    let check = failure(&run, "step-1.error");
    assert!(
        check.message.contains("`request` should have failed"),
        "{}",
        check.message
    );

    let steps = "\n  - request: x\n    expect: { sandbox: { type: workspaceWrite } }";
    let run = Bench::new().run(server, steps).await;
    let check = failure(&run, "step-1.expect");
    assert_eq!(
        check.message,
        "the result of `request`: expected `workspaceWrite` at `sandbox.type`, got `readOnly`"
    );
    assert_eq!(check.at.as_ref().unwrap().line, 4);
    let Event::Server(frame) = &run.transcript[check.entry.unwrap()].event else {
        panic!("the entry is the reply")
    };
    assert_eq!(frame["id"], 2);
}

#[tokio::test]
async fn approvals_are_declined_decided_or_left_to_steps() {
    let ask = r#"echo '{"id":9,"method":"item/fileChange/requestApproval","params":{}}'; read answer;
        echo "{\"method\":\"answer\",\"params\":$answer}"; cat >/dev/null"#;
    // It asks when it has read `initialized` and one more notification.
    let server = format!(
        r#"read l; echo '{{"id":1,"result":{{"userAgent":"fake/1"}}}}'; read l; read l; {ask}"#
    );
    let declined = r"
  - notify: { method: go }
  - await: { method: answer }
    expect: { params: { id: 9, result: { decision: decline } } }";
    let decided = r"
  - approve: { file_change: acceptForSession }
  - notify: { method: go }
  - await: { method: answer }
    expect: { params: { result: { decision: acceptForSession } } }";
    let by_steps = r"
  - notify: { method: go }
  - await: { method: item/fileChange/requestApproval }
    as: asked
  - respond: { to: asked, error: { code: 5, message: later } }
  - await: { method: answer }
    expect: { params: { id: 9, error: { code: 5 } } }";
    for steps in [declined, decided, by_steps] {
        let run = Bench::new().run(&server, steps).await;
        assert_eq!(run.status, Status::Passed, "{:?}", run.checks);
    }
}

#[tokio::test]
async fn a_case_that_is_given_up_leaves_nothing() {
    let bench = Bench::new();
    let cases = bench.cases("name: a case\nsteps: [{await: {method: never}}]\n");
    let target = fake(
        r#"read l; echo "{\"id\":1,\"result\":{\"userAgent\":\"fake/1\",\"pid\":$$}}"; cat >/dev/null"#,
    );
    let run = case::run(&cases[0], &target, &bench.options);
    assert!(
        tokio::time::timeout(Duration::from_millis(300), run)
            .await
            .is_err()
    );
    assert_eq!(bench.left(), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn results_keep_the_order_of_the_cases_and_a_failure_can_stop_the_run() {
    let mut bench = Bench::new();
    bench.options.jobs = 3.try_into().unwrap();
    let cases = bench.cases(&format!("{DELAYS}steps: {NOTHING}\n"));
    let target = fake(&format!("sleep $DELAY; {POLITE}"));
    let (mut began, mut ended) = (0, Vec::new());
    let runs = suite(
        &cases,
        std::slice::from_ref(&target),
        &bench.options,
        |event| match event {
            RunEvent::Started { .. } => began += 1,
            RunEvent::Finished(run) => ended.push(run.case.id.clone()),
        },
    )
    .await;
    let ids = |runs: &[CaseRun]| {
        runs.iter()
            .map(|run| run.case.id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ids(&runs),
        cases.iter().map(|case| case.id.clone()).collect::<Vec<_>>()
    );
    assert_eq!((began, ended.len()), (4, 4));
    assert_ne!(ended, ids(&runs), "they end in another order");

    bench.options.jobs = 1.try_into().unwrap();
    bench.options.fail_fast = true;
    let runs = suite(&cases, &[fake("exit 1")], &bench.options, |_| {}).await;
    assert_eq!(runs.len(), 1);

    bench.options.cancel.cancel();
    assert!(
        suite(&cases, &[target], &bench.options, |_| {})
            .await
            .is_empty()
    );
    assert_eq!(bench.left(), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_are_handed_out_in_their_order_with_a_run_of_each_target() {
    let mut bench = Bench::new();
    bench.options.jobs = 3.try_into().unwrap();
    let cases = bench.cases(&format!("{DELAYS}steps: {NOTHING}\n"));
    let targets = [fake(&format!("sleep $DELAY; {POLITE}")), fake("exit 1")];
    let mut taken = Vec::new();
    let take = |case: &Arc<Case>, runs: Vec<CaseRun>| {
        let statuses = runs.iter().map(|run| run.status == Status::Passed);
        taken.push((case.id.clone(), statuses.collect::<Vec<_>>()));
        ControlFlow::Continue(())
    };
    case_by_case(&cases, &targets, &bench.options, |_| {}, take).await;
    let expected: Vec<_> = cases
        .iter()
        .map(|case| (case.id.clone(), vec![true, false]))
        .collect();
    assert_eq!(taken, expected);

    bench.options.jobs = 1.try_into().unwrap();
    let mut taken = 0;
    let take = |_: &Arc<Case>, _| {
        taken += 1;
        if taken == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let mut began = 0;
    let count =
        |event: RunEvent<'_>| began += usize::from(matches!(event, RunEvent::Started { .. }));
    case_by_case(&cases, &targets, &bench.options, count, take).await;
    assert_eq!((taken, began), (2, 4), "after a break nothing begins");
    assert_eq!(bench.left(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_target_without_a_process_skips_what_needs_one() {
    let bench = Bench::new();
    let cases = bench.cases("name: a case\nsteps: [{restart: {}}, {close_stdin: }]\n");
    let target: Target = "ws://127.0.0.1:1".parse().unwrap();
    let run = case::run(&cases[0], &target, &bench.options).await;
    let reason = "`ws://127.0.0.1:1` has no process, no restart".to_owned();
    assert_eq!(run.status, Status::Skipped(reason));
}
