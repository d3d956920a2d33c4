//! Clients on a Unix socket, which speak WebSocket over it.
//!
//! As with codex 0.169.0 the socket is in a private directory under a short name, and the path
//! that clients know is a link to it: a path may be longer than the address of a socket. There is
//! no HTTP beside the upgrade, and no token: who may connect is a matter of the file's mode.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink,
};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::process::geteuid;
use sha2::{Digest as _, Sha256};
use tokio::net::{UnixListener, UnixStream};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::inbox::Inbox;
use super::listener::{Listener, accept_failed};
use super::session;
use crate::server::Server;

/// Below `CODEX_HOME`, where `--listen unix://` names no path.
const DEFAULT: &str = "app-server-control/app-server-control.sock";
/// Where the sockets are; the user's id follows.
const PRIVATE: &str = "/tmp/codex-daemon-";
/// What a mode gives to others than the owner.
const OTHERS: u32 = 0o077;
/// Says how long a message in one frame may be.
const MOST_UNFRAGMENTED: (&str, &str) = (
    "x-codex-websocket-max-unfragmented-message-bytes",
    "16777216",
);

/// A socket in the file system; dropping it takes it away.
#[derive(Debug)]
struct Place {
    link: PathBuf,
    socket: PathBuf,
    /// Held for as long as the socket is ours.
    _lock: File,
}

/// Listens on a Unix socket and serves until a signal comes.
pub(super) async fn run(server: Rc<Server>, path: Option<PathBuf>) -> io::Result<()> {
    let link = match path {
        Some(path) => server.started_in.join(path),
        None => server.home.join(DEFAULT),
    };
    let (socket, place) = bind(&link)?;
    let result = Listener::new(server)
        .until_signal(async |listener| {
            loop {
                match socket.accept().await {
                    Ok((stream, _)) => listener.spawn(serve(
                        stream,
                        Rc::clone(&listener.server),
                        listener.inbox.clone(),
                    )),
                    Err(error) => accept_failed(&error).await,
                }
            }
        })
        .await;
    drop(place);
    result
}

#[expect(
    clippy::result_large_err,
    reason = "the shape of the callback is the library's"
)]
async fn serve(stream: UnixStream, server: Rc<Server>, inbox: Inbox) {
    let limit = |_: &Request, mut response: Response| {
        let (name, value) = MOST_UNFRAGMENTED;
        let headers = response.headers_mut();
        headers.insert(name, HeaderValue::from_static(value));
        Ok(response)
    };
    // What is no upgrade is dropped without an answer.
    if let Ok(socket) = accept_hdr_async(stream, limit).await {
        session::run(socket, server, inbox).await;
    }
}

/// Makes the socket and the link to it. What a server left behind that didn't get to clear up is
/// replaced; anything else that is there stays.
fn bind(link: &Path) -> io::Result<(UnixListener, Place)> {
    let (Some(parent), Some(name)) = (link.parent(), link.file_name()) else {
        return Err(io::Error::other("socket path must have a parent"));
    };
    make_directory(parent)?;
    let link = fs::canonicalize(parent)?.join(name);
    if let Ok(there) = fs::symlink_metadata(&link)
        && !there.file_type().is_socket()
        && !(there.is_symlink() && fs::read_link(&link)?.starts_with(private()))
    {
        return Err(io::Error::other(format!(
            "app-server control socket path exists and is not a socket: {}",
            link.display()
        )));
    }
    let in_use = || {
        io::Error::other(format!(
            "app-server control socket is already in use at {}",
            link.display()
        ))
    };
    if StdUnixStream::connect(&link).is_ok() {
        return Err(in_use());
    }
    private_directory(&private())?;
    let socket = private().join(hex(&Sha256::digest(link.as_os_str().as_encoded_bytes())));
    let lock = File::create(socket.with_added_extension("lock"))?;
    lock.try_lock().map_err(|_| in_use())?;
    remove(&socket)?;
    let listener = UnixListener::bind(&socket)?;
    fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
    remove(&link)?;
    symlink(&socket, &link)?;
    let place = Place {
        link,
        socket,
        _lock: lock,
    };
    Ok((listener, place))
}

fn private() -> PathBuf {
    format!("{PRIVATE}{}", geteuid().as_raw()).into()
}

/// A directory that is the user's alone, unless it is there already.
fn make_directory(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A directory that is the user's alone, also where it is there already.
fn private_directory(path: &Path) -> io::Result<()> {
    make_directory(path)?;
    let there = fs::symlink_metadata(path)?;
    if there.is_dir() && there.uid() == geteuid().as_raw() && there.mode() & OTHERS == 0 {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{} must be a directory that only its owner can use",
        path.display()
    )))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to memory doesn't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

impl Drop for Place {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = fs::remove_file(&self.link);
        let _ = fs::remove_file(&self.socket);
    }
}
