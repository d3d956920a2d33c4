//! How long the tools wait for a command before they report what there is.

use std::time::Duration;

/// The wait of a call, from its `yield_time_ms`.
///
/// Observed on codex 0.169.0, but for two bounds of an empty `write_stdin`, which are assumed: its
/// default of 5 s and its maximum of 300 s. Its minimum of 5 s was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `exec_command`.
    Exec,
    /// `write_stdin` that writes something.
    Write,
    /// `write_stdin` without `chars`, which only looks.
    Poll,
}

impl Call {
    /// The time to wait when `yield_time_ms` is asked for, if it is.
    pub fn wait(self, yield_time_ms: Option<u64>) -> Duration {
        let (default, least, most) = match self {
            Self::Exec => (10_000, 250, 30_000),
            Self::Write => (250, 250, 30_000),
            Self::Poll => (5_000, 5_000, 300_000),
        };
        Duration::from_millis(yield_time_ms.unwrap_or(default).clamp(least, most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_clamped() {
        let millis = |call: Call, asked| call.wait(asked).as_millis();
        assert_eq!(millis(Call::Exec, None), 10_000);
        assert_eq!(millis(Call::Exec, Some(1)), 250);
        assert_eq!(millis(Call::Write, None), 250);
        assert_eq!(millis(Call::Poll, Some(300)), 5_000);
    }
}
