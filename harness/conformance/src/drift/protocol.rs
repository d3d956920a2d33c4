//! What changed in the protocol that no case has shown.

use codex_wire::schema::{ITEM_TYPE, Schema};

use crate::coverage::{Area, Names};
use crate::schema::diff::{Change, Diff, Subject};

/// The changes between two versions' schemas of which the suite saw nothing: what bears on authority
/// first, then what can break a client.
#[derive(Clone, Debug)]
pub struct Unexercised {
    /// The two versions.
    pub versions: [String; 2],
    /// The changes that were not exercised.
    pub changes: Vec<Change>,
    /// How many changes there are in all.
    pub all: usize,
}

/// Compares two schemas; `seen` is what of either was on a wire.
pub(super) fn unexercised(schemas: [&Schema; 2], seen: &[Names; 2]) -> Unexercised {
    let diff = Diff::between(schemas[0], schemas[1]);
    let all = diff.changes.len();
    let changes = diff.changes.into_iter();
    Unexercised {
        versions: diff.versions,
        changes: changes.filter(|change| !is_seen(change, seen)).collect(),
        all,
    }
}

/// Was what changed on a wire, of either target?
fn is_seen(change: &Change, seen: &[Names; 2]) -> bool {
    let Change { place, detail, .. } = change;
    let (path, tags) = untagged(place);
    let tags_seen = tags.iter().all(|(of, tag)| has_value(seen, of, tag));
    let area = match change.subject {
        Subject::Method | Subject::ClientNotification => Area::ClientMethods,
        Subject::Notification => Area::Notifications,
        Subject::ServerRequest => Area::ServerRequests,
        Subject::Member | Subject::Type => Area::Members,
        Subject::Value => return tags_seen && has_value(seen, &path, detail),
    };
    tags_seen && all(seen, area).any(|name| *name == path)
}

/// The names of both sides.
fn all(seen: &[Names; 2], area: Area) -> impl Iterator<Item = &String> {
    let sides = seen.iter().filter_map(move |names| names.get(&area));
    sides.flatten()
}

/// Was this value of an enumeration seen, or this alternative, which its tag tells?
fn has_value(seen: &[Names; 2], of: &str, value: &str) -> bool {
    let is_it = |name: &String| {
        let rest = name.strip_prefix(of);
        let tag = rest.and_then(|rest| rest.strip_suffix(value)?.strip_suffix(": "));
        tag.is_some_and(|tag| tag.is_empty() || tag.starts_with('.') && !tag.contains(": "))
    };
    all(seen, Area::EnumValues).any(is_it)
        || ITEM_TYPE.strip_suffix(".type") == Some(of)
            && all(seen, Area::ItemTypes).any(|name| name == value)
}

/// A place as coverage names it, which tells no alternatives apart, and the alternatives that it is
/// in: `v2/ThreadItem(agentMessage).text` is `v2/ThreadItem.text` of `agentMessage`.
fn untagged(place: &str) -> (String, Vec<(String, String)>) {
    let plain = place.replace("[]", "").replace(".*", "");
    let mut parts = plain.split('(');
    let mut path = parts.next().unwrap_or_default().to_owned();
    let mut tags = Vec::new();
    for part in parts {
        let (tag, rest) = part.split_once(')').unwrap_or((part, ""));
        tags.push((path.clone(), tag.to_owned()));
        path.push_str(rest);
    }
    (path, tags)
}

#[cfg(test)]
mod tests {
    use codex_wire::transcript::{Entry, Event};
    use serde_json::{Value, json};

    use super::*;
    use crate::coverage::Observer;

    fn schema(version: &str, members: &Value) -> Schema {
        let definitions = json!({
            "ClientRequest": { "oneOf": [{ "properties": {
                "method": { "enum": ["a/do"] }, "params": { "$ref": "#/definitions/AParams" } } }] },
            "AParams": { "type": "object", "properties": members },
        });
        let text = json!({ "version": version, "experimental": [], "definitions": definitions });
        Schema::parse(&text.to_string()).unwrap()
    }

    #[test]
    fn a_change_that_was_on_a_wire_is_left_out() {
        let text = json!({ "type": "string" });
        let before = schema("1.0.0", &json!({ "old": text }));
        let after = schema("2.0.0", &json!({ "new": text, "sandbox": text }));
        let mut observer = Observer::new(Some(&after));
        observer.look(&[Entry {
            t_us: 0,
            event: Event::Client(json!({ "id": 1, "method": "a/do", "params": { "new": "x" } })),
        }]);
        let told = unexercised([&before, &after], &[Names::new(), observer.into_names()]);
        let places: Vec<&str> = told.changes.iter().map(|it| it.place.as_str()).collect();
        assert_eq!(places, ["AParams.sandbox", "AParams.old"]);
        assert_eq!(told.all, 3);
    }

    #[test]
    fn alternatives_are_told_by_their_tags() {
        let (path, tags) = untagged("v2/Outer(a).list[].inner(b).x");
        assert_eq!(path, "v2/Outer.list.inner.x");
        let pair = |of: &str, tag: &str| (of.to_owned(), tag.to_owned());
        assert_eq!(
            tags,
            [pair("v2/Outer", "a"), pair("v2/Outer.list.inner", "b")]
        );
        let values = ["v2/Outer.type: a", "v2/Mode: fast"].map(str::to_owned);
        let seen = [
            Names::from([(Area::EnumValues, values.into())]),
            Names::new(),
        ];
        assert!(has_value(&seen, "v2/Outer", "a") && has_value(&seen, "v2/Mode", "fast"));
        assert!(!has_value(&seen, "v2/Outer", "b") && !has_value(&seen, "v2/Out", "a"));
    }
}
