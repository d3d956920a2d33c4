//! The sessions that the model may still talk to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::session::Session;

/// What the model and the client call a session; a random number of four or five digits.
pub type SessionId = u32;

/// Running sessions by id.
#[derive(Debug, Default)]
pub struct SessionStore {
    sessions: Mutex<HashMap<SessionId, Option<Arc<Session>>>>,
}

impl SessionStore {
    /// Sets aside an id that no session has, for [`insert`](Self::insert) or
    /// [`remove`](Self::remove).
    pub fn reserve(&self) -> SessionId {
        let mut sessions = self.lock();
        loop {
            // Less than 2^32: the cast loses nothing.
            let id = u32::try_from(1_000 + crate::clock::random() % 99_000).unwrap_or(1_000);
            if let std::collections::hash_map::Entry::Vacant(free) = sessions.entry(id) {
                free.insert(None);
                return id;
            }
        }
    }

    /// Puts a session under its id.
    pub fn insert(&self, id: SessionId, session: Session) -> Arc<Session> {
        let session = Arc::new(session);
        self.lock().insert(id, Some(Arc::clone(&session)));
        session
    }

    /// The session of that id.
    pub fn get(&self, id: SessionId) -> Option<Arc<Session>> {
        self.lock().get(&id).cloned().flatten()
    }

    /// Forgets a session, or frees a reserved id.
    pub fn remove(&self, id: SessionId) -> Option<Arc<Session>> {
        self.lock().remove(&id).flatten()
    }

    /// Every session with its id, by id.
    pub fn list(&self) -> Vec<(SessionId, Arc<Session>)> {
        let mut all: Vec<_> = self
            .lock()
            .iter()
            .filter_map(|(id, session)| Some((*id, Arc::clone(session.as_ref()?))))
            .collect();
        all.sort_by_key(|(id, _)| *id);
        all
    }

    /// Kills and forgets every session; gives those, for who wants to wait for their end.
    pub fn kill_all(&self) -> Vec<Arc<Session>> {
        let sessions: Vec<_> = self.lock().drain().filter_map(|(_, it)| it).collect();
        for session in &sessions {
            session.kill();
        }
        sessions
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Option<Arc<Session>>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
