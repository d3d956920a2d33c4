//! What the model was asked and told, read from a transcript.

use codex_wire::transcript::{Entry, Event, ModelRequest};
use serde_json::{Map, Value, json};

/// The member of `client_metadata`, and the header, that carry the facts of a turn as JSON text.
const TURN_METADATA: &str = "x-codex-turn-metadata";

/// Items of a request's input that tell the model what came of a call.
const OUTPUTS: [&str; 2] = ["function_call_output", "custom_tool_call_output"];

/// The requests to the model, each with its position in the transcript.
pub fn requests(transcript: &[Entry]) -> impl Iterator<Item = (usize, &ModelRequest)> {
    transcript
        .iter()
        .enumerate()
        .filter_map(|(position, entry)| match &entry.event {
            Event::ModelRequest(request) if asks_model(&request.path) => Some((position, request)),
            _ => None,
        })
}

/// Whether a path, with or without a query, is that of the Responses API.
fn asks_model(path: &str) -> bool {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    path.ends_with("/responses")
}

/// What a request tells about its turn: `{turn_id, sandbox, sandbox_mode, …}`, from
/// `client_metadata`, else from the header; `null` when neither is there.
///
/// Seen with codex 0.169.0: both carry the same JSON text.
pub fn turn_metadata(request: &ModelRequest) -> Value {
    let in_body = request.body["client_metadata"][TURN_METADATA].as_str();
    let in_headers = || {
        let named = request
            .headers
            .iter()
            .find(|(name, _)| name == TURN_METADATA);
        named.map(|(_, value)| value.as_str())
    };
    in_body
        .or_else(in_headers)
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

/// The sandbox that a request tells the model of: `{sandbox, sandbox_mode}`.
pub fn told(request: &ModelRequest) -> Value {
    let metadata = turn_metadata(request);
    json!({ "sandbox": metadata["sandbox"], "sandbox_mode": metadata["sandbox_mode"] })
}

/// How many requests a turn made, and what the last of them told; `null` when there was none.
pub fn of_turn(transcript: &[Entry], turn: &str) -> (usize, Value) {
    let mine = requests(transcript)
        .map(|(_, request)| request)
        .filter(|request| turn_metadata(request)["turn_id"] == turn);
    let mine: Vec<_> = mine.collect();
    (
        mine.len(),
        mine.last().map_or(Value::Null, |request| told(request)),
    )
}

/// What the model was told of the call `id` when it was told first, and in which entry.
pub fn output<'t>(transcript: &'t [Entry], id: &str) -> Option<(usize, &'t Value)> {
    requests(transcript).find_map(|(position, request)| {
        let items = request.body["input"].as_array()?;
        let item = items.iter().find(|item| {
            item["call_id"] == id && OUTPUTS.iter().any(|kind| item["type"] == *kind)
        })?;
        Some((position, &item["output"]))
    })
}

/// What checks on a single request see: `{method, path, headers, body, told}`.
pub fn as_value(request: &ModelRequest) -> Value {
    let headers: Map<String, Value> = request
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    json!({
        "method": request.method,
        "path": request.path,
        "headers": headers,
        "body": request.body,
        "told": told(request),
    })
}
