//! Clients on a TCP port, as WebSocket connections, beside the two paths that tell if the server
//! is up.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::inbox::Inbox;
use super::listener::{Listener, accept_failed};
use super::session;
use super::upgrade::{Body, Door};
use crate::auth::Policy;
use crate::server::Server;

/// Listens on a TCP port, tells on stderr where, and serves until a signal comes.
pub(super) async fn run(server: Rc<Server>, address: SocketAddr, policy: Policy) -> io::Result<()> {
    if policy.is_open() && !address.ip().is_loopback() {
        return Err(io::Error::other(format!(
            "refusing to start non-loopback websocket listener {address} without auth; configure \
             `--ws-auth capability-token` or `--ws-auth signed-bearer-token`"
        )));
    }
    let socket = TcpListener::bind(address).await?;
    announce(socket.local_addr()?);
    let door = Rc::new(Door::new(policy));
    Listener::new(server)
        .until_signal(async |listener| {
            loop {
                match socket.accept().await {
                    Ok((stream, _)) => listener.spawn(serve(
                        stream,
                        Rc::clone(&door),
                        Rc::clone(&listener.server),
                        listener.inbox.clone(),
                    )),
                    Err(error) => accept_failed(&error).await,
                }
            }
        })
        .await
}

fn announce(address: SocketAddr) {
    let note = if address.ip().is_loopback() {
        "binds localhost only (use SSH port-forwarding for remote access)"
    } else {
        "websocket auth is required for non-localhost listeners"
    };
    crate::complain(&format!(
        "codex app-server (WebSockets)\n  listening on: ws://{address}\n  \
         readyz: http://{address}/readyz\n  healthz: http://{address}/healthz\n  note: {note}"
    ));
}

/// Serves one connection: HTTP until a request becomes a WebSocket.
async fn serve(stream: TcpStream, door: Rc<Door>, server: Rc<Server>, inbox: Inbox) {
    // Small frames shall not wait for each other.
    let _ = stream.set_nodelay(true);
    let (sender, mut upgraded) = tokio::sync::mpsc::unbounded_channel();
    let service = service_fn(|mut request: Request<Incoming>| {
        let response = door.answer(&request);
        if response.status() == hyper::StatusCode::SWITCHING_PROTOCOLS {
            // The receiver lives as long as this connection.
            let _ = sender.send(hyper::upgrade::on(&mut request));
        }
        std::future::ready(Ok::<Response<Body>, Infallible>(response))
    });
    let http = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // A connection that breaks is the client's business.
    if http.await.is_err() {
        return;
    }
    drop(sender);
    let Some(upgrade) = upgraded.recv().await else {
        return;
    };
    let Ok(stream) = upgrade.await else { return };
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Server, None).await;
    session::run(socket, server, inbox).await;
}
