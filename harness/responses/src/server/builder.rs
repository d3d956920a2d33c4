//! Settings of a server, and its start.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::accept::{self, Port};
use super::{MockResponses, Shared, Upgrade, Writes};
use crate::fault::own_seed;
use crate::gate::Gates;
use crate::journal::Journal;
use crate::observe::{Event, Observer};
use crate::rules::{Off, UnknownRule};
use crate::script::{Reply, Script, ScriptError, Setting};

/// The longest body that is accepted by default, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;

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
    upgrade: Upgrade,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
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
            upgrade: Upgrade::default(),
        }
    }

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

    /// Sets about how many bytes of requests are kept in memory, 16 MiB by default; older ones
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

    /// Sets whether the Responses API is served over web sockets too; not by default, and then an
    /// upgrade is refused with status 426, at which codex 0.169.0 falls back to `POST`.
    ///
    /// Each `response.create` is in the journal as a request of its own, with the method
    /// `WEBSOCKET` and the head of the upgrade; one that only warms up (`generate: false`) takes no
    /// reply. A plain HTTP answer becomes an event `error` with its status. Faults happen between
    /// events; those on bytes are left out.
    pub fn websockets(self, served: bool) -> Self {
        self.websocket_upgrade(if served { 101 } else { 426 })
    }

    /// Sets the status that an upgrade to a WebSocket is answered with: 101 serves the Responses
    /// API over it, see [`Builder::websockets`]; any other refuses it.
    ///
    /// Codex 0.169.0 takes 426 for a plain no and uses `POST` from then on; after any other refusal
    /// it tries as often as `stream_max_retries` says, then tells its client and uses `POST`.
    pub fn websocket_upgrade(mut self, status: u16) -> Self {
        self.upgrade = Upgrade(status);
        self
    }

    /// Checks the script, takes its port and serves on the current runtime.
    #[allow(
        clippy::unused_async,
        reason = "it needs a runtime, and may have to wait some day"
    )]
    pub async fn start(self) -> Result<MockResponses, StartError> {
        if let Some(addr) = self.listen
            && !addr.ip().is_loopback()
            && !self.beyond_loopback
        {
            return Err(StartError::NotLoopback(addr));
        }
        let listen = self.listen.unwrap_or((Ipv4Addr::LOCALHOST, 0).into());
        let shared = self.build()?;
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

    /// Checks the script.
    pub(crate) fn build(self) -> Result<Shared, StartError> {
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
            setting,
            seed,
            upgrade: self.upgrade,
            seed_untold: AtomicBool::new(self.seed.is_none()),
        };
        for (index, reply) in self.replies.into_iter().enumerate() {
            let number = index + 1;
            shared
                .push(reply)
                .map_err(|error| StartError::Script { number, error })?;
        }
        Ok(shared)
    }
}
