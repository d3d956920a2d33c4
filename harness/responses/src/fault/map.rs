//! Faults as a script writes them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::Deserializer;

use super::place::{Place, PlaceMap, only_place};
use super::slice::SliceMap;
use super::{DropWhen, Ending, Fault, Random, Refuse};
use crate::pace::Pause;
use crate::script::Http;
use crate::short::{TextOrMap, text_or_map};

/// The length of an oversized event by default: 16 MiB, the longest message that codex 0.169.0
/// says it takes unfragmented.
const OVERSIZED: usize = 16 * 1024 * 1024;

/// The map form of a fault: one key.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FaultMap {
    /// Refuses connections.
    refuse: Option<RefuseMap>,
    /// Closes the connection.
    close: Option<CloseMap>,
    /// Sends nothing more, and keeps the connection open.
    stall: Option<PlaceMap>,
    /// Resets the connection (a TCP RST).
    #[serde(alias = "reset")]
    reset_peer: Option<PlaceMap>,
    /// Sends the answer in pieces.
    slice: Option<SliceMap>,
    /// Sends the answer in small pieces, slowly.
    trickle: Option<TrickleMap>,
    /// Leaves out the terminal event.
    no_terminal_event: Option<bool>,
    /// Leaves out the blank line after an event.
    missing_blank_line: Option<AfterEvent>,
    /// Sends an event twice.
    duplicate_event: Option<OneEvent>,
    /// Lets an event and the next one change places.
    swap_events: Option<OneEvent>,
    /// Cuts the data of an event in half.
    broken_json: Option<OneEvent>,
    /// Pads the data of an event.
    oversized_event: Option<OversizedMap>,
    /// Announces another length than the body has.
    wrong_length: Option<LengthMap>,
    /// Gives a chunk a size that is none.
    bad_chunk: Option<ChunkMap>,
    /// Drops the connection that is kept for the next request.
    drop_connection: Option<DropWhen>,
    /// Gives this HTTP answer instead; a number is the status of an empty one.
    http: Option<HttpOrStatus>,
    /// One of several faults, by chance.
    random: Option<RandomMap>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RefuseMap {
    /// Until this gate is released.
    #[serde(default)]
    gate: Option<String>,
    /// For so long.
    #[serde(default, rename = "for")]
    duration: Option<Pause>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CloseMap {
    /// How many events are sent first; 0 is after the head.
    #[serde(default)]
    after_event: Option<usize>,
    /// How many bytes of the body are sent first.
    #[serde(default)]
    after_byte: Option<usize>,
    /// How many bytes are sent first, the head included.
    #[serde(default)]
    after_wire_byte: Option<usize>,
    /// Nothing is sent first.
    #[serde(default)]
    before_head: Option<bool>,
    /// How the body ends.
    #[serde(default)]
    end: Ending,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TrickleMap {
    /// How many bytes a piece has.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    bytes: usize,
    /// The time from one piece to the next.
    every: Pause,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AfterEvent {
    /// Which event, counted from 1.
    after_event: usize,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OneEvent {
    /// Which event, counted from 1.
    event: usize,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OversizedMap {
    /// Which event, counted from 1.
    event: usize,
    /// The length of its data; 16 MiB by default.
    #[serde(default = "oversized")]
    bytes: usize,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LengthMap {
    /// How many bytes more than there are; negative for fewer.
    by: i64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ChunkMap {
    /// The event whose chunk it is, counted from 1.
    event: usize,
    /// What stands in place of the size; `xyz` by default.
    #[serde(default = "no_size")]
    size: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RandomMap {
    /// The faults to choose from.
    of: Vec<Fault>,
    /// How often there is a fault at all, of a hundred times.
    #[serde(default = "always")]
    #[schemars(range(max = 100))]
    percent: u8,
}

fn one() -> usize {
    1
}

fn oversized() -> usize {
    OVERSIZED
}

fn no_size() -> String {
    "xyz".to_owned()
}

fn always() -> u8 {
    100
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

impl RefuseMap {
    fn fault(self) -> Result<Fault, String> {
        match (self.gate, self.duration) {
            (Some(gate), None) => Ok(Fault::Refuse(Refuse::Gate(gate))),
            (None, Some(pause)) => Ok(Fault::Refuse(Refuse::For(pause))),
            _ => Err("`refuse` needs either `gate: NAME` or `for: PAUSE`".to_owned()),
        }
    }
}

impl CloseMap {
    fn fault(&self) -> Result<Fault, String> {
        let at = only_place(
            self.after_event,
            self.after_byte,
            self.after_wire_byte,
            self.before_head,
        )?;
        match (self.end, at) {
            (Ending::Clean, Place::BeforeHead | Place::AfterWireByte(_)) => {
                Err("`end: clean` needs `after_event: N` or `after_byte: N`".to_owned())
            }
            (end, at) => Ok(Fault::Close { at, end }),
        }
    }
}

impl TrickleMap {
    fn fault(&self) -> Result<Fault, String> {
        match self.bytes {
            0 => Err("a piece of `trickle` has at least 1 byte".to_owned()),
            bytes => Ok(Fault::Trickle {
                bytes,
                every: self.every,
            }),
        }
    }
}

impl RandomMap {
    fn fault(self) -> Result<Fault, String> {
        let nested = |fault: &&Fault| matches!(fault, Fault::Random(_) | Fault::Refuse(_));
        if self.of.is_empty() || self.percent > 100 {
            return Err("`random` needs `of: [FAULT, …]`, and `percent` up to 100".to_owned());
        }
        if let Some(fault) = self.of.iter().find(nested) {
            return Err(format!("`{}` can't be a matter of chance", fault.name()));
        }
        Ok(Fault::Random(Random {
            of: self.of,
            percent: self.percent,
        }))
    }
}

impl FaultMap {
    /// Every fault that is given.
    fn given(self) -> Vec<Result<Fault, String>> {
        let given = [
            self.refuse.map(RefuseMap::fault),
            self.close.map(|map| map.fault()),
            self.stall
                .map(|map| map.place().map(|at| Fault::Stall { at })),
            self.reset_peer
                .map(|map| map.place().map(|at| Fault::ResetPeer { at })),
            self.slice.map(|map| map.slice().map(Fault::Slice)),
            self.trickle.map(|map| map.fault()),
            self.random.map(RandomMap::fault),
        ];
        let plain = [
            self.no_terminal_event
                .filter(|set| *set)
                .map(|_| Fault::NoTerminalEvent),
            self.missing_blank_line.map(|at| Fault::MissingBlankLine {
                after_event: at.after_event,
            }),
            self.duplicate_event
                .map(|at| Fault::DuplicateEvent { event: at.event }),
            self.swap_events
                .map(|at| Fault::SwapEvents { event: at.event }),
            self.broken_json
                .map(|at| Fault::BrokenJson { event: at.event }),
            self.oversized_event.map(|at| Fault::OversizedEvent {
                event: at.event,
                bytes: at.bytes,
            }),
            self.wrong_length
                .map(|wrong| Fault::WrongLength { by: wrong.by }),
            self.bad_chunk.map(|bad| Fault::BadChunk {
                event: bad.event,
                size: bad.size,
            }),
            self.drop_connection.map(Fault::DropConnection),
            self.http.map(|answer| Fault::Http(answer.0)),
        ];
        let plain = plain.into_iter().flatten().map(Ok);
        given.into_iter().flatten().chain(plain).collect()
    }
}

impl TextOrMap for Fault {
    type Long = FaultMap;
    const EXPECTING: &'static str = "`no_terminal_event`, or a map with one of `refuse`, `close`, \
        `stall`, `reset_peer`, `slice`, `trickle`, `no_terminal_event`, `missing_blank_line`, \
        `duplicate_event`, `swap_events`, `broken_json`, `oversized_event`, `wrong_length`, \
        `bad_chunk`, `drop_connection`, `http`, `random`";

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
        let mut given = long.given().into_iter();
        match (given.next(), given.next()) {
            (Some(fault), None) => fault,
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
