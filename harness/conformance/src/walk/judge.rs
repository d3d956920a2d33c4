//! Running a session on both targets, and comparing.

use std::path::Path;
use std::sync::Arc;

use codex_wire::transcript::Event;
use serde_json::{Value, json};

use super::Plan;
use super::found::{Found, Signature};
use super::session::Session;
use super::{emit, render};
use crate::check::schema;
use crate::compare::{Difference, compare};
use crate::normalise::with_places_named;
use crate::run::checks::DEADLINE;
use crate::run::outcome::{CaseRun, Check, Status};
use crate::run::{self, RunOptions};
use crate::scenario::model::Case;
use crate::scenario::{LoadError, load_text};

/// What came of a session.
#[derive(Debug)]
pub(super) enum Verdict {
    Equal,
    Differs(Signature, Difference),
    Stuck,
    Skipped,
    Broken,
    Cancelled,
}

/// Runs sessions.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    plan: &'a Plan,
    options: RunOptions,
}

impl<'a> Judge<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        let options = RunOptions {
            // Whether a step succeeds is what is compared, not what is known beforehand.
            goes_on: true,
            jobs: std::num::NonZeroUsize::MIN,
            ..plan.options.clone()
        };
        Self { plan, options }
    }

    /// Runs it on both.
    pub(super) async fn session(&self, number: u64, session: &Session) -> Verdict {
        match self.pair(number, &render::scenario(session)).await {
            Some(pair) => judge(&pair),
            None => Verdict::Cancelled,
        }
    }

    /// Does a session show this difference?
    pub(super) async fn shows(
        &self,
        number: u64,
        session: &Session,
        signature: &Signature,
    ) -> bool {
        let verdict = self.session(number, session).await;
        matches!(verdict, Verdict::Differs(found, _) if found == *signature)
    }

    /// The scenario file of the smallest session; `None` if it shows nothing any more.
    pub(super) async fn found(&self, number: u64, seed: u64, session: &Session) -> Option<Found> {
        let mut scenario = render::scenario(session);
        let pair = self.pair(number, &scenario).await?;
        let Verdict::Differs(_, difference) = judge(&pair) else {
            return None;
        };
        expect_errors(&mut scenario, &pair[1]);
        scenario["snapshot"] = json!(["client", "server", "model"]);
        let steps = scenario["steps"].as_array().map_or(0, Vec::len);
        let note = format!("Found by `walk` from the seed {seed}, session {number}.");
        Some(Found {
            difference,
            sessions: vec![number],
            text: emit::yaml(&scenario, &[note]),
            steps,
            file: None,
        })
    }

    /// The runs on both targets; `None` when the walk was cancelled.
    async fn pair(&self, number: u64, scenario: &Value) -> Option<[CaseRun; 2]> {
        let case = case(number, scenario).expect("every session is a scenario, as tests see to");
        let cases = [Arc::new(case)];
        let mut runs = run::suite(&cases, &self.plan.targets, &self.options, |_| {}).await;
        for run in &mut runs {
            let check = self.plan.frames.check_of_server(run);
            run.checks.extend(check);
        }
        runs.try_into().ok()
    }
}

/// The case that a session is.
///
/// # Errors
/// It is no scenario.
pub(super) fn case(number: u64, scenario: &Value) -> Result<Case, Vec<LoadError>> {
    let id = format!("walk/{number}");
    let text = emit::yaml(scenario, &[]);
    let nothing = |_: &Path| Err("sessions include nothing".to_owned());
    let cases = load_text(Path::new("session.yaml"), &id, &text, &nothing)?;
    // Without a matrix a scenario is one case.
    Ok(cases.into_iter().next().expect("one case"))
}

fn judge(pair: &[CaseRun; 2]) -> Verdict {
    for run in pair {
        match run.status {
            Status::Skipped(_) => return Verdict::Skipped,
            Status::Broken(_) => return Verdict::Broken,
            _ => {}
        }
    }
    let [_, against] = pair;
    let late = |check: &Check| !check.passed && check.id == DEADLINE;
    if against.checks.iter().any(late) {
        return Verdict::Stuck;
    }
    match compare(pair).or_else(|| broken(pair)) {
        None => Verdict::Equal,
        Some(difference) => Verdict::Differs(Signature::of(&difference), difference),
    }
}

/// What both break that holds for any session: a trace rule, or the protocol's schema. No scenario
/// knows of it yet, else it were listed.
fn broken(pair: &[CaseRun; 2]) -> Option<Difference> {
    let of_rules = |check: &&Check| {
        !check.passed && (check.id == schema::CHECK || check.id.starts_with("trace."))
    };
    let told = pair.each_ref().map(|run| {
        let check = run.checks.iter().find(of_rules);
        check.map(|check| format!("{}\n{}", check.id, check.message))
    });
    told.iter().any(Option::is_some).then_some(Difference {
        wire: "checks",
        frame: 0,
        sides: told,
    })
}

/// Says of the steps that failed on this target that they must.
fn expect_errors(scenario: &mut Value, run: &CaseRun) {
    for check in run.checks.iter().filter(|check| !check.passed) {
        let index = check.id.strip_prefix("step-");
        let index = index.and_then(|rest| rest.strip_suffix(".done")?.parse::<usize>().ok());
        let Some(step) = index.and_then(|index| scenario["steps"].get_mut(index.checked_sub(1)?))
        else {
            continue;
        };
        let frame = check.entry.and_then(|at| match &run.transcript[at].event {
            Event::Server(frame) => frame.get("error"),
            _ => None,
        });
        let Some(error) = frame else { continue };
        let mut expected = json!({ "code": error["code"] });
        let message = error["message"].as_str().unwrap_or_default();
        // What names an id is another text next time.
        if with_places_named(&run.places, message) == message && !has_id(message) {
            expected["message"] = message.into();
        }
        step["error"] = expected;
    }
}

/// Is there something like a UUID in this text?
fn has_id(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    words.any(|word| word.len() == 36 && word.matches('-').count() == 4)
}
