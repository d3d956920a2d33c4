//! A reply in its script: how often it may still be given, and to whom.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::expand::Ids;
use super::parts::{Parts, Times};
use super::prepared::{Prepared, Setting};
use super::{ReplyState, ScriptError};
use crate::fault::{Fault, Random, Refuse};
use crate::matcher::When;

/// A reply in its script.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) when: Option<When>,
    pub(super) thread: Option<String>,
    pub(super) kinds: String,
    /// How often it may still be given; `None` is without end.
    pub(super) left: Option<u32>,
    /// Connections are refused instead.
    pub(super) refuse: Option<Refuse>,
    given: u64,
    random: Option<Random>,
    /// Whether pieces are of random sizes.
    random_slices: bool,
    /// The reply, and then, if its fault is a matter of chance, the reply with each of them.
    variants: Vec<Arc<Prepared>>,
}

/// The conversation of a request, as the script sees it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mine<'n> {
    /// The script doesn't tell conversations apart.
    OnlyOne,
    /// It has no name for this one yet.
    Unnamed,
    /// It has this name for it.
    Named(&'n str),
}

/// Lays out a reply, with each of the faults that it may have.
pub(crate) fn variants(
    parts: &Parts,
    ids: &mut Ids,
    setting: Setting,
) -> Result<Vec<Arc<Prepared>>, ScriptError> {
    let faults: Vec<Option<&Fault>> = match &parts.fault {
        Some(Fault::Random(random)) => {
            let faults = random.of.iter().map(Some);
            std::iter::once(None).chain(faults).collect()
        }
        fault => vec![fault.as_ref()],
    };
    // Each variant has the same ids.
    let first = ids.clone();
    let variants = faults.into_iter().map(|fault| {
        *ids = first.clone();
        Prepared::new(parts, fault, ids, setting).map(Arc::new)
    });
    variants.collect()
}

impl Entry {
    pub(super) fn new(parts: &Parts, ids: &mut Ids, setting: Setting) -> Result<Self, ScriptError> {
        let variants = variants(parts, ids, setting)?;
        Ok(Self {
            kinds: parts.kinds().join("` + `"),
            when: parts.when.clone(),
            thread: parts.thread.clone(),
            left: match parts.times {
                Times::Exactly(times) => Some(times),
                Times::Any => None,
            },
            refuse: match &parts.fault {
                Some(Fault::Refuse(refuse)) => Some(refuse.clone()),
                _ => None,
            },
            given: 0,
            random: match &parts.fault {
                Some(Fault::Random(random)) => Some(random.clone()),
                _ => None,
            },
            random_slices: variants.iter().any(|variant| variant.has_random_slices()),
            variants,
        })
    }

    pub(super) fn is_spent(&self) -> bool {
        self.left == Some(0)
    }

    pub(super) fn is_by_chance(&self) -> bool {
        self.random.is_some() || self.random_slices
    }

    /// Whether a conversation may get it: one that the script has this name for, or has none for
    /// yet while nobody else has that name.
    pub(super) fn is_for(&self, mine: Mine<'_>, threads: &BTreeMap<String, String>) -> bool {
        match (mine, &self.thread) {
            (Mine::OnlyOne, _) | (Mine::Unnamed, None) => true,
            (Mine::Named(_), None) => false,
            (Mine::Named(mine), Some(name)) => mine == name,
            (Mine::Unnamed, Some(name)) => !threads.contains_key(name),
        }
    }

    /// Gives it once more.
    pub(super) fn take(&mut self, reply: usize, seed: u64) -> Arc<Prepared> {
        let random = self.random.as_ref();
        let chosen = random.and_then(|random| random.choose(seed, reply, self.given));
        self.given += 1;
        self.spend();
        Arc::clone(&self.variants[chosen.map_or(0, |fault| fault + 1)])
    }

    /// Counts it as given once more.
    pub(super) fn spend(&mut self) {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
        }
    }

    pub(super) fn state(&self) -> ReplyState {
        ReplyState {
            kinds: self.kinds.clone(),
            thread: self.thread.clone(),
            given: self.given,
            left: self.left,
        }
    }
}
