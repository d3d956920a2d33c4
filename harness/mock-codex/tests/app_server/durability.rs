//! Kills, several processes, full and read-only disks, many threads.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use mock_responses::{Reply, Times};
use serde_json::{Value, json};

use crate::client::{Client, World};

/// How often the server is killed.
const ROUNDS: u64 = 300;

/// The variable that repeats a run of the kills.
const SEED: &str = "MOCK_CODEX_KILL_SEED";

/// Numbers that look random, the same for the same seed (splitmix64).
pub(crate) struct Chance(u64);

impl Chance {
    /// Begins as [`SEED`] says, else anywhere; the text repeats a run.
    pub(crate) fn seeded() -> (String, Self) {
        let given = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
        let seed: u64 = given.unwrap_or_else(rand::random);
        let text = format!("{SEED}={seed}");
        println!("{text}");
        (text, Self(seed))
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// What the server said of a turn before it was killed.
#[derive(Debug, Default)]
struct Acknowledged {
    items: Vec<String>,
    completed: bool,
}

/// Starts a turn and listens until it ends or `time` is over.
async fn turn_within(
    client: &mut Client,
    thread: &str,
    time: Duration,
    known: &mut BTreeMap<String, Acknowledged>,
) {
    let listening = async {
        let turn = client.start_turn(thread, "go").await;
        let told = known.entry(turn.clone()).or_default();
        loop {
            let frame = client.frame().await;
            let params = &frame["params"];
            match frame["method"].as_str() {
                Some("item/completed") => {
                    told.items
                        .push(params["item"]["id"].as_str().unwrap().to_owned());
                }
                Some("turn/completed") => {
                    told.completed = true;
                    return;
                }
                _ => {}
            }
        }
    };
    // The moment of the kill is what is random here; nothing is waited for.
    let _ = tokio::time::timeout(time, listening).await;
}

fn turns(reply: &Value) -> BTreeMap<String, Value> {
    let turns = reply["thread"]["turns"].as_array().unwrap().iter();
    turns
        .map(|turn| (turn["id"].as_str().unwrap().to_owned(), turn.clone()))
        .collect()
}

#[tokio::test]
async fn a_kill_at_any_moment_loses_nothing_that_was_told() {
    let (seed, mut chance) = Chance::seeded();
    let world = World::new(vec![Reply::stream(["some ", "text"]).times(Times::Any)]).await;
    let mut client = world.client().await;
    let thread = client.thread(json!({})).await;
    client.turn(&thread, "first").await;
    let mut known = BTreeMap::new();
    for round in 0..ROUNDS {
        let time = Duration::from_micros(chance.below(12_000));
        turn_within(&mut client, &thread, time, &mut known).await;
        client.kill().await;
        client = world.client().await;
        let params = json!({"threadId": thread});
        let found = turns(&client.ok("thread/resume", params).await);
        for (id, told) in &known {
            let turn = found
                .get(id)
                .unwrap_or_else(|| panic!("round {round}: turn {id} is lost, {seed}"));
            let items = turn["items"].as_array().unwrap();
            for item in &told.items {
                assert!(
                    items.iter().any(|it| it["id"] == item.as_str()),
                    "round {round}: item {item} is lost, {seed}"
                );
            }
            if told.completed {
                assert_eq!(turn["status"], "completed", "round {round}, {seed}");
            }
        }
    }
}

#[tokio::test]
async fn two_processes_on_one_home_corrupt_nothing() {
    let world = World::new(vec![Reply::message("text").times(Times::Any)]).await;
    let mut one = world.client().await;
    let shared = one.thread(json!({})).await;
    one.turn(&shared, "first").await;
    let mut other = world.client().await;
    let params = json!({"threadId": shared, "excludeTurns": true});
    other.ok("thread/resume", params).await;
    let mut started = Vec::new();
    for _ in 0..20 {
        started.push(one.start_turn(&shared, "one").await);
        started.push(other.start_turn(&shared, "other").await);
        one.until("turn/completed").await;
        other.until("turn/completed").await;
    }
    let own = other.thread(json!({})).await;
    other.turn(&own, "own").await;
    one.close().await;
    other.close().await;

    let mut client = world.client().await;
    let params = json!({"threadId": shared});
    let found = turns(&client.ok("thread/resume", params).await);
    for turn in &started {
        assert_eq!(found[turn]["items"].as_array().unwrap().len(), 2);
    }
    let list = client.ok("thread/list", json!({})).await;
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
}

/// Copies a rollout under another id, with a long end.
fn copy_rollout(from: &Path, id: &str, new: &str, padding: usize) {
    let text = std::fs::read_to_string(from)
        .unwrap()
        .replace(id, new)
        .replace(
            "\"text\":\"go\"",
            &format!("\"text\":\"{}\"", "x".repeat(padding)),
        );
    let name = from.file_name().unwrap().to_str().unwrap().replace(id, new);
    std::fs::write(from.with_file_name(name), text).unwrap();
}

#[tokio::test]
async fn the_first_page_of_many_threads_reads_little() {
    const THREADS: usize = 3_000;
    /// The newest ones, more than a page of them, have long files.
    const LONG: usize = 40;
    const LENGTH: usize = 256 * 1024;
    let world = World::new(vec![Reply::message("text")]).await;
    let mut client = world.client().await;
    let thread = client.thread(json!({})).await;
    client.turn(&thread, "go").await;
    let read = client.ok("thread/read", json!({"threadId": thread})).await;
    let path = read["thread"]["path"].as_str().unwrap().to_owned();
    client.close().await;
    for number in 0..THREADS {
        let padding = if number + LONG >= THREADS { LENGTH } else { 2 };
        // Later ids sort behind all of this run's.
        let new = format!("ffffffff-ffff-7fff-8fff-{number:012x}");
        copy_rollout(Path::new(&path), &thread, &new, padding);
    }
    let mut client = world.client().await;
    let before = client.bytes_read();
    let list = client.ok("thread/list", json!({})).await;
    let read = client.bytes_read() - before;
    let ids: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|thread| thread["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 25);
    assert_eq!(
        ids[0],
        format!("ffffffff-ffff-7fff-8fff-{:012x}", THREADS - 1)
    );
    // Some kilobytes of each of the 26 files that are looked at, not their 256 each.
    assert!(read < 26 * 24 * 1024, "{read} bytes were read");
}

/// A home on a small disk of its own, made by `mount` where the machine lets us.
async fn on_small_disk(world: &World, then: &str) -> Option<Client> {
    let home = world.home();
    let home = home.display();
    let script = format!(
        "cp {home}/config.toml {home}/../config.toml && mount -t tmpfs -o size=128k tmpfs {home} \
         && cp {home}/../config.toml {home}/ && {then} && exec \"$@\""
    );
    let wrapper = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-ec",
    ];
    let tried = std::process::Command::new(wrapper[0])
        .args(&wrapper[1..])
        .arg(format!("mount -t tmpfs tmpfs {home}"))
        .output();
    if !tried.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this machine lets nobody mount a small disk");
        return None;
    }
    let wrapper: Vec<&str> = wrapper.into_iter().chain([script.as_str(), "sh"]).collect();
    Some(world.client_under(&wrapper).await)
}

#[tokio::test]
async fn a_full_disk_fails_the_turn_and_the_server_goes_on() {
    let long = "x".repeat(60 * 1024);
    let world = World::new(vec![Reply::message(long).times(Times::Any)]).await;
    let Some(mut client) = on_small_disk(&world, "true").await else {
        return;
    };
    let thread = client.thread(json!({})).await;
    let turn = client.turn(&thread, "go").await;
    assert_eq!(turn["status"], "failed", "{turn}");
    assert_eq!(
        turn["error"]["message"],
        "the thread could not be saved: No space left on device (os error 28)"
    );
    client.ok("thread/loaded/list", json!({})).await;
    let list = client.ok("thread/list", json!({})).await;
    assert_eq!(list["data"][0]["id"], thread.as_str());
}

#[tokio::test]
async fn a_read_only_home_fails_the_request_and_the_server_goes_on() {
    let world = World::new(vec![]).await;
    let home = world.home();
    let remount = format!("mount -o remount,ro {}", home.display());
    let Some(mut client) = on_small_disk(&world, &remount).await else {
        return;
    };
    let thread = client.thread(json!({})).await;
    let params = json!({"threadId": thread, "input": [{"type": "text", "text": "x"}]});
    let error = client.error("turn/start", params).await;
    assert_eq!(
        error,
        (-32603, "Read-only file system (os error 30)".to_owned())
    );
    client.ok("thread/loaded/list", json!({})).await;
}
