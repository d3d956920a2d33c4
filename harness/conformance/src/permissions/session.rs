//! One session for each way and each configured default: the scenario that shows what is in force
//! at every moment.

use codex_wire::policy::SandboxPolicy;
use codex_wire::preset::Choice;
use serde_json::{Map, Value, json};

use super::asked::Asked;
use super::way::{Configured, How, Moment, Way};
use crate::walk::emit;

/// The longest that a session may take, in seconds.
const LIMIT: u64 = 60;

/// Tries what a command may do, and says each result. It succeeds whatever they are, so that the
/// app-server has nothing to say about it.
const PROBE: &str = r#"# What may a command do here? Usage: bash probe.sh MOMENT WORKSPACE OUTSIDE PORT
try() {
  if ("$2" "$3") 2> /dev/null; then printf '%s=yes ' "$1"; else printf '%s=no ' "$1"; fi
}
write() { printf 'x' > "$1"; }
temporary() { file=$(mktemp "$1/codex-permissions.XXXXXX") && rm "$file"; }
reach() { exec 3<> "/dev/tcp/127.0.0.1/$1"; }
try inside write "$2/$1"
try outside write "$3/$1"
try tmp temporary /tmp
try connect reach "$4"
echo
"#;

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// How permissions are set.
    pub way: Way,
    /// On top of which default.
    pub configured: Configured,
    /// What is to be in force.
    pub asked: Asked,
    /// The moments that it has, in order.
    pub marks: Vec<Mark>,
    /// The scenario's tree.
    scenario: Value,
}

/// Where a moment is among the steps, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The moment.
    pub moment: Moment,
    /// The step that brings it about.
    pub first: usize,
    /// Its turn.
    pub turn: usize,
}

impl Session {
    /// The session for a way and a default.
    pub fn new(way: Way, configured: Configured) -> Self {
        let asked = Asked::of(&way, &configured);
        let mut writer = Writer::default();
        writer.step(json!({ "listen": null, "as": "listener" }));
        writer.set(&way);
        writer.turn(Moment::NextTurn, "thread");
        writer.step(json!({ "thread_resume": { "thread": "thread" } }));
        writer.turn(Moment::ResumeLoaded, "thread");
        writer.step(json!({ "thread_fork": { "thread": "thread" }, "as": "fork" }));
        writer.turn(Moment::Fork, "fork");
        let restart = match &configured.at_restart {
            config if config.is_empty() => json!({}),
            config => json!({ "config": config }),
        };
        writer.step(json!({ "restart": restart }));
        writer.step(json!({ "thread_fork": { "thread": "thread" }, "as": "later" }));
        writer.turn(Moment::ForkAfterRestart, "later");
        writer.step(json!({ "thread_resume": { "thread": "thread" } }));
        writer.turn(Moment::ResumeAfterRestart, "thread");
        let scenario = writer.scenario(&way, &configured, &asked);
        Self {
            way,
            configured,
            asked,
            marks: writer.marks,
            scenario,
        }
    }

    /// All sessions, those of a default together.
    pub fn all() -> Vec<Self> {
        let of_default = |configured: Configured| {
            let ways = Way::all().into_iter();
            ways.map(move |way| Self::new(way, configured.clone()))
        };
        Configured::all().into_iter().flat_map(of_default).collect()
    }

    /// The id of its scenario: `full-access/sandbox-workspace-write`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.configured.name, self.way.name)
    }

    /// Its scenario file.
    pub fn text(&self) -> String {
        emit::yaml(&self.scenario, &[])
    }
}

/// A scenario under way.
#[derive(Default)]
struct Writer {
    steps: Vec<Value>,
    replies: Vec<Value>,
    marks: Vec<Mark>,
    /// The step behind the last turn.
    begun: usize,
}

impl Writer {
    fn step(&mut self, step: Value) {
        self.steps.push(step);
    }

    /// The steps that set the permissions of `thread`.
    fn set(&mut self, way: &Way) {
        let params = match &way.how {
            How::StartWith(members) => Value::Object(members.clone()),
            How::StartConfig(config) => json!({ "config": config }),
            _ => json!({}),
        };
        let start = match &way.how {
            How::Start(choice) => json!({ "thread_start": presets(choice) }),
            _ => json!({ "request": { "method": "thread/start", "params": params } }),
        };
        self.step(bound(start, "thread"));
        match &way.how {
            How::Turn(choice) => {
                self.turn_with(Moment::ThisTurn, "thread", presets(choice));
            }
            How::TurnWith(members) => {
                let further = map(&json!({ "params": members }));
                self.turn_with(Moment::ThisTurn, "thread", further);
            }
            How::Update(members) => {
                let mut params = map(&json!({ "threadId": "${thread.thread.id}" }));
                params.extend(members.clone());
                let request = json!({ "method": "thread/settings/update", "params": params });
                self.step(json!({ "request": request }));
            }
            _ => {}
        }
        self.begun = self.steps.len();
    }

    fn turn(&mut self, moment: Moment, thread: &str) {
        self.turn_with(moment, thread, Map::new());
    }

    /// A turn whose command is the probe.
    fn turn_with(&mut self, moment: Moment, thread: &str, further: Map<String, Value>) {
        let name = moment.name();
        let mut run = map(&json!({ "thread": thread, "input": name }));
        run.extend(further);
        let first = self.begun + 1;
        self.step(json!({ "run": run }));
        self.begun = self.steps.len();
        self.marks.push(Mark {
            moment,
            first,
            turn: self.begun,
        });
        let command = format!(
            "bash '${{outside}}/probe.sh' {name} '${{workspace}}' '${{outside}}' ${{listener.port}}"
        );
        let arguments = json!({ "cmd": command, "login": false, "yield_time_ms": 30_000 });
        let call = json!({ "id": name, "tool": "exec_command", "arguments": arguments });
        self.replies
            .push(json!({ "call": call, "when": { "user_text": name } }));
    }

    fn scenario(&mut self, way: &Way, configured: &Configured, asked: &Asked) -> Value {
        self.replies
            .push(json!({ "message": "done", "times": "any" }));
        let mut home = Map::new();
        let mut config = configured.config.clone();
        match &way.how {
            How::File(_) => config = configured.with(way),
            How::CommandLine(options) => {
                home.insert("overrides".into(), Value::Object(options.clone()));
            }
            _ => {}
        }
        if !config.is_empty() {
            home.insert("config".into(), Value::Object(config));
        }
        let mut root = Map::new();
        let mut put = |name: &str, value: Value| root.insert(name.to_owned(), value);
        put(
            "name",
            "what permissions are in force, from turn to turn".into(),
        );
        let about = format!(
            "Set by {}. Configured is {}.",
            way.words(),
            configured.words()
        );
        put("about", about.into());
        put("tags", json!(["permissions"]));
        put("requires", json!(["kernel-sandbox"]));
        put("timeout", LIMIT.into());
        if !home.is_empty() {
            put("home", Value::Object(home));
        }
        put("files", json!({ "${outside}/probe.sh": PROBE }));
        put("model", Value::Array(std::mem::take(&mut self.replies)));
        put("steps", Value::Array(std::mem::take(&mut self.steps)));
        put("expect", self.expect(asked));
        Value::Object(root)
    }

    /// What holds if the app-server keeps to what was asked for.
    fn expect(&self, asked: &Asked) -> Value {
        let sandbox = match &asked.sandbox {
            SandboxPolicy::ExternalSandbox { .. } | SandboxPolicy::DangerFullAccess => {
                json!({ "type": json!(asked.sandbox)["type"] })
            }
            policy => {
                let policy = json!(policy);
                json!({ "type": policy["type"], "networkAccess": policy["networkAccess"] })
            }
        };
        let reported = json!({
            "approvalPolicy": asked.approval,
            "approvalsReviewer": asked.reviewer,
            "sandbox": sandbox,
        });
        let frames = ["thread/resume", "thread/fork"].map(|method| {
            let matching = json!({ "result": reported });
            json!({ "from": "server", "method": method, "where": matching, "count": 2 })
        });
        let outputs = self.marks.iter().map(|mark| {
            let answer = json!({ "contains": asked.reach().answer() });
            (mark.moment.name().to_owned(), answer)
        });
        // Older versions tell the mode in the text alone.
        let mode = json!({ "any_of": [asked.sandbox.mode_name(), { "type": "null" }] });
        let requests = (0..self.marks.len()).map(|turn| {
            let told = json!({ "told": { "sandbox_mode": mode } });
            ((turn * 2).to_string(), told)
        });
        json!({
            "frames": frames,
            "model": {
                "outputs": outputs.collect::<Map<_, _>>(),
                "request": requests.collect::<Map<_, _>>(),
            },
            "leftover_replies": true,
        })
    }
}

/// A choice as verbs take it.
fn presets(choice: &Choice) -> Map<String, Value> {
    let mode = choice
        .approval_mode
        .map(|mode| ("approval_mode", mode.name()));
    let sandbox = choice.sandbox.map(|preset| ("sandbox", preset.name()));
    [mode, sandbox]
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}

fn bound(mut step: Value, name: &str) -> Value {
    step["as"] = name.into();
    step
}

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
