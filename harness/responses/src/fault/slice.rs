//! An answer in pieces.

use schemars::JsonSchema;
use serde::Deserialize;

use super::chance::Dice;
use crate::pace::Pause;

/// How an answer is cut into pieces, each of which is a write of its own.
///
/// Pieces of the body are also chunks of their own, so that a client sees them apart even if its
/// kernel doesn't; `wire` cuts everything that is sent, the head and what frames the chunks
/// included, and leaves the chunks alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Where it is cut.
    pub at: SliceAt,
    /// The time from one piece to the next, on an absolute schedule; none by default.
    pub pause: Pause,
}

/// Where an answer is cut into pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SliceAt {
    /// After every so many bytes of the body.
    Every(usize),
    /// At these bytes of the body, counted from its beginning.
    Bytes(Vec<usize>),
    /// Wherever the body has one of these.
    Inside(Within),
    /// Into pieces of 1 to so many bytes of the body, out of the script's seed.
    Random(usize),
    /// After every so many bytes of all that is sent.
    Wire(usize),
}

/// What is cut in two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Within {
    /// Every character of more than one byte, after its first byte. Such characters are escaped
    /// nowhere in what this server sends.
    Utf8,
    /// Every `data:`, after `da`.
    Data,
    /// Every CR LF. The events then end their lines with CR LF instead of LF.
    Crlf,
}

/// The form of a script: one of the places, and `pause`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SliceMap {
    /// Pieces of so many bytes of the body.
    bytes: Option<usize>,
    /// Cuts at these bytes of the body.
    at: Option<Vec<usize>>,
    /// Cuts inside these.
    inside: Option<Within>,
    /// Pieces of 1 to so many bytes of the body, out of the script's seed.
    random: Option<usize>,
    /// Pieces of so many bytes of all that is sent.
    wire: Option<usize>,
    /// The time from one piece to the next.
    pause: Pause,
}

impl SliceMap {
    /// The slices; the error is a message for the script's author.
    pub(super) fn slice(self) -> Result<Slice, String> {
        let given = [
            self.bytes.map(SliceAt::Every),
            self.at.map(SliceAt::Bytes),
            self.inside.map(SliceAt::Inside),
            self.random.map(SliceAt::Random),
            self.wire.map(SliceAt::Wire),
        ];
        let mut given = given.into_iter().flatten();
        let (Some(at), None) = (given.next(), given.next()) else {
            return Err(
                "`slice` needs one of `bytes: N`, `at: [N, …]`, `inside: utf8 | data | crlf`, \
                 `random: N`, `wire: N`"
                    .to_owned(),
            );
        };
        if let SliceAt::Every(0) | SliceAt::Random(0) | SliceAt::Wire(0) = at {
            return Err("a piece of `slice` has at least 1 byte".to_owned());
        }
        Ok(Slice {
            at,
            pause: self.pause,
        })
    }
}

impl SliceAt {
    /// The places in a body where it is cut.
    pub(crate) fn places(&self, body: &[u8], dice: &mut Dice) -> Vec<usize> {
        match self {
            Self::Every(size) => (0..body.len()).step_by(*size).skip(1).collect(),
            Self::Bytes(places) => {
                let inside = |place: &&usize| (1..body.len()).contains(*place);
                places.iter().filter(inside).copied().collect()
            }
            Self::Inside(within) => within.places(body),
            Self::Random(most) => random_places(body.len(), *most, dice),
            Self::Wire(_) => Vec::new(),
        }
    }
}

impl Within {
    fn places(self, body: &[u8]) -> Vec<usize> {
        let found = |needle: &[u8], offset: usize| -> Vec<usize> {
            let places = body.windows(needle.len()).enumerate();
            let places = places.filter(|(_, window)| *window == needle);
            places.map(|(place, _)| place + offset).collect()
        };
        match self {
            Self::Utf8 => {
                // The first byte of a character of several bytes has its two top bits set.
                let first = (1..body.len()).filter(|place| body[place - 1] >= 0xC0);
                first.collect()
            }
            Self::Data => found(b"\ndata:", 3),
            Self::Crlf => found(b"\r\n", 1),
        }
    }
}

fn random_places(length: usize, most: usize, dice: &mut Dice) -> Vec<usize> {
    let mut places = Vec::new();
    let mut place = 0;
    loop {
        place += 1 + dice.below(most);
        if place >= length {
            return places;
        }
        places.push(place);
    }
}
