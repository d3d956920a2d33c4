//! Where something goes wrong.

use schemars::JsonSchema;
use serde::Deserialize;

/// What of an answer is sent before something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// Nothing.
    BeforeHead,
    /// The head and this many events; 0 is after the head.
    AfterEvent(usize),
    /// The head and this many bytes of the body, not counting what frames its chunks. The last
    /// chunk ends there.
    AfterByte(usize),
    /// This many bytes of all that is sent.
    AfterWireByte(usize),
}

/// The form of a script: one of these.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PlaceMap {
    /// How many events are sent first; 0 is after the head.
    after_event: Option<usize>,
    /// How many bytes of the body are sent first.
    after_byte: Option<usize>,
    /// How many bytes are sent first, the head included.
    after_wire_byte: Option<usize>,
    /// Nothing is sent first.
    before_head: Option<bool>,
}

impl PlaceMap {
    /// The place; the error is a message for the script's author.
    pub(super) fn place(&self) -> Result<Place, String> {
        only_place(
            self.after_event,
            self.after_byte,
            self.after_wire_byte,
            self.before_head,
        )
    }
}

/// The one place that is given; the error is a message for the script's author.
pub(super) fn only_place(
    after_event: Option<usize>,
    after_byte: Option<usize>,
    after_wire_byte: Option<usize>,
    before_head: Option<bool>,
) -> Result<Place, String> {
    let given = [
        after_event.map(Place::AfterEvent),
        after_byte.map(Place::AfterByte),
        after_wire_byte.map(Place::AfterWireByte),
        before_head.filter(|set| *set).map(|_| Place::BeforeHead),
    ];
    let mut given = given.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(place), None) => Ok(place),
        _ => Err(
            "the fault needs one place: `after_event: N`, `after_byte: N`, `after_wire_byte: N` \
             or `before_head: true`"
                .to_owned(),
        ),
    }
}
