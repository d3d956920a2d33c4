//! What the reviews of a turn have come to: those that are open, and how many denied something.

use std::cell::RefCell;

use serde_json::{Value, json};

use super::tell_end;
use crate::protocol::item::Item;
use crate::turn::emit::Scope;

/// So many denials in a row end a turn.
const CONSECUTIVE: usize = 3;

/// So many denials among the last reviews do too.
const RECENT: usize = 10;

/// How many reviews are the last ones.
const WINDOW: usize = 50;

/// The reviews of a turn.
#[derive(Debug, Default)]
pub(in crate::turn) struct Reviews {
    open: RefCell<Vec<Open>>,
    /// Was it denied? The last is the latest.
    denied: RefCell<Vec<bool>>,
}

/// A review without an end yet.
#[derive(Debug)]
pub(super) struct Open {
    /// The call that is reviewed.
    pub(super) call: String,
    /// What the client was told of its start.
    pub(super) params: Value,
    /// The item that an interrupt declines.
    pub(super) declined: Option<Item>,
}

/// How much a turn was denied.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Denials {
    consecutive: usize,
    recent: usize,
}

impl Denials {
    fn of(denied: &[bool]) -> Self {
        let latest = denied.iter().rev();
        Self {
            consecutive: latest.clone().take_while(|denied| **denied).count(),
            recent: latest.take(WINDOW).filter(|denied| **denied).count(),
        }
    }

    fn are_too_many(&self) -> bool {
        self.consecutive >= CONSECUTIVE || self.recent >= RECENT
    }

    /// What the client is told where they end the turn.
    pub(super) fn warning(&self) -> String {
        let Self {
            consecutive,
            recent,
        } = self;
        format!(
            "Automatic approval review rejected too many approval requests for this turn \
             ({consecutive} consecutive, {recent} in the last {WINDOW} reviews); interrupting the \
             turn."
        )
    }
}

impl Reviews {
    pub(super) fn begin(&self, review: Open) {
        self.open.borrow_mut().push(review);
    }

    /// Ends the review of a call; gives the denials of the turn if they are too many by now.
    pub(super) fn end(&self, call: &str, is_denied: bool) -> Option<Denials> {
        self.take(call);
        let mut denied = self.denied.borrow_mut();
        denied.push(is_denied);
        let denials = Denials::of(&denied);
        (is_denied && denials.are_too_many()).then_some(denials)
    }

    fn take(&self, call: &str) -> Option<Open> {
        let mut open = self.open.borrow_mut();
        let at = open.iter().position(|review| review.call == call)?;
        Some(open.remove(at))
    }

    /// Ends the review of a call that nobody waits for any more, if there is one.
    pub(in crate::turn) fn cut_off(&self, scope: &Scope, call: &str) {
        let Some(review) = self.take(call) else {
            return;
        };
        let aborted = json!({
            "status": "aborted",
            "riskLevel": null,
            "userAuthorization": null,
            "rationale": null,
        });
        tell_end(scope, &review.params, &aborted);
        if let Some(item) = review.declined {
            scope.item_completed(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denials_are_too_many_in_a_row_or_in_sum() {
        let few = [true, true, false].repeat(4);
        for (denied, too_many) in [
            (vec![true, true], false),
            (vec![true, true, true], true),
            (few.clone(), false),
            ([few.clone(), vec![true]].concat(), false),
            ([few.clone(), vec![true, true]].concat(), true),
            ([few, vec![false; WINDOW - 1], vec![true]].concat(), false),
        ] {
            assert_eq!(Denials::of(&denied).are_too_many(), too_many, "{denied:?}");
        }
    }
}
