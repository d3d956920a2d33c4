//! What goes wrong with a reply: always at a stated place, never by chance.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::Deserializer;

use crate::script::Http;
use crate::short::{TextOrMap, text_or_map};

/// What goes wrong with a reply.
///
/// In a script: `no_terminal_event`, or a map with one key.
///
/// ```
/// use mock_responses::{Ending, Fault};
///
/// let fault: Fault = serde_saphyr::from_str("close: { after_event: 2 }")?;
/// assert_eq!(fault, Fault::Close { after_event: 2, end: Ending::Cut });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is closed when this many events have been sent.
    Close {
        /// How many events are sent first; 0 is after the head.
        after_event: usize,
        /// How the body ends.
        end: Ending,
    },
    /// Nothing more is sent when this many events have been sent; the connection stays open.
    Stall {
        /// How many events are sent first; 0 is after the head.
        after_event: usize,
    },
    /// The connection is reset (a TCP RST) when this many events have been sent.
    ///
    /// What the client has not read yet may be lost to it: that is what a reset does.
    ResetPeer {
        /// How many events are sent first; 0 is after the head.
        after_event: usize,
    },
    /// The terminal event is left out; the body ends cleanly.
    NoTerminalEvent,
    /// The reply is this HTTP answer instead.
    Http(Http),
}

/// How the body of a closed connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// In the middle: the last chunk is missing, which an HTTP client can tell.
    #[default]
    Cut,
    /// As if it were whole: only the missing terminal event tells.
    Clean,
}

/// Where a stream breaks, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Break {
    pub(crate) after_event: usize,
    pub(crate) how: How,
}

/// How a stream breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Cut,
    EndCleanly,
    Stall,
    Reset,
}

impl How {
    /// The fault's name, as the script spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cut | Self::EndCleanly => "close",
            Self::Stall => "stall",
            Self::Reset => "reset_peer",
        }
    }
}

impl Fault {
    /// The fault as a place where the stream breaks.
    pub(crate) fn as_break(&self) -> Option<Break> {
        let (after_event, how) = match *self {
            Self::Close {
                after_event,
                end: Ending::Cut,
            } => (after_event, How::Cut),
            Self::Close {
                after_event,
                end: Ending::Clean,
            } => (after_event, How::EndCleanly),
            Self::Stall { after_event } => (after_event, How::Stall),
            Self::ResetPeer { after_event } => (after_event, How::Reset),
            Self::NoTerminalEvent | Self::Http(_) => return None,
        };
        Some(Break { after_event, how })
    }

    /// The name of a fault that shapes the reply rather than breaking the stream.
    pub(crate) fn shapes(&self) -> Option<&'static str> {
        match self {
            Self::NoTerminalEvent => Some("no_terminal_event"),
            Self::Http(_) => Some("http"),
            Self::Close { .. } | Self::Stall { .. } | Self::ResetPeer { .. } => None,
        }
    }
}

/// The map form of a fault: one key.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FaultMap {
    /// Closes the connection.
    close: Option<CloseMap>,
    /// Sends nothing more, and keeps the connection open.
    stall: Option<AfterEvent>,
    /// Resets the connection (a TCP RST).
    #[serde(alias = "reset")]
    reset_peer: Option<AfterEvent>,
    /// Leaves out the terminal event.
    no_terminal_event: Option<bool>,
    /// Gives this HTTP answer instead; a number is the status of an empty one.
    http: Option<HttpOrStatus>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CloseMap {
    /// How many events are sent first; 0 is after the head.
    after_event: usize,
    /// How the body ends.
    #[serde(default)]
    end: Ending,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AfterEvent {
    /// How many events are sent first; 0 is after the head.
    after_event: usize,
}

/// A whole HTTP answer, or its status alone.
struct HttpOrStatus(Http);

impl<'de> Deserialize<'de> for HttpOrStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HttpVisitor)
    }
}

struct HttpVisitor;

impl<'de> serde::de::Visitor<'de> for HttpVisitor {
    type Value = HttpOrStatus;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a status code or a map with `status`")
    }

    fn visit_u64<E: serde::de::Error>(self, status: u64) -> Result<HttpOrStatus, E> {
        let status = u16::try_from(status)
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(status), &self))?;
        Ok(HttpOrStatus(Http {
            status,
            headers: BTreeMap::new(),
            body: None,
        }))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<HttpOrStatus, A::Error> {
        let long = serde::de::value::MapAccessDeserializer::new(map);
        Http::deserialize(long).map(HttpOrStatus)
    }
}

impl JsonSchema for HttpOrStatus {
    fn schema_name() -> Cow<'static, str> {
        "HttpOrStatus".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<Http>();
        json_schema!({ "anyOf": [{ "type": "integer", "minimum": 200, "maximum": 599 }, long] })
    }
}

impl TextOrMap for Fault {
    type Long = FaultMap;
    const EXPECTING: &'static str = "`no_terminal_event`, or a map with one of `close`, `stall`, \
        `reset_peer`, `no_terminal_event`, `http`";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "no_terminal_event" => Ok(Self::NoTerminalEvent),
            other => Err(format!(
                "unknown fault `{other}`, expected {}",
                Self::EXPECTING
            )),
        }
    }

    fn from_long(long: FaultMap) -> Result<Self, String> {
        let faults = [
            long.close.map(|at| Self::Close {
                after_event: at.after_event,
                end: at.end,
            }),
            long.stall.map(|at| Self::Stall {
                after_event: at.after_event,
            }),
            long.reset_peer.map(|at| Self::ResetPeer {
                after_event: at.after_event,
            }),
            long.no_terminal_event
                .filter(|set| *set)
                .map(|_| Self::NoTerminalEvent),
            long.http.map(|answer| Self::Http(answer.0)),
        ];
        let mut faults = faults.into_iter().flatten();
        match (faults.next(), faults.next()) {
            (Some(fault), None) => Ok(fault),
            _ => Err(format!(
                "a reply has one fault; expected {}",
                Self::EXPECTING
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_map(deserializer)
    }
}

impl JsonSchema for Fault {
    fn schema_name() -> Cow<'static, str> {
        "Fault".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<FaultMap>();
        json_schema!({ "anyOf": [{ "const": "no_terminal_event" }, long] })
    }
}
