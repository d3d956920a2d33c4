//! The server: its builder, its handle and its accept loop.

mod accept;
mod body;
mod service;
mod socket;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::journal::Journal;
use crate::observe::{Event, Observer};
use crate::pace::{Gates, UnknownGate};
use crate::rules::{self, Violation};
use crate::script::{Reply, Script, ScriptError};

/// How long [`MockResponses::shutdown`] waits for connections to end, once told to.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(5);

/// The longest body that is accepted by default, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// How events are put on the wire when nothing in the script separates them in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Writes {
    /// As many at once as there are.
    #[default]
    Coalesced,
    /// Each event is a chunk and a write of its own, made when the one before is out.
    PerEvent,
}

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A reply of the script is wrong; replies are counted from 1.
    #[error("reply {number}: {error}")]
    Script {
        /// Which reply.
        number: usize,
        /// What is wrong with it.
        #[source]
        error: ScriptError,
    },
    /// No port of the loopback interface could be had.
    #[error("can't listen on 127.0.0.1: {0}")]
    Bind(#[from] std::io::Error),
}

/// Settings of a server that is not started yet.
#[derive(Debug)]
#[must_use = "a server listens when it is started: call `.start().await`"]
pub struct Builder {
    replies: Vec<Reply>,
    observer: Observer,
    writes: Writes,
    max_body: usize,
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

/// What the connections of a server share.
#[derive(Debug)]
struct Shared {
    script: Mutex<Script>,
    journal: Journal,
    gates: Gates,
    refused: Mutex<Vec<Violation>>,
    checked: Mutex<Checked>,
    observer: Observer,
    stopping: Arc<AtomicBool>,
    writes: Writes,
    max_body: usize,
}

/// How far the journal has been checked, and what was found.
#[derive(Debug, Default)]
struct Checked {
    requests: usize,
    violations: Vec<Violation>,
}

impl Builder {
    /// Sets the script.
    pub fn replies(mut self, replies: Vec<Reply>) -> Self {
        self.replies = replies;
        self
    }

    /// Sets who is told what happens. It is called on the connection's task: it must be quick.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use mock_responses::{Event, MockResponses, Outcome, Reply};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (sender, events) = mpsc::channel();
    /// let server = MockResponses::builder()
    ///     .replies(vec![Reply::message("hello")])
    ///     .observer(move |event| drop(sender.send(event)))
    ///     .start()
    ///     .await?;
    /// let url = format!("{}/responses", server.base_url());
    /// reqwest::Client::new().post(url).body("{}").send().await?.text().await?;
    /// server.shutdown().await;
    ///
    /// let last = events.iter().last();
    /// assert!(matches!(last, Some(Event::Finished { outcome: Outcome::Completed, .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn observer(mut self, observer: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.observer = Observer::new(observer);
        self
    }

    /// Sets how events are put on the wire.
    pub fn writes(mut self, writes: Writes) -> Self {
        self.writes = writes;
        self
    }

    /// Sets the longest body that is accepted, in bytes; 64 MiB by default.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Checks the script, takes a free port of 127.0.0.1 and serves on the current runtime.
    pub async fn start(self) -> Result<MockResponses, StartError> {
        let shared = Shared {
            script: Mutex::default(),
            journal: Journal::default(),
            gates: Gates::default(),
            refused: Mutex::default(),
            checked: Mutex::default(),
            observer: self.observer,
            stopping: Arc::default(),
            writes: self.writes,
            max_body: self.max_body,
        };
        for (index, reply) in self.replies.into_iter().enumerate() {
            let number = index + 1;
            shared
                .push(reply)
                .map_err(|error| StartError::Script { number, error })?;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(shared);
        let (stop, stopped) = watch::channel(false);
        let accept = tokio::spawn(accept::run(listener, Arc::clone(&shared), stopped));
        Ok(MockResponses {
            addr,
            shared,
            stop,
            accept: Some(accept),
        })
    }
}

impl MockResponses {
    /// A server to be set up and started.
    pub fn builder() -> Builder {
        Builder {
            replies: Vec::new(),
            observer: Observer::default(),
            writes: Writes::default(),
            max_body: MAX_BODY,
        }
    }

    /// The address for a client's `base_url`: `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
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
        let mut violations = self.shared.broken_rules();
        violations.extend(lock(&self.shared.refused).iter().cloned());
        violations.sort_by_key(|violation| violation.request);
        violations.extend(lock(&self.shared.script).left_over());
        violations.extend(self.shared.gates.never_released());
        violations
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
        // Under the lock: once the reply can be taken, its gate is known.
        let mut script = lock(&self.script);
        if let Some(gate) = script.push(reply)? {
            self.gates.declare(&gate);
        }
        Ok(())
    }

    fn refuse(&self, violation: Violation) {
        lock(&self.refused).push(violation);
    }

    /// Checks the requests that have come since the last time.
    fn broken_rules(&self) -> Vec<Violation> {
        let mut checked = lock(&self.checked);
        let new = self.journal.since(checked.requests);
        checked.requests += new.len();
        let to_model = new
            .iter()
            .filter(|request| request.asks_model() && !request.truncated);
        checked
            .violations
            .extend(to_model.flat_map(|request| rules::check(request)));
        checked.violations.clone()
    }
}

/// Locks, also after a panic elsewhere: what is behind these locks is changed in single steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
