//! Comparing two versions, type by type.

use std::collections::{BTreeMap, BTreeSet};

use codex_wire::schema::{Kind, Schema};
use serde_json::Value;

use super::authority::Authority;
use super::reach::{self, Reach, client_writes};
use super::shape::Shape;
use super::{Breaks, Change, Subject, What};

/// Everything that changed, in no order.
pub(super) fn changes(before: &Schema, after: &Schema) -> Vec<Change> {
    let mut comparison = Comparison {
        schemas: [before, after],
        under_way: BTreeSet::new(),
        changes: Vec::new(),
    };
    comparison.methods();
    comparison.definitions();
    comparison.changes
}

struct Comparison<'a> {
    schemas: [&'a Schema; 2],
    /// Pairs of definitions that are being compared under two names.
    under_way: BTreeSet<[String; 2]>,
    changes: Vec<Change>,
}

/// Where a comparison is.
#[derive(Clone)]
struct Place<'r> {
    path: String,
    reach: &'r Reach,
}

impl Place<'_> {
    fn below(&self, more: &str) -> Self {
        Self {
            path: format!("{}{more}", self.path),
            ..self.clone()
        }
    }
}

/// Both sides of something, first what was.
type Both<'a> = [&'a Value; 2];

impl<'a> Comparison<'a> {
    fn methods(&mut self) {
        for kind in Kind::ALL {
            let [before, after] = self
                .schemas
                .map(|schema| schema.methods(kind).collect::<BTreeSet<&str>>());
            for method in before.union(&after) {
                let of = |side: &BTreeSet<&str>| side.contains(method);
                match (of(&before), of(&after)) {
                    (true, true) => self.frames_of(kind, method),
                    (true, false) => self.method(kind, method, What::Removed),
                    _ => self.method(kind, method, What::Added),
                }
            }
        }
    }

    fn method(&mut self, kind: Kind, method: &str, what: What) {
        let (subject, readers, writers) = match (kind, what) {
            (Kind::ClientRequest, what) => (Subject::Method, false, what == What::Removed),
            (Kind::ClientNotification, what) => {
                (Subject::ClientNotification, false, what == What::Removed)
            }
            (Kind::ServerNotification, what) => {
                (Subject::Notification, what == What::Removed, false)
            }
            // One that a client doesn't know stays without the answer that the app-server needs.
            (Kind::ServerRequest, what) => (Subject::ServerRequest, what == What::Added, false),
        };
        let schema = self.schemas[usize::from(what == What::Added)];
        self.changes.push(Change {
            authority: Authority::of(method),
            breaks: Breaks { readers, writers },
            place: method.to_owned(),
            subject,
            what,
            detail: String::new(),
            experimental: schema.is_experimental(method),
            methods: BTreeSet::new(),
        });
    }

    /// The frames of a method whose types have other names than before, or none.
    fn frames_of(&mut self, kind: Kind, method: &str) {
        let writes = client_writes(kind);
        let reach = |written: bool| Reach {
            read: !written,
            written,
            methods: BTreeSet::from([method.to_owned()]),
        };
        let params = self.schemas.map(|schema| schema.params(kind, method));
        if let [Some(before), Some(after)] = params {
            let place = Place {
                path: format!("{method} params"),
                reach: &reach(writes),
            };
            self.compare([before, after], &place);
        }
        let names = self.schemas.map(|schema| schema.reply_name(kind, method));
        let replies = self.schemas.map(|schema| schema.reply(kind, method));
        if let [Some(before), Some(after)] = replies
            && names[0] != names[1]
        {
            let place = Place {
                path: format!("{method} result"),
                reach: &reach(!writes),
            };
            self.compare([before, after], &place);
        }
    }

    /// The definitions that both versions have, and that some frame has.
    fn definitions(&mut self) {
        let [before, after] = self.schemas.map(reach::of);
        for (name, reach) in &before {
            let Some(other) = after.get(name) else {
                continue;
            };
            let both = self.schemas.map(|schema| schema.definition(name));
            if let [Some(before), Some(after)] = both {
                let reach = reach.clone().or(other);
                let place = Place {
                    path: name.clone(),
                    reach: &reach,
                };
                self.compare([before, after], &place);
            }
        }
    }

    fn compare(&mut self, both: Both<'a>, place: &Place<'_>) {
        let names = both.map(Schema::reference);
        if let [Some(before), Some(after)] = names {
            // A definition is compared once, by its name; under two names, here.
            let pair = [before.to_owned(), after.to_owned()];
            if before == after || !self.under_way.insert(pair.clone()) {
                return;
            }
            self.shapes(both, place);
            self.under_way.remove(&pair);
            return;
        }
        self.shapes(both, place);
    }

    fn shapes(&mut self, both: Both<'a>, place: &Place<'_>) {
        if both[0] == both[1] && Schema::reference(both[0]).is_none() {
            return;
        }
        let [mut before, mut after] = [0, 1].map(|side| Shape::of(self.schemas[side], both[side]));
        self.forms(&mut before, &mut after, place);
        if before.variants.is_empty() != after.variants.is_empty() {
            before.flatten(self.schemas[0]);
            after.flatten(self.schemas[1]);
        }
        self.kinds(&before, &after, place);
        self.words(&before, &after, place);
        self.variants([before.variants, after.variants], place);
        self.members([before.members, after.members], place);
        if let [Some(before), Some(after)] = [before.items, after.items] {
            self.compare([before, after], &place.below("[]"));
        }
        if let [Some(before), Some(after)] = [before.rest, after.rest] {
            self.compare([before, after], &place.below(".*"));
        }
    }

    /// Values that were a word and are an object, or the other way round.
    fn forms(&mut self, before: &mut Shape<'a>, after: &mut Shape<'a>, place: &Place<'_>) {
        let mut changed = |words: &mut Shape<'a>, objects: &mut Shape<'a>, forms: &str| {
            let words = &mut words.words;
            objects.variants.retain(|name, _| {
                let is_changed = words.remove(name.as_str());
                if is_changed {
                    let detail = format!("{name} ({forms})");
                    self.changed(place, Subject::Value, What::Changed, detail);
                }
                !is_changed
            });
        };
        changed(before, after, "a word → an object");
        changed(after, before, "an object → a word");
    }

    fn kinds(&mut self, before: &Shape<'a>, after: &Shape<'a>, place: &Place<'_>) {
        let (gained, lost) = (&after.kinds - &before.kinds, &before.kinds - &after.kinds);
        let what = match (gained.is_empty(), lost.is_empty()) {
            (true, true) => return,
            (false, true) => What::Widened,
            (true, false) => What::Narrowed,
            (false, false) => What::Changed,
        };
        let words = |kinds: &BTreeSet<String>| {
            let words: Vec<&str> = kinds.iter().map(String::as_str).collect();
            words.join(" | ")
        };
        let detail = format!("{} → {}", words(&before.kinds), words(&after.kinds));
        self.changed(place, Subject::Type, what, detail);
    }

    fn words(&mut self, before: &Shape<'a>, after: &Shape<'a>, place: &Place<'_>) {
        match (before.any_string, after.any_string) {
            (true, true) => {}
            (true, false) if !after.words.is_empty() => {
                let detail = format!("any string → {}", list(&after.words));
                self.changed(place, Subject::Type, What::Narrowed, detail);
            }
            (false, true) if !before.words.is_empty() => {
                let detail = format!("{} → any string", list(&before.words));
                self.changed(place, Subject::Type, What::Widened, detail);
            }
            _ => {
                for word in &after.words - &before.words {
                    self.changed(place, Subject::Value, What::Added, word.to_owned());
                }
                for word in &before.words - &after.words {
                    self.changed(place, Subject::Value, What::Removed, word.to_owned());
                }
            }
        }
    }

    fn variants(&mut self, both: [BTreeMap<String, &'a Value>; 2], place: &Place<'_>) {
        let [before, after] = both;
        for (name, variant) in &before {
            match after.get(name) {
                Some(other) => {
                    self.compare([variant, other], &place.below(&format!("({name})")));
                }
                None => self.changed(place, Subject::Value, What::Removed, name.clone()),
            }
        }
        for name in after.keys().filter(|name| !before.contains_key(*name)) {
            self.changed(place, Subject::Value, What::Added, name.clone());
        }
    }

    fn members(&mut self, both: [BTreeMap<&'a str, (&'a Value, bool)>; 2], place: &Place<'_>) {
        let [before, after] = both;
        for (name, (member, required)) in &before {
            let at = place.below(&format!(".{name}"));
            let Some((other, now_required)) = after.get(name) else {
                self.changed(&at, Subject::Member, What::Removed, String::new());
                continue;
            };
            match (required, now_required) {
                (false, true) => {
                    self.changed(&at, Subject::Member, What::NowRequired, String::new());
                }
                (true, false) => {
                    self.changed(&at, Subject::Member, What::NowOptional, String::new());
                }
                _ => {}
            }
            self.compare([member, other], &at);
        }
        for (name, (_, required)) in &after {
            if !before.contains_key(name) {
                let at = place.below(&format!(".{name}"));
                let detail = if *required { "required" } else { "" };
                self.changed(&at, Subject::Member, What::Added, detail.to_owned());
            }
        }
    }

    fn changed(&mut self, place: &Place<'_>, subject: Subject, what: What, detail: String) {
        let (breaks_readers, breaks_writers) = match (subject, what) {
            (Subject::Member, What::Added) => (false, detail == "required"),
            (Subject::Member, What::Removed) | (_, What::Changed) => (true, true),
            (_, What::Removed | What::Narrowed | What::NowRequired) => (false, true),
            (_, What::Added | What::Widened | What::NowOptional) => (true, false),
        };
        let reach = place.reach;
        let experimental = |schema: &Schema| {
            let definition = place.path.split('.').next().unwrap_or_default();
            schema.is_experimental_part(definition) || schema.is_experimental_part(&place.path)
        };
        // Where it isn't there, nothing says whom it was for.
        let had = match (subject, what) {
            (Subject::Member, What::Removed) => &self.schemas[..1],
            (Subject::Member, What::Added) => &self.schemas[1..],
            _ => &self.schemas[..],
        };
        self.changes.push(Change {
            authority: Authority::of(&place.path).or_else(|| match subject {
                Subject::Value => Authority::of(&detail),
                _ => None,
            }),
            breaks: Breaks {
                readers: breaks_readers && reach.read,
                writers: breaks_writers && reach.written,
            },
            place: place.path.clone(),
            subject,
            what,
            experimental: had.iter().all(|schema| experimental(schema)),
            detail,
            methods: reach.methods.clone(),
        });
    }
}

/// The most words that a change lists.
const LISTED: usize = 6;

fn list(words: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = words.iter().take(LISTED).copied().collect();
    let more = if words.len() > LISTED { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
