//! How a text is cut into deltas.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// How a text is cut into deltas: `word`, or a number of characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Split {
    /// Not at all.
    #[default]
    Whole,
    /// After each word, with the space that follows it.
    Word,
    /// After so many characters, at least 1.
    Characters(usize),
}

impl Split {
    /// The pieces of a text; together they are the text.
    pub(crate) fn pieces(self, text: &str) -> Vec<&str> {
        match self {
            Self::Whole => vec![text],
            Self::Word => words(text),
            Self::Characters(count) => {
                let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
                let cuts = starts.into_iter().step_by(count.max(1)).skip(1);
                cut(text, cuts)
            }
        }
    }

    pub(super) fn owned_pieces(self, text: &str) -> Vec<String> {
        self.pieces(text).into_iter().map(str::to_owned).collect()
    }
}

fn words(text: &str) -> Vec<&str> {
    let mut after_space = false;
    let begins = text.char_indices().filter_map(|(at, character)| {
        let begins = after_space && !character.is_whitespace();
        after_space = character.is_whitespace();
        (begins && at > 0).then_some(at)
    });
    let begins: Vec<usize> = begins.collect();
    cut(text, begins.into_iter())
}

fn cut(text: &str, places: impl Iterator<Item = usize>) -> Vec<&str> {
    let mut start = 0;
    let mut pieces: Vec<&str> = places
        .map(|place| {
            let piece = &text[start..place];
            start = place;
            piece
        })
        .collect();
    pieces.push(&text[start..]);
    pieces
}

impl<'de> Deserialize<'de> for Split {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SplitVisitor)
    }
}

struct SplitVisitor;

impl Visitor<'_> for SplitVisitor {
    type Value = Split;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("`word` or a number of characters from 1")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Split, E> {
        match text {
            "word" => Ok(Split::Word),
            other => Err(E::invalid_value(Unexpected::Str(other), &self)),
        }
    }

    fn visit_u64<E: Error>(self, count: u64) -> Result<Split, E> {
        match usize::try_from(count) {
            Ok(count @ 1..) => Ok(Split::Characters(count)),
            _ => Err(E::invalid_value(Unexpected::Unsigned(count), &self)),
        }
    }
}

impl JsonSchema for Split {
    fn schema_name() -> Cow<'static, str> {
        "Split".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": "word" }, { "type": "integer", "minimum": 1 }] })
    }
}
