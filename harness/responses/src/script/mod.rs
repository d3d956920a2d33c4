//! Scripts: the replies, the events they expand to, and who gets which.

mod expand;
mod item;
mod parts;
mod prepared;
mod reply;
mod usage;

use std::sync::Arc;

use crate::journal::Request;
use crate::matcher::{Evidence, When};
use crate::rules::Violation;
use expand::Ids;

pub(crate) use expand::MODEL;
pub use item::{Arguments, Call, CustomCall, Message, Phase, Reasoning, Stream};
pub(crate) use parts::error_body;
pub use parts::{Http, ModelError, Style, Times};
pub(crate) use prepared::{Frames, Payload, Prepared};
pub use reply::Reply;
pub use usage::Usage;

/// What is wrong with a reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The reply says nothing.
    #[error(
        "a reply needs one of `message`, `stream`, `reasoning`, `call`, `calls`, `custom_call`, \
         `events`, `http`, `error`, `incomplete`"
    )]
    NoKind,
    /// Two kinds of reply that can't stand side by side.
    #[error("`{0}` can't stand beside `{1}` in one reply")]
    Conflict(&'static str, &'static str),
    /// An event (counted from 1) that isn't an object with a `type`.
    #[error("event {0} has no `type`")]
    EventWithoutType(usize),
    /// An event (counted from 1) whose type would break the framing.
    #[error("the `type` of event {0} has a line break")]
    EventTypeWithLineBreak(usize),
    /// An HTTP status that no answer can have.
    #[error("`{0}` is not a status code; it is a number from 200 to 999")]
    Status(u16),
    /// A header that can't be sent.
    #[error("`{0}` is not a header that can be set, or its value is not one line of text")]
    Header(String),
    /// A position past the end of the reply.
    #[error("`{what}` is after event {after_event}, but the reply has {events} events")]
    Position {
        /// The modifier.
        what: &'static str,
        /// The position it asks for.
        after_event: usize,
        /// The number of events there are.
        events: usize,
    },
    /// `no_terminal_event` on a reply that doesn't end with one.
    #[error("`no_terminal_event` needs a reply that ends with a terminal event")]
    NoTerminal,
}

/// The replies of a run and how far it has come.
#[derive(Debug, Default)]
pub(crate) struct Script {
    entries: Vec<Entry>,
    ids: Ids,
    /// The first entry without `when` that may still have something left.
    next_in_order: usize,
}

#[derive(Debug)]
struct Entry {
    when: Option<When>,
    kinds: String,
    /// How often it may still be given; `None` is without end.
    left: Option<u32>,
    reply: Arc<Prepared>,
}

impl Entry {
    fn is_spent(&self) -> bool {
        self.left == Some(0)
    }

    fn take(&mut self) -> Arc<Prepared> {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
        }
        Arc::clone(&self.reply)
    }
}

/// A request that no reply is for.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) rule: &'static str,
    pub(crate) message: String,
}

impl Script {
    /// Adds a reply at the end; returns the gate that it waits for.
    pub(crate) fn push(&mut self, reply: Reply) -> Result<Option<String>, ScriptError> {
        let parts = reply.into_parts();
        let prepared = Prepared::new(&parts, &mut self.ids)?;
        self.entries.push(Entry {
            kinds: parts.kinds().join("` + `"),
            when: parts.when,
            left: match parts.times {
                Times::Exactly(times) => Some(times),
                Times::Any => None,
            },
            reply: Arc::new(prepared),
        });
        Ok(parts.hold.map(|hold| hold.gate().to_owned()))
    }

    /// Whether a reply that is left looks at the bodies of requests.
    pub(crate) fn reads_body(&self) -> bool {
        let when = |entry: &Entry| entry.when.as_ref().is_some_and(When::asks_for_body);
        self.entries
            .iter()
            .any(|entry| when(entry) && !entry.is_spent())
    }

    /// Takes the reply for a request: the first that asks for it, else the next in order.
    pub(crate) fn take(
        &mut self,
        request: &Request,
        evidence: &mut Evidence,
    ) -> Result<(usize, Arc<Prepared>), Refusal> {
        let matching = self.entries.iter().position(|entry| {
            !entry.is_spent()
                && entry
                    .when
                    .as_ref()
                    .is_some_and(|when| when.check(request, evidence).is_ok())
        });
        if let Some(index) = matching {
            return Ok((index, self.entries[index].take()));
        }
        if request.subagent().is_none() {
            while let Some(entry) = self.entries.get_mut(self.next_in_order) {
                if entry.when.is_none() && !entry.is_spent() {
                    return Ok((self.next_in_order, entry.take()));
                }
                self.next_in_order += 1;
            }
        }
        Err(self.refusal(request, evidence))
    }

    fn refusal(&self, request: &Request, evidence: &mut Evidence) -> Refusal {
        let mut tried = Vec::new();
        for (index, entry) in self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, e)| !e.is_spent())
        {
            let reason = match (&entry.when, request.subagent()) {
                (Some(when), _) => when.check(request, evidence).err().unwrap_or_default(),
                (None, Some(name)) => {
                    format!("has no `when`, and the request comes from the subagent `{name}`")
                }
                (None, None) => continue,
            };
            tried.push(format!("reply {} (`{}`): {reason}", index + 1, entry.kinds));
        }
        if tried.is_empty() {
            let given = self.entries.len();
            let message = match given {
                0 => "no reply left: the script is empty".to_owned(),
                1 => "no reply left: the script's only reply was given".to_owned(),
                _ => format!("no reply left: all {given} replies of the script were given"),
            };
            return Refusal {
                rule: "no-reply-left",
                message,
            };
        }
        let message = format!("replies left, but none matches: {}", tried.join("; "));
        Refusal {
            rule: "no-reply-matches",
            message,
        }
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
