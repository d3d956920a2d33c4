//! A turn's notifications, and what of them is kept.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::dynamic::OpenCalls;
use super::review::Reviews;
use super::shell::USER_SHELL;
use super::turn_diff::TurnDiff;
use crate::approval::Answer;
use crate::clock;
use crate::connection::Client;
use crate::model::Endpoint;
use crate::model::error::ModelError;
use crate::protocol::item::Item;
use crate::protocol::reply::TokenUsage;
use crate::server::Server;
use crate::thread::record::{ItemKind, Record, StoredItem, Usage};
use crate::thread::{Settings, Thread};

/// The turn that something belongs to; shared with the commands that it leaves running.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) server: Rc<Server>,
    pub(super) thread: Rc<Thread>,
    pub(super) client: Rc<Client>,
    pub(super) turn: Rc<str>,
    /// The thread's settings when the turn began. Whatever changes them meanwhile is meant for the
    /// next turn, as in codex 0.169.0.
    pub(super) settings: Rc<Settings>,
    /// What the patches of the turn have done.
    pub(super) diff: Rc<TurnDiff>,
    /// Items that the model is shown behind the outputs of its calls.
    pub(super) told: Rc<RefCell<Vec<String>>>,
    /// Calls that the client carries out.
    pub(super) dynamic: Rc<OpenCalls>,
    /// What a reviewer decides about.
    pub(super) reviews: Rc<Reviews>,
    /// Was an error told that is not the turn's own?
    pub(super) erred: Rc<Cell<bool>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Started<'a> {
    item: &'a Item,
    thread_id: &'a str,
    turn_id: &'a str,
    started_at_ms: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Completed<'a> {
    item: &'a RawValue,
    thread_id: &'a str,
    turn_id: &'a str,
    content_token_count: Option<()>,
    completed_at_ms: i64,
}

impl Scope {
    /// The scope of a turn that has done nothing yet.
    pub(super) fn new(
        server: Rc<Server>,
        thread: Rc<Thread>,
        client: Rc<Client>,
        turn: &str,
    ) -> Self {
        let settings = Rc::new(thread.state.borrow().settings.clone());
        Self {
            server,
            thread,
            client,
            turn: turn.into(),
            settings,
            diff: Rc::default(),
            told: Rc::default(),
            dynamic: Rc::default(),
            reviews: Rc::default(),
            erred: Rc::default(),
        }
    }

    /// The thread's provider as it is configured now, or why there is none.
    pub(super) fn endpoint(&self) -> Result<Endpoint, String> {
        self.server.endpoint(&self.settings.provider)
    }

    /// Tells that an item began.
    pub(super) fn item_started(&self, item: &mut Item) {
        let started_at_ms = item.times_mut().started_at_ms;
        self.thread.notify(
            "item/started",
            &Started {
                item,
                thread_id: self.thread.id(),
                turn_id: &self.turn,
                started_at_ms,
            },
        );
    }

    /// Keeps an item that is complete, then tells it.
    pub(super) fn item_completed(&self, mut item: Item) {
        let now = clock::now_ms();
        item.times_mut().completed_at_ms = Some(now);
        let kind = match item {
            Item::UserMessage(_) => ItemKind::User,
            Item::AgentMessage(ref message) if message.text.trim().is_empty() => ItemKind::Blank,
            Item::AgentMessage(_) => ItemKind::Agent,
            Item::CommandExecution(ref command) if command.source != USER_SHELL => {
                ItemKind::Command
            }
            Item::Plan(_)
            | Item::Reasoning(_)
            | Item::WebSearch(_)
            | Item::CommandExecution(_)
            | Item::FileChange(_)
            | Item::DynamicToolCall(_)
            | Item::ImageView(_)
            | Item::ContextCompaction(_)
            | Item::EnteredReviewMode(_)
            | Item::ExitedReviewMode(_) => ItemKind::Other,
        };
        // Items are plain data: this can't fail.
        let Ok(raw) = to_raw_value(&item) else { return };
        // codex 0.169.0 tells a command that was not allowed and doesn't remember it.
        let declined = matches!(&item, Item::CommandExecution(it) if it.status == "declined");
        if !declined {
            self.keep(Record::Item(StoredItem {
                turn: self.turn.to_string(),
                kind,
                item: raw.clone(),
                line: 0,
            }));
        }
        self.thread.notify(
            "item/completed",
            &Completed {
                item: &raw,
                thread_id: self.thread.id(),
                turn_id: &self.turn,
                content_token_count: None,
                completed_at_ms: now,
            },
        );
    }

    /// Tells an item that is complete as soon as it begins.
    pub(super) fn whole_item(&self, mut item: Item) {
        self.item_started(&mut item);
        self.item_completed(item);
    }

    /// Does the model plan, so that its messages are looked through for a plan?
    pub(super) fn plans(&self) -> bool {
        self.settings.collaboration.plan
    }

    /// Tells something about an item: the ids, then `members`.
    pub(super) fn about_item(&self, method: &str, item: &str, members: &Value) {
        let mut params = json!({
            "threadId": self.thread.id(),
            "turnId": &*self.turn,
            "itemId": item,
        });
        if let (Some(params), Some(members)) = (params.as_object_mut(), members.as_object()) {
            params.extend(
                members
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone())),
            );
        }
        self.thread.notify(method, &params);
    }

    /// Asks everybody who follows the thread; the first answer counts.
    pub(super) async fn ask(&self, method: &'static str, params: Value) -> Answer {
        let answer = {
            let state = self.thread.state.borrow();
            let clients = state.subscribers.iter().map(|client| &**client);
            let approvals = &self.server.approvals;
            approvals.ask(self.thread.id(), method, params, clients)
        };
        // It is abandoned only after the turn, with which this wait ends.
        answer.await.unwrap_or_else(|_| Err(String::new()))
    }

    /// Adds to what the model is shown.
    pub(super) fn add_input(&self, item: String) {
        if let Ok(raw) = RawValue::from_string(item) {
            self.keep(Record::Input(raw));
        }
    }

    /// The same for what tells of settings and surroundings.
    pub(super) fn add_context(&self, item: String) {
        if let Ok(raw) = RawValue::from_string(item) {
            self.keep(Record::Context(raw));
        }
    }

    /// Counts the tokens of a response and tells them.
    pub(super) fn count(&self, last: TokenUsage) {
        let mut total = self.thread.state.borrow().usage;
        total += last;
        self.keep_usage(total, last);
        self.tell_usage(total, last);
    }

    /// Counts the whole context window as used, and tells it.
    pub(super) fn fill_context_window(&self) {
        let (before, window) = {
            let state = self.thread.state.borrow();
            (state.usage.total_tokens, self.settings.window.usable())
        };
        let only_total = |total_tokens| TokenUsage {
            total_tokens,
            ..TokenUsage::default()
        };
        let total = only_total(window);
        let last = only_total((window - before).max(0));
        self.keep_usage(total, last);
        self.tell_usage(total, last);
    }

    /// Writes down what is counted.
    pub(super) fn keep_usage(&self, total: TokenUsage, last: TokenUsage) {
        self.keep(Record::Usage(Usage {
            turn: self.turn.to_string(),
            total,
            last,
        }));
    }

    /// Tells what is counted.
    pub(super) fn tell_usage(&self, total: TokenUsage, last: TokenUsage) {
        let params = super::usage_params(&self.thread, &self.turn, total, last);
        self.thread.notify("thread/tokenUsage/updated", &params);
    }

    /// Tells the rate limits, of which the mock has none.
    pub(super) fn rate_limits(&self) {
        self.thread.notify(
            "account/rateLimits/updated",
            &json!({"rateLimits": {
                "limitId": "codex",
                "limitName": null,
                "normalModelSlug": null,
                "primary": null,
                "secondary": null,
                "credits": null,
                "individualLimit": null,
                "spendControlReached": null,
                "planType": null,
                "rateLimitReachedType": null,
            }}),
        );
    }

    /// Keeps a record. Where the disk fails it is kept in memory, and the turn fails as soon as
    /// it can; that is ours, since the real one was not seen with a failing disk.
    pub(super) fn keep(&self, record: Record) {
        if let Err(error) = self.thread.record(record.clone()) {
            complain(self.thread.id(), &error);
            let mut state = self.thread.state.borrow_mut();
            state.replay(record);
            state.unsaved.get_or_insert_with(|| error.to_string());
        }
    }

    /// Takes in what the client has injected meanwhile; `true` if there was anything.
    pub(super) fn take_injected(&self) -> bool {
        self.thread.take_injected().unwrap_or_else(|error| {
            complain(self.thread.id(), &error);
            false
        })
    }

    /// Fails where something of this turn could not be written down.
    pub(super) fn check_saved(&self) -> Result<(), ModelError> {
        match &self.thread.state.borrow().unsaved {
            Some(error) => Err(ModelError::unavailable(format!(
                "the thread could not be saved: {error}"
            ))),
            None => Ok(()),
        }
    }
}

/// Says that a thread could not be written.
pub(super) fn complain(thread: &str, error: &io::Error) {
    crate::complain(&format!(
        "error: thread {thread} could not be saved: {error}"
    ));
}
