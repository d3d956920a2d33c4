//! The tap: every byte passes, what passed is in the recording, and it ends as what is behind it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use codex_conformance::client::driver::tap;
use codex_tap::{Plan, Sink};
use codex_wire::transcript::{self, Event, Process};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

fn tapped(record: &Path, command: &[&str]) -> Command {
    let mut tap = Command::new(env!("CARGO_BIN_EXE_codex-conformance"));
    tap.args(["tap", "--record"])
        .arg(record)
        .arg("--")
        .args(command);
    tap
}

fn start(command: &mut Command) -> (Child, ChildStdin, ChildStdout) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    (child, stdin, stdout)
}

fn events(record: &Path) -> Vec<Event> {
    let text = fs::read(record).unwrap();
    transcript::read(&text[..])
        .map(|entry| entry.unwrap().event)
        .filter(|event| !matches!(event, Event::Process(Process::Environment(_))))
        .collect()
}

#[test]
fn bytes_pass_as_they_come_half_lines_too() {
    let room = tempfile::tempdir().unwrap();
    let record = room.path().join("record.jsonl");
    let (mut child, mut stdin, mut stdout) = start(&mut tapped(&record, &["cat"]));
    let mut back = |sent: &[u8]| {
        stdin.write_all(sent).unwrap();
        let mut read = vec![0; sent.len()];
        stdout.read_exact(&mut read).unwrap();
        assert_eq!(read, sent);
    };
    back(b"{\"id\":1,");
    back(b"\"method\":\"a\"}\n\xff\xfe\n");
    // Cut within a character.
    back(&"é".as_bytes()[..1]);
    back(&"é".as_bytes()[1..]);
    drop(stdin);
    assert!(child.wait().unwrap().success());
    let both = |event: fn(String) -> Event| {
        ["\u{fffd}\u{fffd}", "é"]
            .map(|text| event(text.to_owned()))
            .to_vec()
    };
    let all = events(&record);
    let of = |keep: fn(&Event) -> bool| {
        all.iter()
            .filter(|event| keep(event))
            .cloned()
            .collect::<Vec<_>>()
    };
    let frame = json!({"id": 1, "method": "a"});
    let mut sent = vec![Event::Client(frame.clone())];
    sent.extend(both(Event::ClientRaw));
    assert_eq!(
        of(|event| matches!(event, Event::Client(_) | Event::ClientRaw(_))),
        sent
    );
    let mut came = vec![Event::Server(frame)];
    came.extend(both(Event::ServerRaw));
    assert_eq!(
        of(|event| matches!(event, Event::Server(_) | Event::ServerRaw(_))),
        came
    );
}

#[test]
fn a_line_is_in_the_recording_before_anybody_can_react_to_it() {
    let room = tempfile::tempdir().unwrap();
    let record = room.path().join("record.jsonl");
    let (mut child, mut stdin, mut stdout) = start(&mut tapped(&record, &["cat"]));
    for id in 0..50 {
        let line = format!("{{\"id\":{id},\"method\":\"a\"}}\n");
        stdin.write_all(line.as_bytes()).unwrap();
        stdout.read_exact(&mut vec![0; line.len()]).unwrap();
        let last = events(&record).pop();
        assert_eq!(last, Some(Event::Server(json!({"id": id, "method": "a"}))));
    }
    drop(stdin);
    child.wait().unwrap();
}

#[test]
fn it_ends_as_what_is_behind_it() {
    let room = tempfile::tempdir().unwrap();
    let record = room.path().join("record.jsonl");
    for (script, code, signal) in [
        ("exit 0", Some(0), None),
        ("echo to >&2; exit 7", Some(7), None),
        ("kill -TERM $$", None, Some(15)),
        ("kill -KILL $$", None, Some(9)),
    ] {
        let output = tapped(&record, &["sh", "-c", script]).output().unwrap();
        assert_eq!(
            (output.status.code(), output.status.signal()),
            (code, signal),
            "{script}"
        );
        let last = events(&record).pop();
        assert_eq!(
            last,
            Some(Event::Process(Process::Exited { code, signal })),
            "{script}"
        );
    }
}

#[test]
fn a_killed_client_ends_the_program_and_a_killed_program_the_tap() {
    let room = tempfile::tempdir().unwrap();
    let record = room.path().join("record.jsonl");
    // The client is gone: the program sees the end of its stdin.
    let (mut child, stdin, stdout) = start(&mut tapped(&record, &["cat"]));
    drop((stdin, stdout));
    assert!(child.wait().unwrap().success());
    // A signal to the tap is the program's.
    let (mut child, stdin, mut stdout) =
        start(&mut tapped(&record, &["sh", "-c", "echo ready; exec cat"]));
    let mut ready = [0; 6];
    stdout.read_exact(&mut ready).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    drop(stdin);
}

#[test]
fn as_codex_it_takes_any_arguments_and_needs_no_environment() {
    let room = tempfile::tempdir().unwrap();
    let codex = room.path().join("codex");
    let record = room.path().join("record.jsonl");
    let plan = Plan {
        program: "/bin/echo".into(),
        before: vec!["mock".into()],
        takes_arguments: true,
        environment: [("CODEX_X".to_owned(), "1".to_owned())].into(),
        sink: Sink::File(record.clone()),
        began_us: Some(0),
        disturb: None,
    };
    let program = Path::new(env!("CARGO_BIN_EXE_codex-conformance"));
    tap::write(&codex, &plan, Some(program)).unwrap();
    let mut call = Command::new(&codex);
    let output = call
        .args(["exec", "--json", "-", "--", "a b"])
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "mock exec --json - -- a b\n"
    );
    let started = ["/bin/echo", "mock", "exec", "--json", "-", "--", "a b"].map(str::to_owned);
    assert_eq!(
        events(&record)[0],
        Event::Process(Process::Started(started.to_vec()))
    );

    // What is an app-server and nothing else, refuses to be something else.
    let plan = Plan {
        takes_arguments: false,
        ..plan
    };
    tap::write(&codex, &plan, Some(program)).unwrap();
    let refused = Command::new(&codex).arg("exec").output().unwrap();
    assert_eq!(refused.status.code(), Some(127));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("stands for `codex app-server`"), "{said}");
}
