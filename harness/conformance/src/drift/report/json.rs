//! What changed, for programs.

use serde_json::{Value, json};

use super::words;
use crate::drift::{Change, Drift, Entry, Side, Slower, Timed, Turned};
use crate::schema::diff::report::change_json;

/// What changed, for programs; `fixtures/drift.schema.json` describes it.
pub fn json(drift: &Drift) -> Value {
    let counts = drift.counts;
    let moved = drift.moved.0.iter().map(|(who, cases)| {
        json!({
            "contract": who.contract.words(),
            "mock": who.mock.map(side),
            "cases": cases,
        })
    });
    let unexercised = drift.unexercised.as_ref().map(|it| {
        json!({
            "before": it.versions[0],
            "after": it.versions[1],
            "all": it.all,
            "changes": it.changes.iter().map(change_json).collect::<Vec<_>>(),
        })
    });
    json!({
        "version": 1,
        "targets": drift.targets,
        "complete": drift.is_complete(),
        "seconds": drift.duration.as_secs_f64(),
        "left_out": { "cases": drift.left_out, "unseen": drift.unseen },
        "summary": {
            "chosen": counts.chosen,
            "ran": counts.ran,
            "compared": counts.compared,
            "differ": counts.differ,
            "ended_elsewhere": counts.cut,
            "ways": drift.entries.len(),
        },
        "verdicts": drift.turned.iter().map(turned).collect::<Vec<_>>(),
        "wire": drift.entries.iter().map(entry).collect::<Vec<_>>(),
        "unsteady": drift.unsteady.iter().map(entry).collect::<Vec<_>>(),
        "moved": moved.collect::<Vec<_>>(),
        "timing": {
            "known": drift.timed,
            "noise": words::NOISE,
            "changes": drift.slower.iter().map(slower).collect::<Vec<_>>(),
        },
        "unexercised": unexercised,
    })
}

fn side(side: Side) -> &'static str {
    match side {
        Side::First => "first",
        Side::Second => "second",
        Side::Neither => "neither",
    }
}

fn turned(turned: &Turned) -> Value {
    json!({ "words": turned.words, "why": turned.why, "cases": turned.cases })
}

fn entry(entry: &Entry) -> Value {
    let (change, before, after) = match &entry.key.change {
        Change::Added(gist) => ("added", None, Some(gist)),
        Change::Gone(gist) => ("gone", Some(gist), None),
        Change::Changed(old, new) => ("changed", Some(old), Some(new)),
        Change::Moved => ("moved", None, None),
    };
    let places = entry
        .places
        .iter()
        .map(|(place, cases)| json!({ "frame": place.kind, "path": place.path, "cases": cases }));
    let (case, difference) = &entry.example;
    json!({
        "wire": entry.key.wire,
        "subject": entry.key.subject,
        "change": change,
        "before": before.filter(|gist| !gist.is_empty()),
        "after": after.filter(|gist| !gist.is_empty()),
        "authority": entry.authority.map(crate::schema::diff::Authority::words),
        "cases": entry.cases,
        "places": places.collect::<Vec<_>>(),
        "mock": entry.mock.map(|stand| {
            json!({ "first": stand.first, "second": stand.second, "neither": stand.neither })
        }),
        "example": { "case": case, "frame": difference.frame, "sides": difference.sides },
    })
}

fn slower(slower: &Slower) -> Value {
    let (kind, name) = match &slower.timed {
        Timed::Reply(method) => ("reply", method),
        Timed::Case(scenario) => ("case", scenario),
    };
    json!({
        "kind": kind,
        "name": name,
        "before_seconds": slower.medians[0],
        "after_seconds": slower.medians[1],
        "noise_seconds": slower.noise,
        "samples": slower.samples,
    })
}
