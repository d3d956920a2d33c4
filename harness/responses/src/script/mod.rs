//! Scripts: the replies, the events they expand to, and who gets which.

mod encode;
mod entry;
mod error;
mod expand;
mod frames;
mod item;
mod parts;
mod prepared;
mod refusal;
mod reply;
mod usage;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::fault::Refuse;
use crate::gate::Hold;
use crate::journal::Request;
use crate::matcher::{Evidence, Interest};
use crate::rules::Violation;
use entry::{Entry, Mine};
use expand::Ids;

pub(crate) use entry::variants;
pub use error::ScriptError;
pub(crate) use expand::MODEL;
pub use item::{Arguments, Call, CustomCall, Message, Phase, Reasoning, Split, Stream, WebSearch};
pub(crate) use parts::error_body;
pub use parts::{Http, ModelError, Style, Times};
pub(crate) use prepared::{Payload, Prepared, Setting};
pub(crate) use refusal::Refusal;
pub use reply::Reply;
pub use usage::Usage;
pub(crate) use wire::{End, Framing, Waits, Wire};

/// The replies of a run and how far it has come.
#[derive(Debug, Default)]
pub(crate) struct Script {
    setting: Setting,
    entries: Vec<Entry>,
    ids: Ids,
    /// The first entry without `when` and `thread` that may still have something left.
    next_in_order: usize,
    interest: Arc<Interest>,
    /// Whether any entry has a `thread`.
    has_threads: bool,
    /// The conversations that the script's threads belong to.
    threads: BTreeMap<String, String>,
}

/// A reply that was taken.
pub(crate) struct Taken {
    /// Its position in the script, counted from 0.
    pub(crate) reply: usize,
    pub(crate) prepared: Arc<Prepared>,
}

/// What adding a reply makes known.
pub(crate) struct Added {
    pub(crate) holds: Vec<Hold>,
    pub(crate) refuse: Option<Refuse>,
    /// Whether chance has a say in it.
    pub(crate) by_chance: bool,
}

/// A reply as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReplyState {
    pub(crate) kinds: String,
    pub(crate) thread: Option<String>,
    pub(crate) given: u64,
    /// `None` is without end.
    pub(crate) left: Option<u32>,
}

impl Script {
    pub(crate) fn new(setting: Setting) -> Self {
        Self {
            setting,
            ..Self::default()
        }
    }

    /// Adds a reply at the end.
    pub(crate) fn push(&mut self, reply: Reply) -> Result<Added, ScriptError> {
        let parts = reply.into_parts();
        let entry = Entry::new(&parts, &mut self.ids, self.setting)?;
        self.has_threads |= entry.thread.is_some();
        Arc::make_mut(&mut self.interest).add(entry.when.as_ref(), self.has_threads);
        let added = Added {
            holds: parts.hold.0,
            refuse: entry.refuse.clone(),
            by_chance: entry.is_by_chance(),
        };
        self.entries.push(entry);
        Ok(added)
    }

    /// What the replies look at in the bodies of requests.
    pub(crate) fn interest(&self) -> Arc<Interest> {
        Arc::clone(&self.interest)
    }

    /// Takes the reply for a request: the first that asks for it, else the next in order.
    pub(crate) fn take(
        &mut self,
        request: &Request,
        evidence: &mut Evidence,
    ) -> Result<Taken, Refusal> {
        let thread = self.has_threads.then(|| evidence.thread(request));
        let mine = self.mine(thread.as_deref());
        let asks = |entry: &Entry| {
            !entry.is_spent()
                && entry.is_for(mine, &self.threads)
                && entry
                    .when
                    .as_ref()
                    .is_some_and(|when| when.check(request, evidence).is_ok())
        };
        let found = self.entries.iter().position(asks).or_else(|| {
            let in_order = request.subagent().is_none();
            in_order
                .then(|| self.next_in_order(thread.as_deref()))
                .flatten()
        });
        let Some(reply) = found else {
            return Err(refusal::explain(self, request, evidence, thread.as_deref()));
        };
        let entry = &mut self.entries[reply];
        if let (Some(name), Some(thread)) = (&entry.thread, thread) {
            self.threads.entry(name.clone()).or_insert(thread);
        }
        let prepared = entry.take(reply, self.setting.seed);
        Ok(Taken { reply, prepared })
    }

    /// What a conversation is for the script; `None` if the script doesn't tell them apart.
    fn mine(&self, thread: Option<&str>) -> Mine<'_> {
        let Some(thread) = thread else {
            return Mine::OnlyOne;
        };
        let bound = self.threads.iter().find(|(_, bound)| *bound == thread);
        bound.map_or(Mine::Unnamed, |(name, _)| Mine::Named(name))
    }

    /// The next reply without `when` for a conversation.
    fn next_in_order(&mut self, thread: Option<&str>) -> Option<usize> {
        let open = |entry: &Entry| entry.when.is_none() && !entry.is_spent();
        while let Some(entry) = self.entries.get(self.next_in_order) {
            if entry.thread.is_none() && open(entry) {
                break;
            }
            self.next_in_order += 1;
        }
        let next = self.next_in_order;
        let next = self.entries.get(next).map(|_| next);
        let next = match self.mine(thread) {
            Mine::OnlyOne => next,
            mine => {
                let mut entries = self.entries.iter();
                entries.position(|entry| open(entry) && entry.is_for(mine, &self.threads))
            }
        };
        next.filter(|next| self.entries[*next].refuse.is_none())
    }

    /// The refusal of connections that it is time for, if it is.
    pub(crate) fn refuse_now(&mut self) -> Option<Refuse> {
        self.next_in_order(None);
        self.entries.get(self.next_in_order)?.refuse.clone()
    }

    /// Ends the refusal of connections.
    pub(crate) fn end_refusal(&mut self) {
        if let Some(entry) = self.entries.get_mut(self.next_in_order)
            && entry.refuse.is_some()
        {
            entry.spend();
        }
    }

    /// The replies as they stand.
    pub(crate) fn states(&self) -> Vec<ReplyState> {
        self.entries.iter().map(Entry::state).collect()
    }

    /// One violation for each reply that was not given as often as the script says.
    pub(crate) fn left_over(&self) -> impl Iterator<Item = Violation> {
        let left = self
            .entries
            .iter()
            .enumerate()
            .filter_map(|(index, entry)| {
                let left = entry.left.filter(|left| *left > 0)?;
                let number = index + 1;
                let kinds = &entry.kinds;
                let again = if left == 1 {
                    String::new()
                } else {
                    format!(" {left} times more")
                };
                Some(format!(
                    "reply {number} (`{kinds}`) was left over: nothing asked for it{again}"
                ))
            });
        left.map(|message| Violation {
            rule: "reply-left-over",
            request: None,
            message,
        })
    }
}
