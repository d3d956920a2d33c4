//! What is wrong with a reply.

/// What is wrong with a reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The reply says nothing.
    #[error(
        "a reply needs one of `message`, `stream`, `reasoning`, `call`, `calls`, `custom_call`, \
         `refusal`, `web_search`, `items`, `events`, `http`, `error`, `incomplete`"
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
    /// A fault on an event that there isn't.
    #[error("`{what}` is about event {event}, but the reply has {events} events")]
    NoSuchEvent {
        /// The fault.
        what: &'static str,
        /// The event it is about, counted from 1.
        event: usize,
        /// The number of events there are.
        events: usize,
    },
    /// A fault on an event, in a reply that has none.
    #[error("`{0}` needs a reply with events; a plain HTTP answer has none")]
    NoEvents(&'static str),
    /// `no_terminal_event` on a reply that doesn't end with one.
    #[error("`no_terminal_event` needs a reply that ends with a terminal event")]
    NoTerminal,
    /// `refuse` on a reply that isn't taken in order.
    #[error("`refuse` needs a reply that is taken in order: without `when`, `thread` and `times`")]
    RefuseInOrder,
}
