//! Tests of the generator: what it makes can be loaded, repeats, and shrinks.

use super::*;
use serde_json::Value;
use session::{Call, Move};

/// How many sessions each test looks at.
const SOME: u64 = 200;

fn scenarios(seed: u64) -> Vec<Value> {
    let sessions = Sessions::of(seed);
    (0..SOME)
        .map(|number| render::scenario(&sessions.tree(number).current()))
        .collect()
}

#[test]
fn every_session_is_a_scenario() {
    let sessions = Sessions::of(1);
    for number in 0..SOME {
        let scenario = render::scenario(&sessions.tree(number).current());
        if let Err(errors) = judge::case(number, &scenario) {
            let text = emit::yaml(&scenario, &[]);
            panic!("session {number}: {errors:#?}\n{text}");
        }
    }
}

#[test]
fn so_is_every_smaller_one() {
    let sessions = Sessions::of(2);
    for number in 0..SOME / 10 {
        let mut tree = sessions.tree(number);
        while tree.simplify() {
            let scenario = render::scenario(&tree.current());
            assert!(judge::case(number, &scenario).is_ok(), "session {number}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_sessions() {
    assert_eq!(scenarios(3), scenarios(3));
    assert_ne!(scenarios(3), scenarios(4));
}

#[test]
fn sessions_reach_every_method() {
    let all = Value::from(scenarios(5)).to_string();
    for method in methods::METHODS {
        let rare = method.weight < 2;
        assert!(rare || all.contains(method.name), "{}", method.name);
    }
}

fn forks(session: &Session) -> bool {
    let forks =
        |one: &Move| matches!(one, Move::Call(Call { method, .. }) if method.name == "thread/fork");
    session.moves.iter().any(forks)
}

#[tokio::test]
async fn shrinking_keeps_what_a_session_shows() {
    let sessions = Sessions::of(6);
    let mut shrunk = 0;
    for number in 0..SOME {
        let tree = sessions.tree(number);
        let whole = tree.current();
        if !forks(&whole) {
            continue;
        }
        let smallest = shrink::shrink(tree, TRIES, async |session| forks(session)).await;
        let smallest = smallest.unwrap_or(whole);
        assert!(forks(&smallest));
        assert_eq!(
            smallest.moves.len(),
            2,
            "the start and the fork: {smallest:#?}"
        );
        shrunk += 1;
    }
    assert!(shrunk > 0);
}
