//! What a case expects of its whole run.

use std::collections::HashMap;

use codex_wire::frame::{Frame, Id};
use codex_wire::transcript::{Entry, Event};
use serde_json::Value;

use crate::check::matcher::{Mismatch, evaluate};
use crate::check::model;
use crate::run::outcome::Check;
use crate::scenario::model::{Case, FrameCount, Located, Location, Matcher, Side};
use crate::scenario::template::Bindings;

/// Judges the transcript of a run by the case's `expect`, in the order of the members.
pub fn judge(case: &Case, transcript: &[Entry], bindings: &Bindings) -> Vec<Check> {
    let judge = Judge {
        transcript,
        bindings,
    };
    let expect = &case.expect;
    let mut checks = Vec::new();
    checks.extend(
        expect
            .model_requests
            .as_ref()
            .map(|matcher| judge.request_count(matcher)),
    );
    checks.extend(
        expect
            .model_outputs
            .iter()
            .map(|(call, matcher)| judge.output(call, matcher)),
    );
    checks.extend(
        expect
            .model_request
            .iter()
            .map(|(index, matcher)| judge.request(*index, matcher)),
    );
    let frames = expect.frames.iter().enumerate();
    checks.extend(frames.map(|(index, frames)| judge.frames(index + 1, frames)));
    checks.extend(expect.stderr.as_ref().map(|matcher| judge.stderr(matcher)));
    checks
}

/// Judges one value; `subject` says in words what it is.
pub fn check(
    id: String,
    subject: &str,
    (matcher, at): (&Matcher, &Location),
    value: Option<&Value>,
    bindings: &Bindings,
) -> Check {
    let verdict = bindings
        .resolve_matcher(matcher)
        .map_err(|unbound| unbound.to_string())
        .and_then(|matcher| {
            evaluate(&matcher, value).map_err(|mismatch| explain(subject, &mismatch))
        });
    Check {
        id,
        passed: verdict.is_ok(),
        message: verdict.err().unwrap_or_default(),
        at: Some(at.clone()),
        entry: None,
    }
}

fn explain(subject: &str, mismatch: &Mismatch) -> String {
    let Mismatch {
        path,
        expected,
        actual,
    } = mismatch;
    match path.strip_prefix('$') {
        Some("") => format!("{subject}: expected {expected}, got {actual}"),
        Some(member) => {
            format!(
                "{subject}: expected {expected} at `{}`, got {actual}",
                member.trim_start_matches('.')
            )
        }
        None => format!("{subject}: {mismatch}"),
    }
}

struct Judge<'a> {
    transcript: &'a [Entry],
    bindings: &'a Bindings,
}

impl Judge<'_> {
    fn located(
        &self,
        id: String,
        subject: &str,
        matcher: &Located<Matcher>,
        value: Option<&Value>,
    ) -> Check {
        check(
            id,
            subject,
            (&matcher.value, &matcher.at),
            value,
            self.bindings,
        )
    }

    fn request_count(&self, matcher: &Located<Matcher>) -> Check {
        let count = model::requests(self.transcript).count();
        let last = model::requests(self.transcript).last();
        let value = Value::from(count);
        Check {
            entry: last.map(|(position, _)| position),
            ..self.located(
                "expect.model.requests".into(),
                "the number of requests to the model",
                matcher,
                Some(&value),
            )
        }
    }

    fn output(&self, call: &str, matcher: &Located<Matcher>) -> Check {
        let found = model::output(self.transcript, call);
        Check {
            entry: found.map(|(position, _)| position),
            ..self.located(
                format!("expect.model.outputs.{call}"),
                &format!("what the model was told of the call `{call}`"),
                matcher,
                found.map(|(_, output)| output),
            )
        }
    }

    fn request(&self, index: usize, matcher: &Located<Matcher>) -> Check {
        let found = model::requests(self.transcript).nth(index);
        let value = found.map(|(_, request)| model::as_value(request));
        Check {
            entry: found.map(|(position, _)| position),
            ..self.located(
                format!("expect.model.request.{index}"),
                &format!("request {index} to the model (counted from 0)"),
                matcher,
                value.as_ref(),
            )
        }
    }

    fn stderr(&self, matcher: &Located<Matcher>) -> Check {
        let lines = self
            .transcript
            .iter()
            .filter_map(|entry| match &entry.event {
                Event::Stderr(line) => Some(line.as_str()),
                _ => None,
            });
        let text = Value::from(lines.collect::<Vec<_>>().join("\n"));
        self.located(
            "expect.stderr".into(),
            "stderr of the app-server",
            matcher,
            Some(&text),
        )
    }

    fn frames(&self, number: usize, expected: &Located<FrameCount>) -> Check {
        let id = format!("expect.frames.{number}");
        let FrameCount {
            from,
            client,
            method,
            matching,
            count,
        } = &expected.value;
        let matching = matching
            .as_ref()
            .map(|matcher| self.bindings.resolve_matcher(matcher));
        let matching = match matching.transpose() {
            Ok(matching) => matching,
            Err(unbound) => {
                return Check {
                    id,
                    passed: false,
                    message: unbound.to_string(),
                    at: Some(expected.at.clone()),
                    entry: None,
                };
            }
        };
        let mut found = Vec::new();
        let mut nearest = None;
        for (position, frame) in self.frames_of(*from, client.as_deref(), method.as_deref()) {
            match matching
                .as_ref()
                .map_or(Ok(()), |matcher| evaluate(matcher, Some(frame)))
            {
                Ok(()) => found.push(position),
                Err(mismatch) => nearest = Some((position, mismatch)),
            }
        }
        let value = Value::from(found.len());
        let mut subject = subject(*from, method.as_deref(), matching.is_some());
        if let Some(client) = client {
            subject = format!("{subject} on the wire of `{client}`");
        }
        let mut check = check(
            id,
            &subject,
            (count, &expected.at),
            Some(&value),
            self.bindings,
        );
        check.entry = found.last().copied();
        if let (false, true, Some((position, mismatch))) = (check.passed, found.is_empty(), nearest)
        {
            check.entry = Some(position);
            check.message = format!(
                "{}; the last one that could be meant has {mismatch}",
                check.message
            );
        }
        check
    }

    /// The frames of one side with this method; answers have the method of their request.
    fn frames_of(
        &self,
        from: Side,
        client: Option<&str>,
        method: Option<&str>,
    ) -> Vec<(usize, &Value)> {
        // Ids of the two sides are apart; the flag says whether the client chose it.
        let mut asked: HashMap<(bool, Id), String> = HashMap::new();
        let mut found = Vec::new();
        for (position, entry) in self.transcript.iter().enumerate() {
            let event = match (&entry.event, client) {
                (Event::Of { client, event }, Some(wanted)) if client == wanted => event.as_ref(),
                (Event::Of { .. }, _) | (_, Some(_)) => continue,
                (event, None) => event,
            };
            let (side, value) = match event {
                Event::Client(value) => (Side::Client, value),
                Event::Server(value) => (Side::Server, value),
                Event::ClientRaw(text) => {
                    if let Ok(Frame::Request(request)) = Frame::parse(text.as_bytes()) {
                        asked.insert((true, request.id), request.method);
                    }
                    continue;
                }
                _ => continue,
            };
            let own = value["method"].as_str();
            let id = serde_json::from_value::<Id>(value["id"].clone()).ok();
            let by_client = side == Side::Client;
            let of_request = match (own, &id) {
                (None, Some(id)) => asked.get(&(!by_client, id.clone())).map(String::as_str),
                _ => own,
            };
            if side == from && method.is_none_or(|method| of_request == Some(method)) {
                found.push((position, value));
            }
            if let (Some(method), Some(id)) = (own, id) {
                asked.insert((by_client, id), method.to_owned());
            }
        }
        found
    }
}

fn subject(from: Side, method: Option<&str>, narrowed: bool) -> String {
    let whose = match from {
        Side::Client => "client",
        Side::Server => "app-server",
    };
    let which = method.map_or_else(String::new, |method| format!(" `{method}`"));
    let like = if narrowed { " that match `where`" } else { "" };
    format!("the number of{which} frames of the {whose}{like}")
}
