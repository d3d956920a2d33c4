//! What the taps tell: every process that the SDK started as `codex`, live.
//!
//! A tap records a line before it passes it on. So when a driver has answered, the frames that its
//! answer rests on have been sent here, and [`Taps::seen`] takes them in before it looks.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixStream as Plain;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use codex_wire::transcript::{Entry, Event, Process};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::client::driver::seen::Seen;
use crate::run::process::Exit;
use crate::run::record::Recorder;

/// Listens for taps as long as it lives.
#[derive(Debug)]
pub struct Taps {
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
    path: PathBuf,
}

#[derive(Debug)]
struct Shared {
    listener: UnixListener,
    state: Mutex<State>,
    changed: Notify,
    recorder: Recorder,
}

#[derive(Debug, Default)]
struct State {
    streams: Vec<Stream>,
    seen: Seen,
}

/// The connection of one tap.
#[derive(Debug)]
struct Stream {
    /// `None` after its end.
    from: Option<Arc<UnixStream>>,
    /// What was read and isn't taken in.
    begun: Vec<u8>,
    /// How much of it has no line end.
    searched: usize,
}

impl Taps {
    /// Listens at `path`; what comes goes into the transcript too.
    ///
    /// # Errors
    /// It can't listen there.
    pub fn listen(path: PathBuf, recorder: &Recorder) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            listener: UnixListener::bind(&path)?,
            state: Mutex::default(),
            changed: Notify::new(),
            recorder: recorder.clone(),
        });
        let accepting = tokio::spawn(accept(Arc::clone(&shared)));
        Ok(Self {
            shared,
            accepting,
            path,
        })
    }

    /// Where taps connect.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at everything that was sent so far.
    pub fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.shared.take_in().seen)
    }

    /// Waits until `found` finds something, and looks again whenever something came.
    pub async fn wait<T>(&self, mut found: impl FnMut(&Seen) -> Option<T>) -> T {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = self.seen(&mut found) {
                return found;
            }
            changed.await;
        }
    }

    /// Waits until every process has ended; false if `grace` was too short.
    pub async fn all_ended(&self, grace: Duration) -> bool {
        let ended = self.wait(|seen| seen.running().is_empty().then_some(()));
        tokio::time::timeout(grace, ended).await.is_ok()
    }
}

impl Drop for Taps {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connected(self: &Arc<Self>, state: &mut State, stream: UnixStream) {
        let stream = Arc::new(stream);
        state.seen.connected();
        state.streams.push(Stream {
            from: Some(Arc::clone(&stream)),
            begun: Vec::new(),
            searched: 0,
        });
        tokio::spawn(follow(Arc::clone(self), stream));
    }

    /// Takes in everything that is there.
    fn take_in(self: &Arc<Self>) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        // Past the runtime's readiness, which tells a little later what is there already.
        while let Ok(stream) = rustix::net::accept(&self.listener) {
            let stream = Plain::from(stream);
            let nonblocking = stream.set_nonblocking(true);
            if let Ok(stream) = nonblocking.and_then(|()| UnixStream::from_std(stream)) {
                self.connected(&mut state, stream);
            }
        }
        let mut news = false;
        let State { streams, seen } = &mut *state;
        for (process, stream) in streams.iter_mut().enumerate() {
            while let Some(entry) = stream.next() {
                news = true;
                take_down(&self.recorder, seen, process, entry);
            }
            if stream.from.is_none() && seen.disconnected(process) {
                news = true;
            }
        }
        if news {
            self.changed.notify_waiters();
        }
        state
    }
}

impl Stream {
    /// The next entry that is there already.
    fn next(&mut self) -> Option<Entry> {
        let mut buffer = [0; 16 * 1024];
        loop {
            let fresh = &self.begun[self.searched..];
            if let Some(end) = fresh.iter().position(|&byte| byte == b'\n') {
                let end = self.searched + end;
                let line: Vec<u8> = self.begun.drain(..=end).collect();
                self.searched = 0;
                // Taps write entries and nothing else.
                if let Ok(entry) = serde_json::from_slice(&line) {
                    return Some(entry);
                }
                continue;
            }
            self.searched = self.begun.len();
            match rustix::io::read(self.from.as_ref()?, &mut buffer) {
                Ok(0) => self.from = None,
                Ok(read) => self.begun.extend_from_slice(&buffer[..read]),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return None,
                Err(_) => self.from = None,
            }
        }
    }
}

fn take_down(recorder: &Recorder, seen: &mut Seen, process: usize, entry: Entry) {
    let Entry { t_us, event } = entry;
    // The SDK may have several at once: those beside the first are told apart.
    let beside = seen.is_beside(process);
    let taken = match beside {
        Some(name) => Event::Of {
            client: name,
            event: Box::new(event.clone()),
        },
        None => event.clone(),
    };
    let position = recorder.push_at(t_us, taken);
    if let (Event::Server(frame), None) = (&event, seen.is_beside(process))
        && let Some(method) = frame["method"].as_str()
    {
        recorder.client_received(method, frame);
    }
    match event {
        Event::Client(value) => seen.client(process, position, value),
        Event::Server(value) => seen.server(process, position, value),
        Event::ClientRaw(text) => seen.client_raw(process, position, text),
        Event::ServerRaw(text) => seen.server_raw(process, position, &text),
        Event::Process(Process::Started(argv)) => seen.started(process, argv),
        Event::Process(Process::Exited { code, signal }) => {
            seen.exited(process, Exit { code, signal });
        }
        _ => {}
    }
}

/// Takes in connections while nobody looks. A new one is known in the moment in which it is taken
/// from the listener, so that nobody looks in between.
async fn accept(shared: Arc<Shared>) {
    loop {
        let accepted = poll_fn(|context| {
            let mut state = shared.lock();
            shared
                .listener
                .poll_accept(context)
                .map(|accepted| accepted.map(|(stream, _)| shared.connected(&mut state, stream)))
        });
        if accepted.await.is_err() {
            return;
        }
    }
}

/// Takes in what comes while nobody looks: gates of the script may wait for it.
async fn follow(shared: Arc<Shared>, stream: Arc<UnixStream>) {
    while stream.readable().await.is_ok() {
        let mut ended = false;
        // All is taken in: the runtime has to wait for more.
        let _ = stream.try_io(Interest::READABLE, || {
            let state = shared.take_in();
            let same = |other: &Stream| {
                let from = other.from.as_ref();
                from.is_some_and(|from| Arc::ptr_eq(from, &stream))
            };
            ended = !state.streams.iter().any(same);
            Err::<(), _>(ErrorKind::WouldBlock.into())
        });
        if ended {
            return;
        }
    }
}
