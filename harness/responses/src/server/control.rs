//! The server's own paths: what a test in another language can see and do.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /__mock/state` | seed, number of requests, replies and gates as they stand |
//! | `GET /__mock/journal`, `?since=N` | the requests (from position N, counted from 0), secrets masked |
//! | `GET /__mock/journal/N` | one request |
//! | `GET /__mock/verdict` | what went wrong so far |
//! | `POST /__mock/replies` | adds a reply, or a list of them, as JSON |
//! | `POST /__mock/gates/NAME` | releases a gate |
//! | `POST /__mock/signal` | tells that the client received `{method, params}` on its own wire |
//! | `POST /__mock/reset` | forgets the script, the gates and the journal |
//!
//! Every answer is a JSON object; one with a status of 400 or more has `error`. These requests are
//! not journalled. Requests with an `Origin` are refused: no web page has any business here.

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Shared, lock};
use crate::gate::ClientFrame;
use crate::journal::Request;
use crate::script::Reply;

/// Where these paths begin.
pub(super) const PREFIX: &str = "/__mock/";

type Answer = Result<Value, (StatusCode, String)>;

/// Answers a request for one of these paths.
pub(super) fn answer(shared: &Shared, request: &Request) -> (StatusCode, Value) {
    let path = request.path.strip_prefix(PREFIX).unwrap_or_default();
    let answer = if request.header("origin").is_some() {
        let message = "requests of web pages are refused".to_owned();
        Err((StatusCode::FORBIDDEN, message))
    } else if request.method == Method::GET.as_str() {
        show(shared, path, request.query.as_deref())
    } else if request.method == Method::POST.as_str() {
        act(shared, path, request)
    } else {
        let message = format!("there is no `{}` here", request.method);
        Err((StatusCode::METHOD_NOT_ALLOWED, message))
    };
    match answer {
        Ok(value) => (StatusCode::OK, value),
        Err((status, message)) => (status, json!({ "error": message })),
    }
}

fn show(shared: &Shared, path: &str, query: Option<&str>) -> Answer {
    let split = path.split_once('/');
    match (path, split) {
        ("state", _) => Ok(state(shared)),
        ("verdict", _) => Ok(verdict(shared)),
        ("journal", _) => {
            let since = query.and_then(|query| query.strip_prefix("since="));
            let since = since.map_or(Ok(0), str::parse).map_err(|_| {
                bad("`since` takes a position in the journal, counted from 0".to_owned())
            })?;
            let requests: Vec<_> = (since..)
                .map_while(|index| shared.journal.get(index))
                .map(|request| shown(&request))
                .collect();
            Ok(json!({ "requests": requests }))
        }
        (_, Some(("journal", index))) => {
            let found = index
                .parse()
                .ok()
                .and_then(|index| shared.journal.get(index));
            let none = || {
                (
                    StatusCode::NOT_FOUND,
                    format!("there is no request `{index}`"),
                )
            };
            found.map(|request| shown(&request)).ok_or_else(none)
        }
        _ => Err(unknown("GET", path)),
    }
}

fn act(shared: &Shared, path: &str, request: &Request) -> Answer {
    match (path, path.split_once('/')) {
        ("replies", _) => add(shared, request),
        ("signal", _) => {
            let frame: Frame = request.parse().map_err(|error| bad(error.to_string()))?;
            shared.gates.signal(&ClientFrame {
                method: &frame.method,
                params: &frame.params,
            });
            Ok(json!({}))
        }
        ("reset", _) => {
            shared.reset();
            Ok(json!({}))
        }
        (_, Some(("gates", gate))) => {
            let gate = unescape(gate);
            let released = shared.gates.release(&gate);
            let error =
                |error: crate::gate::UnknownGate| (StatusCode::NOT_FOUND, error.to_string());
            released.map(|()| json!({})).map_err(error)
        }
        _ => Err(unknown("POST", path)),
    }
}

/// A frame on the client's wire.
#[derive(Deserialize)]
struct Frame {
    method: String,
    #[serde(default)]
    params: Value,
}

/// Adds the replies of a body: all of them, or none if one is wrong.
fn add(shared: &Shared, request: &Request) -> Answer {
    let body = request.json().map_err(|error| bad(error.to_string()))?;
    let list = match body {
        Value::Array(list) => list,
        one => vec![one],
    };
    let replies = list.into_iter().enumerate().map(|(index, reply)| {
        let number = index + 1;
        let reply = serde_json::from_value::<Reply>(reply);
        reply.map_err(|error| bad(format!("reply {number}: {error}")))
    });
    let replies: Vec<Reply> = replies.collect::<Result<_, _>>()?;
    let added = replies.len();
    for reply in replies {
        shared.push(reply).map_err(|error| bad(error.to_string()))?;
    }
    Ok(json!({ "added": added }))
}

fn state(shared: &Shared) -> Value {
    let replies = lock(&shared.script).states();
    let replies: Vec<_> = replies
        .iter()
        .zip(1..)
        .map(|(reply, number)| {
            json!({
                "number": number,
                "kind": reply.kinds,
                "thread": reply.thread,
                "given": reply.given,
                "left": reply.left,
            })
        })
        .collect();
    let gates = shared.gates.states();
    let gates: Vec<_> = gates
        .iter()
        .map(|gate| json!({ "name": gate.name, "open": gate.open, "reached": gate.reached }))
        .collect();
    json!({
        "seed": shared.seed,
        "requests": shared.journal.len(),
        "replies": replies,
        "gates": gates,
    })
}

fn verdict(shared: &Shared) -> Value {
    let violations = shared.verdict();
    let violations: Vec<_> = violations
        .iter()
        .map(|violation| {
            json!({
                "rule": violation.rule,
                "request": violation.request,
                "message": violation.message,
            })
        })
        .collect();
    json!({ "violations": violations })
}

/// A request as it may be shown: without secrets.
fn shown(request: &Request) -> Value {
    let headers = request.masked_headers();
    let headers: Vec<_> = headers.map(|(name, value)| json!([name, value])).collect();
    json!({
        "index": request.index,
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": headers,
        "body": String::from_utf8_lossy(&request.body),
        "truncated": request.truncated,
    })
}

fn bad(message: String) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, message)
}

fn unknown(method: &str, path: &str) -> (StatusCode, String) {
    let message = format!(
        "there is no `{method} {PREFIX}{path}`; there are `GET` state, journal, verdict and `POST` \
         replies, gates/NAME, signal, reset"
    );
    (StatusCode::NOT_FOUND, message)
}

/// Undoes percent-encoding; what is none stays as it is.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
