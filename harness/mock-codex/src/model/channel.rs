//! A conversation's way to its model: a WebSocket where the provider has them, otherwise HTTP.
//!
//! As codex 0.169.0 does it: the connection is made when the thread is loaded, and warmed up with
//! the instructions alone. A request that asks in the same way names the response that it goes on
//! from, and has only what is new. Whatever fails ends the connection; an upgrade that is refused
//! with 426, or tries that are used up, end the use of a WebSocket for this conversation.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use hyper::StatusCode;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::http::Request;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::Endpoint;
use super::asked::{Asked, Body};
use super::client::{self, Answer, CallError, Events};
use super::error::{ModelError, Refusal};
use super::event::Event;
use super::token::Tokens;

/// The way of one conversation. Copies are the same way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Channel(Arc<Mutex<State>>);

#[derive(Debug, Default)]
enum State {
    /// No connection.
    #[default]
    Idle,
    Open(Box<Open>),
    /// Everything goes over HTTP.
    GivenUp,
}

/// A connection.
#[derive(Debug)]
struct Open {
    socket: WebSocketStream<TcpStream>,
    /// The last response that came over it, if a request can go on from it.
    last: Option<Last>,
}

/// A response, and what a request must be like to go on from it.
#[derive(Debug)]
struct Last {
    response: String,
    manner: Bytes,
    /// The input that it was asked with, and the items that it gave.
    covered: Bytes,
}

/// An answer that comes over a WebSocket.
#[derive(Debug)]
pub(crate) struct SocketEvents {
    open: Open,
    channel: Channel,
    manner: Bytes,
    url: String,
}

/// Why there is no WebSocket.
enum NoSocket {
    Unreachable,
    Broken,
    Refused(StatusCode, String),
}

impl Channel {
    /// Asks the model. A token that is refused is asked for anew, once.
    pub(crate) async fn ask(
        &self,
        tokens: &Tokens,
        endpoint: &Endpoint,
        asked: Asked,
    ) -> Result<Answer, CallError> {
        let Some(source) = &endpoint.auth else {
            return self.ask_once(endpoint, asked).await;
        };
        let with_token = endpoint.with_token(tokens.get(source).await);
        let answer = self.ask_once(&with_token, asked.clone()).await;
        match answer {
            Ok(Answer::Refused(refusal)) if refusal.status == StatusCode::UNAUTHORIZED => {
                let token = tokens.renew(source).await.map_err(CallError::NoToken)?;
                let with_token = endpoint.with_token(Some(token));
                self.ask_once(&with_token, asked).await
            }
            answer => answer,
        }
    }

    async fn ask_once(&self, endpoint: &Endpoint, asked: Asked) -> Result<Answer, CallError> {
        if !endpoint.websockets {
            return client::post(endpoint, &asked.headers, asked.body.into_pieces()).await;
        }
        let mut state = Arc::clone(&self.0).lock_owned().await;
        if matches!(*state, State::GivenUp) {
            drop(state);
            return client::post(endpoint, &asked.headers, asked.body.into_pieces()).await;
        }
        let mut open = match connected(&mut state, endpoint, &asked).await {
            Ok(open) => open,
            Err(NoSocket::Unreachable) => return Err(CallError::Connect),
            Err(NoSocket::Broken) => return Err(CallError::Broken),
            Err(NoSocket::Refused(StatusCode::UPGRADE_REQUIRED, _)) => {
                *state = State::GivenUp;
                drop(state);
                return client::post(endpoint, &asked.headers, asked.body.into_pieces()).await;
            }
            Err(NoSocket::Refused(status, body)) => {
                let refusal = Refusal::new(status, body, endpoint.socket_url());
                return Ok(Answer::Refused(refusal));
            }
        };
        let last = open.last.take();
        let text = asked
            .body
            .to_frame(last.as_ref().and_then(|last| last.go_on(&asked.body)));
        if open.socket.send(Message::text(text)).await.is_err() {
            return Err(CallError::Broken);
        }
        Ok(Answer::Events(Events::Socket(Box::new(SocketEvents {
            open,
            channel: self.clone(),
            manner: asked.body.manner(),
            url: endpoint.socket_url(),
        }))))
    }

    /// Makes the connection and sends what every request begins with, in the background. Requests
    /// wait for it. What fails is left to them.
    pub(crate) fn warm_up(&self, tokens: &Rc<Tokens>, mut endpoint: Endpoint, asked: Asked) {
        let Ok(mut state) = Arc::clone(&self.0).try_lock_owned() else {
            return;
        };
        let tokens = Rc::clone(tokens);
        tokio::task::spawn_local(async move {
            if let Some(source) = &endpoint.auth {
                endpoint = endpoint.with_token(tokens.get(source).await);
            }
            match warmed_up(&mut state, &endpoint, &asked).await {
                Ok(open) => *state = State::Open(Box::new(open)),
                Err(NoSocket::Refused(StatusCode::UPGRADE_REQUIRED, _)) => {
                    *state = State::GivenUp;
                }
                Err(_) => {}
            }
        });
    }

    /// Is a WebSocket in use, as far as is known?
    pub(crate) async fn has_sockets(&self, endpoint: &Endpoint) -> bool {
        endpoint.websockets && !matches!(*self.0.lock().await, State::GivenUp)
    }

    /// Uses HTTP from here on.
    pub(crate) async fn give_up(&self) {
        *self.0.lock().await = State::GivenUp;
    }
}

impl Last {
    /// Where a request goes on from, and what of its input is new; `None` if it asks otherwise.
    fn go_on(&self, body: &Body) -> Option<(&str, Bytes)> {
        let input = body.joined_input();
        let same = self.manner == body.manner() && input.starts_with(&self.covered);
        let new = same.then(|| input.slice(self.covered.len()..))?;
        // Behind what is covered comes the comma before the next item.
        Some((
            &self.response,
            new.slice(usize::from(new.starts_with(b","))..),
        ))
    }
}

/// A connection that lives: the one that there is, or a new one.
async fn connected(
    state: &mut OwnedMutexGuard<State>,
    endpoint: &Endpoint,
    asked: &Asked,
) -> Result<Open, NoSocket> {
    if let State::Open(mut open) = std::mem::take(&mut **state) {
        loop {
            match open.socket.next().now_or_never() {
                None => return Ok(*open),
                // Nobody asked for it.
                Some(Some(Ok(message))) if !message.is_close() => {}
                Some(_) => break,
            }
        }
    }
    connect(endpoint, asked).await
}

async fn connect(endpoint: &Endpoint, asked: &Asked) -> Result<Open, NoSocket> {
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await;
    let stream = stream.map_err(|_| NoSocket::Unreachable)?;
    stream.set_nodelay(true).map_err(|_| NoSocket::Broken)?;
    let mut request = Request::get(endpoint.socket_url())
        .header("Host", format!("{}:{}", endpoint.host, endpoint.port))
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", generate_key());
    for (name, value) in &asked.upgrade_headers {
        request = request.header(*name, value);
    }
    for (name, value) in &endpoint.headers {
        request = request.header(name, value);
    }
    let request = request.header(
        "sec-websocket-extensions",
        "permessage-deflate; client_max_window_bits",
    );
    let request = request.body(()).map_err(|_| NoSocket::Broken)?;
    match client_async(request, stream).await {
        // It was only asked for because codex does; it can't be read here.
        Ok((_, response)) if response.headers().contains_key("sec-websocket-extensions") => {
            crate::complain(
                "mock-codex can't read compressed WebSocket messages: switch permessage-deflate off",
            );
            Err(NoSocket::Broken)
        }
        Ok((socket, _)) => Ok(Open { socket, last: None }),
        Err(tungstenite::Error::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            Err(NoSocket::Refused(
                response.status(),
                String::from_utf8_lossy(body).into_owned(),
            ))
        }
        Err(_) => Err(NoSocket::Broken),
    }
}

async fn warmed_up(
    state: &mut OwnedMutexGuard<State>,
    endpoint: &Endpoint,
    asked: &Asked,
) -> Result<Open, NoSocket> {
    let mut open = connected(state, endpoint, asked).await?;
    let sent = open
        .socket
        .send(Message::text(asked.body.to_frame(None)))
        .await;
    sent.map_err(|_| NoSocket::Broken)?;
    while let Some(Ok(message)) = open.socket.next().await {
        let Message::Text(text) = message else {
            if message.is_binary() || message.is_close() {
                break;
            }
            continue;
        };
        if Event::refusal(&text).is_some() {
            break;
        }
        match Event::parse(&text) {
            Some(Event::Completed(completed)) => {
                open.last = Some(Last {
                    response: completed.id,
                    manner: asked.body.manner(),
                    covered: asked.body.joined_input(),
                });
                return Ok(open);
            }
            Some(Event::Failed(_)) => break,
            _ => {}
        }
    }
    Err(NoSocket::Broken)
}

impl SocketEvents {
    /// The next event, or why none comes. Safe to drop and call again.
    pub(super) async fn next(&mut self) -> Result<Event, ModelError> {
        loop {
            let text = match self.open.socket.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Binary(_))) => {
                    return Err(ModelError::disconnected(
                        "unexpected binary websocket event",
                    ));
                }
                Some(Ok(Message::Close(_))) | None => {
                    return Err(ModelError::disconnected(
                        "websocket closed by server before response.completed",
                    ));
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => {
                    return Err(ModelError::disconnected(&broken(&error)));
                }
            };
            if let Some(status) = Event::refusal(&text) {
                return Err(self.refused(status, &text));
            }
            if let Some(event) = Event::parse(&text) {
                return Ok(event);
            }
        }
    }

    fn refused(&self, status: u16, text: &Utf8Bytes) -> ModelError {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        ModelError::refused(&Refusal::new(status, text.to_string(), self.url.clone()))
    }

    /// Keeps the connection for the next request, which can go on from this response if it begins
    /// with the input that is `covered`.
    pub(crate) async fn keep(mut self, response: String, covered: Option<Bytes>) {
        self.open.last = covered.map(|covered| Last {
            response,
            manner: self.manner,
            covered,
        });
        let mut state = self.channel.0.lock().await;
        if matches!(*state, State::Idle) {
            *state = State::Open(Box::new(self.open));
        }
    }
}

/// How codex words what broke a connection.
fn broken(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Io(error) => format!("IO error: {error}"),
        error => error.to_string(),
    }
}
