//! What a turn tells of the tokens that its answers counted.

use super::run::Turn;
use crate::protocol::reply::TokenUsage;

impl Turn {
    /// Tells the rate limits, which come with HTTP answers alone.
    pub(super) fn tell_limits(&self) {
        if self.over_http {
            self.scope.rate_limits();
        }
    }

    /// Tells again what is counted so far, after an answer that counted nothing: it comes with the
    /// rate limits.
    pub(super) fn tell_known_usage(&self) {
        if !self.over_http {
            return;
        }
        self.tell_last_usage();
        self.scope.rate_limits();
    }

    /// Tells again what was counted last, if anything was.
    pub(super) fn tell_last_usage(&self) {
        let thread = &self.scope.thread;
        let known = {
            let state = thread.state.borrow();
            state
                .last_usage
                .as_ref()
                .map(|(_, last)| (state.usage, *last))
        };
        if let Some((total, last)) = known {
            self.scope.tell_usage(total, last);
        }
    }

    /// Counts an answer that broke off among all, though not as the last one.
    pub(super) fn add_usage(&self, usage: Option<TokenUsage>) {
        let Some(usage) = usage else { return };
        let (mut total, last) = {
            let state = self.scope.thread.state.borrow();
            let last = state.last_usage.as_ref().map(|(_, last)| *last);
            (state.usage, last.unwrap_or_default())
        };
        total += usage;
        self.scope.keep_usage(total, last);
    }

    pub(super) fn tell_usage(&self, usage: Option<TokenUsage>) {
        if let Some(usage) = usage {
            self.scope.count(usage);
        }
        self.tell_limits();
        self.scope.diff.repeat(&self.scope);
    }
}
