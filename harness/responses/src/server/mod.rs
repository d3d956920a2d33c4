//! The server: its builder, its handle and its accept loop.

mod accept;
mod builder;
mod control;
mod send;
mod service;
mod socket;
mod websocket;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::fault::Refuse;
use crate::gate::{ClientFrame, Gates, UnknownGate};
use crate::journal::Journal;
use crate::observe::Observer;
use crate::rules::{Checker, Off, Violation};

use crate::script::{Reply, Script, ScriptError, Setting};
pub use builder::{Builder, StartError};

/// How long [`MockResponses::shutdown`] waits for connections to end, once told to.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(5);

/// How events are put on the wire when nothing in the script separates them in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Writes {
    /// As many in one write as there are; each is a chunk of its own.
    #[default]
    Coalesced,
    /// Each event is a chunk and a write of its own.
    PerEvent,
}

/// A scripted server that plays the model, on a port of its own.
///
/// It ends when it is dropped; [`MockResponses::shutdown`] also waits for that.
///
/// ```
/// use mock_responses::{MockResponses, Reply};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = MockResponses::builder().replies(vec![Reply::message("hello")]).start().await?;
///
/// let url = format!("{}/responses", server.base_url());
/// let answer = reqwest::Client::new().post(url).body(r#"{"input":"hi"}"#).send().await?;
/// assert!(answer.text().await?.contains("event: response.completed"));
///
/// assert_eq!(server.journal().requests()[0].json()?["input"], "hi");
/// assert_eq!(server.verdict(), []);
/// server.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the server ends when it is dropped"]
pub struct MockResponses {
    addr: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    accept: Option<JoinHandle<()>>,
}

/// The status that an upgrade to a WebSocket is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Upgrade(u16);

impl Default for Upgrade {
    fn default() -> Self {
        Self(StatusCode::UPGRADE_REQUIRED.as_u16())
    }
}

impl Upgrade {
    /// Whether the Responses API is served over a WebSocket.
    fn is_served(self) -> bool {
        self.0 == StatusCode::SWITCHING_PROTOCOLS.as_u16()
    }

    /// The status of a refusal.
    fn refusal(self) -> StatusCode {
        StatusCode::from_u16(self.0).unwrap_or(StatusCode::UPGRADE_REQUIRED)
    }
}

/// What the connections of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    script: Mutex<Script>,
    journal: Journal,
    gates: Gates,
    refused: Mutex<Vec<Violation>>,
    checked: Mutex<Checked>,
    observer: Observer,
    stopping: Arc<AtomicBool>,
    max_body: usize,
    rules_off: Off,
    /// Whether, and until when, connections are refused.
    refuse: watch::Sender<Option<Refuse>>,
    setting: Setting,
    seed: u64,
    upgrade: Upgrade,
    /// Whether the seed is nobody's choice, and nobody was told it yet.
    seed_untold: AtomicBool,
}

/// How far the journal has been checked, and what was found.
#[derive(Debug, Default)]
struct Checked {
    requests: usize,
    checker: Checker,
    violations: Vec<Violation>,
}

impl MockResponses {
    /// A server to be set up and started.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// The address for a client's `base_url`: `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The seed that chance comes from.
    pub fn seed(&self) -> u64 {
        self.shared.seed
    }

    /// Every request so far, and those to come.
    pub fn journal(&self) -> Journal {
        self.shared.journal.clone()
    }

    /// Adds a reply at the end of the script.
    ///
    /// ```
    /// # use mock_responses::{MockResponses, Reply};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = MockResponses::builder().start().await?;
    /// server.push(Reply::message("thought of later"))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn push(&self, reply: Reply) -> Result<(), ScriptError> {
        self.shared.push(reply)
    }

    /// Opens a gate that replies wait for. It stays open.
    ///
    /// ```
    /// # use mock_responses::{Hold, MockResponses, Reply};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let reply = Reply::message("hello").hold(Hold::after(1, "seen"));
    /// let server = MockResponses::builder().replies(vec![reply]).start().await?;
    /// let url = format!("{}/responses", server.base_url());
    ///
    /// let mut answer = reqwest::Client::new().post(url).body("{}").send().await?;
    /// let first = answer.chunk().await?.expect("the first event");
    /// assert!(first.starts_with(b"event: response.created"));
    /// server.release("seen")?; // only now the rest is sent
    /// assert!(answer.text().await?.contains("response.completed"));
    ///
    /// let error = server.release("sene").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "no reply waits for the gate `sene`; the script's gates: `seen`",
    /// );
    /// # Ok(())
    /// # }
    /// ```
    pub fn release(&self, gate: &str) -> Result<(), UnknownGate> {
        self.shared.gates.release(gate)
    }

    /// Tells that the client has received a frame on its own wire, which opens the gates that wait
    /// for it (`until: { client_received: … }`), for the replies that were taken before.
    ///
    /// Whoever sees that wire calls this for each frame, in order; it is cheap when no gate waits.
    ///
    /// ```
    /// # use mock_responses::{ClientFrame, MockResponses, Reply};
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let replies: Vec<Reply> = serde_saphyr::from_str(r"
    /// - message: hello
    ///   hold: { after_event: 1, until: { client_received: {
    ///     method: item/started, params: { /item/type: agentMessage } } } }
    /// ")?;
    /// let server = MockResponses::builder().replies(replies).start().await?;
    /// let url = format!("{}/responses", server.base_url());
    /// let answer = reqwest::Client::new().post(url).body("{}").send().await?;
    ///
    /// let params = json!({ "item": { "type": "agentMessage" } });
    /// server.signal(&ClientFrame { method: "item/started", params: &params });
    /// assert!(answer.text().await?.contains("response.completed"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn signal(&self, frame: &ClientFrame<'_>) {
        self.shared.gates.signal(frame);
    }

    /// What went wrong so far: requests that nothing was scripted for, broken rules, and, when
    /// called after the run, replies that nothing asked for and gates that were never released.
    ///
    /// Those about requests come first, in the journal's order.
    ///
    /// ```
    /// # use mock_responses::{MockResponses, Reply};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let replies = vec![Reply::message("one"), Reply::message("two")];
    /// let server = MockResponses::builder().replies(replies).start().await?;
    /// let verdict = server.verdict();
    /// assert_eq!(verdict[1].rule, "reply-left-over");
    /// assert_eq!(verdict[1].message, "reply 2 (`message`) was left over: nothing asked for it");
    /// # Ok(())
    /// # }
    /// ```
    pub fn verdict(&self) -> Vec<Violation> {
        self.shared.verdict()
    }

    /// Forgets the script, the gates and the journal, as if it had just been started. Answers
    /// under way go on, but gates they wait for are gone.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Stops listening, aborts every connection and waits until they are gone, for at most five
    /// seconds.
    pub async fn shutdown(mut self) {
        self.begin_stop();
        if let Some(accept) = self.accept.take() {
            let abort = accept.abort_handle();
            if tokio::time::timeout(SHUTDOWN_DEADLINE, accept)
                .await
                .is_err()
            {
                tracing::warn!("connections did not end within {SHUTDOWN_DEADLINE:?}: aborted");
                abort.abort();
            }
        }
    }

    fn begin_stop(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.stop.send_replace(true);
    }
}

impl Drop for MockResponses {
    fn drop(&mut self) {
        self.begin_stop();
        if let Some(accept) = &self.accept {
            accept.abort();
        }
    }
}

impl Shared {
    fn push(&self, reply: Reply) -> Result<(), ScriptError> {
        // Under the lock: once the reply can be taken, its gates are known.
        let mut script = lock(&self.script);
        let added = script.push(reply)?;
        for hold in &added.holds {
            self.gates.declare(hold);
        }
        if let Some(Refuse::Gate(gate)) = &added.refuse {
            self.gates.declare_name(gate);
        }
        self.refuse_if_due(&mut script);
        if added.by_chance && self.seed_untold.swap(false, Ordering::AcqRel) {
            let seed = self.seed;
            eprintln!("mock-responses: chance comes from seed {seed}; to have it again, give it");
        }
        Ok(())
    }

    /// Stops listening if that is what the script says now.
    fn refuse_if_due(&self, script: &mut Script) {
        let due = script.refuse_now();
        self.refuse.send_if_modified(|refuse| {
            let changed = *refuse != due;
            *refuse = due;
            changed
        });
    }

    /// Goes on in the script when the server listens again.
    fn listens_again(&self) {
        let mut script = lock(&self.script);
        script.end_refusal();
        self.refuse.send_replace(None);
        self.refuse_if_due(&mut script);
    }

    pub(crate) fn verdict(&self) -> Vec<Violation> {
        let mut violations = self.broken_rules();
        violations.extend(lock(&self.refused).iter().cloned());
        violations.sort_by_key(|violation| violation.request);
        violations.extend(lock(&self.script).left_over());
        violations.extend(self.gates.never_released());
        violations.retain(|violation| !self.rules_off.has(violation.rule));
        violations
    }

    #[cfg(feature = "wiremock")]
    pub(crate) fn journal(&self) -> Journal {
        self.journal.clone()
    }

    fn reset(&self) {
        let mut script = lock(&self.script);
        *script = Script::new(self.setting);
        self.gates.clear();
        let mut checked = lock(&self.checked);
        self.journal.clear();
        *checked = Checked::default();
        lock(&self.refused).clear();
        self.refuse.send_replace(None);
    }

    fn object(&self, violation: Violation) {
        lock(&self.refused).push(violation);
    }

    /// Checks the requests that have come since the last time.
    fn broken_rules(&self) -> Vec<Violation> {
        let mut checked = lock(&self.checked);
        let Checked {
            requests,
            checker,
            violations,
        } = &mut *checked;
        while let Some(request) = self.journal.get(*requests) {
            *requests += 1;
            if request.asks_model() && !request.truncated {
                violations.extend(checker.check(&request));
            }
        }
        violations.clone()
    }
}

/// Locks, also after a panic elsewhere: what is behind these locks is changed in single steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
