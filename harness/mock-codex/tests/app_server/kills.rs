//! Kills while threads change: what was acknowledged holds, what was not is there or not, and
//! nothing is in between.

use std::time::Duration;

use mock_responses::{Reply, Times};
use serde_json::{Value, json};

use crate::client::{Client, World};
use crate::durability::Chance;

/// How often the server is killed.
const ROUNDS: u64 = 300;

/// What a thread may look like after a kill: one of these, the first unless it changed since.
#[derive(Debug)]
struct Possible(Vec<Value>);

impl Possible {
    /// A change to `value` was asked for.
    fn change(&mut self, value: Value, acknowledged: bool) {
        if acknowledged {
            self.0.clear();
        }
        self.0.push(value);
    }

    /// Takes what was found for what is.
    fn settle(&mut self, found: Value, context: &str) {
        assert!(
            self.0.contains(&found),
            "{context}: {found} of {:?}",
            self.0
        );
        self.0 = vec![found];
    }
}

/// Everything about the thread that the test changes.
#[derive(Debug)]
struct Expected {
    name: Possible,
    branch: Possible,
    objective: Possible,
    archived: Possible,
    turns: Possible,
    /// Forks that were acknowledged, and are not yet deleted.
    forks: Vec<String>,
    /// Forks that are gone for good.
    deleted: Vec<String>,
}

/// Sends a request, and waits for its reply for as long as `time`.
async fn within(client: &mut Client, method: &str, params: Value, time: Duration) -> Option<Value> {
    // The moment of the kill is what is random here; nothing is waited for.
    tokio::time::timeout(time, client.ok(method, params))
        .await
        .ok()
}

impl Expected {
    fn new() -> Self {
        let one = |value| Possible(vec![value]);
        Self {
            name: one(Value::Null),
            branch: one(Value::Null),
            objective: one(Value::Null),
            archived: one(json!(false)),
            turns: one(json!([])),
            forks: Vec::new(),
            deleted: Vec::new(),
        }
    }

    /// Makes one change, perhaps to its end.
    async fn change(&mut self, client: &mut Client, thread: &str, chance: &mut Chance, round: u64) {
        let time = Duration::from_micros(chance.below(6_000));
        let id = || json!({"threadId": thread});
        if self.archived.0 == [json!(true)] {
            let done = within(client, "thread/unarchive", id(), time).await;
            return self.archived.change(json!(false), done.is_some());
        }
        match chance.below(6) {
            0 => {
                let name = format!("name {round}");
                let params = json!({"threadId": thread, "name": name});
                let done = within(client, "thread/name/set", params, time).await;
                self.name.change(json!(name), done.is_some());
            }
            1 => {
                let branch = format!("branch-{round}");
                let params = json!({"threadId": thread, "gitInfo": {"branch": branch}});
                let done = within(client, "thread/metadata/update", params, time).await;
                self.branch.change(json!(branch), done.is_some());
            }
            2 => {
                let goal = format!("goal {round}");
                let params = json!({"threadId": thread, "objective": goal, "status": "paused"});
                let done = within(client, "thread/goal/set", params, time).await;
                self.objective.change(json!(goal), done.is_some());
            }
            3 => {
                let done = within(client, "thread/archive", id(), time).await;
                self.archived.change(json!(true), done.is_some());
            }
            4 => self.revert(client, thread, time).await,
            _ => self.fork_or_delete(client, thread, time).await,
        }
    }

    async fn revert(&mut self, client: &mut Client, thread: &str, time: Duration) {
        client
            .ok(
                "thread/resume",
                json!({"threadId": thread, "excludeTurns": true}),
            )
            .await;
        let turn = client.turn(thread, "more").await["id"].clone();
        let mut turns = self.turns.0[0].as_array().unwrap().clone();
        let left = Value::Array(turns.clone());
        turns.push(turn.clone());
        self.turns.change(Value::Array(turns), true);
        let params = json!({"threadId": thread, "beforeTurnId": turn});
        let done = within(client, "thread/revert", params, time).await;
        self.turns.change(left, done.is_some());
    }

    async fn fork_or_delete(&mut self, client: &mut Client, thread: &str, time: Duration) {
        if let Some(fork) = self.forks.pop() {
            let params = json!({"threadId": fork});
            // Without an answer it is perhaps gone, perhaps not.
            if within(client, "thread/delete", params, time)
                .await
                .is_some()
            {
                self.deleted.push(fork);
            }
            return;
        }
        let params = json!({"threadId": thread, "excludeTurns": true});
        if let Some(reply) = within(client, "thread/fork", params, time).await {
            self.forks
                .push(reply["thread"]["id"].as_str().unwrap().to_owned());
        }
    }

    /// Compares with what a new process finds.
    async fn check(&mut self, client: &mut Client, thread: &str, context: &str) {
        let params = json!({"threadId": thread, "includeTurns": true});
        let found = client.ok("thread/read", params).await["thread"].clone();
        self.name.settle(found["name"].clone(), context);
        self.branch
            .settle(found["gitInfo"]["branch"].clone(), context);
        let turns = found["turns"].as_array().unwrap().iter();
        let turns = turns.map(|turn| turn["id"].clone()).collect();
        self.turns.settle(turns, context);
        let path = found["path"].as_str().unwrap();
        self.archived
            .settle(json!(path.contains("/archived_sessions/")), context);
        if self.archived.0 == [json!(false)] {
            let goal = client
                .ok("thread/goal/get", json!({"threadId": thread}))
                .await;
            self.objective
                .settle(goal["goal"]["objective"].clone(), context);
        }
        for fork in &self.forks {
            client.ok("thread/read", json!({"threadId": fork})).await;
        }
        for fork in &self.deleted {
            client.error("thread/read", json!({"threadId": fork})).await;
        }
    }
}

#[tokio::test]
async fn a_kill_during_any_change_leaves_it_done_or_not_done() {
    let (seed, mut chance) = Chance::seeded();
    let world = World::new(vec![Reply::message("text").times(Times::Any)]).await;
    let mut client = world.client().await;
    let thread = client.thread(json!({})).await;
    let first = client.turn(&thread, "first").await["id"].clone();
    let mut expected = Expected::new();
    expected.turns.change(json!([first]), true);
    for round in 0..ROUNDS {
        expected
            .change(&mut client, &thread, &mut chance, round)
            .await;
        client.kill().await;
        client = world.client().await;
        let context = format!("round {round}, {seed}");
        expected.check(&mut client, &thread, &context).await;
    }
}
