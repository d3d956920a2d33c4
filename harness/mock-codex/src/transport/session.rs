//! One client on a WebSocket: a message is a text frame.

use std::rc::Rc;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

use super::inbox::Inbox;
use crate::connection::Client;
use crate::outbox::{MOST_WAITING, Outflow, Outgoing, outbox};
use crate::quirk;
use crate::server::Server;

/// Serves a client until either side ends the connection. As with codex 0.169.0 it ends without a
/// close frame, also where the client sent one.
pub(super) async fn run<S>(socket: WebSocketStream<S>, server: Rc<Server>, inbox: Inbox)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (outbox, outflow) = outbox(MOST_WAITING);
    let client = Rc::new(Client::new(outbox));
    server.connect(&client);
    let (sink, stream) = socket.split();
    let overflow = outflow.overflow();
    tokio::select! {
        () = read(stream, &client, &server, &inbox) => {}
        () = write(sink, outflow) => {}
        () = overflow => {}
    }
    server.disconnect(&client);
}

/// Reads messages until there are no more. Binary ones mean nothing to codex 0.169.0.
async fn read<S>(
    mut stream: SplitStream<WebSocketStream<S>>,
    client: &Rc<Client>,
    server: &Server,
    inbox: &Inbox,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = stream.next().await {
        match message {
            Message::Text(text) => inbox.put(client, text.into()).await,
            // The library has answered it already.
            Message::Ping(payload) if server.quirks.has(quirk::Id::PingAnsweredTwice) => {
                client.pong(payload);
            }
            Message::Close(_) => return,
            Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => {}
        }
    }
}

/// Writes what waits; frames that wait together go out together.
async fn write<S>(mut sink: SplitSink<WebSocketStream<S>, Message>, mut outflow: Outflow)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(first) = outflow.next().await {
        if batch(&mut sink, first, &mut outflow).await.is_err() {
            return;
        }
    }
}

async fn batch<S>(
    sink: &mut SplitSink<WebSocketStream<S>, Message>,
    first: Outgoing,
    outflow: &mut Outflow,
) -> tungstenite::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut next = Some(first);
    while let Some(outgoing) = next {
        sink.feed(message(outgoing)?).await?;
        next = outflow.ready();
    }
    sink.flush().await
}

fn message(outgoing: Outgoing) -> tungstenite::Result<Message> {
    Ok(match outgoing {
        Outgoing::Frame(mut frame) => {
            // Lines end here; messages don't.
            frame.truncate(frame.trim_ascii_end().len());
            Message::Text(text(frame)?)
        }
        Outgoing::Pong(payload) => Message::Pong(payload),
    })
}

/// Frames are JSON, and with it UTF-8.
fn text(frame: Bytes) -> tungstenite::Result<Utf8Bytes> {
    Utf8Bytes::try_from(frame).map_err(|_| tungstenite::Error::AttackAttempt)
}
