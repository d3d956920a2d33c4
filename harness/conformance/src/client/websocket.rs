//! Frames as text messages of a WebSocket.

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::client::address::{Address, Token};
use crate::client::connection::{Connection, Outgoing};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// The token would be read by others.
    #[error("a token is only sent over wss:// or to a loopback address")]
    TokenInClear,
    /// The token has characters that no header can have.
    #[error("the token can't be sent in a header")]
    Token,
    /// Nobody listens, or it is no WebSocket.
    #[error(transparent)]
    WebSocket(#[from] tungstenite::Error),
}

/// Connects to an app-server and starts the tasks that move frames.
///
/// # Errors
/// No connection, no WebSocket behind it, or a token that must not be sent there.
pub(super) async fn connect(
    connection: &Connection,
    to_write: mpsc::UnboundedReceiver<Outgoing>,
    address: &Address,
    token: Option<&Token>,
) -> Result<(), ConnectError> {
    if token.is_some() && !address.takes_tokens() {
        return Err(ConnectError::TokenInClear);
    }
    let refused = |error: std::io::Error| ConnectError::WebSocket(error.into());
    match address {
        Address::Tcp(tcp) => {
            let stream = TcpStream::connect(tcp).await.map_err(refused)?;
            stream.set_nodelay(true).map_err(refused)?;
            carry(connection, to_write, stream, &format!("ws://{tcp}/"), token).await
        }
        Address::Unix(path) => {
            // A link may be longer than the address of a socket; what it leads to is not.
            let path = std::fs::canonicalize(path).map_err(refused)?;
            let stream = UnixStream::connect(path).await.map_err(refused)?;
            carry(connection, to_write, stream, "ws://localhost/", token).await
        }
    }
}

async fn carry<S>(
    connection: &Connection,
    to_write: mpsc::UnboundedReceiver<Outgoing>,
    stream: S,
    url: &str,
    token: Option<&Token>,
) -> Result<(), ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut request = url.into_client_request()?;
    if let Some(token) = token {
        let mut value = HeaderValue::from_str(&token.header()).map_err(|_| ConnectError::Token)?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    let (socket, _) = client_async(request, stream).await?;
    let (sink, stream) = socket.split();
    tokio::spawn(write(to_write, sink));
    tokio::spawn(read(connection.clone(), stream));
    Ok(())
}

async fn write<S>(
    mut to_write: mpsc::UnboundedReceiver<Outgoing>,
    mut sink: SplitSink<WebSocketStream<S>, Message>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(outgoing) = to_write.recv().await {
        let written = match outgoing {
            Outgoing::Frame(frame) => sink.send(Message::text(frame.to_value().to_string())).await,
            Outgoing::Raw(bytes) => sink.send(raw(bytes)).await,
            Outgoing::Close => sink.close().await,
        };
        // A broken connection is told by the one who reads.
        if written.is_err() {
            return;
        }
    }
}

/// A line becomes a text message, without its end; bytes that are no text a binary one.
fn raw(mut bytes: Vec<u8>) -> Message {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    match String::from_utf8(bytes) {
        Ok(text) => Message::text(text),
        Err(bytes) => Message::binary(bytes.into_bytes()),
    }
}

async fn read<S>(connection: Connection, mut stream: SplitStream<WebSocketStream<S>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => connection.receive(text.as_bytes()),
            Some(Ok(Message::Binary(bytes))) => connection.receive(&bytes),
            Some(Ok(Message::Close(_))) | None => {
                connection.end("the app-server closed the connection", None);
                return;
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                connection.end(format!("the connection broke ({error})"), None);
                return;
            }
        }
    }
}
