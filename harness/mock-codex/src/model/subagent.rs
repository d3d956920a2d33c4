//! Conversations beside that of a thread.

/// A conversation beside a thread's own: what it is for, and the thread and the turn that it
/// belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subagent<'a> {
    pub(crate) kind: SubagentKind,
    pub(crate) thread: &'a str,
    pub(crate) turn: &'a str,
}

/// What a sub-agent is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubagentKind {
    /// It decides about commands and patches.
    Guardian,
    /// It reviews changes of code.
    Review,
}

impl SubagentKind {
    /// What it is called on the wire.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Guardian => "guardian",
            Self::Review => "review",
        }
    }

    pub(super) fn thread_source(self) -> &'static str {
        match self {
            Self::Guardian => "guardian_review",
            Self::Review => "subagent",
        }
    }

    pub(super) fn turn_trigger(self) -> Option<&'static str> {
        match self {
            Self::Guardian => Some("guardian_review"),
            Self::Review => None,
        }
    }
}
