//! Cases and runs made by hand, for the tests of whatever consumes them.

use std::sync::Arc;
use std::time::Duration;

use codex_wire::transcript::{Entry, Event, Step};
use serde_json::json;

use crate::client::driver::Sdk;
use crate::client::driver::process::Program;
use crate::run::outcome::{CaseRun, Check, Places, Status};
use crate::scenario::model::{Case, CaseExpect, Home, Location, ModelServer};

/// A case with nothing in it.
pub(crate) fn case(id: &str) -> Case {
    let scenario = id.split('[').next().unwrap_or(id);
    Case {
        id: id.into(),
        scenario: scenario.into(),
        at: Location {
            file: format!("scenarios/{scenario}.yaml").into(),
            line: 1,
            column: 1,
        },
        name: "a turn: it ends".into(),
        about: None,
        refs: vec![],
        tags: vec![],
        requires: vec![],
        targets: vec![],
        timeout: None,
        home: Home::default(),
        transport: None,
        files: vec![],
        model: vec![],
        model_server: ModelServer::default(),
        mock: vec![],
        disturb: None,
        steps: vec![],
        expect: CaseExpect::default(),
        snapshot: vec![],
    }
}

/// A run on the mock; checks are their ids and messages, where an empty message is a pass.
pub(crate) fn run(id: &str, checks: &[(&str, &str)]) -> CaseRun {
    let checks: Vec<Check> = checks
        .iter()
        .map(|(id, message)| check(id, message))
        .collect();
    let passed = checks.iter().all(|check| check.passed);
    CaseRun {
        case: Arc::new(case(id)),
        target: "mock".into(),
        client: "reference".into(),
        status: if passed {
            Status::Passed
        } else {
            Status::Failed
        },
        duration: Duration::from_micros(12_345),
        checks,
        transcript: vec![],
        places: Places::default(),
        notes: vec![],
    }
}

/// A run without checks.
pub(crate) fn unchecked(id: &str, status: Status) -> CaseRun {
    CaseRun {
        status,
        ..run(id, &[])
    }
}

/// An SDK whose driver has introduced it.
pub(crate) fn sdk(client: &str, name: &str, version: &str) -> Sdk {
    let nothing = Program {
        argv: vec!["true".into()],
        environment: vec![],
        forks: false,
    };
    let sdk = Sdk::new(client.into(), nothing);
    let said = json!({
        "protocol": 1, "name": name, "version": version, "verbs": [], "transports": [],
    });
    let said = serde_json::from_value(said).unwrap();
    sdk.capabilities.set(said).unwrap();
    sdk
}

/// A short session.
pub(crate) fn transcript() -> Vec<Entry> {
    let thread = "01a1fca9-7ce8-7d72-b49f-436c55dacb21";
    let long = "x".repeat(400);
    [
        Event::Step(Step { index: 1, verb: "run".into(), line: 7 }),
        Event::Client(json!({"id": 1, "method": "turn/start", "params": {"threadId": thread}})),
        Event::Server(json!({"method": "warning", "params": {"threadId": thread, "message": long}, "emittedAtMs": 1_795_240_327_419_u64})),
        Event::Server(json!({"id": 1, "result": {}})),
        Event::Stderr("a line of the app-server".into()),
    ]
    .into_iter()
    .zip([0, 1234, 5678, 9012, 1_200_345])
    .map(|(event, t_us)| Entry { t_us, event })
    .collect()
}

fn check(id: &str, message: &str) -> Check {
    let at = Location {
        file: "scenarios/turns/plain.yaml".into(),
        line: 12,
        column: 5,
    };
    Check {
        id: id.into(),
        passed: message.is_empty(),
        message: message.into(),
        at: Some(at),
        entry: None,
    }
}
