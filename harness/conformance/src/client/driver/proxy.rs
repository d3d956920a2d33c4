//! The tap of a WebSocket: it listens where an SDK is told that the app-server does, and passes every
//! message on to that and back.
//!
//! What it records it tells as a tap of pipes does, to the same listener; one connection stands for
//! one process there.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use codex_tap::record::{Recording, Stream, Tape};
use codex_wire::transcript::{Event, Process};
use futures_util::{Sink, SinkExt as _, Stream as Messages, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{accept_hdr_async, client_async};

/// Listens as long as it lives.
#[derive(Debug)]
pub struct Proxy {
    accepting: JoinHandle<()>,
    url: String,
}

/// What is behind, and who wants to know.
#[derive(Clone)]
struct Way {
    /// The app-server's address, without `ws://`.
    behind: String,
    /// The socket of the taps.
    taps: PathBuf,
    began_us: u64,
}

impl Proxy {
    /// Listens on a port of its own; `behind` is the app-server's address as `HOST:PORT`.
    ///
    /// # Errors
    /// It can't listen.
    pub async fn listen(behind: String, taps: PathBuf, began_us: u64) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("ws://{}", listener.local_addr()?);
        let way = Way {
            behind,
            taps,
            began_us,
        };
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A connection that ends is told by its recording, whatever ended it.
                let way = way.clone();
                tokio::spawn(async move { way.carry(stream).await.ok() });
            }
        });
        Ok(Self { accepting, url })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Way {
    #[expect(
        clippy::result_large_err,
        reason = "the type of the error is tungstenite's"
    )]
    async fn carry(&self, stream: TcpStream) -> Result<(), tungstenite::Error> {
        stream.set_nodelay(true)?;
        let mut token = None;
        let take_token = |request: &Request, response: Response| {
            token = request.headers().get(AUTHORIZATION).cloned();
            Ok::<_, ErrorResponse>(response)
        };
        let client = accept_hdr_async(stream, take_token).await?;
        let mut request = format!("ws://{}/", self.behind).into_client_request()?;
        if let Some(token) = token {
            request.headers_mut().insert(AUTHORIZATION, token);
        }
        let stream = TcpStream::connect(&self.behind).await?;
        stream.set_nodelay(true)?;
        let (server, _) = client_async(request, stream).await?;
        let told = Box::new(UnixStream::connect(&self.taps)?);
        let recording = Recording::to(told, self.began_us);
        let argv = ["codex", "app-server", "--listen"].map(str::to_owned);
        let argv = argv.into_iter().chain([format!("ws://{}", self.behind)]);
        recording.push(Event::Process(Process::Started(argv.collect())));
        let (to_client, from_client) = client.split();
        let (to_server, from_server) = server.split();
        tokio::select! {
            () = pass(from_client, to_server, recording.stream(Stream::Stdin)) => {}
            () = pass(from_server, to_client, recording.stream(Stream::Stdout)) => {}
        }
        let ended = Process::Exited {
            code: Some(0),
            signal: None,
        };
        recording.push(Event::Process(ended));
        Ok(())
    }
}

/// Records and passes on messages until one side closes.
async fn pass(
    mut from: impl Messages<Item = Result<Message, tungstenite::Error>> + Unpin,
    mut to: impl Sink<Message, Error = tungstenite::Error> + Unpin,
    mut tape: Tape,
) {
    while let Some(Ok(message)) = from.next().await {
        if let Message::Text(_) | Message::Binary(_) = message {
            tape.take(&message.clone().into_data());
            tape.take(b"\n");
        }
        let closes = message.is_close();
        if to.send(message).await.is_err() || closes {
            break;
        }
    }
    tape.end();
    // Closed already is as good.
    let _ = to.close().await;
}
