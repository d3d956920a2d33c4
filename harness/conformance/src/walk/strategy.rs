//! What sessions there are: strategies of `proptest`, made from the table of methods.
//!
//! Everything shrinks towards less: moves go, members go, values become the first of their row.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::BoxedStrategy;
use serde_json::{Map, Value, json};

use super::methods::{METHODS, Method};
use super::session::{
    Call, End, Held, Home, Member, Move, OddParams, Session, Slot, ThreadId, Turn,
};
use super::values::{MemberKind, TURN};

/// The most moves of a session, after its start.
const MOVES: usize = 14;

/// All sessions.
pub fn session() -> impl Strategy<Value = Session> {
    (home(), start(), vec(next_move(), 1..MOVES)).prop_map(|(home, start, rest)| Session {
        home,
        moves: std::iter::once(Move::Call(start)).chain(rest).collect(),
    })
}

/// Values, written as JSON texts in a table.
fn values(texts: &[&str]) -> BoxedStrategy<Value> {
    let values: Vec<Value> = texts.iter().map(|text| parse(text)).collect();
    select(values).boxed()
}

fn parse(text: &str) -> Value {
    // The tables are constants; a test reads every text of theirs.
    serde_json::from_str(text).unwrap_or_default()
}

/// Settings of `config.toml` and their values.
const SETTINGS: &[MemberKind] = &[
    MemberKind(
        "approval_policy",
        &[r#""never""#, r#""on-request""#],
        &[r#""on-failure""#],
    ),
    MemberKind(
        "sandbox_mode",
        &[
            r#""read-only""#,
            r#""workspace-write""#,
            r#""danger-full-access""#,
        ],
        &[],
    ),
    MemberKind("model", &[r#""gpt-5.5""#], &[]),
    MemberKind(
        "sandbox_workspace_write",
        &[
            r#"{"network_access":true}"#,
            r#"{"writable_roots":["${outside}"],"exclude_slash_tmp":true}"#,
        ],
        &[],
    ),
    MemberKind(
        "default_permissions",
        &[r#"":workspace""#, r#"":read-only""#],
        &[],
    ),
    MemberKind("model_reasoning_effort", &[r#""low""#], &[]),
    MemberKind(
        "projects",
        &[
            r#"{"${workspace}":{"trust_level":"trusted"}}"#,
            r#"{"${workspace}":{"trust_level":"untrusted"}}"#,
        ],
        &[],
    ),
    MemberKind("no_such_setting", &["1"], &[]),
];

fn settings(often: f64) -> BoxedStrategy<Map<String, Value>> {
    let each: Vec<_> = SETTINGS.iter().map(|kind| maybe(kind, often)).collect();
    each.prop_map(|members| {
        let members = members.into_iter().flatten();
        members.map(|member| (member.name, member.value)).collect()
    })
    .boxed()
}

fn home() -> impl Strategy<Value = Home> {
    (settings(0.12), prop::bool::weighted(0.06))
        .prop_map(|(config, stable_api)| Home { config, stable_api })
}

/// One of these, by weight. What it is doesn't shrink: another kind of move would be another
/// session, and trying all of them takes long.
fn one_of<T: std::fmt::Debug + 'static>(choices: Vec<(u32, BoxedStrategy<T>)>) -> BoxedStrategy<T> {
    let total = choices.iter().map(|(weight, _)| weight).sum::<u32>();
    (0..total)
        .no_shrink()
        .prop_flat_map(move |mut at| {
            let chosen = choices.iter().find(|(weight, _)| {
                let here = at < *weight;
                at = at.saturating_sub(*weight);
                here
            });
            // `at` is below the sum of all weights.
            chosen.unwrap_or(&choices[0]).1.clone()
        })
        .boxed()
}

fn next_move() -> BoxedStrategy<Move> {
    let approve = (decision(), decision()).prop_map(|(command, file_change)| Move::Approve {
        command,
        file_change,
    });
    one_of(vec![
        (60, calls(|_| true).prop_map(Move::Call).boxed()),
        (30, turn().prop_map(Move::Turn).boxed()),
        (6, held().prop_map(Move::Held).boxed()),
        (4, approve.boxed()),
        (5, settings(0.06).prop_map(Move::Restart).boxed()),
    ])
}

fn start() -> impl Strategy<Value = Call> {
    call(&METHODS[0]).prop_map(|call| Call {
        to: Slot::A,
        ..call
    })
}

fn calls(of: impl Fn(&Method) -> bool) -> BoxedStrategy<Call> {
    let methods = METHODS.iter().filter(|method| of(method));
    one_of(
        methods
            .map(|method| (method.weight, call(method)))
            .collect(),
    )
}

fn slot() -> BoxedStrategy<Slot> {
    prop_oneof![6 => Just(Slot::A), 2 => Just(Slot::B), 1 => Just(Slot::C)].boxed()
}

fn thread() -> impl Strategy<Value = ThreadId> {
    let wrong = values(&[
        r#""01a1fca9-0671-79e0-a9be-477f95701f6c""#,
        r#""nope""#,
        r#""""#,
        "5",
        "null",
    ]);
    prop_oneof![
        24 => slot().prop_map(ThreadId::Of),
        2 => wrong.prop_map(ThreadId::Wrong),
        1 => Just(ThreadId::Missing),
    ]
}

fn odd_params() -> impl Strategy<Value = Option<OddParams>> {
    let odd = prop_oneof![
        values(&["[]", r#""x""#, "null", "5", "[5]"]).prop_map(OddParams::Value),
        Just(OddParams::Missing),
    ];
    prop::option::weighted(0.015, odd)
}

fn call(method: &'static Method) -> BoxedStrategy<Call> {
    let needed: Vec<_> = method.needs.iter().map(|kind| maybe(kind, 0.96)).collect();
    let members = (needed, members(method.takes)).prop_map(|(needed, taken)| {
        let needed = needed.into_iter().flatten();
        needed.chain(taken).collect::<Vec<_>>()
    });
    (thread(), slot(), members, odd_params())
        .prop_map(move |(thread, to, members, odd_params)| Call {
            method,
            thread,
            to,
            members,
            odd_params,
        })
        .boxed()
}

/// A few members of these groups; of a group often several, since they are about the same.
fn members(groups: &'static [&'static [MemberKind]]) -> BoxedStrategy<Vec<Member>> {
    let group = |kinds: &'static [MemberKind]| {
        let some: Vec<_> = kinds.iter().map(|kind| maybe(kind, 0.6)).collect();
        let few: Vec<_> = kinds.iter().map(|kind| maybe(kind, 0.06)).collect();
        prop_oneof![4 => few, 1 => some]
    };
    let all: Vec<_> = groups.iter().map(|kinds| group(kinds)).collect();
    all.prop_map(|groups| groups.into_iter().flatten().flatten().collect())
        .boxed()
}

/// Maybe a member of this kind, mostly with a value that the protocol takes.
fn maybe(kind: &'static MemberKind, often: f64) -> BoxedStrategy<Option<Member>> {
    let MemberKind(name, valid, wrong) = kind;
    let of = |texts: &[&str], valid: bool| {
        values(texts).prop_map(move |value| Member {
            name: (*name).to_owned(),
            value,
            valid,
        })
    };
    let value = if wrong.is_empty() {
        of(valid, true).boxed()
    } else {
        prop_oneof![8 => of(valid, true), 1 => of(wrong, false)].boxed()
    };
    prop::option::weighted(often, value).boxed()
}

fn turn() -> impl Strategy<Value = Turn> {
    let input = values(&[
        "[]",
        r#"[{"type":"text","text":"one"},{"type":"text","text":"two"}]"#,
        r#"[{"type":"text","text":""}]"#,
        r#"[{"type":"mention","name":"x","path":"app://x"}]"#,
        r#"[{"type":"bogus"}]"#,
        r#"[{"type":"image","url":"https://example.com/x.png"}]"#,
        "5",
    ]);
    let input = prop::option::weighted(0.06, input);
    (
        slot(),
        input,
        members(TURN),
        replies(),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(thread, input, members, replies, unprepared)| Turn {
            thread,
            input,
            members,
            replies,
            unprepared,
        })
}

/// What the model does in a turn. `@n` stands for the number of the turn.
fn replies() -> BoxedStrategy<Vec<Value>> {
    let done = || json!({ "message": "answer @n" });
    let then_done = move |reply: Value| vec![reply, done()];
    let plain = values(&[
        r#"{"message":"answer @n"}"#,
        r#"{"stream":["an","swer ","@n"]}"#,
        r#"{"message":""}"#,
        r#"{"reasoning":{"summary":["think"]},"message":"answer @n"}"#,
        r#"{"refusal":"no @n"}"#,
        r#"{"message":"answer @n","usage":{"input_tokens":100,"output_tokens":10,"total_tokens":110}}"#,
    ])
    .prop_map(|reply| vec![reply]);
    let broken = values(&[
        r#"{"http":{"status":400,"body":"bad thing"}}"#,
        r#"{"http":{"status":401,"body":{"error":{"message":"bad key"}}}}"#,
        r#"{"http":{"status":500,"body":{"error":{"message":"oops"}}}}"#,
        r#"{"error":{"code":"context_length_exceeded","message":"too long"}}"#,
        r#"{"error":{"code":"insufficient_quota","message":"no"}}"#,
        r#"{"message":"cut @n","incomplete":"max_output_tokens"}"#,
        r#"{"message":"lost @n","fault":"no_terminal_event"}"#,
    ])
    .prop_map(|reply| vec![reply]);
    let command = (
        select(vec![
            "echo hi",
            "exit 3",
            "cat made.txt",
            "printf x > made.txt",
            "printf x > ${outside}/made.txt",
            "ls no-such-file",
            "rm -rf made.txt",
        ]),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(command, escalated)| exec(command, escalated));
    let patch = select(vec![
        "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch\n",
        "*** Begin Patch\n*** Add File: ${outside}/new.txt\n+hello\n*** End Patch\n",
        "*** Begin Patch\n*** Update File: new.txt\n@@\n-hello\n+bye\n*** End Patch\n",
        "*** Begin Patch\n*** Delete File: new.txt\n*** End Patch\n",
        "no patch",
    ])
    .prop_map(|input| json!({ "custom_call": { "id": "call-@n", "tool": "apply_patch", "input": input } }));
    let odd = values(&[
        r#"{"call":{"id":"call-@n","tool":"no_such_tool","arguments":{}}}"#,
        r#"{"call":{"id":"call-@n","tool":"exec_command","arguments":{}}}"#,
        r#"{"call":{"id":"call-@n","tool":"exec_command","arguments":"no json"}}"#,
        r#"{"call":{"id":"call-@n","tool":"write_stdin","arguments":{"session_id":1}}}"#,
        r#"{"call":{"id":"call-@n","tool":"request_user_input","arguments":{"questions":[]}}}"#,
        r#"{"call":{"id":"call-@n","tool":"get_goal","arguments":{}}}"#,
        r#"{"call":{"id":"call-@n","tool":"view_image","arguments":{"path":"none.png"}}}"#,
    ]);
    one_of(vec![
        (12, plain.boxed()),
        (3, broken.boxed()),
        (5, command.prop_map(then_done).boxed()),
        (3, patch.prop_map(then_done).boxed()),
        (2, odd.prop_map(then_done).boxed()),
    ])
}

fn exec(command: &str, escalated: bool) -> Value {
    let mut arguments = json!({ "cmd": command, "login": false });
    if escalated {
        arguments["sandbox_permissions"] = "require_escalated".into();
        arguments["justification"] = "May I?".into();
    }
    json!({ "call": { "id": "call-@n", "tool": "exec_command", "arguments": arguments } })
}

/// An answer to a question about a command or a patch.
fn decision() -> BoxedStrategy<Value> {
    values(&[
        r#""decline""#,
        r#""accept""#,
        r#""acceptForSession""#,
        r#""cancel""#,
        r#""perhaps""#,
        "5",
    ])
}

/// What a client may do while a turn stands still.
const MEANWHILE: &[&str] = &[
    "thread/read",
    "thread/list",
    "thread/loaded/list",
    "thread/name/set",
    "thread/turns/list",
    "thread/items/list",
    "thread/goal/get",
    "thread/settings/update",
    "thread/metadata/update",
    "turn/interrupt",
    "turn/steer",
    "thread/inject_items",
];

fn held() -> impl Strategy<Value = Held> {
    let calls = calls(|method| MEANWHILE.contains(&method.name));
    let end = select(vec![
        End::GoesOn,
        End::Interrupt,
        End::Steer,
        End::StartAgain,
    ]);
    (slot(), vec(calls, 0..3), end).prop_map(|(thread, meanwhile, end)| Held {
        thread,
        meanwhile,
        end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_the_tables_is_json() {
        let groups = METHODS.iter().flat_map(|method| {
            let taken = method.takes.iter().copied();
            taken.chain([method.needs])
        });
        for MemberKind(name, valid, wrong) in groups
            .chain(TURN.iter().copied())
            .chain([SETTINGS])
            .flatten()
        {
            for text in valid.iter().chain(*wrong) {
                let read: Result<Value, _> = serde_json::from_str(text);
                assert!(read.is_ok(), "`{name}`: {text}");
            }
        }
    }
}
