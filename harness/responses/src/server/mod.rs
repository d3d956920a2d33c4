//! The server: its builder, its handle and its accept loop.

mod accept;
mod send;
mod service;
mod socket;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::fault::{Refuse, own_seed};
use crate::gate::{ClientFrame, Gates, UnknownGate};
use accept::Port;

use crate::journal::Journal;
use crate::observe::{Event, Observer};
use crate::rules::{Checker, Off, UnknownRule, Violation};
use crate::script::{Reply, Script, ScriptError, Setting};

/// How long [`MockResponses::shutdown`] waits for connections to end, once told to.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(5);

/// The longest body that is accepted by default, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// How events are put on the wire when nothing in the script separates them in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Writes {
    /// As many in one write as there are; each is a chunk of its own.
    #[default]
    Coalesced,
    /// Each event is a chunk and a write of its own.
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
    /// A rule that there isn't was to be switched off.
    #[error(transparent)]
    Rule(#[from] UnknownRule),
    /// The address can't be had.
    #[error("can't listen on {listen}: {error}")]
    Bind {
        /// The address.
        listen: SocketAddr,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// The address is not of the loopback interface, which nobody asked for.
    #[error(
        "{0} is not a loopback address: others could script this server and read what it is sent"
    )]
    NotLoopback(SocketAddr),
}

/// Settings of a server that is not started yet.
#[derive(Debug)]
#[must_use = "a server listens when it is started: call `.start().await`"]
pub struct Builder {
    replies: Vec<Reply>,
    observer: Observer,
    writes: Writes,
    max_body: usize,
    seed: Option<u64>,
    compress: bool,
    journal_memory: Option<usize>,
    rules_off: Vec<String>,
    listen: Option<SocketAddr>,
    beyond_loopback: bool,
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
    max_body: usize,
    rules_off: Off,
    /// Whether, and until when, connections are refused.
    refuse: watch::Sender<Option<Refuse>>,
    seed: u64,
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

    /// Sets where chance comes from: with the same seed and the same script the same faults happen
    /// to the same replies. Without it every server has a seed of its own, which is printed to
    /// stderr once a script leaves something to chance.
    ///
    /// ```
    /// use mock_responses::MockResponses;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let script = "[{ message: hi, times: any, fault: { random: { of: [{ http: 500 }], percent: 50 } } }]";
    /// let mut runs = Vec::new();
    /// for _ in 0..2 {
    ///     let replies = serde_saphyr::from_str(script)?;
    ///     let server = MockResponses::builder().replies(replies).seed(7).start().await?;
    ///     let mut statuses = Vec::new();
    ///     for _ in 0..10 {
    ///         let url = format!("{}/responses", server.base_url());
    ///         let answer = reqwest::Client::new().post(url).body("{}").send().await?;
    ///         statuses.push(answer.status().as_u16());
    ///     }
    ///     runs.push(statuses);
    /// }
    /// assert_eq!(runs[0], runs[1]);
    /// assert!(runs[0].contains(&200) && runs[0].contains(&500));
    /// # Ok(())
    /// # }
    /// ```
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets whether bodies are compressed for clients that ask for it (`accept-encoding`: zstd,
    /// br, gzip, deflate), so that each event can be read as soon as it is there. Not by default.
    pub fn compress(mut self, compress: bool) -> Self {
        self.compress = compress;
        self
    }

    /// Sets about how many bytes of requests are kept in memory, 32 MiB by default; older ones
    /// are moved to a temporary file.
    pub fn journal_memory(mut self, bytes: usize) -> Self {
        self.journal_memory = Some(bytes);
        self
    }

    /// Switches a rule off, by its name: see [`Violation`].
    pub fn without_rule(mut self, rule: impl Into<String>) -> Self {
        self.rules_off.push(rule.into());
        self
    }

    /// Sets the address to listen on; a free port of 127.0.0.1 by default. Only addresses of the
    /// loopback interface are taken, unless [`Builder::beyond_loopback`] is set.
    pub fn listen(mut self, addr: SocketAddr) -> Self {
        self.listen = Some(addr);
        self
    }

    /// Lets the server listen where other machines can reach it. They can then read what it was
    /// sent, and script it: it knows no passwords.
    pub fn beyond_loopback(mut self, allowed: bool) -> Self {
        self.beyond_loopback = allowed;
        self
    }

    #[allow(
        clippy::unused_async,
        reason = "it needs a runtime, and may have to wait some day"
    )]
    /// Checks the script, takes its port and serves on the current runtime.
    pub async fn start(self) -> Result<MockResponses, StartError> {
        if let Some(addr) = self.listen
            && !addr.ip().is_loopback()
            && !self.beyond_loopback
        {
            return Err(StartError::NotLoopback(addr));
        }
        let seed = self.seed.unwrap_or_else(own_seed);
        let setting = Setting {
            writes: self.writes,
            seed,
            compress: self.compress,
        };
        let mut rules_off = Off::default();
        for rule in &self.rules_off {
            rules_off.add(rule)?;
        }
        let shared = Shared {
            script: Mutex::new(Script::new(setting)),
            journal: self
                .journal_memory
                .map_or_else(Journal::default, Journal::new),
            gates: Gates::default(),
            refused: Mutex::default(),
            checked: Mutex::default(),
            observer: self.observer,
            stopping: Arc::default(),
            max_body: self.max_body,
            rules_off,
            refuse: watch::Sender::new(None),
            seed,
            seed_untold: AtomicBool::new(self.seed.is_none()),
        };
        for (index, reply) in self.replies.into_iter().enumerate() {
            let number = index + 1;
            shared
                .push(reply)
                .map_err(|error| StartError::Script { number, error })?;
        }
        let listen = self.listen.unwrap_or((Ipv4Addr::LOCALHOST, 0).into());
        let refuse = shared.refuse.borrow().is_some();
        let taken = Port::take(listen, refuse);
        let (port, addr) = taken.map_err(|error| StartError::Bind { listen, error })?;
        let shared = Arc::new(shared);
        let (stop, stopped) = watch::channel(false);
        let accept = tokio::spawn(accept::run(port, addr, Arc::clone(&shared), stopped));
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
            seed: None,
            compress: false,
            journal_memory: None,
            rules_off: Vec::new(),
            listen: None,
            beyond_loopback: false,
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
        let mut violations = self.shared.broken_rules();
        violations.extend(lock(&self.shared.refused).iter().cloned());
        violations.sort_by_key(|violation| violation.request);
        violations.extend(lock(&self.shared.script).left_over());
        violations.extend(self.shared.gates.never_released());
        violations.retain(|violation| !self.shared.rules_off.has(violation.rule));
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
