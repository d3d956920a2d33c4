//! Any sequence of starts, overrides, resumes, forks and restarts, against a simple model of what
//! the settings of a thread are then (behaviour notes, "c. What survives").

use mock_responses::Reply;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::{Client, World};

/// A sandbox that can be asked for, and how it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sandbox {
    ReadOnly,
    WorkspaceWrite,
    FullAccess,
    /// Only turns and updates can name it.
    External,
    /// By the permission profile of this name.
    Profile(&'static str),
}

/// What a new thread gets where nothing is configured.
const DEFAULT: Sandbox = Sandbox::Profile(":read-only");

impl Sandbox {
    /// codex 0.169.0 forgets it in forks and cold resumes.
    fn is_forgotten(self) -> bool {
        matches!(self, Self::WorkspaceWrite | Self::External)
    }

    /// The type and the profile that replies report.
    fn shown(self) -> (&'static str, Value) {
        match self {
            Self::ReadOnly => ("readOnly", Value::Null),
            Self::WorkspaceWrite => ("workspaceWrite", Value::Null),
            Self::FullAccess => ("dangerFullAccess", Value::Null),
            Self::External => ("externalSandbox", Value::Null),
            Self::Profile(name) => {
                let kind = match name {
                    ":workspace" => "workspaceWrite",
                    ":danger-full-access" => "dangerFullAccess",
                    _ => "readOnly",
                };
                (kind, json!({"id": name, "extends": null}))
            }
        }
    }

    /// Asks for it in a request of threads.
    fn in_thread(self, params: &mut Value) {
        match self {
            Self::ReadOnly => params["sandbox"] = json!("read-only"),
            Self::WorkspaceWrite => params["sandbox"] = json!("workspace-write"),
            Self::FullAccess => params["sandbox"] = json!("danger-full-access"),
            Self::External => {}
            Self::Profile(name) => params["permissions"] = json!(name),
        }
    }

    /// Asks for it in a request of turns.
    fn in_turn(self, params: &mut Value) {
        match self {
            Self::Profile(name) => params["permissions"] = json!(name),
            other => params["sandboxPolicy"] = json!({"type": other.shown().0}),
        }
    }
}

/// What a request names.
#[derive(Debug, Clone, Copy, Default)]
struct Change {
    approval: Option<&'static str>,
    reviewer: Option<&'static str>,
    sandbox: Option<Sandbox>,
}

impl Change {
    fn params(self, thread: Option<&str>) -> Value {
        let mut params = json!({});
        if let Some(thread) = thread {
            params["threadId"] = json!(thread);
        }
        if let Some(approval) = self.approval {
            params["approvalPolicy"] = json!(approval);
        }
        if let Some(reviewer) = self.reviewer {
            params["approvalsReviewer"] = json!(reviewer);
        }
        params
    }

    fn of_thread(self, thread: Option<&str>) -> Value {
        let mut params = self.params(thread);
        if let Some(sandbox) = self.sandbox {
            sandbox.in_thread(&mut params);
        }
        params
    }

    fn of_turn(self, thread: &str) -> Value {
        let mut params = self.params(Some(thread));
        if let Some(sandbox) = self.sandbox {
            sandbox.in_turn(&mut params);
        }
        params
    }
}

/// One step of a sequence.
#[derive(Debug, Clone, Copy)]
enum Step {
    Turn(Change),
    Update(Change),
    ResumeLoaded(Change),
    Fork(Change),
    /// A restart, then a resume.
    Restart(Change),
}

/// The model: what is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Effective {
    approval: &'static str,
    reviewer: &'static str,
    sandbox: Sandbox,
}

impl Effective {
    fn of_new_thread(change: Change) -> Self {
        let default = Self {
            approval: "on-request",
            reviewer: "user",
            sandbox: DEFAULT,
        };
        default.with(change, true)
    }

    fn after(self, step: Step, quirks: bool) -> Self {
        match step {
            Step::Turn(change) | Step::Update(change) => self.with(change, false),
            Step::ResumeLoaded(_) if quirks => self,
            Step::ResumeLoaded(change) => self.with(change, true),
            Step::Fork(change) | Step::Restart(change) => {
                let forgotten = quirks && self.sandbox.is_forgotten();
                let sandbox = if forgotten { DEFAULT } else { self.sandbox };
                Self { sandbox, ..self }.with(change, true)
            }
        }
    }

    /// `of_thread`: is the change in a request that can't name the external sandbox?
    fn with(self, change: Change, of_thread: bool) -> Self {
        let named = change
            .sandbox
            .filter(|sandbox| !(of_thread && *sandbox == Sandbox::External));
        Self {
            approval: change.approval.unwrap_or(self.approval),
            reviewer: change.reviewer.unwrap_or(self.reviewer),
            sandbox: named.unwrap_or(self.sandbox),
        }
    }

    fn assert_shown(self, reply: &Value, after: &str) {
        let (kind, profile) = self.sandbox.shown();
        let shown = json!([
            reply["approvalPolicy"],
            reply["approvalsReviewer"],
            reply["sandbox"]["type"],
            reply["activePermissionProfile"],
        ]);
        let expected = json!([self.approval, self.reviewer, kind, profile]);
        assert_eq!(shown, expected, "{after}");
    }
}

fn change() -> impl Strategy<Value = Change> {
    let approval = prop::option::of(prop::sample::select(vec![
        "never",
        "on-request",
        "untrusted",
    ]));
    let reviewer = prop::option::of(prop::sample::select(vec!["user", "auto_review"]));
    let sandbox = prop::option::of(prop::sample::select(vec![
        Sandbox::ReadOnly,
        Sandbox::WorkspaceWrite,
        Sandbox::FullAccess,
        Sandbox::External,
        Sandbox::Profile(":read-only"),
        Sandbox::Profile(":workspace"),
        Sandbox::Profile(":danger-full-access"),
    ]));
    (approval, reviewer, sandbox).prop_map(|(approval, reviewer, sandbox)| Change {
        approval,
        reviewer,
        sandbox,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        change().prop_map(Step::Turn),
        change().prop_map(Step::Update),
        change().prop_map(Step::ResumeLoaded),
        change().prop_map(Step::Fork),
        change().prop_map(Step::Restart),
    ]
}

const QUIRKS_OFF: [&str; 6] = [
    "--quirk",
    "-workspace-write-lost-on-fork",
    "--quirk",
    "-workspace-write-lost-on-cold-resume",
    "--quirk",
    "-resume-loaded-ignores-overrides",
];

async fn connect(world: &World, quirks: bool) -> Client {
    let args: &[&str] = if quirks { &[] } else { &QUIRKS_OFF };
    world.client_with(args).await
}

async fn turn(client: &mut Client, thread: &str, change: Change) {
    let mut params = change.of_turn(thread);
    params["input"] = json!([{"type": "text", "text": "go"}]);
    client.ok("turn/start", params).await;
    client.until("turn/completed").await;
}

async fn resume(client: &mut Client, thread: &str, change: Change) -> Value {
    let mut params = change.of_thread(Some(thread));
    params["excludeTurns"] = json!(true);
    client.ok("thread/resume", params).await
}

async fn check(quirks: bool, first: Change, steps: Vec<Step>) {
    let replies = (0..=steps.len()).map(|_| Reply::message("done")).collect();
    let world = World::new(replies).await;
    let mut client = connect(&world, quirks).await;
    let started = client.ok("thread/start", first.of_thread(None)).await;
    let mut effective = Effective::of_new_thread(first);
    effective.assert_shown(&started, "start");
    let mut thread = started["thread"]["id"].as_str().unwrap().to_owned();
    turn(&mut client, &thread, Change::default()).await;
    for step in steps {
        effective = effective.after(step, quirks);
        match step {
            Step::Turn(change) => turn(&mut client, &thread, change).await,
            Step::Update(change) => {
                let params = change.of_turn(&thread);
                client.ok("thread/settings/update", params).await;
            }
            Step::ResumeLoaded(change) => {
                resume(&mut client, &thread, change).await;
            }
            Step::Fork(change) => {
                let mut params = change.of_thread(Some(&thread));
                params["excludeTurns"] = json!(true);
                let fork = client.ok("thread/fork", params).await;
                fork["thread"]["id"]
                    .as_str()
                    .unwrap()
                    .clone_into(&mut thread);
            }
            Step::Restart(change) => {
                client.close().await;
                client = connect(&world, quirks).await;
                resume(&mut client, &thread, change).await;
            }
        }
        // Without a change, and loaded: this only looks.
        let now = resume(&mut client, &thread, Change::default()).await;
        effective.assert_shown(&now, &format!("{step:?}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn settings_are_those_of_the_model(
        quirks in any::<bool>(),
        first in change(),
        steps in prop::collection::vec(step(), 1..7),
    ) {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(check(quirks, first, steps));
    }
}
