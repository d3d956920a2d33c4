//! Short forms: values that a script may write as a plain text or, with more to say, as a map.
//!
//! Written by hand rather than with `serde(untagged)`, whose only message is that nothing matched.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// A value with a text form and a map form.
pub(crate) trait TextOrMap: Sized {
    /// The map form, as derived.
    type Long: for<'de> Deserialize<'de>;

    /// What a message says was expected, e.g. "a text or a map with `text`".
    const EXPECTING: &'static str;

    /// Reads the text form; the error is a message for the script's author.
    fn from_text(text: &str) -> Result<Self, String>;

    /// Reads the map form; the error is a message for the script's author.
    fn from_long(long: Self::Long) -> Result<Self, String>;
}

/// Deserializes a [`TextOrMap`].
pub(crate) fn text_or_map<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: TextOrMap,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(TextOrMapVisitor(PhantomData))
}

struct TextOrMapVisitor<T>(PhantomData<T>);

impl<'de, T: TextOrMap> Visitor<'de> for TextOrMapVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(T::EXPECTING)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let long = T::Long::deserialize(MapAccessDeserializer::new(map))?;
        T::from_long(long).map_err(A::Error::custom)
    }
}
