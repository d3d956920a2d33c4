//! From a request to its answer.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::{Response, StatusCode, http::request::Parts};
use serde_json::{Value, json};

use super::body::ScriptedBody;
use super::socket::SocketState;
use super::{Shared, lock};
use crate::journal::Request;
use crate::matcher::Evidence;
use crate::observe::{Answer, Event};
use crate::rules::Violation;
use crate::script::{MODEL, Prepared, error_body};

/// The most that is reserved for a body on the word of its `content-length`, in bytes.
const RESERVE: u64 = 1024 * 1024;

/// What is to be sent: a reply of the script, or an answer of the server's own.
struct Decision {
    /// The reply's position in the script, counted from 0.
    reply: Option<usize>,
    prepared: Arc<Prepared>,
}

/// Reads a request, journals it and answers it.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    socket: &Arc<SocketState>,
    request: hyper::Request<Incoming>,
) -> Result<Response<ScriptedBody>, hyper::Error> {
    let (head, incoming) = request.into_parts();
    let (body, truncated) = read_body(incoming, shared.max_body).await?;
    let (request, decision) = shared.admit(to_request(&head, body, truncated));
    let (index, Decision { reply, prepared }) = (request.index, decision);
    shared.observer.tell(|| Event::Request {
        request: Arc::clone(&request),
    });
    let status = prepared.status;
    shared.observer.tell(|| Event::Reply {
        request: index,
        reply,
        status: status.as_u16(),
    });
    let answer = Answer::new(shared.observer.clone(), index, Arc::clone(&shared.stopping));
    if let Some(hold) = prepared.hold.as_ref().filter(|hold| hold.is_before_head()) {
        shared.gates.wait(hold.gate()).await;
    }
    let headers = prepared.headers.clone();
    let body = ScriptedBody::new(prepared, answer, Arc::clone(socket), Arc::clone(shared));
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Reads a body into a buffer of its own; past the limit it is read on and thrown away, up to the
/// limit once more, so that a client that writes first gets to read the refusal.
async fn read_body(mut body: Incoming, limit: usize) -> Result<(Bytes, bool), hyper::Error> {
    let announced = body.size_hint().lower().min(RESERVE);
    let mut bytes = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
    let mut beyond = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        let room = limit - bytes.len();
        let (kept, dropped) = data.split_at(room.min(data.len()));
        bytes.extend_from_slice(kept);
        beyond = beyond.saturating_add(dropped.len());
        if beyond > limit {
            break;
        }
    }
    bytes.shrink_to_fit();
    Ok((bytes.into(), beyond > 0))
}

fn to_request(head: &Parts, body: Bytes, truncated: bool) -> Request {
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    Request {
        index: 0,
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: headers.collect(),
        body,
        truncated,
        arrived: Instant::now(),
    }
}

impl Shared {
    /// Journals a request and decides what it gets, in one step: the order of the journal is the
    /// order in which replies are given.
    fn admit(&self, request: Request) -> (Arc<Request>, Decision) {
        let mut evidence = Evidence::default();
        if request.asks_model() && lock(&self.script).reads_body() {
            // Now rather than under the lock, where other connections would wait for it. A body
            // that can't be parsed stays known as such.
            let _ = evidence.body(&request);
        }
        let mut script = lock(&self.script);
        let request = self.journal.append(request);
        let taken = if request.truncated {
            let message = format!("the body is longer than {} bytes", self.max_body);
            Err((StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", message))
        } else if request.asks_model() {
            script
                .take(&request, &mut evidence)
                .map_err(|no| (StatusCode::BAD_REQUEST, no.rule, no.message))
        } else if request.method == "GET" && request.path.ends_with("/models") {
            return (request, Decision::own(StatusCode::OK, &models()));
        } else {
            let message = format!("there is no `{} {}` here", request.method, request.path);
            Err((StatusCode::NOT_FOUND, "unknown-path", message))
        };
        drop(script);
        let decision = match taken {
            Ok((reply, prepared)) => Decision {
                reply: Some(reply),
                prepared,
            },
            Err((status, rule, message)) => self.refuse_with(&request, status, rule, &message),
        };
        (request, decision)
    }

    fn refuse_with(
        &self,
        request: &Request,
        status: StatusCode,
        rule: &'static str,
        message: &str,
    ) -> Decision {
        let number = request.index + 1;
        self.refuse(Violation {
            rule,
            request: Some(request.index),
            message: format!("request {number}: {message}"),
        });
        let message = format!("mock-responses: {message}");
        let body = error_body(&message, "invalid_request_error", "unscripted_request");
        Decision::own(status, &body)
    }
}

impl Decision {
    fn own(status: StatusCode, body: &Value) -> Self {
        let body = Bytes::from(body.to_string());
        let prepared = Arc::new(Prepared::whole(status, "application/json", body));
        Self {
            reply: None,
            prepared,
        }
    }
}

/// The list of models: one.
fn models() -> Value {
    let model = json!({
        "id": MODEL,
        "object": "model",
        "created": 0,
        "owned_by": "mock-responses",
    });
    json!({ "object": "list", "data": [model] })
}
