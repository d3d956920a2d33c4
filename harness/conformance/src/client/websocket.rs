//! Frames as text messages of a WebSocket.

use std::net::SocketAddr;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::client::connection::{Connection, Outgoing};

type Socket = WebSocketStream<TcpStream>;

/// Connects to an app-server on this machine and starts the tasks that move frames.
///
/// # Errors
/// No connection, or no WebSocket behind it.
pub(super) async fn connect(
    connection: &Connection,
    to_write: mpsc::UnboundedReceiver<Outgoing>,
    address: SocketAddr,
) -> Result<(), tungstenite::Error> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (socket, _) = client_async(format!("ws://{address}/"), stream).await?;
    let (sink, stream) = socket.split();
    tokio::spawn(write(to_write, sink));
    tokio::spawn(read(connection.clone(), stream));
    Ok(())
}

async fn write(
    mut to_write: mpsc::UnboundedReceiver<Outgoing>,
    mut sink: SplitSink<Socket, Message>,
) {
    while let Some(outgoing) = to_write.recv().await {
        let written = match outgoing {
            Outgoing::Frame(frame) => sink.send(Message::text(frame.to_value().to_string())).await,
            Outgoing::Raw(bytes) => sink.send(Message::binary(bytes)).await,
            Outgoing::Close => sink.close().await,
        };
        // A broken connection is told by the one who reads.
        if written.is_err() {
            return;
        }
    }
}

async fn read(connection: Connection, mut stream: SplitStream<Socket>) {
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
