//! The transcript while it is written: both wires, stderr, processes and steps on one clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use codex_wire::transcript::{Entry, Event};

/// Takes down what happens; clones write to the same transcript.
#[derive(Clone, Debug)]
pub struct Recorder {
    began: Instant,
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Recorder {
    /// An empty transcript whose clock starts now.
    pub fn start() -> Self {
        Self {
            began: Instant::now(),
            entries: Arc::default(),
        }
    }

    /// Takes down an event; the result is its position in the transcript.
    pub fn push(&self, event: Event) -> usize {
        let mut entries = self.lock();
        // Read under the lock, so that times never go back from one entry to the next.
        let t_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        entries.push(Entry { t_us, event });
        entries.len() - 1
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
