//! What goes wrong with a reply: at a stated place, or by chance out of a seed that can be given
//! again.

mod chance;
mod map;
mod place;
mod slice;

pub use chance::Random;
pub(crate) use chance::{Dice, own_seed};
pub use place::Place;
pub use slice::{Slice, SliceAt, Within};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::pace::Pause;
use crate::script::Http;

/// What goes wrong with a reply.
///
/// In a script: `no_terminal_event`, or a map with one key.
///
/// | key | what happens |
/// | --- | --- |
/// | `refuse: { gate: NAME }` or `{ for: PAUSE }` | nobody listens until then: connections are refused |
/// | `close: { PLACE, end: cut \| clean }` | the connection is closed (FIN) |
/// | `reset_peer: { PLACE }` | the connection is reset (RST) |
/// | `stall: { PLACE }` | nothing more is sent, the connection stays open |
/// | `slice: { … }` | the answer comes in pieces: [`Slice`] |
/// | `trickle: { bytes: N, every: PAUSE }` | the answer comes in pieces of `N` bytes (1), slowly |
/// | `no_terminal_event` | the last event is left out |
/// | `missing_blank_line: { after_event: N }` | event N is not separated from the next |
/// | `duplicate_event: { event: N }` | event N is sent twice |
/// | `swap_events: { event: N }` | event N comes after the one that follows it |
/// | `broken_json: { event: N }` | the data of event N is its first half |
/// | `oversized_event: { event: N, bytes: SIZE }` | the data of event N is this long (16 MiB) |
/// | `wrong_length: { by: N }` | `content-length` says N bytes more (or fewer) than there are |
/// | `bad_chunk: { event: N, size: TEXT }` | the chunk of event N has this as its size (`xyz`) |
/// | `drop_connection: idle` or `next_request` | the kept connection is closed after the answer, or reset when the next request comes |
/// | `http: STATUS` or `{ status, headers, body }` | this answer instead |
/// | `random: { of: [FAULT, …], percent: N }` | one of these, by chance |
///
/// `PLACE` is one of `after_event: N`, `after_byte: N` (of the body), `after_wire_byte: N` (of all
/// that is sent, the head included), `before_head: true`.
///
/// ```
/// use mock_responses::{Ending, Fault, Place};
///
/// let fault: Fault = serde_saphyr::from_str("close: { after_event: 2 }")?;
/// assert_eq!(fault, Fault::Close { at: Place::AfterEvent(2), end: Ending::Cut });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// As soon as it is this reply's turn nobody listens: idle connections are closed, new ones
    /// refused by the kernel. The reply itself is never sent; it ends when the server listens
    /// again.
    Refuse(Refuse),
    /// The connection is closed.
    Close {
        /// What is sent first.
        at: Place,
        /// How the body ends.
        end: Ending,
    },
    /// Nothing more is sent; the connection stays open.
    Stall {
        /// What is sent first.
        at: Place,
    },
    /// The connection is reset (a TCP RST).
    ///
    /// What the client has not read yet may be lost to it: that is what a reset does.
    ResetPeer {
        /// What is sent first.
        at: Place,
    },
    /// The answer comes in pieces.
    Slice(Slice),
    /// The answer comes in small pieces, slowly.
    Trickle {
        /// How many bytes a piece has, of all that is sent.
        bytes: usize,
        /// The time from one piece to the next, on an absolute schedule.
        every: Pause,
    },
    /// The terminal event is left out; the body ends cleanly.
    NoTerminalEvent,
    /// The blank line after an event is left out, so that the next one runs into it.
    MissingBlankLine {
        /// Which event, counted from 1.
        after_event: usize,
    },
    /// An event is sent twice.
    DuplicateEvent {
        /// Which event, counted from 1.
        event: usize,
    },
    /// An event changes places with the next one.
    SwapEvents {
        /// Which event, counted from 1.
        event: usize,
    },
    /// The data of an event is cut in half.
    BrokenJson {
        /// Which event, counted from 1.
        event: usize,
    },
    /// The data of an event is padded (JSON member `padding`) until it has this length.
    OversizedEvent {
        /// Which event, counted from 1.
        event: usize,
        /// The length of its data, in bytes.
        bytes: usize,
    },
    /// The head announces another length than the body has; then the connection is closed.
    WrongLength {
        /// How many bytes more than there are; negative for fewer.
        by: i64,
    },
    /// A chunk has a size that is none.
    BadChunk {
        /// The event whose chunk it is, counted from 1.
        event: usize,
        /// What stands in place of the size.
        size: String,
    },
    /// The connection that is kept for the next request is dropped, without notice.
    DropConnection(DropWhen),
    /// The reply is this HTTP answer instead.
    Http(Http),
    /// One of several faults, by chance.
    Random(Random),
}

/// Until when connections are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refuse {
    /// Until this gate is released.
    Gate(String),
    /// For so long.
    For(Pause),
}

/// When a kept connection is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DropWhen {
    /// As soon as the answer is out (FIN).
    Idle,
    /// When the first byte of the next request comes (RST); that request is never read.
    NextRequest,
}

/// How the body of a closed connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// In the middle: the last chunk is missing, which an HTTP client can tell.
    #[default]
    Cut,
    /// As if it were whole: only the missing terminal event tells. The connection is kept.
    Clean,
}

impl Fault {
    /// The fault's name, as the script spells it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Refuse(_) => "refuse",
            Self::Close { .. } => "close",
            Self::Stall { .. } => "stall",
            Self::ResetPeer { .. } => "reset_peer",
            Self::Slice(_) => "slice",
            Self::Trickle { .. } => "trickle",
            Self::NoTerminalEvent => "no_terminal_event",
            Self::MissingBlankLine { .. } => "missing_blank_line",
            Self::DuplicateEvent { .. } => "duplicate_event",
            Self::SwapEvents { .. } => "swap_events",
            Self::BrokenJson { .. } => "broken_json",
            Self::OversizedEvent { .. } => "oversized_event",
            Self::WrongLength { .. } => "wrong_length",
            Self::BadChunk { .. } => "bad_chunk",
            Self::DropConnection(_) => "drop_connection",
            Self::Http(_) => "http",
            Self::Random(_) => "random",
        }
    }

    /// Where the answer is cut off, if it is.
    pub(crate) fn cut(&self) -> Option<Place> {
        match self {
            Self::Close { at, .. } | Self::Stall { at } | Self::ResetPeer { at } => Some(*at),
            _ => None,
        }
    }
}
