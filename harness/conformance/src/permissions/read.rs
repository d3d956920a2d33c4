//! From a transcript to what was seen at each moment.

use std::collections::HashMap;
use std::ops::Range;

use codex_wire::policy::{ApprovalsReviewer, SandboxPolicy};
use codex_wire::transcript::{Entry, Event, ModelRequest};
use serde::Deserialize as _;
use serde_json::Value;

use super::model::{Reported, Seen, Told};
use super::reach::Reach;
use super::session::{Mark, Session};
use crate::check::model;
use crate::normalise::with_places_named;
use crate::run::checks::DEADLINE;
use crate::run::outcome::CaseRun;

/// What was seen at each moment of a session, in their order.
pub fn seen(session: &Session, run: &CaseRun) -> Vec<Seen> {
    let transcript = &run.transcript;
    let steps = starts(transcript);
    let first = session.marks.first().map_or(1, |mark| mark.first);
    let unset = refusal(&transcript[range(&steps, 1, first, transcript.len())]);
    session
        .marks
        .iter()
        .map(|mark| {
            let whole = range(&steps, mark.first, mark.turn + 1, transcript.len());
            let turn = range(&steps, mark.turn, mark.turn + 1, transcript.len());
            in_force(transcript, mark, &turn)
                .or_else(|| {
                    unset
                        .clone()
                        .or_else(|| refusal(&transcript[whole.clone()]))
                })
                .unwrap_or_else(|| failed(mark, run))
        })
        .map(|seen| with_names(seen, run))
        .collect()
}

/// Where each step begins in the transcript.
fn starts(transcript: &[Entry]) -> HashMap<usize, usize> {
    let steps = transcript.iter().enumerate();
    steps
        .filter_map(|(at, entry)| match &entry.event {
            Event::Step(step) => Some((step.index, at)),
            _ => None,
        })
        .collect()
}

/// The entries from a step on to before another one; up to the end if that was never begun.
fn range(steps: &HashMap<usize, usize>, from: usize, to: usize, len: usize) -> Range<usize> {
    let at = |step: usize| steps.get(&step).copied().unwrap_or(len);
    at(from)..at(to)
}

/// What was in force in the turn of a moment; `None` if its command told nothing.
fn in_force(transcript: &[Entry], mark: &Mark, turn: &Range<usize>) -> Option<Seen> {
    let during = &transcript[turn.clone()];
    let (_, output) = model::output(transcript, mark.moment.name())?;
    let enforced = Reach::read(text_of(output)?)?;
    let thread = during.iter().find_map(|entry| match &entry.event {
        Event::Client(frame) if frame["method"] == "turn/start" => {
            frame["params"]["threadId"].as_str()
        }
        _ => None,
    })?;
    let request = model::requests(during).next();
    Some(Seen::InForce {
        reported: reported(&transcript[..turn.end], thread),
        told: request.map(|(_, request)| told(request)),
        enforced,
    })
}

fn text_of(output: &Value) -> Option<&str> {
    output.as_str().or_else(|| output["content"].as_str())
}

/// What the client heard last of a thread's settings.
fn reported(transcript: &[Entry], thread: &str) -> Option<Reported> {
    transcript.iter().rev().find_map(|entry| {
        let Event::Server(frame) = &entry.event else {
            return None;
        };
        let (result, params) = (&frame["result"], &frame["params"]);
        if frame["method"] == "thread/settings/updated" && params["threadId"] == thread {
            let settings = &params["threadSettings"];
            return report(settings, &settings["sandboxPolicy"]);
        }
        if result["thread"]["id"] == thread && result.get("approvalPolicy").is_some() {
            return report(result, &result["sandbox"]);
        }
        None
    })
}

fn report(settings: &Value, sandbox: &Value) -> Option<Reported> {
    let text = |name: &str| match &settings[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let kind = sandbox["type"].as_str()?;
    let policy: Option<SandboxPolicy> = SandboxPolicy::deserialize(sandbox).ok();
    let profile = settings["activePermissionProfile"]["id"].as_str();
    Some(Reported {
        mode: policy
            .as_ref()
            .map_or(kind, |policy| policy.mode_name())
            .to_owned(),
        reach: policy.as_ref().map(Reach::of_policy),
        approval: text("approvalPolicy"),
        reviewer: reviewer(&settings["approvalsReviewer"]),
        profile: profile.map(str::to_owned),
    })
}

/// By its present name: `auto_review` was `guardian_subagent` once.
fn reviewer(given: &Value) -> String {
    let known = ApprovalsReviewer::deserialize(given).ok();
    let known = known.and_then(|known| serde_json::to_value(known).ok());
    let name = known.as_ref().unwrap_or(given);
    name.as_str()
        .map_or_else(|| name.to_string(), str::to_owned)
}

/// What a request tells the model: in its metadata, and in the last text about permissions.
fn told(request: &ModelRequest) -> Told {
    let metadata = model::told(request);
    let text = |name: &str| metadata[name].as_str().map(str::to_owned);
    let permissions = permissions_text(&request.body["input"]);
    let said = permissions.unwrap_or_default();
    Told {
        sandbox: text("sandbox"),
        mode: text("sandbox_mode"),
        text: between(said, "`sandbox_mode` is `", "`").map(str::to_owned),
        network: between(said, "Network access is ", ".").and_then(|word| match word {
            "enabled" => Some(true),
            "restricted" => Some(false),
            _ => None,
        }),
        never_asks: said.contains("Approval policy is currently never"),
    }
}

/// The text about permissions that comes last in an input: the one that is in force.
fn permissions_text(input: &Value) -> Option<&str> {
    let items = input.as_array()?.iter();
    let texts = items
        .filter_map(|item| item["content"].as_array())
        .flatten();
    texts
        .filter_map(|part| part["text"].as_str())
        .rfind(|text| text.contains("<permissions instructions>"))
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

/// What the app-server refused, if it did.
fn refusal(during: &[Entry]) -> Option<Seen> {
    let asked = |id: &Value| {
        during.iter().find_map(|entry| match &entry.event {
            Event::Client(frame) if frame["id"] == *id => frame["method"].as_str(),
            _ => None,
        })
    };
    during.iter().find_map(|entry| {
        let Event::Server(frame) = &entry.event else {
            return None;
        };
        let error = frame.get("error")?;
        let method = asked(&frame["id"])?;
        let message = error["message"].as_str().unwrap_or_default();
        let why = format!("`{method}`: {message}");
        let no_method = message.contains(&format!("unknown variant `{method}`"));
        Some(if no_method || error["code"] == NO_METHOD {
            Seen::NotThere { why }
        } else {
            Seen::Failed { why }
        })
    })
}

/// The code for a method that is not there, or not yet.
const NO_METHOD: i64 = -32601;

/// A moment without an answer of its command, and nothing refused.
fn failed(mark: &Mark, run: &CaseRun) -> Seen {
    let output = model::output(&run.transcript, mark.moment.name());
    let steps = mark.first..=mark.turn;
    let of_step = |id: &str| {
        let number = id
            .strip_prefix("step-")
            .and_then(|rest| rest.split('.').next());
        let number = number.and_then(|number| number.parse().ok());
        number.is_some_and(|number: usize| steps.contains(&number))
    };
    let check = run
        .checks
        .iter()
        .find(|check| !check.passed && (of_step(&check.id) || check.id == DEADLINE));
    let why = match (output, check) {
        (Some((_, output)), _) => format!("the command told nothing: {output}"),
        (None, Some(check)) => check.message.clone(),
        (None, None) => "the command was not run".to_owned(),
    };
    Seen::Failed { why }
}

/// The same with the directories of the run by their names.
fn with_names(seen: Seen, run: &CaseRun) -> Seen {
    let named = |why: String| with_places_named(&run.places, &why);
    match seen {
        Seen::NotThere { why } => Seen::NotThere { why: named(why) },
        Seen::Failed { why } => Seen::Failed { why: named(why) },
        in_force @ Seen::InForce { .. } => in_force,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What is read from one request and the error that it is answered with.
    fn refused(method: &str, code: i64, message: &str) -> Option<Seen> {
        let entry = |event| Entry { t_us: 0, event };
        refusal(&[
            entry(Event::Client(json!({ "id": 6, "method": "turn/start" }))),
            entry(Event::Client(json!({ "id": 7, "method": method }))),
            entry(Event::Server(json!({ "id": 6, "result": {} }))),
            entry(Event::Server(
                json!({ "id": 7, "error": { "code": code, "message": message } }),
            )),
        ])
    }

    #[test]
    fn a_method_that_a_version_has_not_is_not_there() {
        let update = "thread/settings/update";
        let unknown = format!("Invalid request: unknown variant `{update}`, expected one of `x`");
        for (code, message) in [(-32600, unknown.as_str()), (NO_METHOD, "method not found")] {
            let why = format!("`{update}`: {message}");
            assert_eq!(
                refused(update, code, message),
                Some(Seen::NotThere { why }),
                "{code}"
            );
        }
    }

    #[test]
    fn a_method_that_refuses_has_failed() {
        for message in [
            "Invalid request: unknown variant `custom`, expected one of `read-only`",
            "thread not found",
        ] {
            let why = format!("`thread/fork`: {message}");
            assert_eq!(
                refused("thread/fork", -32600, message),
                Some(Seen::Failed { why })
            );
        }
    }

    #[test]
    fn answers_and_errors_of_nobody_refuse_nothing() {
        assert_eq!(refusal(&[]), None);
        let answer = Event::Server(json!({ "id": 6, "result": {} }));
        let stray =
            Event::Server(json!({ "id": 9, "error": { "code": NO_METHOD, "message": "" } }));
        let entries = [answer, stray].map(|event| Entry { t_us: 0, event });
        assert_eq!(refusal(&entries), None);
    }
}
