//! `fs/watch`: a path, and if it is a directory what is directly in it.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};
use std::time::Duration;

use notify::{Event, EventKind, INotifyWatcher, RecursiveMode, Watcher as _};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::AbortHandle;

use crate::connection::Client;
use crate::failure::Failure;

/// Changes within this time of the first one are told together (observed on codex 0.169.0: 202 ms
/// from one change to the notification).
const GATHER: Duration = Duration::from_millis(200);

/// The watches of a client, by the ids that it chose; they end with it.
#[derive(Debug, Default)]
pub(crate) struct Watches(RefCell<HashMap<String, AbortHandle>>);

impl Watches {
    /// Watches a path, which need not exist.
    pub(super) fn add(&self, client: &Rc<Client>, id: String, path: &Path) -> Result<(), Failure> {
        let mut watches = self.0.borrow_mut();
        if watches.contains_key(&id) {
            return Err(Failure::invalid(format!("watchId already exists: {id}")));
        }
        let watch = Watch::new(path)?;
        let task = tokio::task::spawn_local(watch.tell(Rc::downgrade(client), id.clone()));
        watches.insert(id, task.abort_handle());
        Ok(())
    }

    pub(super) fn remove(&self, id: &str) {
        if let Some(task) = self.0.borrow_mut().remove(id) {
            task.abort();
        }
    }

    /// Ends all of them.
    pub(crate) fn clear(&self) {
        for task in self.0.take().into_values() {
            task.abort();
        }
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A watched path: itself, if it is a directory, and the nearest directory above it that exists.
struct Watch {
    watcher: INotifyWatcher,
    events: UnboundedReceiver<notify::Result<Event>>,
    path: PathBuf,
    armed: Vec<PathBuf>,
}

impl Watch {
    fn new(path: &Path) -> Result<Self, Failure> {
        let (sender, events) = unbounded_channel();
        let told = move |event| {
            // Nobody listens any more once the watch is over.
            let _ = sender.send(event);
        };
        let watcher = INotifyWatcher::new(told, notify::Config::default())
            .map_err(|error| Failure::internal(error.to_string()))?;
        let mut watch = Self {
            watcher,
            events,
            path: path.to_owned(),
            armed: Vec::new(),
        };
        watch.arm();
        Ok(watch)
    }

    /// Looks at what is there now; says whether the path has become a directory.
    fn arm(&mut self) -> bool {
        let nearest = self.path.ancestors().skip(1).find(|above| above.is_dir());
        let itself = self.path.is_dir().then_some(self.path.as_path());
        let wanted: Vec<PathBuf> = nearest
            .into_iter()
            .chain(itself)
            .map(Path::to_owned)
            .collect();
        let old = std::mem::take(&mut self.armed);
        for gone in old.iter().filter(|path| !wanted.contains(path)) {
            // It may have gone together with the directory.
            let _ = self.watcher.unwatch(gone);
        }
        for new in wanted {
            let mode = RecursiveMode::NonRecursive;
            if old.contains(&new) || self.watcher.watch(&new, mode).is_ok() {
                self.armed.push(new);
            }
        }
        self.armed.contains(&self.path) && !old.contains(&self.path)
    }

    async fn tell(mut self, client: Weak<Client>, id: String) {
        while let Some(event) = self.events.recv().await {
            let mut changed = BTreeSet::new();
            self.take(event, &mut changed);
            if changed.is_empty() {
                continue;
            }
            let gather = async {
                while let Some(event) = self.events.recv().await {
                    self.take(event, &mut changed);
                }
            };
            let _ = tokio::time::timeout(GATHER, gather).await;
            let Some(client) = client.upgrade() else {
                return;
            };
            client.notify(
                "fs/changed",
                &json!({"watchId": id, "changedPaths": changed}),
            );
        }
    }

    /// Adds the paths of an event that are watched. Reading changes nothing.
    fn take(&mut self, event: notify::Result<Event>, changed: &mut BTreeSet<PathBuf>) {
        let Ok(event) = event else { return };
        if matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        let watched = |path: &PathBuf| *path == self.path || path.parent() == Some(&self.path);
        changed.extend(event.paths.into_iter().filter(watched));
        // What was made before it was watched was not told.
        if self.arm() {
            changed.insert(self.path.clone());
        }
    }
}
