//! The matrix for programs: `fixtures/sdk-report.schema.json` describes it.

use serde_json::{Map, Value, json};

use super::{Cell, Counts, Found, Matrix, Row};

/// The version of the format: it changes when a member goes or changes its meaning.
const VERSION: u32 = 1;

/// The matrix as JSON.
pub fn write(matrix: &Matrix) -> Value {
    let problems = matrix.problems.iter().map(|problem| {
        json!({
            "about": problem.about,
            "check": problem.check,
            "message": problem.message,
        })
    });
    json!({
        "version": VERSION,
        "state": matrix.state().word(),
        "areas": matrix.areas,
        "rows": matrix.rows.iter().map(of_row).collect::<Vec<_>>(),
        "problems": problems.collect::<Vec<_>>(),
    })
}

fn of_row(row: &Row) -> Value {
    let sdk = row.sdk.as_ref();
    let cells = row.cells.iter().map(|(area, cell)| {
        let mut members = Map::from_iter([("area".to_owned(), json!(area))]);
        members.extend(of_cell(cell));
        Value::Object(members)
    });
    let reasons = row.reasons.iter();
    let reasons = reasons.map(|(reason, count)| json!({"reason": reason, "cases": count}));
    json!({
        "client": row.client,
        "target": row.target,
        "sdk": sdk.map(|sdk| json!({"name": sdk.name, "version": sdk.version})),
        "state": row.all.counts.state().word(),
        "counts": of_counts(row.all.counts),
        "reasons": reasons.collect::<Vec<_>>(),
        "cells": cells.collect::<Vec<_>>(),
    })
}

fn of_cell(cell: &Cell) -> Map<String, Value> {
    let found = |found: &Option<Found>| {
        found.as_ref().map(
            |found| json!({"case": found.case, "check": found.check, "message": found.message}),
        )
    };
    Map::from_iter([
        ("state".to_owned(), json!(cell.counts.state().word())),
        ("counts".to_owned(), of_counts(cell.counts)),
        ("first_failed".to_owned(), json!(found(&cell.first_failed))),
        ("first_known".to_owned(), json!(found(&cell.first_known))),
    ])
}

fn of_counts(counts: Counts) -> Value {
    let words = Counts::WORDS.into_iter().zip(counts.numbers());
    words
        .map(|(word, number)| (word.to_owned(), json!(number)))
        .collect::<Map<_, _>>()
        .into()
}
