//! What all clients share.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::account::{Account, Login};
use crate::answers::Answers;
use crate::approval::Approvals;
use crate::config::{Config, Loader};
use crate::connection::{Client, Identity, notification};
use crate::failure::Failure;
use crate::home;
use crate::methods::{PendingLogin, Searches};
use crate::model::Endpoint;
use crate::model::token::Tokens;
use crate::protocol::reply::ThreadStatus;
use crate::quirk::Quirks;
use crate::rules::Rules;
use crate::sandbox::SandboxLauncher;
use crate::script::{Script, ScriptedModel};
use crate::thread::Thread;
use crate::turn::Control;
use crate::variant::Variants;

/// How long commands are waited for at the end.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Names the originator in place of the first client.
const ORIGINATOR: &str = "CODEX_INTERNAL_ORIGINATOR_OVERRIDE";

/// The app-server.
#[derive(Debug)]
pub(crate) struct Server {
    /// The model that the mock plays itself.
    scripted: Option<ScriptedModel>,
    pub(crate) variants: Variants,
    pub(crate) home: PathBuf,
    pub(crate) started_in: PathBuf,
    pub(crate) installation_id: String,
    pub(crate) quirks: Quirks,
    pub(crate) launcher: SandboxLauncher,
    pub(crate) config: RefCell<Loader>,
    pub(crate) approvals: Approvals,
    pub(crate) rules: Rules,
    pub(crate) account: Account,
    pub(crate) login: PendingLogin,
    pub(crate) searches: Searches,
    /// What a script answers in the mock's place.
    pub(crate) answers: Answers,
    /// The tokens for its models.
    pub(crate) tokens: Rc<Tokens>,
    threads: RefCell<BTreeMap<String, Rc<Thread>>>,
    clients: RefCell<Vec<Rc<Client>>>,
    identity: RefCell<Option<Identity>>,
    turn_ended: Notify,
}

/// What a server is made from.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) home: PathBuf,
    pub(crate) started_in: PathBuf,
    pub(crate) quirks: Quirks,
    pub(crate) launcher: SandboxLauncher,
    pub(crate) config: Loader,
    pub(crate) answers: Answers,
    pub(crate) variants: Variants,
    pub(crate) script: Script,
    pub(crate) seed: Option<u64>,
}

impl Server {
    /// A server with no clients yet; fails where the configuration forbids to start.
    pub(crate) async fn new(mut setup: Setup) -> Result<Self, String> {
        if let Some(refusal) = setup.config.refusal() {
            return Err(refusal);
        }
        if let Ok(config) = setup.config.load() {
            config.toml.check()?;
        }
        let explains = matches!(setup.script, Script::Explanation);
        let scripted = if explains && has_address(&mut setup.config) {
            None
        } else {
            let model = setup.script.play(setup.seed).await;
            Some(model.map_err(|error| error.to_string())?)
        };
        Ok(Self {
            scripted,
            variants: setup.variants,
            installation_id: home::installation_id(&setup.home),
            rules: Rules::load(&setup.home),
            account: Account::of(&setup.home),
            login: PendingLogin::default(),
            searches: Searches::default(),
            answers: setup.answers,
            home: setup.home,
            started_in: setup.started_in,
            quirks: setup.quirks,
            launcher: setup.launcher,
            config: RefCell::new(setup.config),
            approvals: Approvals::default(),
            tokens: Rc::default(),
            threads: RefCell::default(),
            clients: RefCell::default(),
            identity: RefCell::default(),
            turn_ended: Notify::new(),
        })
    }

    /// Takes a client in.
    pub(crate) fn connect(&self, client: &Rc<Client>) {
        self.clients.borrow_mut().push(Rc::clone(client));
    }

    /// Lets a client go: it follows no thread any more, and what it watched and ran itself ends.
    /// Its turns run on, and what it was asked stays open.
    pub(crate) fn disconnect(&self, client: &Rc<Client>) {
        let others = |other: &Rc<Client>| !Rc::ptr_eq(other, client);
        self.clients.borrow_mut().retain(others);
        client.watches.clear();
        client.commands.end();
        for thread in self.threads.borrow().values() {
            thread.state.borrow_mut().subscribers.retain(others);
        }
    }

    /// Says to every client that nothing more will be sent.
    pub(crate) fn hang_up(&self) {
        for client in self.clients.borrow().iter() {
            client.hang_up();
        }
    }

    /// Takes in who shook hands, and gives what all clients go by from then on. The originator is
    /// that of the first one, or what the environment says; the user agent names the last.
    pub(crate) fn introduce(&self, name: &str, version: &str) -> Identity {
        let mut known = self.identity.borrow_mut();
        let originator = match &*known {
            Some(known) => known.name.clone(),
            None => std::env::var(ORIGINATOR).unwrap_or_else(|_| name.to_owned()),
        };
        let identity = Identity {
            user_agent: home::user_agent(&originator, name, version),
            name: originator,
        };
        known.insert(identity).clone()
    }

    /// What model requests carry.
    pub(crate) fn identity(&self) -> Identity {
        self.identity.borrow().clone().unwrap_or_default()
    }

    /// Waits until no turn runs.
    pub(crate) async fn idle(&self) {
        loop {
            let ended = self.turn_ended.notified();
            let runs = |thread: &Rc<Thread>| thread.state.borrow().active.is_some();
            if !self.threads.borrow().values().any(runs) {
                return;
            }
            ended.await;
        }
    }

    /// Where a provider is asked, as it is configured now, or why it can't be.
    pub(crate) fn endpoint(&self, provider: &str) -> Result<Endpoint, String> {
        let config = self.config.borrow_mut().load();
        let config = config.map_err(|problem| problem.details)?;
        let configured = config.toml.model_providers.get(provider);
        let own = self.scripted.as_ref();
        if let Some(own) = own.and_then(|model| model.provider(configured)) {
            return Endpoint::of(provider, Some(&own));
        }
        let mut endpoint = Endpoint::of(provider, configured)?;
        if configured.is_some_and(|provider| provider.requires_openai_auth)
            && let Some(Login::ApiKey(key)) = self.account.login()
        {
            endpoint.authorize(&key);
        }
        Ok(endpoint)
    }

    /// The configuration as it is on disk now.
    pub(crate) fn config(&self) -> Result<Rc<Config>, Failure> {
        self.config.borrow_mut().load().map_err(|problem| {
            Failure::invalid(format!("failed to load configuration: {}", problem.details))
        })
    }

    /// The same with the settings of the project of a directory, where it is trusted.
    pub(crate) fn config_in(&self, cwd: &Path) -> Result<Rc<Config>, Failure> {
        let config = self.config()?;
        match config.in_trusted_project(cwd) {
            Ok(None) => Ok(config),
            Ok(Some(in_project)) => Ok(Rc::new(in_project)),
            Err(problem) => Err(Failure::invalid(format!(
                "failed to load configuration: {}",
                problem.details
            ))),
        }
    }

    /// Sends a notification to every client.
    pub(crate) fn broadcast(&self, method: &str, params: &impl Serialize) {
        let frame = notification(method, params);
        for client in self.clients.borrow().iter() {
            client.deliver(method, frame.clone());
        }
    }

    /// Tells every client what a thread is doing now.
    pub(crate) fn status_changed(&self, thread: &str, status: &ThreadStatus) {
        self.broadcast(
            "thread/status/changed",
            &json!({"threadId": thread, "status": status}),
        );
    }

    /// Tells that a request of the server needs no answer any more.
    pub(crate) fn resolved(&self, thread: &str, request: i64) {
        if let Some(thread) = self.loaded(thread) {
            thread.notify(
                "serverRequest/resolved",
                &json!({"threadId": thread.id(), "requestId": request}),
            );
        }
    }

    /// Sets a thread's status and tells it.
    pub(crate) fn set_status(&self, thread: &Thread, status: ThreadStatus) {
        self.status_changed(thread.id(), &status);
        thread.state.borrow_mut().status = status;
        if thread.state.borrow().active.is_none() {
            self.turn_ended.notify_waiters();
        }
    }

    /// A loaded thread.
    pub(crate) fn loaded(&self, id: &str) -> Option<Rc<Thread>> {
        self.threads.borrow().get(id).cloned()
    }

    /// The loaded thread that a method of turns names.
    pub(crate) fn thread(&self, id: &str) -> Result<Rc<Thread>, Failure> {
        let id = parse_id("thread", id)?;
        self.loaded(&id)
            .ok_or_else(|| Failure::invalid(format!("thread not found: {id}")))
    }

    /// The ids of all loaded threads, in the order of their creation.
    pub(crate) fn loaded_ids(&self) -> Vec<String> {
        self.threads.borrow().keys().cloned().collect()
    }

    /// Keeps a thread in memory.
    pub(crate) fn keep(&self, thread: &Rc<Thread>) {
        self.threads
            .borrow_mut()
            .insert(thread.id().to_owned(), Rc::clone(thread));
    }

    /// Lets a thread go; its commands end.
    pub(crate) fn unload(&self, id: &str) -> Option<Rc<Thread>> {
        let thread = self.threads.borrow_mut().remove(id);
        if let Some(thread) = &thread {
            thread.sessions.kill_all();
        }
        thread
    }

    /// Ends everything that still runs, and waits until it has: what a sandbox needs on the host
    /// goes with it.
    pub(crate) async fn shut_down(&self) {
        self.end_turns().await;
        let running: Vec<_> = {
            let threads = self.threads.borrow();
            let sessions = threads.values().map(|thread| &thread.sessions);
            sessions.flat_map(|sessions| sessions.kill_all()).collect()
        };
        let commands: Vec<_> = {
            let clients = self.clients.borrow();
            clients
                .iter()
                .flat_map(|client| client.commands.end())
                .collect()
        };
        let all = async {
            for command in commands {
                command.ended().await;
            }
            for session in running {
                session.wait_exit().await;
            }
        };
        // What can't be killed (a process stuck in the kernel) holds nothing up.
        let _ = tokio::time::timeout(LAST_WAIT, all).await;
    }

    /// Interrupts the turns that run, and writes that down. Nobody is told any more.
    async fn end_turns(&self) {
        let clients = self.clients.take();
        let running: Vec<_> = {
            let threads = self.threads.borrow();
            let controls = threads.values().filter_map(|thread| {
                let mut state = thread.state.borrow_mut();
                state.subscribers.clear();
                state.active.as_ref().map(|turn| turn.control.clone())
            });
            controls.collect()
        };
        let all = async {
            for control in running {
                if control.send(Control::End).is_ok() {
                    control.closed().await;
                }
            }
        };
        let _ = tokio::time::timeout(LAST_WAIT, all).await;
        self.clients.replace(clients);
    }
}

/// Does the configured provider say where its model is?
fn has_address(config: &mut Loader) -> bool {
    let Ok(config) = config.load() else {
        return true;
    };
    let provider = config.toml.model_provider.as_ref();
    provider
        .and_then(|name| config.toml.model_providers.get(name))
        .is_some_and(|provider| provider.base_url.is_some())
}

/// What an id may begin with, in these letters alone.
const URN: &str = "urn:uuid:";

/// Checks an id and gives it in its usual spelling. `what` is how the error names it.
pub(crate) fn parse_id(what: &str, id: &str) -> Result<String, Failure> {
    Uuid::try_parse(id)
        .ok()
        .filter(|_| id.starts_with(URN) || !id.contains(':'))
        .map(|id| id.to_string())
        .ok_or_else(|| Failure::invalid(format!("invalid {what} id: {}", what_is_wrong(id))))
}

/// Why a text is no id, in the words of the parser that codex 0.169.0 uses.
fn what_is_wrong(id: &str) -> String {
    let braced = id.strip_prefix('{').and_then(|id| id.strip_suffix('}'));
    let wrapped = braced
        .map(|id| (1, id))
        .or_else(|| Some((URN.len(), id.strip_prefix(URN)?)));
    let (before, id) = wrapped.unwrap_or((0, id));
    let stray = id
        .char_indices()
        .find(|(_, c)| !c.is_ascii_hexdigit() && *c != '-');
    if let Some((at, found)) = stray {
        return format!(
            "invalid character: expected an optional prefix of `urn:uuid:` followed by \
             [0-9a-fA-F-], found `{found}` at {}",
            before + at + 1
        );
    }
    let groups: Vec<&str> = id.split('-').collect();
    if groups.len() == 1 && wrapped.is_none() {
        return format!(
            "invalid length: expected length 32 for simple format, found {}",
            id.len()
        );
    }
    if groups.len() != 5 {
        return format!("invalid group count: expected 5, found {}", groups.len());
    }
    let wrong = groups.iter().zip([8, 4, 4, 4, 12]).enumerate();
    wrong
        .filter(|(_, (group, expected))| group.len() != *expected)
        .map(|(at, (group, expected))| {
            format!(
                "invalid group length in group {at}: expected {expected}, found {}",
                group.len()
            )
        })
        .next()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_id_is_explained() {
        let message = |id| parse_id("thread", id).unwrap_err().into_object().message;
        assert_eq!(
            message("nope"),
            "invalid thread id: invalid character: expected an optional prefix of `urn:uuid:` \
             followed by [0-9a-fA-F-], found `n` at 1"
        );
        assert_eq!(
            message(""),
            "invalid thread id: invalid length: expected length 32 for simple format, found 0"
        );
        assert!(message("1-2-3").ends_with("invalid group count: expected 5, found 3"));
    }
}
