//! Reading only what is needed, and never failing over a member of another type.
//!
//! A trace is judged as it is: a member with a type that nobody expects counts as absent. What
//! is not asked for is passed over without being copied.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A member that may be absent, null or of another type than expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opt<T>(pub Option<T>);

impl<T> Default for Opt<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Deref for Opt<T> {
    type Target = Option<T>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// What can be picked out of a JSON value of its own type, and is absent in any other.
pub trait Pick<'de>: Sized {
    /// From a string.
    fn text(_: Cow<'de, str>) -> Option<Self> {
        None
    }

    /// From an integer.
    fn integer(_: i64) -> Option<Self> {
        None
    }

    /// From a number with a fraction.
    fn fraction(_: f64) -> Option<Self> {
        None
    }

    /// From a boolean.
    fn flag(_: bool) -> Option<Self> {
        None
    }

    /// From an object, which has to be read to its end.
    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    /// From an array, which has to be read to its end.
    fn seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Self>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl<'de, T: Pick<'de>> Deserialize<'de> for Opt<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Picker(PhantomData)).map(Opt)
    }
}

struct Picker<T>(PhantomData<T>);

impl<'de, T: Pick<'de>> Visitor<'de> for Picker<T> {
    type Value = Option<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(T::flag(flag))
    }

    fn visit_i64<E: Error>(self, integer: i64) -> Result<Self::Value, E> {
        Ok(T::integer(integer))
    }

    fn visit_u64<E: Error>(self, integer: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(integer).ok().and_then(T::integer))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(T::fraction(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(T::text(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(T::text(Cow::Borrowed(text)))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        T::seq(seq)
    }
}

/// Reads an object as the struct that it stands for.
pub(super) fn object<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    map: A,
) -> Result<Option<T>, A::Error> {
    T::deserialize(MapAccessDeserializer::new(map)).map(Some)
}

/// A string, borrowed where it has no escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a, 'de: 'a> Pick<'de> for Text<'a> {
    fn text(text: Cow<'de, str>) -> Option<Self> {
        Some(Self(text))
    }
}

impl Pick<'_> for i64 {
    fn integer(integer: i64) -> Option<Self> {
        Some(integer)
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "a fraction of a millisecond or of a token means nothing"
    )]
    fn fraction(number: f64) -> Option<Self> {
        Some(number as Self)
    }
}

impl Pick<'_> for bool {
    fn flag(flag: bool) -> Option<Self> {
        Some(flag)
    }
}

impl<'de, T: Pick<'de>> Pick<'de> for Vec<T> {
    fn seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Self>, A::Error> {
        let mut all = Self::new();
        while let Some(Opt(element)) = seq.next_element::<Opt<T>>()? {
            all.extend(element);
        }
        Ok(Some(all))
    }
}

/// Kept apart, so that what has it stays small where it is absent.
impl<'de, T: Pick<'de>> Pick<'de> for Box<T> {
    fn text(text: Cow<'de, str>) -> Option<Self> {
        T::text(text).map(Self::new)
    }

    fn integer(integer: i64) -> Option<Self> {
        T::integer(integer).map(Self::new)
    }

    fn fraction(number: f64) -> Option<Self> {
        T::fraction(number).map(Self::new)
    }

    fn flag(flag: bool) -> Option<Self> {
        T::flag(flag).map(Self::new)
    }

    fn map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        Ok(T::map(map)?.map(Self::new))
    }

    fn seq<A: SeqAccess<'de>>(seq: A) -> Result<Option<Self>, A::Error> {
        Ok(T::seq(seq)?.map(Self::new))
    }
}

/// Something is there, and it is not null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present;

impl<'de> Pick<'de> for Present {
    fn text(_: Cow<'de, str>) -> Option<Self> {
        Some(Self)
    }

    fn integer(_: i64) -> Option<Self> {
        Some(Self)
    }

    fn fraction(_: f64) -> Option<Self> {
        Some(Self)
    }

    fn flag(_: bool) -> Option<Self> {
        Some(Self)
    }

    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Some(Self))
    }

    fn seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Self>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Some(Self))
    }
}
