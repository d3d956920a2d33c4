//! Writing a session out as a scenario.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::methods::Effect;
use super::session::{Call, End, Held, Member, Move, OddParams, Session, Slot, ThreadId, Turn};

/// The longest that a session may take, in seconds.
const LIMIT: u64 = 20;

/// The scenario that a session is, as a tree of its file.
pub fn scenario(session: &Session) -> Value {
    let mut writer = Writer {
        stable_api: session.home.stable_api,
        ..Writer::default()
    };
    for one in &session.moves {
        writer.one(one);
    }
    // What comes after the last reply is waited for by asking once more.
    writer.step(json!({ "thread_list": {} }));
    writer
        .replies
        .push(json!({ "message": "anything else", "times": "any" }));

    let mut root = Map::new();
    root.insert("name".into(), "a session of a random walk".into());
    if writer.replies.iter().any(runs_command) {
        root.insert("requires".into(), json!(["kernel-sandbox"]));
    }
    root.insert("timeout".into(), LIMIT.into());
    let mut home = Map::new();
    if !session.home.config.is_empty() {
        home.insert("config".into(), Value::Object(session.home.config.clone()));
    }
    if session.home.stable_api {
        home.insert("experimental_api".into(), false.into());
    }
    if !home.is_empty() {
        root.insert("home".into(), Value::Object(home));
    }
    root.insert("model".into(), Value::Array(writer.replies));
    root.insert("steps".into(), Value::Array(writer.steps));
    root.insert("expect".into(), json!({ "leftover_replies": true }));
    Value::Object(root)
}

fn runs_command(reply: &Value) -> bool {
    reply["call"]["tool"] == "exec_command"
}

/// What is known of a thread as long as all goes well.
#[derive(Clone, Debug, Default)]
struct Thread {
    /// The name of the result that has its id.
    name: String,
    /// The names of its turns.
    turns: Vec<String>,
    loaded: bool,
    subscribed: bool,
    ephemeral: bool,
}

/// A scenario under way.
#[derive(Debug, Default)]
struct Writer {
    steps: Vec<Value>,
    replies: Vec<Value>,
    threads: BTreeMap<Slot, Thread>,
    /// The last list of each method.
    lists: BTreeMap<&'static str, String>,
    /// How many results have a name of each kind.
    named: BTreeMap<&'static str, usize>,
    stable_api: bool,
}

impl Writer {
    fn one(&mut self, one: &Move) {
        match one {
            Move::Call(call) => self.call(call),
            Move::Turn(turn) => self.turn(turn),
            Move::Held(held) => self.held(held),
            Move::Approve {
                command,
                file_change,
            } => {
                let answers = json!({ "command": command, "file_change": file_change });
                self.step(json!({ "approve": answers }));
            }
            Move::Restart(config) => self.restart(config),
        }
    }

    fn step(&mut self, step: Value) {
        self.steps.push(step);
    }

    /// A name that no result has: `t1`, `t2`, …
    fn name(&mut self, kind: &'static str) -> String {
        let count = self.named.entry(kind).or_default();
        *count += 1;
        format!("{kind}{count}")
    }

    fn restart(&mut self, config: &Map<String, Value>) {
        self.step(if config.is_empty() {
            json!({ "restart": {} })
        } else {
            json!({ "restart": { "config": config } })
        });
        for thread in self.threads.values_mut() {
            (thread.loaded, thread.subscribed) = (false, false);
        }
    }

    fn call(&mut self, call: &Call) {
        let on_thread = call.method.on_thread;
        let has = |name: &str| call.members.iter().any(|member| member.name == name);
        if call.method.name == "thread/goal/set" && !has("status") {
            // An active goal starts turns by itself.
            return;
        }
        let slot = match call.thread {
            ThreadId::Of(slot) if on_thread => Some(slot),
            _ => None,
        };
        let thread = slot.map(|slot| self.threads.get(&slot).cloned());
        let Some(thread) = thread.unwrap_or_else(|| Some(Thread::default())) else {
            return;
        };
        let mut params = Map::new();
        match &call.thread {
            ThreadId::Of(_) if on_thread => {
                params.insert("threadId".into(), id_of(&thread).into());
            }
            ThreadId::Wrong(value) if on_thread => {
                params.insert("threadId".into(), value.clone());
            }
            _ => {}
        }
        params.extend(self.members(&call.members, &thread, call.method.name));
        let name = call.method.name;
        let mut step = json!({ "request": { "method": name, "params": params } });
        match &call.odd_params {
            Some(OddParams::Value(value)) => step["request"]["params"] = value.clone(),
            Some(OddParams::Missing) => step["request"] = json!({ "method": name }),
            None => {}
        }
        let sure = call.odd_params.is_none()
            && (!on_thread || slot.is_some())
            && self.goes_well(&call.members);
        if sure {
            self.effect(call, slot, step);
        } else {
            self.step(step);
        }
    }

    /// Can a request with these members be expected to succeed?
    fn goes_well(&self, members: &[Member]) -> bool {
        let has = |name: &str| members.iter().any(|member| member.name == name);
        let conflict = has("permissions") && (has("sandbox") || has("sandboxPolicy"));
        let experimental = self.stable_api && !members.is_empty();
        !conflict && !experimental && members.iter().all(|member| member.valid)
    }

    /// A request that succeeds, and what the next moves have to know or to wait for.
    fn effect(&mut self, call: &Call, slot: Option<Slot>, mut step: Value) {
        let is_true = |name: &str| {
            let mut members = call.members.iter();
            members.any(|member| member.name == name && member.value == true)
        };
        let known = slot.and_then(|slot| self.threads.get(&slot)).cloned();
        let known = known.unwrap_or_default();
        let listens = known.loaded && known.subscribed;
        let mut change = |change: &dyn Fn(&mut Thread)| {
            if let Some(thread) = slot.and_then(|slot| self.threads.get_mut(&slot)) {
                change(thread);
            }
        };
        match call.method.effect {
            Effect::Starts => return self.starts(call.to, is_true("ephemeral"), Vec::new(), step),
            Effect::Forks if !known.turns.is_empty() && !known.ephemeral => {
                let ephemeral = is_true("ephemeral");
                if !ephemeral || is_true("excludeTurns") {
                    return self.starts(call.to, ephemeral, known.turns, step);
                }
            }
            Effect::Loads if !known.turns.is_empty() => {
                change(&|thread| (thread.loaded, thread.subscribed) = (true, true));
            }
            Effect::Unsubscribes => change(&|thread| thread.subscribed = false),
            Effect::Unloads => {
                change(&|thread| (thread.loaded, thread.subscribed) = (false, false));
            }
            Effect::Reverts if known.loaded => change(&|thread| thread.turns.truncate(1)),
            Effect::Compacts if listens => {
                self.step(step);
                return self.end_of_turn_with(&json!({ "type": "contextCompaction" }));
            }
            Effect::RunsCommand if listens => {
                self.step(step);
                let item = json!({ "type": "commandExecution", "source": "userShell" });
                return self.end_of_turn_with(&item);
            }
            Effect::ChangesAccount => {
                self.step(step);
                return self.step(json!({ "await": { "method": "account/updated" } }));
            }
            Effect::Lists => {
                let name = self.name("list");
                step["as"] = name.clone().into();
                self.lists.insert(call.method.name, name);
            }
            _ => {}
        }
        self.step(step);
    }

    /// A new thread with these turns.
    fn starts(&mut self, slot: Slot, ephemeral: bool, turns: Vec<String>, mut step: Value) {
        let name = self.name(slot.name());
        step["as"] = name.clone().into();
        self.step(step);
        let thread = Thread {
            name,
            turns,
            loaded: true,
            subscribed: true,
            ephemeral,
        };
        self.threads.insert(slot, thread);
    }

    /// Waits for the next end of an item like this, and then for the end of its turn.
    fn end_of_turn_with(&mut self, item: &Value) {
        let name = self.name("item");
        let turn = format!("${{{name}.params.turnId}}");
        let ended = json!({ "method": "item/completed", "where": { "params": { "item": item } } });
        self.step(json!({ "await": ended, "as": name }));
        let ended = json!({ "params": { "turn": { "id": turn } } });
        self.step(json!({ "await": { "method": "turn/completed", "where": ended } }));
    }

    /// Members with turns and cursors put in.
    fn members(&self, members: &[Member], thread: &Thread, method: &str) -> Map<String, Value> {
        members
            .iter()
            .map(|member| {
                let value = member.value.as_str();
                let turn = value.and_then(|text| text.strip_prefix("@turn")?.parse().ok());
                let value = match (turn, value) {
                    (Some(turn), _) => self.turn_id(thread, turn),
                    (None, Some("@cursor")) => self.cursor(method),
                    _ => member.value.clone(),
                };
                (member.name.clone(), value)
            })
            .collect()
    }

    fn turn_id(&self, thread: &Thread, turn: usize) -> Value {
        let of_first = || self.threads.get(&Slot::A).map(|thread| &thread.turns[..]);
        let turns = match &thread.turns[..] {
            [] => of_first().unwrap_or_default(),
            turns => turns,
        };
        match turns.get(turn).or(turns.last()) {
            Some(name) => format!("${{{name}.turn.id}}").into(),
            None => "nope".into(),
        }
    }

    fn cursor(&self, method: &str) -> Value {
        let list = self.lists.get(method);
        list.map_or(Value::Null, |name| format!("${{{name}.nextCursor}}").into())
    }

    /// Loads a thread and listens to it, if need be. Does the client hear of its turns then? A
    /// thread without a turn can't be loaded again.
    fn prepare(&mut self, slot: Slot) -> bool {
        let Some(thread) = self.threads.get_mut(&slot) else {
            return false;
        };
        if thread.loaded && thread.subscribed {
            return true;
        }
        if thread.turns.is_empty() || thread.ephemeral {
            return false;
        }
        (thread.loaded, thread.subscribed) = (true, true);
        let params = json!({ "threadId": id_of(thread), "excludeTurns": true });
        self.step(json!({ "request": { "method": "thread/resume", "params": params } }));
        true
    }

    fn turn(&mut self, turn: &Turn) {
        let Some(thread) = self.threads.get(&turn.thread).cloned() else {
            return;
        };
        let hears = if turn.unprepared {
            thread.subscribed
        } else {
            self.prepare(turn.thread)
        };
        // Nobody would be told of its end.
        if thread.loaded && !hears {
            return;
        }
        let name = self.name("turn");
        let number = name.trim_start_matches("turn").to_owned();
        let says = format!("say {number}");
        let mut run = json!({ "thread": thread.name, "input": says });
        if let Some(input) = &turn.input {
            run["input"] = input.clone();
        } else {
            let replies = turn.replies.iter();
            let replies = replies.map(|reply| when_said(&numbered(reply, &number), &says));
            self.replies.extend(replies);
        }
        let members = self.members(&turn.members, &thread, "turn/start");
        if !members.is_empty() {
            run["params"] = Value::Object(members);
        }
        let sure = self.goes_well(&turn.members) && turn.input.is_none();
        let here = self.threads.get_mut(&turn.thread);
        if let (true, Some(thread)) = (sure, here)
            && thread.loaded
        {
            thread.turns.push(name.clone());
            self.step(json!({ "run": run, "as": name }));
        } else {
            self.step(json!({ "run": run }));
        }
    }

    fn held(&mut self, held: &Held) {
        if !self.prepare(held.thread) {
            return;
        }
        let Some(thread) = self.threads.get(&held.thread).cloned() else {
            return;
        };
        let name = self.name("turn");
        let number = name.trim_start_matches("turn").to_owned();
        let (says, half, gate) = (
            format!("say {number}"),
            format!("half {number}"),
            format!("rest-{number}"),
        );
        let more = format!("more {number}");
        let stream =
            json!({ "stream": [half, " of it"], "hold": { "after_event": 5, "gate": gate } });
        self.replies.push(when_said(&stream, &says));
        self.step(json!({ "turn": { "thread": thread.name, "input": says }, "as": name }));
        let delta = json!({ "params": { "delta": half } });
        self.step(json!({ "await": { "method": "item/agentMessage/delta", "where": delta } }));
        for call in &held.meanwhile {
            self.call(call);
        }
        let release = json!({ "release": gate });
        let ended = json!({ "await_turn": name });
        match held.end {
            End::GoesOn => {
                self.step(release);
                self.step(ended);
            }
            End::Interrupt => {
                self.step(json!({ "interrupt": name }));
                self.step(ended);
                self.step(release);
            }
            End::Steer | End::StartAgain => {
                let reply = json!({ "message": format!("steered {number}") });
                self.replies.push(when_said(&reply, &more));
                self.step(if held.end == End::Steer {
                    json!({ "steer": { "turn": name, "input": more } })
                } else {
                    let input = json!([{ "type": "text", "text": more }]);
                    let params = json!({ "threadId": id_of(&thread), "input": input });
                    json!({ "request": { "method": "turn/start", "params": params } })
                });
                self.step(ended);
                self.step(release);
            }
        }
        if let Some(thread) = self.threads.get_mut(&held.thread) {
            thread.turns.push(name);
        }
    }
}

fn id_of(thread: &Thread) -> String {
    format!("${{{}.thread.id}}", thread.name)
}

/// A reply for the request whose newest words are these.
fn when_said(reply: &Value, says: &str) -> Value {
    let mut reply = reply.clone();
    reply["when"] = json!({ "user_text": says });
    reply
}

/// Puts the number of the turn in for `@n`.
fn numbered(value: &Value, number: &str) -> Value {
    match value {
        Value::String(text) => text.replace("@n", number).into(),
        Value::Array(elements) => elements.iter().map(|it| numbered(it, number)).collect(),
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, it)| (name.clone(), numbered(it, number)));
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}
