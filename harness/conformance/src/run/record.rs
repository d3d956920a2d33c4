//! The transcript while it is written: both wires, stderr, processes and steps on one clock.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use codex_wire::transcript::{Entry, Event};
use serde_json::Value;

/// Takes down what happens; clones write to the same transcript.
#[derive(Clone, Debug)]
pub struct Recorder {
    began: Instant,
    began_us: u64,
    entries: Arc<Mutex<Vec<Entry>>>,
    listener: Arc<OnceLock<Listener>>,
    /// The client whose frames are taken down; `None`: the first.
    client: Option<Arc<str>>,
}

/// Who is told the method and the params of what the client receives.
struct Listener(Box<Tell>);

type Tell = dyn Fn(&str, &Value) + Send + Sync;

impl fmt::Debug for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Listener")
    }
}

impl Recorder {
    /// An empty transcript whose clock starts now.
    pub fn start() -> Self {
        Self {
            began: Instant::now(),
            began_us: codex_tap::plan::now_us(),
            entries: Arc::default(),
            listener: Arc::default(),
            client: None,
        }
    }

    /// The same transcript for another client than the first.
    #[must_use]
    pub fn of(&self, client: &str) -> Self {
        Self {
            client: Some(client.into()),
            ..self.clone()
        }
    }

    /// Lets somebody hear of each notification and request that the client receives: its method,
    /// and its params (`null` if it has none), in order, after it was taken down. The first
    /// listener stays the only one.
    pub fn listen(&self, listener: impl Fn(&str, &Value) + Send + Sync + 'static) {
        let _ = self.listener.set(Listener(Box::new(listener)));
    }

    /// Tells the listener what the first client has received.
    pub fn client_received(&self, method: &str, frame: &Value) {
        if let (Some(Listener(tell)), None) = (self.listener.get(), &self.client) {
            tell(method, frame.get("params").unwrap_or(&Value::Null));
        }
    }

    /// Takes down an event; the result is its position in the transcript.
    pub fn push(&self, event: Event) -> usize {
        let event = match &self.client {
            Some(client) => Event::Of {
                client: client.to_string(),
                event: Box::new(event),
            },
            None => event,
        };
        let mut entries = self.lock();
        // Read under the lock, so that times never go back from one entry to the next.
        let t_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        entries.push(Entry { t_us, event });
        entries.len() - 1
    }

    /// When it began, in microseconds of the system's monotonic clock: other processes that record
    /// count from there.
    pub fn began_us(&self) -> u64 {
        self.began_us
    }

    /// Takes down an event that another process saw, at its time. It stands where it arrived
    /// until [`take_in_order`](Self::take_in_order); the result is that position.
    pub fn push_at(&self, t_us: u64, event: Event) -> usize {
        let mut entries = self.lock();
        entries.push(Entry { t_us, event });
        entries.len() - 1
    }

    /// Takes the entries out in the order of their times, with the new position of each old one.
    pub fn take_in_order(&self) -> (Vec<Entry>, Vec<usize>) {
        let mut entries: Vec<_> = self.take().into_iter().enumerate().collect();
        entries.sort_by_key(|(_, entry)| entry.t_us);
        let mut places = vec![0; entries.len()];
        for (new, (old, _)) in entries.iter().enumerate() {
            places[*old] = new;
        }
        (
            entries.into_iter().map(|(_, entry)| entry).collect(),
            places,
        )
    }

    /// Looks at the entries so far.
    pub fn look<T>(&self, at: impl FnOnce(&[Entry]) -> T) -> T {
        at(&self.lock())
    }

    /// Takes the entries out.
    pub fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut self.lock())
    }

    /// A panic elsewhere leaves whole entries behind: they stay worth reading.
    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
