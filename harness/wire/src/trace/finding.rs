//! What came of judging: which rule, where, and what to look at.

use super::sight::Moment;
use super::table::{Exception, ExceptionId, Rule, RuleId};

/// A rule that a log breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Why it is no failure, where codex is known for it.
    pub exception: Option<&'static Exception>,
    /// The frame that shows it, by its position in the log, counted from 1.
    pub number: usize,
    /// The frame where it began, for example the start of an item that has no end.
    pub since: Option<usize>,
    /// The client; empty for the first or only one.
    pub client: String,
    /// What is wrong and what to look at.
    pub message: String,
}

/// Takes findings at one moment.
#[derive(Debug)]
pub(super) struct Notes<'a> {
    pub(super) findings: &'a mut Vec<Finding>,
    pub(super) at: Moment<'a>,
    /// Does the log have every frame?
    pub(super) whole: bool,
}

impl Notes<'_> {
    /// A rule is broken.
    pub(super) fn broken(&mut self, rule: RuleId, since: Option<usize>, message: String) {
        self.push(rule, None, since, message);
    }

    /// A rule is broken as codex is known to break it.
    pub(super) fn known(&mut self, why: ExceptionId, since: Option<usize>, message: String) {
        let exception = why.exception();
        self.push(exception.rule, Some(exception), since, message);
    }

    /// One or the other.
    pub(super) fn judged(
        &mut self,
        rule: RuleId,
        why: Option<ExceptionId>,
        since: Option<usize>,
        message: String,
    ) {
        match why {
            Some(why) => self.known(why, since, message),
            None => self.broken(rule, since, message),
        }
    }

    fn push(
        &mut self,
        rule: RuleId,
        exception: Option<&'static Exception>,
        since: Option<usize>,
        message: String,
    ) {
        let rule = rule.rule();
        if rule.whole && !self.whole {
            return;
        }
        self.findings.push(Finding {
            rule,
            exception,
            number: self.at.number,
            since,
            client: self.at.client.to_owned(),
            message,
        });
    }
}
