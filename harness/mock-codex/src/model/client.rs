//! HTTP: connections that are kept, requests of ready-made pieces, answers as events.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use eventsource_stream::{EventStream, Eventsource};
use futures_util::StreamExt;
use http_body_util::{BodyDataStream, BodyExt};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Endpoint;
use super::event::Event;

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

type Connection = SendRequest<Pieces>;

/// Idle connections, by host and port.
type Pool = Rc<RefCell<Vec<((String, u16), Connection)>>>;

/// Calls models and keeps the connections.
#[derive(Debug, Default)]
pub(crate) struct ModelClient {
    idle: Pool,
}

/// Why no answer came.
#[derive(Debug)]
pub(crate) enum CallError {
    /// No connection could be made.
    Connect,
    /// The connection broke before the answer.
    Broken(String),
}

/// What the model answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A stream of events.
    Events(Events),
    /// Anything but a success.
    Refused {
        status: StatusCode,
        /// The value of `Retry-After`, in seconds.
        retry_after: Option<u64>,
        body: String,
    },
}

/// The events of an answer. The connection is kept for the next call once they have all come.
pub(crate) struct Events {
    stream: Pin<Box<EventStream<BodyDataStream<Incoming>>>>,
    connection: Option<((String, u16), Connection)>,
    idle: Pool,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl ModelClient {
    /// Posts a body and waits for the head of the answer.
    pub(crate) async fn post(
        &self,
        endpoint: &Endpoint,
        headers: &[(&'static str, String)],
        body: Pieces,
    ) -> Result<Answer, CallError> {
        let place = (endpoint.host.clone(), endpoint.port);
        if let Some(connection) = self.take(&place) {
            // A kept connection may have been closed by the other side meanwhile.
            if let Ok(answer) = self.send(endpoint, headers, body.clone(), connection).await {
                return Ok(answer);
            }
        }
        let connection = connect(endpoint).await.map_err(|_| CallError::Connect)?;
        self.send(endpoint, headers, body, connection)
            .await
            .map_err(|error| CallError::Broken(error.to_string()))
    }

    fn take(&self, place: &(String, u16)) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|(_, connection)| !connection.is_closed());
        let at = idle.iter().position(|(known, _)| known == place)?;
        Some(idle.swap_remove(at).1)
    }

    async fn send(
        &self,
        endpoint: &Endpoint,
        headers: &[(&'static str, String)],
        body: Pieces,
        mut connection: Connection,
    ) -> hyper::Result<Answer> {
        let mut request = Request::post(endpoint.path.as_str());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        for (name, value) in &endpoint.headers {
            request = request.header(name, value);
        }
        let length = body.left;
        let request = request
            .header("host", format!("{}:{}", endpoint.host, endpoint.port))
            .header("content-length", length);
        // Header names are ours; a value that can't be sent is left out by hyper's builder error.
        let request = match request.body(body) {
            Ok(request) => request,
            Err(error) => {
                return Ok(Answer::Refused {
                    status: StatusCode::BAD_REQUEST,
                    retry_after: None,
                    body: format!("the request can't be sent: {error}"),
                });
            }
        };
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        let place = (endpoint.host.clone(), endpoint.port);
        self.answer(response, (place, connection)).await
    }

    async fn answer(
        &self,
        response: Response<Incoming>,
        connection: ((String, u16), Connection),
    ) -> hyper::Result<Answer> {
        let status = response.status();
        if status.is_success() {
            return Ok(Answer::Events(Events {
                stream: Box::pin(response.into_body().into_data_stream().eventsource()),
                connection: Some(connection),
                idle: Rc::clone(&self.idle),
            }));
        }
        let retry_after = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let body = response.into_body().collect().await?.to_bytes();
        self.idle.borrow_mut().push(connection);
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer::Refused {
            status,
            retry_after,
            body,
        })
    }
}

impl Events {
    /// The next event; `None` at the end of the stream, an error where it broke.
    ///
    /// Data that is no event of the API is skipped. Safe to drop and call again.
    pub(crate) async fn next(&mut self) -> Option<Result<Event, String>> {
        loop {
            match self.stream.next().await? {
                Ok(event) => {
                    if let Some(event) = Event::parse(&event.data) {
                        return Some(Ok(event));
                    }
                }
                Err(error) => return Some(Err(error.to_string())),
            }
        }
    }

    /// Reads what is left of an answer that has told its end, and keeps the connection.
    pub(crate) fn finish(mut self) {
        tokio::task::spawn_local(async move {
            while let Some(Ok(_)) = self.stream.next().await {}
            if let Some((place, mut connection)) = self.connection.take()
                && connection.ready().await.is_ok()
            {
                self.idle.borrow_mut().push((place, connection));
            }
        });
    }
}

async fn connect(endpoint: &Endpoint) -> Result<Connection, Box<dyn std::error::Error>> {
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await?;
    stream.set_nodelay(true)?;
    let (connection, driver) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(async move {
        // What breaks a connection shows in the call that uses it.
        let _ = driver.await;
    });
    Ok(connection)
}
