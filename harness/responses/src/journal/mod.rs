//! Every request, verbatim, in order of arrival.

mod disk;
mod request;

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use disk::Disk;
pub(crate) use request::is_secret;
pub use request::{BodyError, Request};

/// How many bytes of requests stay in memory by default: 16 MiB.
const IN_MEMORY: usize = 16 * 1024 * 1024;

/// How many bytes are moved to disk at once.
const BATCH: usize = 1024 * 1024;

/// How far memory may run ahead of the thread that moves requests, in bytes.
const AHEAD: usize = 8 * 1024 * 1024;

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
    /// Locked for longer than the state, by whoever writes or reads back.
    disk: RwLock<Disk>,
    /// Whether a thread is moving requests.
    moving: AtomicBool,
}

#[derive(Default)]
struct State {
    /// How many requests are on disk; they are the oldest.
    moved: usize,
    /// The requests after those.
    here: VecDeque<Arc<Request>>,
    /// The size of those that are here.
    size: usize,
}

impl State {
    fn len(&self) -> usize {
        self.moved + self.here.len()
    }
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
        Self(Arc::new(Inner {
            limit,
            state: Mutex::default(),
            disk: RwLock::default(),
            moving: AtomicBool::new(false),
        }))
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
        let disk = self.0.disk.read().unwrap_or_else(PoisonError::into_inner);
        {
            let state = self.0.lock();
            if let Some(index) = index.checked_sub(state.moved) {
                return state.here.get(index).cloned();
            }
        }
        match disk.read(index) {
            Ok(request) => Some(Arc::new(request)),
            Err(error) => {
                tracing::error!(%error, "can't read request {} of the journal", index + 1);
                None
            }
        }
    }

    /// How many requests there were so far.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether there was no request yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a request and numbers it.
    pub(crate) fn append(&self, mut request: Request) -> Arc<Request> {
        let size = request.size();
        let mut state = self.0.lock();
        request.index = state.len();
        state.size += size;
        let request = Arc::new(request);
        state.here.push_back(Arc::clone(&request));
        request
    }

    /// Moves the oldest requests out of memory if there are too many: on a thread of its own, so
    /// that nobody waits for the disk, unless it can't keep up.
    pub(crate) fn make_room(&self) {
        let size = self.0.lock().size;
        if size <= self.0.limit {
            return;
        }
        if size > self.0.limit.saturating_add(AHEAD) {
            self.0.move_some();
        }
        if self.0.moving.swap(true, Ordering::AcqRel) {
            return;
        }
        let inner = Arc::clone(&self.0);
        let mover = move || {
            while inner.move_some() {}
            inner.moving.store(false, Ordering::Release);
        };
        let thread = std::thread::Builder::new().name("journal".to_owned());
        if let Err(error) = thread.spawn(mover) {
            tracing::warn!(%error, "the journal stays in memory");
            self.0.moving.store(false, Ordering::Release);
        }
    }

    /// Forgets every request.
    pub(crate) fn clear(&self) {
        let mut disk = self.0.disk.write().unwrap_or_else(PoisonError::into_inner);
        *self.0.lock() = State::default();
        *disk = Disk::default();
    }
}

impl Inner {
    /// Moves a batch of the oldest requests to disk; tells whether there may be more to move.
    fn move_some(&self) -> bool {
        // Nobody else moves or forgets requests meanwhile.
        let mut disk = self.disk.write().unwrap_or_else(PoisonError::into_inner);
        let batch = self.lock().batch(self.limit);
        if batch.is_empty() {
            return false;
        }
        match disk.write(&batch) {
            Ok(()) => {
                let mut state = self.lock();
                state.size -= batch.iter().map(|request| request.size()).sum::<usize>();
                state.here.drain(..batch.len());
                state.moved += batch.len();
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the journal stays in memory");
                false
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What a panic could leave half done is only about memory.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The oldest requests, as many as are to be moved at once.
    fn batch(&self, limit: usize) -> Vec<Arc<Request>> {
        let mut left = self.size;
        let least = limit.max(self.size.saturating_sub(BATCH));
        let batch = self.here.iter().take_while(|request| {
            let wanted = left > least;
            left -= request.size();
            wanted
        });
        batch.cloned().collect()
    }
}
