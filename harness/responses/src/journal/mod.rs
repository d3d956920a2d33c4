//! Every request, verbatim, in order of arrival.

mod disk;
mod request;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use disk::{Disk, Record};
pub(crate) use request::is_secret;
pub use request::{BodyError, Request};

/// How many bytes of requests stay in memory by default: 32 MiB.
const IN_MEMORY: usize = 32 * 1024 * 1024;

/// How many bytes are moved to disk at once, at least: few enough that nobody waits for long.
const BATCH: usize = 1024 * 1024;

/// Every request, in order of arrival, those that were refused included.
///
/// Clones are cheap and show the same journal, also while the server runs. When there is more
/// than [`Builder::journal_memory`](crate::Builder::journal_memory) the oldest requests are moved
/// to a temporary file, which has no name and is gone with the journal; they are read back when
/// they are asked for. Values of headers that carry secrets are not written to it.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    /// How many of them, from the first on, are on disk.
    moved: usize,
    /// The size of those that are not.
    in_memory: usize,
    disk: Disk,
}

enum Entry {
    Memory(Arc<Request>),
    Disk(Record),
}

impl Default for Journal {
    fn default() -> Self {
        Self::new(IN_MEMORY)
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Journal")
            .field("requests", &self.len())
            .finish_non_exhaustive()
    }
}

impl Journal {
    /// A journal that keeps about so many bytes in memory.
    pub(crate) fn new(limit: usize) -> Self {
        let state = Mutex::default();
        Self(Arc::new(Inner { limit, state }))
    }

    /// The requests so far. All of them come into memory: see [`Journal::iter`].
    pub fn requests(&self) -> Vec<Arc<Request>> {
        self.iter().collect()
    }

    /// The requests from a position (counted from 0) on.
    pub fn since(&self, index: usize) -> Vec<Arc<Request>> {
        (index..self.len())
            .map_while(|index| self.get(index))
            .collect()
    }

    /// The requests one after the other, those that come meanwhile included.
    ///
    /// ```
    /// # use mock_responses::{MockResponses, Reply};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let replies = vec![Reply::message("hello")];
    /// let server = MockResponses::builder().replies(replies).journal_memory(0).start().await?;
    /// let url = format!("{}/responses", server.base_url());
    /// reqwest::Client::new().post(url).body(r#"{"input": "hi"}"#).send().await?;
    /// for request in server.journal().iter() {
    ///     assert_eq!(request.json()?["input"], "hi");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = Arc<Request>> {
        (0..).map_while(|index| self.get(index))
    }

    /// The request at a position (counted from 0).
    pub fn get(&self, index: usize) -> Option<Arc<Request>> {
        let state = self.lock();
        match state.entries.get(index)? {
            Entry::Memory(request) => Some(Arc::clone(request)),
            Entry::Disk(record) => match state.disk.read(record, index) {
                Ok(request) => Some(Arc::new(request)),
                Err(error) => {
                    tracing::error!(%error, "can't read request {} of the journal", index + 1);
                    None
                }
            },
        }
    }

    /// How many requests there were so far.
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Whether there was no request yet.
    pub fn is_empty(&self) -> bool {
        self.lock().entries.is_empty()
    }

    /// Appends a request and numbers it.
    pub(crate) fn append(&self, mut request: Request) -> Arc<Request> {
        let mut state = self.lock();
        request.index = state.entries.len();
        state.in_memory += request.size();
        let request = Arc::new(request);
        state.entries.push(Entry::Memory(Arc::clone(&request)));
        request
    }

    /// Moves the oldest requests out of memory if there are too many.
    pub(crate) fn make_room(&self) {
        let mut state = self.lock();
        if state.in_memory > self.0.limit {
            state.move_some();
        }
    }

    /// Forgets every request.
    pub(crate) fn clear(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What a panic could leave half done is only about memory.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Moves a batch of the oldest requests to disk; if that fails they stay.
    fn move_some(&mut self) {
        let mut size = 0;
        let batch = self.entries[self.moved..]
            .iter()
            .map_while(|entry| match entry {
                Entry::Memory(request) if size < BATCH => {
                    size += request.size();
                    Some(request)
                }
                _ => None,
            });
        let records = match self.disk.write(batch) {
            Ok(records) => records,
            Err(error) => {
                tracing::warn!(%error, "the journal stays in memory");
                return;
            }
        };
        for record in records {
            self.entries[self.moved] = Entry::Disk(record);
            self.moved += 1;
        }
        self.in_memory = self.in_memory.saturating_sub(size);
    }
}
