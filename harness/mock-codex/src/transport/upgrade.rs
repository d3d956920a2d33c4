//! Which HTTP request becomes a WebSocket, and what the others are answered.
//!
//! Statuses and texts are those of codex 0.169.0. Any path becomes a WebSocket; of the request's
//! subprotocols and extensions none is taken.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ALLOW, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode, Version};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::auth::Policy;
use crate::clock;

/// The body of an answer.
pub(super) type Body = Full<Bytes>;

/// The paths that tell if the server is up; they ask for no token.
const HEALTH: [&str; 2] = ["/readyz", "/healthz"];

/// Lets requests in, or doesn't.
#[derive(Debug)]
pub(super) struct Door {
    policy: Policy,
}

/// Does a request have what an upgrade needs?
type Has = fn(&Head<'_>) -> bool;
/// What a request is answered that lacks it.
type Refusal = (StatusCode, &'static str);

/// What an upgrade needs, in the order in which it is looked at.
const NEEDS: [(Has, Refusal); 6] = [
    (
        |head| head.method == Method::GET,
        (
            StatusCode::METHOD_NOT_ALLOWED,
            "Request method must be `GET`",
        ),
    ),
    (
        |head| head.lists(&CONNECTION, "upgrade"),
        (
            StatusCode::BAD_REQUEST,
            "Connection header did not include 'upgrade'",
        ),
    ),
    (
        |head| head.is(&UPGRADE, "websocket"),
        (
            StatusCode::BAD_REQUEST,
            "`Upgrade` header did not include 'websocket'",
        ),
    ),
    (
        |head| head.is(&SEC_WEBSOCKET_VERSION, "13"),
        (
            StatusCode::BAD_REQUEST,
            "`Sec-WebSocket-Version` header did not include '13'",
        ),
    ),
    (
        |head| head.headers.contains_key(SEC_WEBSOCKET_KEY),
        (
            StatusCode::BAD_REQUEST,
            "`Sec-WebSocket-Key` header missing",
        ),
    ),
    (
        |head| head.version != Version::HTTP_10,
        (
            StatusCode::UPGRADE_REQUIRED,
            "WebSocket request couldn't be upgraded since no upgrade state was present",
        ),
    ),
];

/// What is looked at of a request.
struct Head<'a> {
    method: &'a Method,
    version: Version,
    headers: &'a HeaderMap,
}

impl Door {
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy }
    }

    /// The answer to a request; with 101 it becomes a WebSocket.
    pub(super) fn answer<B>(&self, request: &Request<B>) -> Response<Body> {
        let head = Head {
            method: request.method(),
            version: request.version(),
            headers: request.headers(),
        };
        let mut response = if HEALTH.contains(&request.uri().path()) {
            health(head.method)
        } else {
            self.upgrade(&head)
        };
        // A browser sends one, and a web page has no business here.
        if head.headers.contains_key(ORIGIN) {
            let allow = response.headers_mut().remove(ALLOW);
            response = empty(StatusCode::FORBIDDEN);
            response
                .headers_mut()
                .extend(allow.map(|allow| (ALLOW, allow)));
        }
        response
    }

    fn upgrade(&self, head: &Head<'_>) -> Response<Body> {
        if let Some((_, (status, text))) = NEEDS.iter().find(|(has, _)| !has(head)) {
            return refused(*status, text);
        }
        let now = clock::now_ms() / 1000;
        if let Err(denied) = self.policy.check(head.headers.get(AUTHORIZATION), now) {
            return refused(StatusCode::UNAUTHORIZED, &denied.to_string());
        }
        let key = head.headers.get(SEC_WEBSOCKET_KEY);
        let accept = derive_accept_key(key.map_or(&[], HeaderValue::as_bytes));
        let mut response = empty(StatusCode::SWITCHING_PROTOCOLS);
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        // Base64 is a header value.
        if let Ok(accept) = HeaderValue::from_str(&accept) {
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        response
    }
}

impl Head<'_> {
    fn is(&self, name: &HeaderName, wanted: &str) -> bool {
        self.headers
            .get(name)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(wanted.as_bytes()))
    }

    fn lists(&self, name: &HeaderName, wanted: &str) -> bool {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.to_ascii_lowercase().contains(wanted))
    }
}

fn health(method: &Method) -> Response<Body> {
    if matches!(*method, Method::GET | Method::HEAD) {
        let mut response = empty(StatusCode::OK);
        // Also where there can be no body.
        let length = HeaderValue::from(0);
        response.headers_mut().insert(CONTENT_LENGTH, length);
        return response;
    }
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    let allow = HeaderValue::from_static("GET,HEAD");
    response.headers_mut().insert(ALLOW, allow);
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = status;
    response
}

fn refused(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, plain);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[(&str, &str)] = &[
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "short"),
    ];

    #[track_caller]
    fn check(method: &str, path: &str, headers: &[(&str, &str)], status: u16) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = Door::new(Policy::Open).answer(&request.body(()).unwrap());
        assert_eq!(response.status(), status, "{method} {path} {headers:?}");
        response
    }

    #[test]
    fn an_upgrade_has_every_header() {
        let response = check("GET", "/any?a=b", GOOD, 101);
        let accept = &response.headers()[SEC_WEBSOCKET_ACCEPT];
        assert_eq!(accept, "JQHdhQRrQ3pd0VAHx7vMGlEiL+4=");
        for missing in 0..GOOD.len() {
            let mut some = GOOD.to_vec();
            some.remove(missing);
            check("GET", "/", &some, 400);
        }
        check("POST", "/", GOOD, 405);
    }

    #[test]
    fn an_origin_is_refused_everywhere() {
        let with = [GOOD, &[("origin", "null")]].concat();
        check("GET", "/", &with, 403);
        check("GET", "/readyz", &[("origin", "")], 403);
        let response = check("POST", "/readyz", &[("origin", "x")], 403);
        assert_eq!(response.headers()[ALLOW], "GET,HEAD");
    }

    #[test]
    fn the_health_paths_want_get_or_head() {
        check("GET", "/readyz?x=1", &[], 200);
        check("HEAD", "/healthz", &[], 200);
        check("POST", "/healthz", &[], 405);
        check("GET", "/readyz/", &[], 400);
    }
}
