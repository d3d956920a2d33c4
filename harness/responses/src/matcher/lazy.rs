//! Looks values up in a JSON text without making anything of the rest of it.
//!
//! A turn of the real codex asks with 40 KB and more, of which a matcher wants one member. The
//! text is read up to what was asked for, so that what comes after it need not be JSON; whether it
//! is, is a rule of the verdict.

use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// The value at a JSON pointer; of a member that comes twice the first one counts.
pub(super) fn pointer(json: &[u8], pointer: &str) -> Result<Option<Value>, serde_json::Error> {
    let Some(range) = locate(json, pointer)? else {
        return Ok(None);
    };
    serde_json::from_slice(&json[range]).map(Some)
}

/// Where the value at a JSON pointer is in the text.
pub(super) fn locate(
    json: &[u8],
    pointer: &str,
) -> Result<Option<Range<usize>>, serde_json::Error> {
    let path: Vec<String> = match pointer.strip_prefix('/') {
        Some(rest) => rest.split('/').map(unescape).collect(),
        None if pointer.is_empty() => Vec::new(),
        None => return Ok(None),
    };
    let mut found = None;
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let walk = Step {
        path: &path,
        found: &mut found,
    };
    let walked = walk.deserialize(&mut deserializer);
    match (found, walked) {
        (Some(raw), _) => Ok(Some(range_of(json, raw))),
        (None, Ok(())) => Ok(None),
        (None, Err(error)) => Err(error),
    }
}

/// The elements of a JSON list, as places in the text.
pub(super) fn elements(json: &[u8], list: Range<usize>) -> Vec<Range<usize>> {
    let elements: Vec<&RawValue> = serde_json::from_slice(&json[list]).unwrap_or_default();
    let ranges = elements.into_iter().map(|raw| range_of(json, raw));
    ranges.collect()
}

/// Where a value that was borrowed from a text is in it.
fn range_of(json: &[u8], raw: &RawValue) -> Range<usize> {
    let start = raw.get().as_ptr().addr() - json.as_ptr().addr();
    start..start + raw.get().len()
}

fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// One step down a path.
struct Step<'p, 'f, 'de> {
    path: &'p [String],
    found: &'f mut Option<&'de RawValue>,
}

/// Why a walk ends early.
const FOUND: &str = "found";

impl<'de> DeserializeSeed<'de> for Step<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.path.is_empty() {
            *self.found = Some(serde::Deserialize::deserialize(deserializer)?);
            return Err(serde::de::Error::custom(FOUND));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Step<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if key == self.path[0] {
                // Comes back only if it isn't there; then the rest is read for its end.
                map.next_value_seed(Step {
                    path: &self.path[1..],
                    found: &mut *self.found,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let wanted: Option<usize> = self.path[0].parse().ok();
        let mut index = 0;
        loop {
            if Some(index) == wanted {
                let step = Step {
                    path: &self.path[1..],
                    found: &mut *self.found,
                };
                if list.next_element_seed(step)?.is_none() {
                    return Ok(());
                }
            } else if list.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_lookup_finds_what_a_whole_parse_finds() {
        let value = json!({
            "a": { "b": [1, { "c/d": "x", "e~f": null }, "text"], "": 7 },
            "empty": {}, "list": [[], [[3]]], "é": "ü",
        });
        let text = value.to_string();
        for path in [
            "",
            "/a",
            "/a/b",
            "/a/b/1",
            "/a/b/1/c~1d",
            "/a/b/1/e~0f",
            "/a/b/2",
            "/a/b/3",
            "/a/b/-",
            "/a/b/x",
            "/a/",
            "/empty",
            "/empty/x",
            "/list/1/0/0",
            "/é",
            "/none",
            "/a/b/2/0",
            "a",
        ] {
            let found = pointer(text.as_bytes(), path).expect("JSON");
            assert_eq!(found.as_ref(), value.pointer(path), "{path}");
        }
    }

    #[test]
    fn what_comes_after_the_value_is_not_read() {
        let found = pointer(br#"{"model": "m", "input": [not json"#, "/model");
        assert_eq!(found.expect("found before that"), Some(json!("m")));
        assert!(pointer(br#"{"model": "m", "input": [not json"#, "/none").is_err());
    }

    #[test]
    fn elements_are_places_in_the_text() {
        let text = br#"{"input": [ {"a": 1}, "b" ]}"#;
        let list = locate(text, "/input").expect("JSON").expect("a list");
        let found: Vec<_> = elements(text, list)
            .into_iter()
            .map(|range| &text[range])
            .collect();
        assert_eq!(found, [&br#"{"a": 1}"#[..], br#""b""#]);
    }
}
