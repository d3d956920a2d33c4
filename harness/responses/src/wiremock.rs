//! The script and the rules for people who already mount a [`wiremock::MockServer`].
//!
//! ```
//! use mock_responses::wiremock::{ObeysRules, ScriptResponder};
//! use mock_responses::Reply;
//! use wiremock::matchers::{method, path};
//! use wiremock::{Mock, MockServer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let script = ScriptResponder::new(vec![Reply::message("hello")])?;
//! let server = MockServer::start().await;
//! Mock::given(method("POST"))
//!     .and(path("/v1/responses"))
//!     .and(ObeysRules)
//!     .respond_with(script.clone())
//!     .mount(&server)
//!     .await;
//!
//! let url = format!("{}/v1/responses", server.uri());
//! let answer = reqwest::Client::new().post(url).body(r#"{"input": "hi"}"#).send().await?;
//! assert!(answer.text().await?.contains("event: response.completed"));
//! assert_eq!(script.journal().requests()[0].json()?["input"], "hi");
//! assert_eq!(script.verdict(), []);
//! # Ok(())
//! # }
//! ```
//!
//! # What a whole-body mock can't do
//! A `wiremock` response is a status, headers and one body, sent at once. So there is no event
//! that comes before another one: no gates, no pace between events (the whole body comes when the
//! last event would), and no fault below HTTP (`close`, `stall`, `reset_peer`, `refuse`, `slice`,
//! `trickle`, `wrong_length`, `bad_chunk`, `drop_connection`). [`ScriptResponder::new`] refuses
//! replies with such gates and faults rather than to leave them out in silence. What is about the
//! text of the events works: `no_terminal_event`, `missing_blank_line`, `duplicate_event`,
//! `swap_events`, `broken_json`, `oversized_event`, `http`. A client that shows text as it comes,
//! that is interrupted, or that retries after a broken stream needs
//! [`MockResponses`](crate::MockResponses).

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::wiremock::{Match, Request as Received, Respond, ResponseTemplate};

use crate::fault::Fault;
use crate::journal::{Journal, Request};
use crate::rules::{Checker, Violation};
use crate::script::{Prepared, Reply};
use crate::server::{MockResponses, Shared, StartError};

/// Answers with the replies of a script; clones share it.
#[derive(Clone, Debug)]
pub struct ScriptResponder(Arc<Shared>);

/// Why a script can't be the responder of a whole-body mock.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResponderError {
    /// The script is wrong.
    #[error(transparent)]
    Script(#[from] StartError),
    /// A reply (counted from 1) has something that needs the socket.
    #[error("reply {number}: `{what}` can't be done with a body that is sent whole")]
    NeedsSocket {
        /// Which reply.
        number: usize,
        /// What it has.
        what: &'static str,
    },
}

impl ScriptResponder {
    /// Takes a script; errors are about replies that can't be given here.
    pub fn new(replies: Vec<Reply>) -> Result<Self, ResponderError> {
        for (reply, number) in replies.iter().zip(1..) {
            if let Some(what) = needs_socket(reply) {
                return Err(ResponderError::NeedsSocket { number, what });
            }
        }
        let shared = MockResponses::builder().replies(replies).build()?;
        Ok(Self(Arc::new(shared)))
    }

    /// Every request so far, and those to come.
    pub fn journal(&self) -> Journal {
        self.0.journal()
    }

    /// What went wrong so far: see [`MockResponses::verdict`].
    pub fn verdict(&self) -> Vec<Violation> {
        self.0.verdict()
    }
}

/// What of a reply needs the socket.
fn needs_socket(reply: &Reply) -> Option<&'static str> {
    let parts = reply.parts();
    if !parts.hold.0.is_empty() {
        return Some("hold");
    }
    let bodily = |fault: &Fault| {
        matches!(
            fault,
            Fault::NoTerminalEvent
                | Fault::MissingBlankLine { .. }
                | Fault::DuplicateEvent { .. }
                | Fault::SwapEvents { .. }
                | Fault::BrokenJson { .. }
                | Fault::OversizedEvent { .. }
                | Fault::Http(_)
        )
    };
    match parts.fault.as_ref()? {
        Fault::Random(random) => random
            .of
            .iter()
            .find(|fault| !bodily(fault))
            .map(Fault::name),
        fault => (!bodily(fault)).then(|| fault.name()),
    }
}

impl Respond for ScriptResponder {
    fn respond(&self, request: &Received) -> ResponseTemplate {
        let prepared = self.0.decide_on(to_request(request));
        template(&prepared)
    }
}

/// Matches requests that break none of the rules on a single request: `json-body`,
/// `tool-outputs`, `unique-call-ids`.
///
/// A request that breaks one is for no mock then, and gets status 404. The rule `input-grows` is
/// about several requests: ask [`ScriptResponder::verdict`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ObeysRules;

impl Match for ObeysRules {
    fn matches(&self, request: &Received) -> bool {
        Checker::default().check(&to_request(request)).is_empty()
    }
}

fn to_request(request: &Received) -> Request {
    let headers = request.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    Request {
        index: 0,
        method: request.method.as_str().to_owned(),
        path: request.url.path().to_owned(),
        query: request.url.query().map(str::to_owned),
        headers: headers.collect(),
        body: request.body.clone().into(),
        truncated: false,
        arrived: Instant::now(),
    }
}

fn template(prepared: &Prepared) -> ResponseTemplate {
    let (body, _) = prepared.body();
    let mime = prepared.headers.get("content-type");
    let mime = mime.and_then(|mime| mime.to_str().ok()).unwrap_or_default();
    let mut template =
        ResponseTemplate::new(prepared.status.as_u16()).set_body_raw(body.to_vec(), mime);
    for (name, value) in &prepared.headers {
        if name != "content-type" {
            template = template.append_header(name.as_str(), value.as_bytes().to_vec());
        }
    }
    match delay(prepared) {
        Duration::ZERO => template,
        delay => template.set_delay(delay),
    }
}

/// When the last event is due.
fn delay(prepared: &Prepared) -> Duration {
    let Some(pace) = &prepared.pace else {
        return Duration::ZERO;
    };
    let events = pace.schedule(prepared.len().max(1));
    events
        .into_iter()
        .flatten()
        .last()
        .unwrap_or(pace.head_due())
}
