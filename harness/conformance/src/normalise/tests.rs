use std::path::Path;

use codex_wire::transcript::{self, Entry, Event, ModelRequest};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::scenario::model::Projection;

const PROJECTIONS: [Projection; 3] = [Projection::Client, Projection::Server, Projection::Model];

/// The same session of codex 0.169.0, recorded twice; prompts are cut.
const RECORDINGS: [&str; 4] = [
    "approvals",
    "command-left-running",
    "fork-and-restart",
    "two-calls-at-once",
];

fn places(root: &str) -> Places {
    let below = |name: &str| Path::new(root).join(name);
    Places {
        root: root.into(),
        codex_home: below("codex-home"),
        home: below("home-of-user"),
        workspace: below("workspace"),
        outside: below("outside"),
        tmpdir: below("tmp"),
    }
}

fn recording(name: &str, number: u32) -> (Vec<Entry>, Places) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recordings");
    let text = std::fs::read(root.join(format!("{name}-{number}.jsonl"))).unwrap();
    let entries = transcript::read(text.as_slice())
        .collect::<Result<_, _>>()
        .unwrap();
    (entries, places(&format!("/runs/{number}")))
}

fn projected(entries: &[Entry], places: &Places) -> Vec<String> {
    let entries = normalise(entries, places);
    PROJECTIONS
        .iter()
        .map(|projection| project(&entries, *projection))
        .collect()
}

#[test]
fn two_honest_runs_are_equal() {
    for name in RECORDINGS {
        let [first, second] = [1, 2].map(|number| recording(name, number));
        let [first, second] = [first, second].map(|(entries, places)| projected(&entries, &places));
        for (first, second) in first.iter().zip(&second) {
            similar_asserted(name, first, second);
        }
    }
}

#[track_caller]
fn similar_asserted(name: &str, first: &str, second: &str) {
    let diff = similar::TextDiff::from_lines(first, second);
    assert!(first == second, "{name}:\n{}", diff.unified_diff());
}

#[test]
fn applied_twice_it_changes_nothing_more() {
    for name in RECORDINGS {
        let (entries, places) = recording(name, 1);
        let once = normalise(&entries, &places);
        assert_eq!(normalise(&once, &places), once, "{name}");
    }
}

#[test]
fn nothing_of_a_run_is_left() {
    for name in RECORDINGS {
        let (entries, places) = recording(name, 1);
        let text = projected(&entries, &places).concat();
        for left in ["/runs/", "2026", "01a1", "Debian", "0.169.0"] {
            assert!(!text.contains(left), "{name}: `{left}`");
        }
    }
}

#[test]
fn the_projections_read_well() {
    let (entries, places) = recording("command-left-running", 1);
    let [client, server, model] = &projected(&entries, &places)[..] else {
        unreachable!()
    };
    insta::with_settings!({snapshot_path => "../../../../snapshots/cli", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("projection-client", client);
        insta::assert_snapshot!("projection-server", server);
        insta::assert_snapshot!("projection-model", model);
    });
}

/// Each order of the frames behind a request gives the same text.
#[track_caller]
fn orders_are_equal(request: &Value, orders: [&[Value]; 2]) {
    requests_and_orders_are_equal(std::slice::from_ref(request), orders);
}

/// Each order of the frames behind some requests gives the same text.
#[track_caller]
fn requests_and_orders_are_equal(requests: &[Value], orders: [&[Value]; 2]) {
    let [first, second] = orders.map(|frames| {
        let sent = requests.iter().cloned().map(Event::Client);
        let events = sent.chain(frames.iter().cloned().map(Event::Server));
        let entries: Vec<Entry> = events.map(|event| Entry { t_us: 0, event }).collect();
        projected(&entries, &places("/runs/1")).concat()
    });
    similar_asserted("orders", &first, &second);
}

#[test]
fn a_turn_that_is_quicker_than_its_reply_comes_behind_it() {
    let request = json!({"id": 1, "method": "turn/start", "params": {"threadId": "t"}});
    let reply = json!({"id": 1, "result": {"turn": {"id": "n"}}});
    let status = json!({"method": "thread/status/changed", "params": {"threadId": "t"}});
    let started =
        json!({"method": "turn/started", "params": {"threadId": "t", "turn": {"id": "n"}}});
    orders_are_equal(
        &request,
        [
            &[reply.clone(), status.clone(), started.clone()],
            &[status, started, reply],
        ],
    );
}

#[test]
fn a_warning_about_a_new_thread_comes_behind_the_reply() {
    let request = json!({"id": 1, "method": "thread/start", "params": {}});
    let reply = json!({"id": 1, "result": {"thread": {"id": "t"}}});
    let started = json!({"method": "thread/started", "params": {"thread": {"id": "t"}}});
    let warning = json!({"method": "warning", "params": {"threadId": "t", "message": "x"}});
    orders_are_equal(
        &request,
        [
            &[reply.clone(), warning.clone(), started.clone()],
            &[reply, started, warning],
        ],
    );
}

#[test]
fn a_warning_about_the_configuration_is_the_new_threads_also_behind_another_reply() {
    let start = json!({"id": 1, "method": "thread/start", "params": {}});
    let update = json!({"id": 2, "method": "thread/settings/update", "params": {"threadId": "t"}});
    let started = json!({"id": 1, "result": {"thread": {"id": "t"}}});
    let updated = json!({"id": 2, "result": {}});
    let text = "Codex is ignoring 1 unrecognized configuration setting.";
    let warning = json!({"method": "warning", "params": {"threadId": "t", "message": text}});
    requests_and_orders_are_equal(
        &[start, update],
        [
            &[started.clone(), updated.clone(), warning.clone()],
            &[started, warning, updated],
        ],
    );
}

#[test]
fn a_goal_that_is_late_comes_behind_its_resume() {
    let request = json!({"id": 1, "method": "thread/resume", "params": {"threadId": "t"}});
    let reply = json!({"id": 1, "result": {"thread": {"id": "t"}}});
    let usage = json!({"method": "thread/tokenUsage/updated", "params": {"threadId": "t"}});
    let goal = json!({"method": "thread/goal/cleared", "params": {"threadId": "t"}});
    let next = json!({"method": "turn/started", "params": {"threadId": "t"}});
    orders_are_equal(
        &request,
        [
            &[reply.clone(), usage.clone(), goal.clone(), next.clone()],
            &[reply, usage, next, goal],
        ],
    );
}

#[test]
fn a_kill_is_answered_before_the_end_that_it_caused() {
    let request = json!({"id": 1, "method": "process/kill", "params": {"processHandle": "h"}});
    let reply = json!({"id": 1, "result": {}});
    let delta = json!({"method": "process/outputDelta", "params": {"processHandle": "h", "stream": "stdout", "deltaBase64": "aGk="}});
    let exited = json!({"method": "process/exited", "params": {"processHandle": "h"}});
    orders_are_equal(
        &request,
        [
            &[reply.clone(), delta.clone(), exited.clone()],
            &[delta, exited, reply],
        ],
    );
}

#[test]
fn output_that_is_told_as_a_whole_needs_no_pieces() {
    let request = json!({"id": 1, "method": "thread/shellCommand", "params": {"threadId": "t"}});
    let delta = |text: &str| json!({"method": "item/commandExecution/outputDelta", "params": {"threadId": "t", "turnId": "n", "itemId": "i", "delta": text}});
    let completed = json!({"method": "item/completed", "params": {"threadId": "t", "turnId": "n", "item": {"id": "i", "type": "commandExecution", "aggregatedOutput": "out\nerr\n"}}});
    let [out, err] = ["out\n", "err\n"].map(delta);
    // Standard output and standard error are two pipes.
    orders_are_equal(
        &request,
        [
            std::slice::from_ref(&completed),
            &[err, out, completed.clone()],
        ],
    );
}

#[test]
fn a_thread_is_not_loaded_once() {
    let request = json!({"id": 1, "method": "thread/archive", "params": {"threadId": "t"}});
    let status = |kind: &str| json!({"method": "thread/status/changed", "params": {"threadId": "t", "status": {"type": kind}}});
    let [gone, idle] = ["notLoaded", "idle"].map(status);
    orders_are_equal(
        &request,
        [std::slice::from_ref(&gone), &[gone.clone(), gone.clone()]],
    );
    let twice = [idle.clone(), idle].map(Event::Server);
    let entries = twice.map(|event| Entry { t_us: 0, event });
    assert_eq!(normalise(&entries, &places("/runs/1")).len(), 2);
}

#[test]
fn a_cursor_keeps_its_thread_and_loses_its_time() {
    let frame = |time: &str| {
        let cursor = format!("{time}|01a1fca9-7ce8-7d72-b49f-436c55dacb21");
        let event = Event::Server(json!({"id": 1, "result": {"nextCursor": cursor}}));
        projected(&[Entry { t_us: 0, event }], &places("/runs/1")).concat()
    };
    let text = frame("2026-11-21T08:39:23Z");
    assert!(text.contains("<time>|<id-1>"), "{text}");
    assert_eq!(text, frame("2026-11-21T09:00:00.5Z"));
}

/// What must not be equal: each change is one that a client would notice.
#[test]
fn real_differences_stay() {
    type Change = fn(&mut Vec<Entry>, usize);
    let (entries, places) = recording("two-calls-at-once", 1);
    let before = projected(&entries, &places);
    let completed =
        |entry: &Entry| matches!(&entry.event, Event::Server(f) if f["method"] == "turn/completed");
    let at = entries.iter().position(completed).unwrap();
    let changes: [(&str, Change); 6] = [
        ("a frame is missing", |entries, at| drop(entries.remove(at))),
        ("a frame comes twice", |entries, at| {
            entries.insert(at, entries[at].clone());
        }),
        ("two frames are swapped", |entries, at| {
            entries.swap(at, at - 1);
        }),
        ("milliseconds for seconds", |entries, at| {
            edit(
                &mut entries[at],
                "/params/turn/startedAt",
                json!(1_795_240_327_419_u64),
            );
        }),
        ("another turn", |entries, at| {
            edit(
                &mut entries[at],
                "/params/turn/id",
                json!("01a1fca9-0000-7000-8000-000000000000"),
            );
        }),
        ("another status", |entries, at| {
            edit(&mut entries[at], "/params/turn/status", json!("failed"));
        }),
    ];
    for (name, change) in changes {
        let mut altered = entries.clone();
        change(&mut altered, at);
        assert_ne!(projected(&altered, &places), before, "{name}");
    }
}

fn edit(entry: &mut Entry, pointer: &str, value: Value) {
    let Event::Server(frame) = &mut entry.event else {
        panic!("a frame of the server")
    };
    *frame.pointer_mut(pointer).unwrap() = value;
}

/// What differs between two runs of one session.
#[derive(Clone, Debug)]
struct Run {
    root: String,
    ids: Vec<String>,
    epoch: u64,
    port: u16,
    process: u32,
    swap: bool,
}

fn any_run() -> impl Strategy<Value = Run> {
    let uuid = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}";
    let ids = proptest::collection::hash_set(uuid, 4).prop_map(|ids| ids.into_iter().collect());
    (
        "/(var/)?tmp/r[a-z]{6}",
        ids,
        1_600_000_000..2_000_000_000_u64,
        1024..u16::MAX,
        10_000..99_999_u32,
        any::<bool>(),
    )
        .prop_map(|(root, ids, epoch, port, process, swap)| Run {
            root,
            ids,
            epoch,
            port,
            process,
            swap,
        })
}

/// One session as a run has it.
fn session(run: &Run, text: &str) -> Vec<Entry> {
    let Run {
        root,
        ids,
        epoch,
        port,
        process,
        ..
    } = run;
    let [thread, turn, item, own] = &ids[..] else {
        panic!("four ids")
    };
    let at = epoch * 1000 + 7;
    let note = |method: &str, params: Value| {
        Event::Server(json!({"method": method, "params": params, "emittedAtMs": at}))
    };
    let command = json!({"type": "commandExecution", "id": "call-1", "processId": process.to_string(), "durationMs": epoch % 100, "cwd": format!("{root}/workspace")});
    let mut events = vec![
        Event::Client(
            json!({"id": 1, "method": "thread/start", "params": {"cwd": format!("{root}/workspace"), "note": text}}),
        ),
        Event::Server(
            json!({"id": 1, "result": {"thread": {"id": thread, "sessionId": thread, "createdAt": epoch, "path": format!("{root}/codex-home/sessions/2026/11/21/rollout-2026-11-21T05-52-08-{thread}.jsonl")}}}),
        ),
        Event::Client(json!({"id": 2, "method": "turn/start", "params": {"threadId": thread}})),
        note("warning", json!({"threadId": thread, "message": text})),
        Event::Server(json!({"id": 2, "result": {"turn": {"id": turn, "rootTurnId": turn}}})),
        note(
            "item/started",
            json!({"threadId": thread, "turnId": turn, "item": {"type": "userMessage", "id": item, "text": text}}),
        ),
        note(
            "item/completed",
            json!({"threadId": thread, "turnId": turn, "item": command}),
        ),
    ];
    if run.swap {
        events.swap(3, 4);
    }
    events.push(Event::ModelRequest(ModelRequest {
        index: 0,
        method: "POST".into(),
        path: "/v1/responses".into(),
        headers: vec![("host".into(), format!("127.0.0.1:{port}")), ("thread-id".into(), thread.clone())],
        body: json!({"input": [
            {"type": "message", "id": format!("msg_{own}"), "role": "user", "content": [{"type": "input_text", "text": text}]},
            {"type": "function_call_output", "call_id": "call-1", "output": format!("session ID {process}\nhttp://127.0.0.1:{port}/ {own}")},
        ]}),
    }));
    (0..)
        .zip(events)
        .map(|(n, event)| Entry {
            t_us: n * epoch,
            event,
        })
        .collect()
}

proptest! {
    #[test]
    fn runs_differ_in_nothing_that_counts(first in any_run(), second in any_run(), text in "[ -~]{0,40}") {
        let [a, b] = [&first, &second].map(|run| projected(&session(run, &text), &places(&run.root)));
        prop_assert_eq!(a, b);
    }

    #[test]
    fn normalising_is_idempotent(run in any_run(), text in ".{0,60}") {
        let places = places(&run.root);
        let once = normalise(&session(&run, &text), &places);
        prop_assert_eq!(normalise(&once, &places), once);
    }
}
