//! Badges: for each client a file that shields.io makes a picture of
//! (`https://img.shields.io/endpoint?url=…`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Counts, Matrix, Row, State};

/// The badges by the names of their files, one for each client. On several targets a client's
/// cases are counted together.
pub fn all(matrix: &Matrix) -> BTreeMap<String, Value> {
    let mut badges = BTreeMap::new();
    for rows in matrix.rows.chunk_by(|one, next| one.client == next.client) {
        let Some(first) = rows.first() else { continue };
        let name = name(first);
        let mut file = format!("{name}.json");
        // Two drivers of one SDK, told by their commands alone.
        for number in 2.. {
            if !badges.contains_key(&file) {
                break;
            }
            file = format!("{name}-{number}.json");
        }
        badges.insert(file, badge(rows));
    }
    badges
}

/// The client's name; a command's is that of the SDK that it introduced.
fn name(row: &Row) -> String {
    let introduced = row.sdk.as_ref().map(|sdk| &sdk.name);
    let name = introduced
        .filter(|_| row.client.starts_with("cmd:"))
        .unwrap_or(&row.client);
    let letter = |it: char| {
        if it.is_ascii_alphanumeric() || matches!(it, '.' | '_' | '-') {
            it
        } else {
            '-'
        }
    };
    let name: String = name.chars().map(letter).collect();
    name.trim_matches(['-', '.']).to_owned()
}

fn badge(rows: &[Row]) -> Value {
    let mut sum = [0; Counts::WORDS.len()];
    for row in rows {
        for (sum, number) in sum.iter_mut().zip(row.all.counts.numbers()) {
            *sum += number;
        }
    }
    let [passed, failed, known, unsupported, skipped] = sum;
    let counts = Counts {
        passed,
        failed,
        known,
        unsupported,
        skipped,
    };
    let words = Counts::WORDS.into_iter().zip(sum);
    let told: Vec<String> = words
        .filter(|(word, number)| *number > 0 && *word != "skipped")
        .map(|(word, number)| format!("{number} {word}"))
        .collect();
    json!({
        "schemaVersion": 1,
        "label": "codex-conformance",
        "message": if told.is_empty() { "nothing was run".to_owned() } else { told.join(", ") },
        "color": color(counts),
    })
}

/// Bright green is for SDKs that can do, and do right, all that was asked of them.
fn color(counts: Counts) -> &'static str {
    match counts.state() {
        State::Failed => "red",
        State::Known => "yellow",
        State::Passed if counts.unsupported > 0 => "yellowgreen",
        State::Passed => "brightgreen",
        State::Unsupported | State::Skipped => "lightgrey",
    }
}
