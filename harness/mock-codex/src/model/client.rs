//! HTTP: requests of ready-made pieces, answers as events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyDataStream, BodyExt};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HeaderValue;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Endpoint;
use super::channel::SocketEvents;
use super::error::{ModelError, Refusal};
use super::event::Event;
use super::sse::Decoder;
use super::token::NoToken;
use super::wait;

/// The body of a request: pieces that are sent one after the other without being joined.
#[derive(Debug, Clone)]
pub(crate) struct Pieces {
    pieces: VecDeque<Bytes>,
    left: u64,
}

impl FromIterator<Bytes> for Pieces {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        let pieces: VecDeque<Bytes> = pieces.into_iter().collect();
        let left = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self { pieces, left }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.pieces.pop_front().map(|piece| {
            self.left -= piece.len() as u64;
            Ok(Frame::data(piece))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Why no answer came.
#[derive(Debug)]
pub(crate) enum CallError {
    /// No connection could be made.
    Connect,
    /// The connection broke before the answer.
    Broken,
    /// The token was refused, and there is no other.
    NoToken(NoToken),
}

/// What the model answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A stream of events.
    Events(Events),
    /// Anything but a success.
    Refused(Refusal),
}

/// The events of an answer.
#[derive(Debug)]
pub(crate) enum Events {
    Http(Box<HttpEvents>),
    Socket(Box<SocketEvents>),
}

/// The events of an answer over HTTP.
pub(crate) struct HttpEvents {
    body: BodyDataStream<Incoming>,
    decoder: Decoder,
}

impl std::fmt::Debug for HttpEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpEvents").finish_non_exhaustive()
    }
}

/// Posts a body and waits for the head of the answer.
///
/// Each request has a connection of its own, which ends with its answer: codex 0.169.0 keeps none
/// that a stream of events came over, not even within a turn.
pub(super) async fn post(
    endpoint: &Endpoint,
    headers: &[(&'static str, String)],
    body: Pieces,
) -> Result<Answer, CallError> {
    let mut connection = connect(endpoint).await.map_err(|_| CallError::Connect)?;
    let request = to_request(endpoint, headers, body).map_err(|_| CallError::Broken)?;
    let response = connection.send_request(request).await;
    let answer = match response {
        Ok(response) => to_answer(endpoint, response).await,
        Err(error) => Err(error),
    };
    answer.map_err(|_| CallError::Broken)
}

fn to_request(
    endpoint: &Endpoint,
    headers: &[(&'static str, String)],
    body: Pieces,
) -> hyper::http::Result<Request<Pieces>> {
    let mut request = Request::post(endpoint.path.as_str());
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    // A key that no header can carry is left out, as by codex 0.169.0.
    let sendable = |value: &String| HeaderValue::try_from(value).is_ok();
    for (name, value) in endpoint.headers.iter().filter(|(_, it)| sendable(it)) {
        request = request.header(name, value);
    }
    let length = body.left;
    request
        .header("host", format!("{}:{}", endpoint.host, endpoint.port))
        .header("content-length", length)
        .body(body)
}

async fn to_answer(endpoint: &Endpoint, response: Response<Incoming>) -> hyper::Result<Answer> {
    let status = response.status();
    if status.is_success() {
        return Ok(Answer::Events(Events::Http(Box::new(HttpEvents {
            body: response.into_body().into_data_stream(),
            decoder: Decoder::default(),
        }))));
    }
    let header = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let wait = header("retry-after").and_then(|value| wait::in_header(&value));
    let (ray, request) = (header("cf-ray"), header("x-request-id"));
    let body = response.into_body().collect().await?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Answer::Refused(Refusal {
        wait,
        ray,
        request,
        ..Refusal::new(status, body, endpoint.url.clone())
    }))
}

impl Events {
    /// The next event, or why none comes. Safe to drop and call again.
    pub(crate) async fn next(&mut self) -> Result<Event, ModelError> {
        match self {
            Self::Http(events) => events.next().await,
            Self::Socket(events) => events.next().await,
        }
    }
}

impl HttpEvents {
    /// Data that is no event of the API is skipped.
    async fn next(&mut self) -> Result<Event, ModelError> {
        const BROKEN: &str = "Transport error: network error: error decoding response body";
        loop {
            while let Some(data) = self.decoder.next() {
                if let Some(event) = Event::parse(&data) {
                    return Ok(event);
                }
            }
            let taken = match self.body.next().await {
                Some(Ok(bytes)) => self.decoder.push(&bytes).is_ok(),
                Some(Err(_)) => false,
                None => {
                    let cause = "stream closed before response.completed";
                    return Err(ModelError::disconnected(cause));
                }
            };
            if !taken {
                return Err(ModelError::disconnected(BROKEN));
            }
        }
    }
}

async fn connect(endpoint: &Endpoint) -> Result<SendRequest<Pieces>, Box<dyn std::error::Error>> {
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await?;
    stream.set_nodelay(true)?;
    let (connection, driver) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(async move {
        // What breaks a connection shows in the call that uses it.
        let _ = driver.await;
    });
    Ok(connection)
}
