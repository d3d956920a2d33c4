//! The accept loop: one task for each connection, all of which end with the loop.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Shared;
use super::service;
use super::socket::{Socket, SocketState};

/// How long to wait after a failed accept (no descriptors left, say) before the next.
const ACCEPT_RETRY: Duration = Duration::from_millis(10);

/// Accepts connections until told to stop, then ends them all.
pub(super) async fn run(
    listener: TcpListener,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            stream = accept(&listener) => {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// The next connection.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

/// Serves the requests of one connection, one after the other.
async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "can't switch Nagle's algorithm off");
    }
    let state = Arc::new(SocketState::default());
    let socket = Socket::new(stream, Arc::clone(&state));
    let service = service_fn(|request| service::answer(&shared, &state, request));
    let connection = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(socket, service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended early");
    }
}
