//! Every frame of a run against the schema of the version that it ran on.
//!
//! A frame that departs is somebody's fault: the app-server's, that of a client under test, or the
//! harness's own, which includes the scenario. What a scenario does wrong on purpose is not
//! counted; a scenario says so in one of these ways:
//!
//! - the step that sends the frame expects an `error`, or is a `send_line`,
//! - the place is named in `expect.off_schema`,
//! - the reply is one that the scenario itself scripts (`mock`),
//! - the case is about a variant of the protocol (`requires: [variants]`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use codex_wire::schema::{Exchange, Fault, Schema, Sender, Violation};
use codex_wire::transcript::{Event, Process};
use serde_json::Value;

use crate::check::verdict::FixtureError;
use crate::client::reference;
use crate::known_failures::matches;
use crate::run::checks::{failed, passed};
use crate::run::outcome::{CaseRun, Check, Status};
use crate::scenario::model::{Case, Step};
use crate::schema;
use crate::schema::exceptions::Exceptions;
use crate::target::Target;

/// The id of the check.
pub const CHECK: &str = "schema";

/// The capability of targets that play variants of the protocol.
const VARIANTS: &str = "variants";

/// How many departures a message lists.
const LISTED: usize = 5;

/// Whose fault a frame is that departs from the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The app-server's.
    Server,
    /// That of a client under test.
    Client,
    /// The reference client's, or the scenario's.
    Harness,
}

impl Origin {
    /// In a message.
    pub fn words(self) -> &'static str {
        match self {
            Self::Server => "the app-server",
            Self::Client => "the client",
            Self::Harness => "the harness",
        }
    }
}

/// A departure and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The position of the frame in the transcript.
    pub entry: usize,
    /// What is wrong with it.
    pub violation: Violation,
    /// Whose fault it is; `None`: it is meant to be so.
    pub origin: Option<Origin>,
}

/// Holds runs against the schemas of the versions that they ran on.
#[derive(Debug, Default)]
pub struct SchemaCheck {
    /// By the target's name.
    schemas: BTreeMap<String, Arc<Schema>>,
    exceptions: Exceptions,
    marks: Mutex<BTreeMap<String, Marks>>,
}

/// What became of a scenario's `off_schema`.
#[derive(Debug, Default)]
struct Marks {
    /// The cases that passed.
    cases: BTreeSet<String>,
    /// The places of which a frame was outside of the schema.
    used: BTreeSet<String>,
}

impl SchemaCheck {
    /// A check for these targets; `root` is the directory that has `fixtures/`.
    ///
    /// # Errors
    /// A schema, or the list of exceptions, can't be used.
    pub fn of(root: &Path, targets: &[Target]) -> Result<Self, FixtureError> {
        Ok(Self::new(
            schema::of_targets(root, targets)?,
            Exceptions::load(root)?,
        ))
    }

    /// A check for these targets, by their names.
    pub fn new(schemas: BTreeMap<String, Arc<Schema>>, exceptions: Exceptions) -> Self {
        Self {
            schemas,
            exceptions,
            marks: Mutex::default(),
        }
    }

    /// The check of a run, and what is told beside it; `None` where the schema of its target isn't
    /// known.
    ///
    /// Members that a client under test sends and the schema doesn't have are told, and no failure:
    /// an app-server ignores them. Whoever sends them may think otherwise.
    pub fn check(&self, run: &CaseRun) -> Option<(Check, Vec<String>)> {
        self.check_of(run, |_| true)
    }

    /// The check for the frames of the app-server alone: what the client sends is meant to be odd.
    pub fn check_of_server(&self, run: &CaseRun) -> Option<Check> {
        let checked = self.check_of(run, |origin| origin == Origin::Server);
        checked.map(|(check, _)| check)
    }

    fn check_of(
        &self,
        run: &CaseRun,
        is_looked_at: fn(Origin) -> bool,
    ) -> Option<(Check, Vec<String>)> {
        let schema = self.schemas.get(&run.target)?;
        let found = findings(schema, run);
        self.remember(run, &found);
        let (ignored, found): (Vec<Finding>, Vec<Finding>) = found
            .into_iter()
            .filter(|found| !self.exceptions.explain(schema.version(), &found.violation))
            .partition(Finding::is_ignored);
        let warnings = warnings(&ignored);
        let mut wrong: Vec<(Origin, Finding)> = found
            .into_iter()
            .filter_map(|found| Some((found.origin?, found)))
            .filter(|(origin, _)| is_looked_at(*origin))
            .filter(|(origin, _)| *origin != Origin::Harness || is_written_for(schema))
            .collect();
        // The app-server's come first: they are what a case is about.
        wrong.sort_by_key(|(origin, found)| (*origin, found.entry));
        let Some((_, first)) = wrong.first() else {
            return Some((passed(CHECK, None), warnings));
        };
        let entry = first.entry;
        let mut lines: Vec<String> = wrong
            .iter()
            .take(LISTED)
            .map(|(origin, found)| line(*origin, found))
            .collect();
        if wrong.len() > LISTED {
            lines.push(format!("and {} more", wrong.len() - LISTED));
        }
        let message = format!(
            "frames depart from the schema of codex {}\n{}",
            schema.version(),
            lines.join("\n")
        );
        let check = failed(CHECK, message, Some(&run.case.at), Some(entry));
        Some((check, warnings))
    }

    fn remember(&self, run: &CaseRun, found: &[Finding]) {
        let places = &run.case.expect.off_schema;
        if places.is_empty() {
            return;
        }
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let marks = marks.entry(run.case.scenario.clone()).or_default();
        if run.status == Status::Passed {
            marks.cases.insert(run.case.id.clone());
        }
        let is_used = |place: &&String| {
            let mut clients = found.iter().map(|found| &found.violation);
            clients.any(|it| it.sender == Sender::Client && matches(place, &it.path))
        };
        marks.used.extend(places.iter().filter(is_used).cloned());
    }

    /// Places of `off_schema` at which nothing was outside of the schema, in scenarios all of whose
    /// cases passed: each with a case of its scenario.
    pub fn stale<'a>(&self, loaded: &'a [Arc<Case>]) -> Vec<(&'a Case, &'a str)> {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stale = Vec::new();
        for (scenario, Marks { cases, used }) in &*marks {
            let mut own = loaded.iter().filter(|case| case.scenario == *scenario);
            if !own.clone().all(|case| cases.contains(&case.id)) {
                continue;
            }
            if let Some(case) = own.next() {
                let places = case.expect.off_schema.iter();
                let unused = places.filter(|place| !used.contains(*place));
                stale.extend(unused.map(|place| (&**case, place.as_str())));
            }
        }
        stale
    }
}

impl Finding {
    /// Is it something that an SDK sends in vain?
    fn is_ignored(&self) -> bool {
        self.origin == Some(Origin::Client) && self.violation.fault == Fault::UnknownMember
    }
}

/// What is said of members that are sent in vain: one sentence for each, however often.
fn warnings(ignored: &[Finding]) -> Vec<String> {
    let mut methods: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Finding { violation, .. } in ignored {
        let of = methods.entry(&violation.path).or_default();
        of.insert(&violation.method);
    }
    let say = |(path, methods): (&str, BTreeSet<&str>)| {
        // The same words for every case: a note is shown once.
        let place = match methods.first() {
            Some(method) if methods.len() == 1 => format!("in `{method}`"),
            _ => "with several methods".to_owned(),
        };
        format!(
            "warning: the SDK sends `{path}` {place}, which the protocol doesn't have: codex ignores it, whatever it was meant for"
        )
    };
    methods.into_iter().map(say).collect()
}

fn line(origin: Origin, found: &Finding) -> String {
    let Finding {
        entry, violation, ..
    } = found;
    let method = match violation.method.as_str() {
        "" => "a frame".to_owned(),
        method => format!("`{method}`"),
    };
    format!("{}: {method} (frame {entry}): {violation}", origin.words())
}

/// Are the scenarios written for this version? What they send to another one may be unknown there.
fn is_written_for(schema: &Schema) -> bool {
    schema.version() == mock_codex::CODEX_VERSION
}

/// Every departure of a run from a schema, in the order of the frames.
pub fn findings(schema: &Schema, run: &CaseRun) -> Vec<Finding> {
    let mut exchanges: HashMap<Option<&str>, Exchange<'_>> = HashMap::new();
    let mut step: Option<&Step> = None;
    let mut found = Vec::new();
    for (entry, recorded) in run.transcript.iter().enumerate() {
        let (client, event) = match &recorded.event {
            Event::Of { client, event } => (Some(client.as_str()), &**event),
            event => (None, event),
        };
        let (sender, frame) = match event {
            Event::Client(frame) => (Sender::Client, frame),
            Event::Server(frame) => (Sender::Server, frame),
            Event::Step(begun) => {
                step = run.case.steps.iter().find(|it| it.index == begun.index);
                continue;
            }
            // Ids of an app-server that was there before mean nothing to the next.
            Event::Process(Process::Started(_)) => {
                exchanges.clear();
                continue;
            }
            _ => continue,
        };
        let exchange = exchanges
            .entry(client)
            .or_insert_with(|| Exchange::new(schema));
        for violation in exchange.frame(sender, frame) {
            let origin = origin(run, step, &violation);
            found.push(Finding {
                entry,
                violation,
                origin,
            });
        }
    }
    found
}

fn origin(run: &CaseRun, step: Option<&Step>, violation: &Violation) -> Option<Origin> {
    let case = &run.case;
    if case.requires.iter().any(|required| required == VARIANTS) {
        return None;
    }
    match violation.sender {
        Sender::Server => (!is_scripted(case, violation)).then_some(Origin::Server),
        Sender::Client if run.client != reference::NAME => Some(Origin::Client),
        Sender::Client => {
            let fails = step.is_some_and(|step| step.error.is_some());
            let mut meant = case.expect.off_schema.iter();
            let is_meant = fails || meant.any(|place| matches(place, &violation.path));
            (!is_meant).then_some(Origin::Harness)
        }
    }
}

/// Does the scenario itself say what the mock sends here?
fn is_scripted(case: &Case, violation: &Violation) -> bool {
    let is_meant = |method: &Value| method.as_str() == Some(&violation.method);
    case.mock.iter().any(|answer| {
        let mut notifications = answer["notifications"].as_array().into_iter().flatten();
        is_meant(&answer["method"]) || notifications.any(|sent| is_meant(&sent["method"]))
    })
}

#[cfg(test)]
mod tests {
    use codex_wire::transcript::{Entry, Step as StepEntry};
    use serde_json::json;

    use super::*;
    use crate::report::sample;
    use crate::scenario::model::{Action, Located, Location, Matcher};

    /// The version that scenarios are written for, and another one.
    const VERSION: &str = mock_codex::CODEX_VERSION;
    const OTHER: &str = "1.2.3";

    fn schema(version: &str) -> Arc<Schema> {
        let string = json!({ "type": "string" });
        let definitions = json!({
            "ClientRequest": { "oneOf": [{
                "type": "object", "required": ["id", "method", "params"],
                "properties": { "id": true, "method": { "enum": ["a/do"] },
                                "params": { "$ref": "#/definitions/AParams" } },
            }] },
            "AParams": { "type": "object", "properties": { "name": string } },
            "AResponse": { "type": "object", "properties": { "name": string } },
        });
        let text = json!({ "version": version, "experimental": [], "definitions": definitions });
        Arc::new(Schema::parse(&text.to_string()).unwrap())
    }

    fn check(run: &CaseRun) -> String {
        check_on(VERSION, run)
    }

    fn check_on(version: &str, run: &CaseRun) -> String {
        let schemas = BTreeMap::from([("mock".to_owned(), schema(version))]);
        let check = SchemaCheck::new(schemas, Exceptions::default()).check(run);
        check.unwrap().0.message
    }

    /// A run in which the client and then the app-server give a number for a name.
    fn run() -> CaseRun {
        let mut run = sample::run("a/b", &[]);
        let events = [
            Event::Step(StepEntry {
                index: 1,
                verb: "request".into(),
                line: 3,
            }),
            Event::Client(json!({ "id": 1, "method": "a/do", "params": { "name": 1 } })),
            Event::Server(json!({ "id": 1, "result": { "name": 2 } })),
        ];
        run.transcript = events
            .map(|event| Entry { t_us: 0, event })
            .into_iter()
            .collect();
        run
    }

    const SERVERS: &str = "the app-server: `a/do` (frame 2): /result/name: `2` should be a string \
                           (`AResponse.name`)";
    const HARNESSES: &str = "the harness: `a/do` (frame 1): /params/name: `1` should be a string \
                             (`AParams.name`)";

    fn message(lines: &[&str]) -> String {
        format!(
            "frames depart from the schema of codex {VERSION}\n{}",
            lines.join("\n")
        )
    }

    #[test]
    fn each_departure_is_somebodys() {
        let mut run = run();
        assert_eq!(check(&run), message(&[SERVERS, HARNESSES]));
        run.client = "python/sdk".into();
        assert!(check(&run).contains("the client: `a/do` (frame 1)"));
    }

    #[test]
    fn what_an_sdk_sends_in_vain_is_told_and_no_failure() {
        let mut run = run();
        run.client = "python/sdk".into();
        let frame = json!({ "id": 1, "method": "a/do", "jsonrpc": "2.0", "params": {} });
        run.transcript[1].event = Event::Client(frame);
        run.transcript.truncate(2);
        let schemas = BTreeMap::from([("mock".to_owned(), schema(VERSION))]);
        let judge = SchemaCheck::new(schemas, Exceptions::default());
        let (check, warnings) = judge.check(&run).unwrap();
        assert!(check.passed, "{}", check.message);
        assert!(
            warnings[0].contains("the SDK sends `/jsonrpc` in `a/do`"),
            "{warnings:?}"
        );
        run.client = reference::NAME.into();
        let (check, warnings) = judge.check(&run).unwrap();
        assert!(!check.passed && warnings.is_empty());
    }

    #[test]
    fn scenarios_are_held_to_the_version_that_they_are_written_for() {
        let said = check_on(OTHER, &run());
        assert!(said.contains("the app-server: `a/do`"), "{said}");
        assert!(!said.contains("the harness"), "{said}");
    }

    #[test]
    fn what_is_done_on_purpose_is_nobodys() {
        let at = Location {
            file: "a/b.yaml".into(),
            line: 3,
            column: 1,
        };
        let with = |change: &dyn Fn(&mut Case)| {
            let mut run = run();
            change(Arc::make_mut(&mut run.case));
            check(&run)
        };
        let expected_error = with(&|case| {
            case.steps.push(Step {
                index: 1,
                at: at.clone(),
                action: Action::Account,
                client: None,
                bind: None,
                expect: None,
                error: Some(Located {
                    value: Matcher::Equal(json!({})),
                    at: at.clone(),
                }),
            });
        });
        assert_eq!(expected_error, message(&[SERVERS]));
        let named = with(&|case| case.expect.off_schema.push("/params/*".into()));
        assert_eq!(named, message(&[SERVERS]));
        let scripted = with(&|case| case.mock.push(json!({ "method": "a/do", "result": {} })));
        assert_eq!(scripted, message(&[HARNESSES]));
        assert_eq!(with(&|case| case.requires.push("variants".into())), "");
    }

    #[test]
    fn a_mark_that_marks_nothing_is_stale() {
        let schemas = BTreeMap::from([("mock".to_owned(), schema(VERSION))]);
        let check = SchemaCheck::new(schemas, Exceptions::default());
        let mut run = run();
        let case = Arc::make_mut(&mut run.case);
        case.expect.off_schema = vec!["/params/name".into(), "/params/other".into()];
        let other = sample::case("a/b[more]");
        check.check(&run);
        let loaded = [Arc::clone(&run.case)];
        let stale = check.stale(&loaded);
        assert_eq!(
            stale.iter().map(|it| it.1).collect::<Vec<_>>(),
            ["/params/other"]
        );
        // Another case of the scenario may still need it.
        let loaded = [Arc::clone(&run.case), Arc::new(other)];
        assert!(loaded[1].scenario != "a/b" || check.stale(&loaded).is_empty());
    }

    #[test]
    fn without_a_schema_nothing_is_checked() {
        assert!(SchemaCheck::default().check(&run()).is_none());
    }
}
