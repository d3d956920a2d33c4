//! From a request to its answer.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::{Method, Response, StatusCode, Version, http::request::Parts};
use serde_json::{Value, json};

use super::send::{Ended, send};
use super::socket::Line;
use super::{Shared, control, lock, websocket};
use crate::gate::Armed;
use crate::journal::Request;
use crate::matcher::Evidence;
use crate::observe::{Answer, Event};
use crate::rules::Violation;
use crate::script::{Framing, MODEL, Prepared, Script, Taken, error_body};

/// The most that is reserved for a body on the word of its `content-length`, in bytes.
const RESERVE: u64 = 1024 * 1024;

/// What is to be sent: a reply of the script, or an answer of the server's own.
pub(super) struct Decision {
    /// The reply's position in the script, counted from 0.
    pub(super) reply: Option<usize>,
    pub(super) prepared: Arc<Prepared>,
    /// The gates that the reply has to pass.
    pub(super) gates: Vec<Armed>,
}

/// Reads a request, journals it and answers it; an error ends the connection.
///
/// The answer is out when this returns; what is returned goes nowhere (see [`Line`]).
pub(super) async fn answer(
    shared: &Arc<Shared>,
    line: &Line,
    mut request: hyper::Request<Incoming>,
) -> Result<Response<Empty<Bytes>>, Ended> {
    let upgrade = websocket::is_wanted(request.headers()).then(|| hyper::upgrade::on(&mut request));
    let (head, incoming) = request.into_parts();
    let (body, truncated) = read_body(incoming, shared.max_body).await?;
    let request = to_request(&head, body, truncated);
    if request.path.starts_with(control::PREFIX) {
        let (status, answer) = control::answer(shared, &request);
        let prepared = Decision::own(status, &answer).prepared;
        let wire = prepared.wire(None, framing(&head));
        line.take();
        line.write(&wire.bytes).await?;
        line.give_back();
        return Ok(Response::new(Empty::new()));
    }
    if let Some(upgrade) = upgrade
        && shared.upgrade.is_served()
        && request.path.ends_with("/responses")
    {
        let request = shared.journal.append(request);
        shared.observer.tell(|| Event::Request {
            request: Arc::clone(&request),
        });
        return Ok(websocket::accept(line, upgrade, request));
    }
    let (request, decision) = shared.admit(request);
    let (index, prepared) = (request.index, decision.prepared);
    shared.observer.tell(|| Event::Request {
        request: Arc::clone(&request),
    });
    let (reply, status) = (decision.reply, prepared.status.as_u16());
    shared.observer.tell(|| Event::Reply {
        request: index,
        reply,
        status,
    });
    let mut answer = Answer::new(shared.observer.clone(), index, Arc::clone(&shared.stopping));
    let wire = prepared.wire(request.header("accept-encoding"), framing(&head));
    let mut gates = decision.gates;
    drop(request);
    line.take();
    send(line, &prepared, &wire, &mut answer, &mut gates, shared).await?;
    line.give_back();
    Ok(Response::new(Empty::new()))
}

/// What a request's version and method ask of the answer.
fn framing(head: &Parts) -> Framing {
    if head.method == Method::HEAD {
        Framing::HeadOnly
    } else if head.version < Version::HTTP_11 {
        Framing::Http10
    } else {
        Framing::Http11
    }
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
    pub(super) fn admit(&self, request: Request) -> (Arc<Request>, Decision) {
        let mut evidence = Evidence::new(&request);
        if request.asks_model() {
            // Now rather than under the lock, where other connections would wait for it.
            let interest = lock(&self.script).interest();
            evidence.look(&interest);
        }
        let mut script = lock(&self.script);
        let request = self.journal.append(request);
        let decided = self.decide(&mut script, &request, &mut evidence);
        drop(script);
        self.journal.make_room();
        let decision = decided.unwrap_or_else(|no| self.refuse_with(&request, &no));
        (request, decision)
    }

    /// What a request gets that didn't come over a socket.
    #[cfg(feature = "wiremock")]
    pub(crate) fn decide_on(&self, request: Request) -> Arc<Prepared> {
        self.admit(request).1.prepared
    }

    fn decide(
        &self,
        script: &mut Script,
        request: &Request,
        evidence: &mut Evidence,
    ) -> Result<Decision, No> {
        let no = |status, rule, message| No {
            status,
            rule,
            message,
        };
        if request.truncated {
            let message = format!("the body is longer than {} bytes", self.max_body);
            return Err(no(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", message));
        }
        if request.asks_model() {
            let taken = script.take(request, evidence);
            let Taken { reply, prepared } = taken
                .map_err(|refusal| no(StatusCode::BAD_REQUEST, refusal.rule, refusal.message))?;
            self.refuse_if_due(script);
            return Ok(Decision {
                reply: Some(reply),
                gates: self.gates.arm(&prepared.holds),
                prepared,
            });
        }
        if request.method == "GET" && request.path.ends_with("/models") {
            return Ok(Decision::own(StatusCode::OK, &models()));
        }
        if request.method == "GET" && request.header("sec-websocket-key").is_some() {
            let message = "WebSockets are not served; use `POST`";
            let body = error_body(message, "invalid_request_error", "upgrade_refused");
            return Ok(Decision::own(self.upgrade.refusal(), &body));
        }
        let message = format!("there is no `{} {}` here", request.method, request.path);
        Err(no(StatusCode::NOT_FOUND, "unknown-path", message))
    }

    fn refuse_with(&self, request: &Request, no: &No) -> Decision {
        let number = request.index + 1;
        let message = &no.message;
        self.object(Violation {
            rule: no.rule,
            request: Some(request.index),
            message: format!("request {number}: {message}"),
        });
        let message = format!("mock-responses: {message}");
        let body = error_body(&message, "invalid_request_error", "unscripted_request");
        Decision::own(no.status, &body)
    }
}

/// Why a request gets nothing of the script.
struct No {
    status: StatusCode,
    rule: &'static str,
    message: String,
}

impl Decision {
    fn own(status: StatusCode, body: &Value) -> Self {
        let body = Bytes::from(body.to_string());
        let prepared = Arc::new(Prepared::whole(status, "application/json", body));
        Self {
            reply: None,
            prepared,
            gates: Vec::new(),
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
