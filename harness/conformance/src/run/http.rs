//! Single HTTP requests to a listener, as the `http` step sends them.

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::client::address::Address;

/// The headers of a request for a WebSocket; the key is that of RFC 6455.
const UPGRADE: [(&str, &str); 4] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// A value that no header has.
    #[error("the header `{0}` is no text")]
    Header(String),
    /// A method, path or header that HTTP doesn't know.
    #[error("the request can't be made: {0}")]
    Request(#[from] hyper::http::Error),
    /// Nobody listens.
    #[error("can't connect: {0}")]
    Connect(#[from] std::io::Error),
    /// The connection ended without an answer.
    #[error("no answer: {0}")]
    Answer(#[from] hyper::Error),
}

/// Makes a request; `headers` go over those of an upgrade, and `null` takes one away.
pub(super) fn request(
    (method, path): (&str, &str),
    upgrade: bool,
    headers: &Map<String, Value>,
) -> Result<Request<Empty<Bytes>>, HttpError> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost");
    let given = |name: &str| headers.keys().any(|key| key.eq_ignore_ascii_case(name));
    for (name, value) in UPGRADE.iter().filter(|(name, _)| upgrade && !given(name)) {
        request = request.header(*name, *value);
    }
    for (name, value) in headers {
        request = match value {
            Value::Null => request,
            Value::String(text) => request.header(name, text),
            _ => return Err(HttpError::Header(name.clone())),
        };
    }
    Ok(request.body(Empty::new())?)
}

/// Sends it: `{status, headers, body}`.
pub(super) async fn send(
    address: &Address,
    request: Request<Empty<Bytes>>,
) -> Result<Value, HttpError> {
    match address {
        Address::Tcp(address) => over(TcpStream::connect(address).await?, request).await,
        Address::Unix(path) => {
            let path = std::fs::canonicalize(path)?;
            over(UnixStream::connect(path).await?, request).await
        }
    }
}

async fn over<S>(stream: S, request: Request<Empty<Bytes>>) -> Result<Value, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let answer = async {
        let response: Response<Incoming> = sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        let headers: Map<String, Value> = head
            .headers
            .iter()
            .map(|(name, value)| {
                let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.to_string(), text.into())
            })
            .collect();
        // What follows an upgrade is no body.
        let body = match head.status.as_u16() {
            101 => Bytes::new(),
            _ => body.collect().await?.to_bytes(),
        };
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(json!({"status": head.status.as_u16(), "headers": headers, "body": body}))
    }
    .await;
    connection.abort();
    answer
}
