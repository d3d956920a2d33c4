//! The accept loop: one task for each connection, all of which end with the loop.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Shared;
use super::service;
use super::socket::{Line, Socket};
use super::websocket;
use crate::fault::Refuse;

/// How long to wait after a failed accept (no descriptors left, say) before the next.
const ACCEPT_RETRY: Duration = Duration::from_millis(10);

/// How many connections wait to be accepted, at most.
const BACKLOG: u32 = 1024;

/// A port that the server has.
pub(super) enum Port {
    /// It listens.
    Listening(TcpListener),
    /// It holds the port but doesn't listen: the kernel refuses connections.
    Reserved(TcpSocket),
}

impl Port {
    /// Takes a port, and listens on it if the script doesn't begin with a refusal.
    pub(super) fn take(addr: SocketAddr, refuse: bool) -> io::Result<(Self, SocketAddr)> {
        let socket = bind(addr)?;
        let addr = socket.local_addr()?;
        let port = if refuse {
            Self::Reserved(socket)
        } else {
            Self::Listening(socket.listen(BACKLOG)?)
        };
        Ok((port, addr))
    }
}

/// Accepts connections until told to stop, then ends them all.
pub(super) async fn run(
    port: Port,
    addr: SocketAddr,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let serving = async {
        let mut refusing = shared.refuse.subscribe();
        let mut listener = match port {
            Port::Listening(listener) => {
                // What was said before this listened counts too.
                refusing.mark_changed();
                listener
            }
            Port::Reserved(socket) => {
                let refuse = refusing.borrow_and_update().clone();
                refuse_connections(Some(socket), addr, refuse.as_ref(), &shared).await
            }
        };
        loop {
            tokio::select! {
                biased;
                Ok(()) = refusing.changed() => {
                    let refuse = refusing.borrow_and_update().clone();
                    if refuse.is_some() {
                        drop(listener);
                        let socket = reserve(addr);
                        listener = refuse_connections(socket, addr, refuse.as_ref(), &shared).await;
                    }
                }
                stream = accept(&listener) => {
                    connections.spawn(serve(stream, Arc::clone(&shared)));
                }
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
    };
    tokio::select! {
        _ = stopped.changed() => {}
        () = serving => {}
    }
    connections.shutdown().await;
}

/// Holds the port without listening until the refusal is over, then listens again.
async fn refuse_connections(
    reserved: Option<TcpSocket>,
    addr: SocketAddr,
    refuse: Option<&Refuse>,
    shared: &Shared,
) -> TcpListener {
    let over = async {
        match refuse {
            Some(Refuse::For(pause)) => tokio::time::sleep((*pause).into()).await,
            Some(Refuse::Gate(gate)) => shared.gates.released(gate).await,
            None => {}
        }
    };
    let mut refusing = shared.refuse.subscribe();
    tokio::select! {
        () = over => {}
        // The script was reset.
        _ = refusing.wait_for(Option::is_none) => {}
    }
    let listener = listen_again(reserved, addr).await;
    shared.listens_again();
    listener
}

/// A socket that holds the port but doesn't listen: the kernel refuses connections to it.
fn reserve(addr: SocketAddr) -> Option<TcpSocket> {
    match bind(addr) {
        Ok(socket) => Some(socket),
        Err(error) => {
            tracing::warn!(%error, "can't hold the port while connections are refused");
            None
        }
    }
}

fn bind(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if addr.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}

async fn listen_again(mut reserved: Option<TcpSocket>, addr: SocketAddr) -> TcpListener {
    loop {
        let listening = match reserved.take() {
            Some(socket) => socket.listen(BACKLOG),
            None => bind(addr).and_then(|socket| socket.listen(BACKLOG)),
        };
        match listening {
            Ok(listener) => return listener,
            Err(error) => {
                tracing::warn!(%error, "can't listen again");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
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
    let line = Arc::new(Line::new(stream));
    let mut refusing = shared.refuse.subscribe();
    let socket = TokioIo::new(Socket(Arc::clone(&line)));
    let service = service_fn(|request| service::answer(&shared, &line, request));
    let connection = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(socket, service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let mut idle_ends = refusing.borrow_and_update().is_some();
    let ended = loop {
        if idle_ends {
            connection.as_mut().graceful_shutdown();
        }
        tokio::select! {
            ended = &mut connection => break ended,
            Ok(()) = refusing.changed(), if !idle_ends => {
                idle_ends = refusing.borrow_and_update().is_some();
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    } else if let Some(pending) = line.upgrade() {
        websocket::serve(pending, &line, &shared).await;
    }
}
