//! The Responses API over a WebSocket, as codex 0.169.0 uses it with `supports_websockets = true`.
//!
//! Seen there: `GET …/responses` with `openai-beta: responses_websockets=2026-02-06`; then a text
//! frame `{"type": "response.create", …}` for each request, with the members that the body of a
//! `POST` would have. The first one warms up (`generate: false`) and wants no items; the others
//! have `previous_response_id` and only what is new as `input`. The events come back as text
//! frames. An upgrade that is refused with 426 makes it use `POST` from then on, without a word.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use http_body_util::Empty;
use hyper::header::{CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::time::sleep_until;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{self, Message};

use super::Shared;
use super::service::Decision;
use super::socket::Line;
use crate::fault::{Fault, Place};
use crate::gate::HoldAt;
use crate::journal::Request;
use crate::observe::{Answer, Event, Outcome};
use crate::script::{Payload, Prepared};

/// The method that a request over a WebSocket has in the journal.
pub(super) const METHOD: &str = "WEBSOCKET";

type Stream = WebSocketStream<TokioIo<Upgraded>>;
type Sink = SplitSink<Stream, Message>;

/// A connection that becomes a WebSocket.
#[derive(Debug)]
pub(super) struct Pending {
    upgrade: OnUpgrade,
    /// The request that asked for it, whose head those over the socket have too.
    request: Arc<Request>,
}

/// How an answer over a WebSocket leaves the connection.
enum Left {
    Open,
    Closed,
}

/// Whether a request wants to become a WebSocket.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(UPGRADE);
    upgrade.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Agrees to become a WebSocket.
pub(super) fn accept(
    line: &Line,
    upgrade: OnUpgrade,
    request: Arc<Request>,
) -> Response<Empty<bytes::Bytes>> {
    let key = request.header("sec-websocket-key").unwrap_or_default();
    let key = derive_accept_key(key.as_bytes());
    line.upgrade_to(Pending { upgrade, request });
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    // A base64 text.
    if let Ok(key) = HeaderValue::from_str(&key) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, key);
    }
    response
}

/// Answers what comes over a WebSocket until it ends.
pub(super) async fn serve(pending: Pending, line: &Line, shared: &Shared) {
    let Ok(upgraded) = pending.upgrade.await else {
        return;
    };
    let io = TokioIo::new(upgraded);
    let stream = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
    let (mut sink, mut stream) = stream.split();
    let mut waiting = VecDeque::new();
    loop {
        let text = match waiting.pop_front() {
            Some(text) => text,
            None => match next_text(&mut stream).await {
                Some(text) => text,
                None => break,
            },
        };
        let request = to_request(&pending.request, text);
        let answered = async {
            tokio::select! {
                left = answer(request, &mut sink, line, shared) => left,
                () = read_on(&mut stream, &mut waiting) => Ok(Left::Closed),
            }
        };
        match answered.await {
            Ok(Left::Open) => {}
            Ok(Left::Closed) => break,
            Err(error) => {
                tracing::debug!(%error, "a WebSocket ended early");
                break;
            }
        }
    }
}

/// The next request, or the end.
async fn next_text(stream: &mut SplitStream<Stream>) -> Option<String> {
    loop {
        match stream.next().await? {
            Ok(Message::Text(text)) => return Some(text.as_str().to_owned()),
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// Keeps what comes while an answer is under way, until the client goes away.
async fn read_on(stream: &mut SplitStream<Stream>, waiting: &mut VecDeque<String>) {
    while let Some(text) = next_text(stream).await {
        waiting.push_back(text);
    }
}

fn to_request(upgrade: &Request, text: String) -> Request {
    Request {
        method: METHOD.to_owned(),
        body: text.into(),
        arrived: Instant::now(),
        ..upgrade.clone()
    }
}

/// Whether a request only warms the connection up.
fn warms_up(request: &Request) -> bool {
    #[derive(serde::Deserialize)]
    struct Body {
        generate: Option<bool>,
    }
    let body = request.parse::<Body>();
    body.is_ok_and(|body| body.generate == Some(false))
}

async fn answer(
    request: Request,
    sink: &mut Sink,
    line: &Line,
    shared: &Shared,
) -> Result<Left, tungstenite::Error> {
    if warms_up(&request) {
        let request = shared.journal.append(request);
        let index = request.index;
        shared.observer.tell(|| Event::Request { request });
        let id = format!("warm-{}", index + 1);
        for kind in ["created", "completed"] {
            let response =
                json!({ "id": id, "object": "response", "status": "completed", "output": [] });
            let event = json!({ "type": format!("response.{kind}"), "response": response });
            sink.send(text(event.to_string())).await?;
        }
        return Ok(Left::Open);
    }
    let (request, decision) = shared.admit(request);
    let index = request.index;
    shared.observer.tell(|| Event::Request { request });
    let (reply, status) = (decision.reply, decision.prepared.status.as_u16());
    shared.observer.tell(|| Event::Reply {
        request: index,
        reply,
        status,
    });
    let mut answer = Answer::new(shared.observer.clone(), index, Arc::clone(&shared.stopping));
    send(decision, sink, line, &mut answer, shared).await
}

/// Sends an answer, event by event, up to its fault. Faults on bytes mean nothing here.
async fn send(
    decision: Decision,
    sink: &mut Sink,
    line: &Line,
    answer: &mut Answer,
    shared: &Shared,
) -> Result<Left, tungstenite::Error> {
    let Decision {
        prepared,
        mut gates,
        ..
    } = decision;
    let mut began = tokio::time::Instant::now();
    let events = prepared.len().max(1);
    let schedule = prepared.pace.as_ref().map(|pace| pace.schedule(events));
    for sent in 0..=events {
        for (hold, gate) in prepared.holds.iter().zip(&mut gates) {
            let here = match hold.position() {
                HoldAt::Head => sent == 0,
                HoldAt::AfterEvent(event) => event == sent && (sent > 0 || event == 0),
                HoldAt::AfterByte(_) => false,
            };
            if here {
                let since = tokio::time::Instant::now();
                shared.gates.wait(gate).await;
                began += since.elapsed();
            }
        }
        if let Some(left) = break_off(&prepared, sent, line, answer).await {
            return Ok(left);
        }
        if sent == events {
            break;
        }
        if let Some(due) = schedule.as_ref().and_then(|schedule| schedule[sent]) {
            sleep_until(began + due).await;
        }
        let data = match &prepared.payload {
            Payload::Events(_) => prepared.data(sent),
            Payload::Whole(body) => refusal(prepared.status, body).into(),
        };
        sink.send(text(String::from_utf8_lossy(&data).into_owned()))
            .await?;
        answer.sent(sent, || data.clone());
    }
    let fault = prepared.fault.as_ref().map(Fault::name);
    answer.settle(fault.map_or(Outcome::Completed, Outcome::Faulted));
    Ok(Left::Open)
}

/// Does what the fault says, if it is here.
async fn break_off(
    prepared: &Prepared,
    sent: usize,
    line: &Line,
    answer: &mut Answer,
) -> Option<Left> {
    let fault = prepared.fault.as_ref()?;
    let here = match fault.cut()? {
        Place::BeforeHead => sent == 0,
        Place::AfterEvent(event) => event == sent,
        Place::AfterByte(_) | Place::AfterWireByte(_) => false,
    };
    if !here {
        return None;
    }
    answer.settle(Outcome::Faulted(fault.name()));
    match fault {
        Fault::Stall { .. } => std::future::pending().await,
        Fault::ResetPeer { .. } => line.reset_at_end(),
        _ => {}
    }
    Some(Left::Closed)
}

/// A plain HTTP answer as an event: `error`, with the status and what the body says.
fn refusal(status: StatusCode, body: &[u8]) -> String {
    let text = || json!({ "message": String::from_utf8_lossy(body) });
    let body = serde_json::from_slice::<Value>(body).unwrap_or_else(|_| text());
    let error = body.get("error").cloned().unwrap_or(body);
    json!({ "type": "error", "status": status.as_u16(), "error": error }).to_string()
}

fn text(text: String) -> Message {
    Message::Text(text.into())
}
